"""`remit agents`: the agents of the active release, what each may do, and the cards of those that are elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from remit.cli.agents_card import card
from remit.cli.home import get, home, part
from remit.cli.output import TABLE, document, fields, line, output_option, table
from remit.cli.session import workspace_option
from remit.cli.shows_first import ShowsFirst

EXAMPLES = """\b
Examples:
  remit agents
  remit agents procurement-optimizer
  remit agents show -o json
  remit agents card market-researcher --dir company"""


@click.group(cls=ShowsFirst, epilog=EXAMPLES, subcommand_metavar="[AGENT] | COMMAND ...")
def agents() -> None:
    """List agents, show what AGENT may do, or show the card of one that is elsewhere."""


agents.add_command(card)


@agents.command(epilog=EXAMPLES)
@click.argument("agent", required=False)
@workspace_option
@output_option
def show(agent: str | None, workspace: str | None, output: str) -> None:
    """List agents, or show what AGENT may do."""
    with home(workspace) as at:
        one = get(at, f"/agents{'' if agent is None else '/' + part(agent)}")
    if agent is None:
        found = [(a["name"], _state(a), a["team"], a["owner"], len(a["grants"]), a["in_flight"]) for a in one["agents"]]
        table(("agent", "state", "team", "owner", "tools", "in flight"), found, output, one["agents"])
        return
    if output != TABLE:
        document(one, output)
        return
    about = [(name.replace("_", " "), one[name]) for name in ("name", "owner", "purpose", "team", "role", "in_flight")]
    fields([*about, ("status", _state(one)), ("models", ", ".join(one["models"]))])
    line()
    rows = [(g["tool"], g["permit"], g["calls_per_run"], g["when"]) for g in one["grants"]]
    table(("tool", "permit", "calls a run", "when"), rows)


def _state(agent: Mapping[str, Any]) -> str:
    return "stopped" if agent["stopped"] else str(agent["status"])
