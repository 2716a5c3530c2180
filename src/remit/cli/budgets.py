"""`remit budgets`: what is spent and set aside, what is left, and where the pace leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import click

from remit.cli.amounts import amount, bar
from remit.cli.home import get, home
from remit.cli.output import TABLE, line, on_terminal, output_option, table
from remit.cli.session import workspace_option
from remit.cli.when import moment

EXAMPLES = """\b
Examples:
  remit budgets
  remit budgets --run run_m83ab50taczcejtryx2y
  remit budgets --user user:layla -o json

█ is spent, ▒ set aside for what is under way, ░ left. The pace is that of the
window so far. Budgets per user and run are shown for the one named, else only
what they are. Piped, it is lines of level, subject, name, window, unit, spent,
set aside, left, amount, pace an hour, forecast and the moment it is used up;
money in micro-USD."""

_NAMES = (
    *("level", "subject", "name", "window", "unit", "spent", "reserved", "left", "amount"),
    *("burn_per_hour", "forecast", "exhausted_at"),
)
_LEVELS = ("workspace", "team", "agent", "user", "run")


@click.command(epilog=EXAMPLES)
@click.option("--user", default="", help="Also this person's own, as user:name.")
@click.option("--run", default="", help="Also this run's own.")
@workspace_option
@output_option
def budgets(user: str, run: str, workspace: str | None, output: str) -> None:
    """Show budgets from the workspace down to agents, users and runs."""
    with home(workspace) as at:
        told = get(at, "/budgets", user=user, run=run)
    found = sorted(told["budgets"], key=lambda each: (*_place(each), each["name"]))
    apart = sorted(told.get("apart", ()), key=lambda each: (*_place(each), each["name"]))  # an older server has none
    if output == TABLE and on_terminal():
        _draw(found, apart)
        return
    table(_NAMES, [[each.get(name) for name in _NAMES] for each in (*found, *apart)], output, told)


def _place(budget: Mapping[str, Any]) -> tuple[int, str]:
    return _LEVELS.index(budget["level"]), budget["subject"]


def _draw(found: Sequence[Mapping[str, Any]], apart: Sequence[Mapping[str, Any]]) -> None:
    """Write a tree: the level, below it each budget with a bar, its amounts and its pace; then those without any."""
    if not found and not apart:
        line("No budget applies.")
    for (level, subject), group in groupby(found, key=_place):
        line(f"{'  ' * level}{_LEVELS[level]} {subject}")
        for each in group:
            _draw_one(each, "  " * (level + 1))
    for kind, those in groupby(apart, key=lambda each: str(each["level"])):
        line(f"per {kind}: name one with --{kind}")
        for each in those:
            line(f"  {each['name']}: {_named(each)}{', of ' if each['subject'] else ''}{each['subject']}")


def _draw_one(budget: Mapping[str, Any], indent: str) -> None:
    unit, whole = budget["unit"], budget["amount"]
    used = budget["spent"] + budget["reserved"]
    share = 100 * used // whole if whole else 100
    over = budget["exhausted_at"] is not None
    drawn = bar(budget["spent"], budget["reserved"], whole)
    style = "red" if share >= 100 else "yellow" if over or share >= 80 else None
    line(f"{indent}{drawn} {share:>3} %  {budget['name']}: {_named(budget)}", style=style)
    spent, held, left = (amount(budget[name], unit) for name in ("spent", "reserved", "left"))
    line(f"{indent}  {spent} spent, {held} set aside, {left} left")
    if budget["burn_per_hour"] is not None and budget["spent"]:
        pace = f"{amount(budget['burn_per_hour'], unit)} an hour"
        leads = f", {amount(budget['forecast'], unit)} by {moment(budget['window_end'])}"
        end = f"; used up {moment(budget['exhausted_at'])}" if over else ""
        line(f"{indent}  {pace}{leads}{end}")


def _named(budget: Mapping[str, Any]) -> str:
    unit, soft = budget["unit"], "" if budget["hard"] else ", soft"
    return f"{amount(budget['amount'], unit)}{_word(unit)} a {budget['window']}{soft}"


def _word(unit: str) -> str:
    return {"micro_usd": "", "tokens": " tokens", "calls": " calls"}.get(unit, f" {unit}")
