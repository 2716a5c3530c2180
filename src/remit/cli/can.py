"""`remit can` and `remit who-can`: what an agent may do, and who may use a tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from remit.cli.home import get, home, part
from remit.cli.output import TABLE, document, line, output_option
from remit.cli.session import language_option, workspace_option
from remit.domain.messages import Language

CAN_EXAMPLES = """\b
Examples:
  remit can procurement-optimizer
  remit can procurement-optimizer --tool erp.create_payment
  remit can procurement-optimizer --release rel_3f2a9c --lang ar

Exit code: 0, and 1 where the answer is never."""
WHO_EXAMPLES = """\b
Examples:
  remit who-can erp.create_payment
  remit who-can openai/gpt-5-mini -o json

Exit code: 0, and 1 where nobody can."""

_COLOURS = {"always": "green", "if": "cyan", "held": "yellow", "never": "red"}
_release_option = click.option("--release", default="", metavar="REL", help="Under this release, not the active one.")
_TIMES = {"permit": "permitted", "forbid": "never", "hold": "held"}


@click.command(epilog=CAN_EXAMPLES)
@click.argument("agent")
@click.option("--tool", default="", metavar="NAME", help="Just this tool, or this model as provider/name.")
@_release_option
@language_option
@workspace_option
@output_option
@click.pass_context
def can(
    ctx: click.Context, agent: str, tool: str, release: str, language: Language, workspace: str | None, output: str
) -> None:
    """Say what AGENT may do: each tool and model of its remit with the conditions that remain."""
    with home(workspace) as at:
        path = f"/permissions/of/{part(agent)}"
        found = get(at, path, tool=tool, release=release, language=language)
    _write(found, output, "Its remit lists nothing.")
    ctx.exit(0 if any(each["may"] != "never" for each in found["permissions"]) else 1)


@click.command("who-can", epilog=WHO_EXAMPLES)
@click.argument("tool")
@_release_option
@language_option
@workspace_option
@output_option
@click.pass_context
def who_can(
    ctx: click.Context, tool: str, release: str, language: Language, workspace: str | None, output: str
) -> None:
    """Say which agents may use TOOL (or a model, as provider/name), and under which conditions."""
    with home(workspace) as at:
        found = get(at, "/permissions/for", tool=tool, release=release, language=language)
    _write(found, output, "No remit lists it.")
    ctx.exit(0 if any(each["may"] != "never" for each in found["permissions"]) else 1)


def _write(found: Mapping[str, Any], output: str, nothing: str) -> None:
    if output != TABLE:
        document(found, output)
        return
    for each in found["permissions"]:
        line(each["words"], style=_COLOURS[each["may"]])
        _write_conditions(each["conditions"])
    if not found["permissions"]:
        line(nothing)


def _write_conditions(conditions: Sequence[Mapping[str, Any]]) -> None:
    for each in conditions:
        where = f"  {each['file']}:{each['line']}" if each["line"] else ""
        asks = f" for {each['approvers']}" if each["approvers"] else ""
        needs = " and ".join(each["needs"]) or "always"
        line(f"  {_TIMES[each['stance']] + asks:10} {needs}  [{each['policy']}{where}]")
