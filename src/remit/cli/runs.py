"""`remit runs`: what agents did, run by run and action by action."""

from __future__ import annotations

from typing import Any

import click

from remit.cli.home import get, home, pages, part
from remit.cli.logs import logs
from remit.cli.output import TABLE, clean, coloured, document, line, on_terminal, output_option, table, wrapped
from remit.cli.session import language_option, workspace_option
from remit.cli.when import moment
from remit.domain.messages import Language

EXAMPLES = """\b
Examples:
  remit runs ls
  remit runs ls --agent procurement-optimizer --state running
  remit runs show run_m83ab50taczcejtryx2y
  remit runs show run_m83ab50taczcejtryx2y --lang ar -o json
  remit runs logs run_m83ab50taczcejtryx2y -f"""

MOST = 10_000
STATES = ("running", "stopped", "ended")


@click.group(epilog=EXAMPLES)
def runs() -> None:
    """List runs, show one action by action, or follow what happens."""


runs.add_command(logs)


@runs.command()
@click.option("-n", "limit", default=20, show_default=True, type=click.IntRange(1, MOST), help="How many.")
@click.option("--before", default="", help="Runs older than this one: the last id of the page before.")
@click.option("--agent", default="", help="Just this agent's.")
@click.option("--user", default="", help="Just those that act for this person.")
@click.option("--state", default=None, type=click.Choice(STATES), help="Just those that stand so.")
@workspace_option
@output_option
def ls(limit: int, before: str, agent: str, user: str, state: str | None, workspace: str | None, output: str) -> None:
    """List runs, newest first."""
    with home(workspace) as at:
        found = pages(at, "/runs", "runs", limit, before=before, agent=agent, user=user, state=state)
    rows = [
        (run["id"], run["agent"], run["state"], run["steps"], moment(run["started_at"]), run["on_behalf_of"])
        for run in found
    ]
    table(("run", "agent", "state", "steps", "started", "for"), rows, output, found)


@runs.command()
@click.argument("run")
@language_option
@workspace_option
@output_option
def show(run: str, language: Language, workspace: str | None, output: str) -> None:
    """Show the actions of RUN in order, each with its verdict and why."""
    path = f"/runs/{part(run)}"
    with home(workspace) as at:
        told = get(at, path)
        actions = pages(at, f"{path}/actions", "actions", MOST, language=language)
    if output != TABLE:
        document({**told, "actions": actions}, output)
        return
    line(f"{told['id']}  {told['agent']} for {told['on_behalf_of']}  {told['release']}")
    rows = [_row(number, action) for number, action in enumerate(actions, 1)]
    if on_terminal():
        for row in rows:
            _draw(*row)
        return
    table(("step", "action", "target", "verdict", "outcome", "why"), rows)


def _draw(number: int, action: str, target: str, verdict: str, outcome: str, why: str) -> None:
    """Write an action in one line of a terminal, and below it why it came to that."""
    shown = coloured(f"{verdict:5}", {"deny": "red", "hold": "yellow"}.get(verdict))
    click.echo(f"{number:>4}  {shown}  {clean(target):32} {outcome:8} {action}")
    if why:
        click.echo(f"{'':13}{wrapped(why, 13)}")


def _row(number: int, action: dict[str, Any]) -> tuple[int, str, str, str, str, str]:
    outcome = action["outcome"] or {}
    why = "; ".join(action["words"])
    return number, action["id"], action["target"], action["verdict"], outcome.get("status", ""), why
