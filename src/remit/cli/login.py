"""`remit login`: a link that signs a person in to the server on this database, once."""

from __future__ import annotations

import click

from remit.cli.output import line, note
from remit.cli.refused import refused
from remit.cli.session import session, workspace_option
from remit.control.attempts import Attempts
from remit.control.passwords import Passwords
from remit.control.signing_in import SigningIn
from remit.domain.ids import UserId

EXAMPLES = """\b
Examples:
  remit login
  remit login user:sara --url https://remit.example.com"""


@click.command(epilog=EXAMPLES)
@click.argument("person", required=False)
@click.option("--url", default="http://127.0.0.1:7070", show_default=True, help="Where the server is reached.")
@workspace_option
def login(person: str | None, url: str, workspace: str | None) -> None:
    """Write a link that signs PERSON in once, within 15 minutes; by default yourself.

    In a workspace without people it makes the first admin.
    """
    with session(create=True) as open_session:
        parts = open_session.parts
        where = open_session.workspace(workspace)
        attempts = Attempts(parts.store, parts.clock)
        signing_in = SigningIn(parts.store, parts.clock, parts.ids, Passwords(), attempts, parts.settings.session_max_s)
        with refused():
            made = signing_in.first_admin(where, open_session.person)
            if made is None:
                who = UserId(person or open_session.person)
                made = signing_in.one_time_link(where, who, open_session.person)
    note(f"Signs {made.credential.holder} in, once, within 15 minutes:")
    line(f"{url.rstrip('/')}/sign-in#{made.secret}")
