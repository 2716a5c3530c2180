"""`remit tools`: the tools of the active release, and of the servers that stand behind a workspace."""

from __future__ import annotations

import click

from remit.cli.amounts import amount
from remit.cli.home import get, home, part
from remit.cli.output import TABLE, as_json, document, fields, line, output_option, table
from remit.cli.session import workspace_option
from remit.cli.shows_first import ShowsFirst
from remit.cli.tools_import import import_tools

EXAMPLES = """\b
Examples:
  remit tools
  remit tools billing.refund
  remit tools show -o yaml
  remit tools import billing --dir company"""


@click.group(cls=ShowsFirst, epilog=EXAMPLES, subcommand_metavar="[TOOL] | COMMAND ...")
def tools() -> None:
    """List tools, show what TOOL is and takes, or import those of a server."""


tools.add_command(import_tools)


@tools.command(epilog=EXAMPLES)
@click.argument("tool", required=False)
@workspace_option
@output_option
def show(tool: str | None, workspace: str | None, output: str) -> None:
    """List tools, or show what TOOL is and takes."""
    with home(workspace) as at:
        one = get(at, f"/tools{'' if tool is None else '/' + part(tool)}")
    if tool is None:
        rows = [(t["name"], t["effect"], "yes" if t["reversible"] else "no", t["description"]) for t in one["tools"]]
        table(("tool", "effect", "undoable", "description"), rows, output, one["tools"])
        return
    if output != TABLE:
        document(one, output)
        return
    fields(
        [
            *((name, one[name]) for name in ("name", "server", "effect", "description")),
            ("can be undone", "yes" if one["reversible"] else "no"),
            ("idempotent", "yes" if one["idempotent"] else "no"),
            ("pollable", "yes" if one["pollable"] else "no"),
            ("a call costs", amount(one["cost_per_call"], "micro_usd") or "nothing known"),
            ("output labels", ", ".join(one["output_labels"])),
            *((f"role of {field}", role) for field, role in one["roles"].items()),
        ]
    )
    line("takes")
    as_json(one["input_schema"])
