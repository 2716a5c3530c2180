"""`remit releases`: what has been released, and what is active."""

from __future__ import annotations

import click

from remit.cli.output import line, output_option, table
from remit.cli.session import moment, session, workspace_option

EXAMPLES = """\b
Examples:
  remit releases
  remit releases -o json
  remit releases withdraw rel_330a804b -m "granted too much\""""


@click.group(epilog=EXAMPLES, invoke_without_command=True)
@click.option("--channel", default="production", show_default=True, help="Whose active release is marked.")
@workspace_option
@output_option
@click.pass_context
def releases(ctx: click.Context, channel: str, workspace: str | None, output: str) -> None:
    """List releases, newest first."""
    if ctx.invoked_subcommand is not None:
        return
    with session() as open_session:
        where = open_session.workspace(workspace)
        store = open_session.parts.store
        active = store.active(where, channel)
        rows = [
            (
                release.id,
                "withdrawn" if release.withdrawn_at else "active" if release.id == active else "",
                moment(release.created_at),
                release.author,
                release.message,
            )
            for release in store.releases(where)
        ]
    table(("release", "state", "made", "by", "message"), rows, output)


@releases.command()
@click.argument("release")
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@workspace_option
def withdraw(release: str, message: str, workspace: str | None) -> None:
    """Withdraw RELEASE: runs that began with it are admitted nothing more."""
    with session() as open_session:
        where = open_session.workspace(workspace)
        gone = open_session.releases.withdraw(where, release, open_session.person, message)
    line(f"{gone.id} is withdrawn: its runs are admitted nothing more.", style="yellow")
