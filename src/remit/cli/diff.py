"""`remit diff`: what applying a folder would change, in words."""

from __future__ import annotations

from pathlib import Path

import click

from remit.cli.output import as_json, line, output_option
from remit.cli.session import folder_option, only_option, session
from remit.control.releases import Plan

EXAMPLES = """\b
Examples:
  remit diff examples/gulf-trading
  remit diff . --only agents/procurement-optimizer.yaml
  remit diff . -o json

Exit code: 0 the same, 1 different, 2 it could not be compared."""

_COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@click.command(epilog=EXAMPLES)
@folder_option
@click.option("--channel", default="production", show_default=True, help="Compare with what this channel points at.")
@only_option
@output_option
@click.pass_context
def diff(ctx: click.Context, folder: Path, channel: str, only: tuple[str, ...], output: str) -> None:
    """Show in words what applying DIR would change against the active release."""
    from remit.workspace.files import read_folder

    with session(create=True) as open_session:
        plan = open_session.releases.plan(read_folder(folder), open_session.person, "", channel, only)
    if output == "json":
        as_json(_json(plan))
    else:
        write_changes(plan)
    ctx.exit(0 if plan.is_active else 1)


def write_changes(plan: Plan) -> None:
    """Write every change on a line of its own, or that there is none."""
    before = "nothing" if plan.before is None else plan.before.id
    if plan.is_active:
        line(f"No change: the channel points at {before} already.", style="green")
        return
    line(f"{before} -> {plan.release.id}")
    for change in plan.changes:
        sign = _SIGNS[change.kind.value]
        line(f"  {sign} {change.words}", style=_COLOURS[change.kind.value])
    if not plan.changes:
        line("  ~ the files differ in their text only; nothing that decides changes")


def _json(plan: Plan) -> dict[str, object]:
    return {
        "same": plan.is_active,
        "before": None if plan.before is None else plan.before.id,
        "after": plan.release.id,
        "changes": [{"kind": c.kind.value, "resource": c.resource, "words": c.words} for c in plan.changes],
    }
