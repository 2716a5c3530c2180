"""`remit apply`: make a release of a folder and activate it."""

from __future__ import annotations

from pathlib import Path

import click

from remit.cli.diff import write_changes
from remit.cli.moved import proposal, tell_moved
from remit.cli.output import TABLE, document, output_option
from remit.cli.session import expect_option, explained, folder_option, only_option

EXAMPLES = """\b
Examples:
  remit apply examples/gulf-trading -m "first release"
  remit apply . --only agents/procurement-optimizer.yaml -m "raise steps"
  remit apply . --channel staging

The workspace's own tests run first; if one fails nothing is made. Runs in
progress keep the release they began with. `remit rollback` goes back.

Where the workspace demands two people (activation in workspace.yaml) it is
only proposed: another person runs `remit releases activate`.

Where the channel has gates, a closed one says what to run.

Exit code: 0 applied or proposed, or nothing to change; 2 it could not be applied."""


@click.command(epilog=EXAMPLES)
@folder_option
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@click.option("--channel", default="production", show_default=True, help="The channel to point at the release.")
@only_option
@expect_option
@output_option
def apply(
    folder: Path, message: str, channel: str, only: tuple[str, ...], expected: tuple[str, ...], output: str
) -> None:
    """Make a release of DIR, test it, and point a channel at it."""
    from remit.cli.upload import upload

    with explained(), upload(folder, channel, only, message) as uploaded:
        plan = uploaded.plan()
        release = None if plan["is_active"] else uploaded.apply(plan, expected)
    is_proposed = release is not None and proposal(release, channel) is not None
    if output != TABLE:
        changed = release is not None and not is_proposed
        told = {"release": plan["release"], "channel": channel, "changed": changed, "proposed": is_proposed}
        document(told, output)
        return
    write_changes(plan)
    if release is not None:
        tell_moved(release, channel, f"{len(plan['tests'])} tests passed. " if plan["tests"] else "")
