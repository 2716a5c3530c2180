"""`remit apply`: make a release of a folder and activate it."""

from __future__ import annotations

from pathlib import Path

import click

from remit.cli.diff import write_changes
from remit.cli.moved import tell_moved
from remit.cli.output import as_json, output_option
from remit.cli.session import folder_option, only_option, session

EXAMPLES = """\b
Examples:
  remit apply examples/gulf-trading -m "first release"
  remit apply . --only agents/procurement-optimizer.yaml -m "raise steps"
  remit apply . --channel staging

The workspace's own tests run first; if one fails nothing is made. Runs in
progress keep the release they began with. `remit rollback` goes back.

Where the workspace demands two people (activation in workspace.yaml) it is
only proposed: another person runs `remit releases activate`.

Exit code: 0 applied or proposed, or nothing to change; 2 it could not be applied."""


@click.command(epilog=EXAMPLES)
@folder_option
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@click.option("--channel", default="production", show_default=True, help="The channel to point at the release.")
@only_option
@output_option
def apply(folder: Path, message: str, channel: str, only: tuple[str, ...], output: str) -> None:
    """Make a release of DIR, test it, and point a channel at it."""
    from remit.workspace.files import read_folder

    with session(create=True) as open_session:
        releases = open_session.releases
        plan = releases.plan(read_folder(folder), open_session.person, message, channel, only)
        waiting = None
        if not plan.is_active:
            waiting = releases.waiting(releases.apply(plan, channel), channel)
    if output == "json":
        changed = not plan.is_active and waiting is None
        told = {"release": plan.release.id, "channel": channel, "changed": changed, "proposed": waiting is not None}
        as_json(told)
        return
    write_changes(plan)
    if not plan.is_active:
        tests = f"{len(plan.tested)} tests passed. " if plan.tested else ""
        tell_moved(plan.release, channel, waiting, tests)
