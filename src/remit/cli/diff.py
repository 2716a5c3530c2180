"""`remit diff`: what applying a folder would change, in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from remit.cli.output import TABLE, document, line, output_option
from remit.cli.session import explained, folder_option, language_option, only_option
from remit.domain.messages import Language
from remit.domain.title import without_isolates

EXAMPLES = """\b
Examples:
  remit diff examples/gulf-trading
  remit diff . --only agents/procurement-optimizer.yaml
  remit diff . --lang ar
  remit diff . -o json

Exit code: 0 the same, 1 different, 2 it could not be compared."""

_COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}
_TURNS = {"allow": "green", "deny": "red", "hold": "yellow"}
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@click.command(epilog=EXAMPLES)
@folder_option
@click.option("--channel", default="production", show_default=True, help="Compare with what this channel points at.")
@only_option
@language_option
@output_option
@click.pass_context
def diff(
    ctx: click.Context, folder: Path, channel: str, only: tuple[str, ...], language: Language, output: str
) -> None:
    """Show in words what applying DIR would change against the active release."""
    from remit.cli.upload import upload

    with explained(), upload(folder, channel, only) as uploaded:
        plan = uploaded.plan(language)
    if output != TABLE:
        told = {"same": plan["is_active"], "before": plan["before"], "after": plan["release"]}
        document({**told, "changes": plan["changes"], "consequences": plan["consequences"]}, output)
    else:
        write_changes(plan)
    ctx.exit(0 if plan["is_active"] else 1)


def write_changes(plan: Mapping[str, Any]) -> None:
    """Write every change on a line of its own, or that there is none."""
    before = plan["before"] or "nothing"
    if plan["is_active"]:
        line(f"No change: the channel points at {before} already.", style="green")
        return
    line(f"{before} -> {plan['release']}")
    for change in plan["changes"]:
        sign = _SIGNS[change["kind"]]
        line(f"  {sign} {without_isolates(change['words'])}", style=_COLOURS[change["kind"]])
    if not plan["changes"]:
        line("  ~ the files differ in their text only; nothing that decides changes")
    if plan["consequences"]:
        line("actions that come out otherwise (found by search: there may be more)")
    for found in plan["consequences"]:
        line(f"  {without_isolates(found['words'])}", style=_TURNS[found["after"]])
