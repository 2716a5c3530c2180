"""`remit releases`: what has been released, and what is active."""

from __future__ import annotations

import click

from remit.cli.moved import tell_moved
from remit.cli.output import as_json, line, output_option, table
from remit.cli.session import moment, session, workspace_option
from remit.domain.release import PRODUCTION, Release

EXAMPLES = """\b
Examples:
  remit releases
  remit releases -o json
  remit releases activate rel_330a804b
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
        proposed = {each.release: each.by for each in store.proposals(where) if each.channel == channel}
        rows = [
            (
                release.id,
                _state(release, active, proposed.get(release.id)),
                moment(release.created_at),
                release.author,
                release.message,
            )
            for release in store.releases(where)
        ]
    table(("release", "state", "made", "by", "message"), rows, output)


def _state(release: Release, active: str | None, proposed_by: str | None) -> str:
    if release.withdrawn_at:
        return "withdrawn"
    if release.id == active:
        return "active"
    return f"proposed by {proposed_by}" if proposed_by else ""


@releases.command()
@click.argument("release")
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@click.option("--channel", default=PRODUCTION, show_default=True, help="The channel to move.")
@workspace_option
@output_option
def activate(release: str, message: str, channel: str, workspace: str | None, output: str) -> None:
    """Point a channel at RELEASE, or agree to who has proposed it."""
    with session() as open_session:
        all_of_them = open_session.releases
        where = open_session.workspace(workspace)
        moved = all_of_them.activate(where, release, open_session.person, message, channel)
        waiting = all_of_them.waiting(moved, channel)
    if output == "json":
        as_json({"release": moved.id, "channel": channel, "proposed": waiting is not None})
    else:
        tell_moved(moved, channel, waiting)


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
