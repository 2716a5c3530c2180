"""`remit releases`: what has been released, and what is active."""

from __future__ import annotations

from typing import Any

import click

from remit.cli.home import Home, get, home, part, post
from remit.cli.moved import proposal, tell
from remit.cli.output import TABLE, document, line, output_option, table
from remit.cli.session import Failed, expect_option, workspace_option
from remit.cli.when import moment

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
    with home(workspace) as at:
        found = get(at, "/releases")["releases"]
    rows = [
        (each["id"], _state(each, channel), moment(each["created_at"]), each["author"], each["message"])
        for each in found
    ]
    table(("release", "state", "made", "by", "message"), rows, output, found)


def _state(release: dict[str, Any], channel: str) -> str:
    if release["withdrawn_at"]:
        return "withdrawn"
    active = ["active"] if channel in release["active_on"] else []
    active += [f"active on {other}" for other in release["active_on"] if other != channel]
    waiting = proposal(release, channel)
    return ", ".join(active if waiting is None else [*active, f"proposed by {waiting['by']}"])


@releases.command()
@click.argument("release")
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@click.option("--channel", default="production", show_default=True, help="The channel to move.")
@workspace_option
@expect_option
@output_option
def activate(
    release: str, message: str, channel: str, workspace: str | None, expected: tuple[str, ...], output: str
) -> None:
    """Point a channel at RELEASE, or agree to who has proposed it."""
    with home(workspace) as at:
        path = f"/releases/{part(_named(at, release))}/activate"
        moved = post(at, path, {"message": message, "channel": channel, "expect": list(expected)})
    tell(moved, channel, output)


@releases.command()
@click.argument("release")
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@workspace_option
@output_option
def withdraw(release: str, message: str, workspace: str | None, output: str) -> None:
    """Withdraw RELEASE: runs that began with it are admitted nothing more."""
    with home(workspace) as at:
        gone = post(at, f"/releases/{part(_named(at, release))}/withdraw", {"message": message})
    if output != TABLE:
        document(gone, output)
        return
    line(f"{gone['id']} is withdrawn: its runs are admitted nothing more.", style="yellow")


def _named(at: Home, begin: str) -> str:
    """Return the id of the one release that begins so. Raises Failed."""
    known: list[str] = [each["id"] for each in get(at, "/releases")["releases"] if each["id"].startswith(begin)]
    if begin in known:
        return begin
    if len(known) != 1:
        which = "no release begins with" if not known else f"{len(known)} releases begin with"
        raise Failed(f"{which} {begin!r} in workspace {at.workspace}; `remit releases` lists them")
    return known[0]
