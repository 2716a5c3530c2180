"""`remit up`: Remit on this machine, from nothing: database, keys, an admin, and the server."""

from __future__ import annotations

from pathlib import Path

import click

from remit.api.logs import log_json
from remit.api.serving import PORT, Listening
from remit.cli.output import line
from remit.cli.serve import Ready, serving
from remit.cli.session import Failed, explained
from remit.compose import open_releases
from remit.control.attempts import Attempts
from remit.control.passwords import Passwords
from remit.control.signing_in import SigningIn
from remit.domain.ids import UserId, WorkspaceName
from remit.workspace.files import read_folder

EXAMPLES = """\b
Examples:
  remit up
  remit up examples/gulf-trading
  remit up --port 8080

It can be reached from this machine only; `remit serve` listens for others."""

HOME = WorkspaceName("main")
"""The workspace of a new database, where nothing names another."""


@click.command(epilog=EXAMPLES)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(1, 65_535), help="The port.")
def up(folder: Path | None, port: int) -> None:
    """Start Remit on this machine; on a new one, make everything it needs.

    DIR is a workspace folder to apply first. The first time, an admin is made and a link printed that signs them in
    once, within 15 minutes.
    """
    log_json("WARNING")
    listening = Listening(port=port)
    with explained(), serving(listening, unencrypted=False) as ready:
        workspace = _applied(ready, folder) if folder is not None else _home(ready)
        secret = _first_admin(ready, workspace)

        def told() -> None:
            line(f"Remit is at {listening.url}, workspace {workspace}. Ctrl-C stops it.")
            if secret:
                line(f"Sign in once, within 15 minutes, as user:admin: {listening.url}/sign-in#{secret}")

        ready.run(told)


def _applied(ready: Ready, folder: Path) -> WorkspaceName:
    parts = ready.parts
    releases = open_releases(parts)
    person = UserId(parts.settings.user or "user:admin")
    plan = releases.plan(read_folder(folder), person, "remit up", "production")
    if not plan.is_active:
        releases.apply(plan, "production")
    return plan.release.workspace


def _home(ready: Ready) -> WorkspaceName:
    """Return the workspace meant: the one of the settings, the only one there is, or that of a new database."""
    settings, store = ready.parts.settings, ready.parts.store
    known = sorted({*store.workspaces(), *store.workspaces_with_people()})
    if settings.workspace:
        return WorkspaceName(settings.workspace)
    if len(known) > 1:
        raise Failed(f"the database holds several workspaces: {', '.join(known)}; name one in REMIT_WORKSPACE.")
    return known[0] if known else HOME


def _first_admin(ready: Ready, workspace: WorkspaceName) -> str:
    """Make the first admin of a workspace that has no people yet; return what signs them in, else nothing."""
    parts = ready.parts
    attempts = Attempts(parts.store, parts.clock)
    signing_in = SigningIn(parts.store, parts.clock, parts.ids, Passwords(), attempts, parts.settings.session_max_s)
    made = signing_in.first_admin(workspace)
    return "" if made is None else made.secret
