"""`remit keys`: keys of agents, made, rotated and revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from remit.cli.home import get, home, part, post
from remit.cli.output import TABLE, document, line, note, output_option, table
from remit.cli.session import workspace_option
from remit.cli.when import moment

EXAMPLES = """\b
Examples:
  remit keys ls
  remit keys make procurement-optimizer --label "desk 2"
  export REMIT_API_KEY=$(remit keys make procurement-optimizer)
  remit keys make procurement-optimizer --channel staging
  remit keys rotate key_m83ab51881jqyhrwyyt9 --overlap 3600
  remit keys revoke key_m83ab51881jqyhrwyyt9 -m leaked

A secret is written once, to standard output, and kept nowhere."""

DAY_S = 86_400


@click.group(epilog=EXAMPLES)
def keys() -> None:
    """Make, rotate and revoke the keys of agents."""


@keys.command()
@click.option("--holder", default="", help="Just this agent's, or person's.")
@workspace_option
@output_option
def ls(holder: str, workspace: str | None, output: str) -> None:
    """List agents' keys and people's tokens, newest first."""
    with home(workspace, create=True) as at:
        found = get(at, "/keys", holder=holder)["keys"]
    rows = [
        (
            key["id"],
            key["holder"],
            key["hint"],
            "holds" if key["holds"] else "revoked" if key["revoked_at"] else "expired",
            moment(key["expires_at"]) if key["expires_at"] else "",
            moment(key["seen_at"]) if key["seen_at"] else "",
            key["channel"],
            key["label"],
        )
        for key in found
    ]
    table(("key", "holder", "begins", "state", "until", "last used", "channel", "label"), rows, output, found)


@keys.command()
@click.argument("agent")
@click.option("--label", default="", help="What it is for.")
@click.option(
    "--days", type=click.IntRange(1, 3_660), default=None, help="How long it holds; until revoked if left out."
)
@click.option(
    "--channel", default="production", show_default=True, help="Whose release decides in the runs of this key."
)
@workspace_option
@output_option
def make(agent: str, label: str, days: int | None, channel: str, workspace: str | None, output: str) -> None:
    """Make a key for AGENT and write it once."""
    body = {"agent": agent, "label": label, "lasting_s": None if days is None else days * DAY_S, "channel": channel}
    with home(workspace, create=True) as at:
        _tell(post(at, "/keys", body), output)


@keys.command()
@click.argument("key")
@click.option("--overlap", default=DAY_S, show_default=True, help="For how many seconds the old one holds, too.")
@workspace_option
@output_option
def rotate(key: str, overlap: int, workspace: str | None, output: str) -> None:
    """Make the successor of KEY and write it once."""
    with home(workspace, create=True) as at:
        _tell(post(at, f"/keys/{part(key)}/rotate", {"overlap_s": overlap}), output)


@keys.command()
@click.argument("key")
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@workspace_option
@output_option
def revoke(key: str, message: str, workspace: str | None, output: str) -> None:
    """Make KEY worthless, and the run tokens made with it; a server notices within a second."""
    with home(workspace, create=True) as at:
        revoked = post(at, f"/keys/{part(key)}/revoke", {"reason": message})
    if output != TABLE:
        document(revoked, output)
        return
    line(f"{key} is worthless now.", style="yellow")


def _tell(made: Mapping[str, Any], output: str) -> None:
    if output != TABLE:
        document({"key": made["id"], "holder": made["holder"], "secret": made["secret"]}, output)
        return
    note(f"{made['id']} of {made['holder']}; this is shown once:")
    line(str(made["secret"]))
