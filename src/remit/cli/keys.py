"""`remit keys`: keys of agents, made, rotated and revoked on the database itself."""

from __future__ import annotations

import click

from remit.cli.output import as_json, line, note, output_option, table
from remit.cli.refused import refused
from remit.cli.session import Session, moment, session, workspace_option
from remit.control.credentials import Credentials, Made
from remit.domain.ids import AgentName, CredentialId
from remit.domain.release import PRODUCTION
from remit.storage.identity import SecretKind

EXAMPLES = """\b
Examples:
  remit keys ls
  remit keys make procurement-optimizer --label "desk 2"
  export REMIT_API_KEY=$(remit keys make procurement-optimizer)
  remit keys make procurement-optimizer --channel staging
  remit keys rotate key_m83ab51881jqyhrwyyt9 --overlap 3600
  remit keys revoke key_m83ab51881jqyhrwyyt9 -m leaked

A secret is written once, to standard output, and kept nowhere."""


@click.group(epilog=EXAMPLES)
def keys() -> None:
    """Make, rotate and revoke the keys of agents."""


@keys.command()
@click.option("--holder", default="", help="Just this agent's, or person's.")
@workspace_option
@output_option
def ls(holder: str, workspace: str | None, output: str) -> None:
    """List agents' keys and people's tokens, newest first."""
    with session(create=True) as open_session:
        found = _credentials(open_session).all(open_session.workspace(workspace), holder)
        now = open_session.parts.clock.now()
    rows = [
        (
            key.id,
            key.holder,
            key.hint,
            "holds" if key.holds_at(now) else "revoked" if key.revoked_at else "expired",
            moment(key.expires_at) if key.expires_at else "",
            moment(key.seen_at) if key.seen_at else "",
            key.channel if key.kind is SecretKind.AGENT_KEY else "",
            key.label,
        )
        for key in found
    ]
    table(("key", "holder", "begins", "state", "until", "last used", "channel", "label"), rows, output)


@keys.command()
@click.argument("agent")
@click.option("--label", default="", help="What it is for.")
@click.option(
    "--days", type=click.IntRange(1, 3_660), default=None, help="How long it holds; until revoked if left out."
)
@click.option("--channel", default=PRODUCTION, show_default=True, help="Whose release decides in the runs of this key.")
@workspace_option
@output_option
def make(agent: str, label: str, days: int | None, channel: str, workspace: str | None, output: str) -> None:
    """Make a key for AGENT and write it once."""
    with session(create=True) as open_session:
        where = open_session.workspace(workspace)
        lasting_s = None if days is None else days * 86_400
        with refused():
            made = _credentials(open_session).make_agent_key(
                where, AgentName(agent), open_session.person, label, lasting_s, channel
            )
    _tell(made, output)


@keys.command()
@click.argument("key")
@click.option("--overlap", default=86_400, show_default=True, help="For how many seconds the old one holds, too.")
@workspace_option
@output_option
def rotate(key: str, overlap: int, workspace: str | None, output: str) -> None:
    """Make the successor of KEY and write it once."""
    with session(create=True) as open_session:
        where = open_session.workspace(workspace)
        with refused():
            made = _credentials(open_session).rotate(where, CredentialId(key), open_session.person, overlap)
    _tell(made, output)


@keys.command()
@click.argument("key")
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@workspace_option
def revoke(key: str, message: str, workspace: str | None) -> None:
    """Make KEY worthless, and the run tokens made with it; a server notices within a second."""
    with session(create=True) as open_session:
        where = open_session.workspace(workspace)
        with refused():
            _credentials(open_session).revoke(where, CredentialId(key), open_session.person, message)
    line(f"{key} is worthless now.", style="yellow")


def _tell(made: Made, output: str) -> None:
    if output == "json":
        as_json({"key": made.credential.id, "holder": made.credential.holder, "secret": made.secret})
        return
    note(f"{made.credential.id} of {made.credential.holder}; this is shown once:")
    line(made.secret)


def _credentials(open_session: Session) -> Credentials:
    parts = open_session.parts
    return Credentials(parts.store, parts.clock, parts.ids)
