"""`remit runs`: what agents did, run by run and action by action."""

from __future__ import annotations

from typing import Any

import click
import orjson

from remit.cli.output import line, output_option, table
from remit.cli.session import Failed, moment, session, workspace_option
from remit.domain.decision import Decision
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.ids import RunId
from remit.domain.messages import Language, say
from remit.domain.record import RecordKind

EXAMPLES = """\b
Examples:
  remit runs ls
  remit runs show run_m83ab50taczcejtryx2y
  remit runs show run_m83ab50taczcejtryx2y --language ar -o json"""

PAGE = 10_000


@click.group(epilog=EXAMPLES)
def runs() -> None:
    """List runs, or show one action by action."""


@runs.command()
@click.option("-n", "limit", default=20, show_default=True, help="How many.")
@click.option("--before", default=None, help="Runs older than this one: the last id of the page before.")
@workspace_option
@output_option
def ls(limit: int, before: str | None, workspace: str | None, output: str) -> None:
    """List runs, newest first."""
    with session() as open_session:
        store = open_session.parts.store
        where = open_session.workspace(workspace)
        now = open_session.parts.clock.now()
        rows = []
        for run in store.runs(where, limit, RunId(before) if before else None):
            scope = store.scope(scope_id(ScopeKind.RUN, where, run.id))
            progress = None if scope is None else scope.progress
            is_stopped = scope is not None and any(stop.holds_at(now) for stop in scope.stops.values())
            state = "ended" if progress and progress.ended_at else "stopped" if is_stopped else "running"
            steps = progress.steps if progress else 0
            rows.append((run.id, run.agent, state, steps, moment(run.started_at), run.on_behalf_of))
    table(("run", "agent", "state", "steps", "started", "for"), rows, output)


@runs.command()
@click.argument("run")
@click.option("--language", type=click.Choice(["en", "ar"]), default="en", help="The language of the reasons.")
@workspace_option
@output_option
def show(run: str, language: Language, workspace: str | None, output: str) -> None:
    """Show the actions of RUN in order, each with its verdict and why."""
    with session() as open_session:
        store = open_session.parts.store
        where = open_session.workspace(workspace)
        found = store.run(RunId(run))
        if found is None or found.workspace != where:
            raise Failed(f"there is no run {run} in workspace {where}; `remit runs ls` lists them")
        records = [orjson.loads(body) for _, body in store.records(where, limit=PAGE, run=found.id)]
    outcomes = {r["action"]: r for r in records if r["kind"] == RecordKind.OUTCOME_REPORTED}
    decisions = [r for r in records if r["kind"] == RecordKind.DECISION_MADE]
    if output == "table":
        line(f"{found.id}  {found.agent} for {found.on_behalf_of}  {found.release}")
    rows = [_row(number, record, outcomes, language) for number, record in enumerate(decisions, 1)]
    table(("step", "action", "target", "verdict", "outcome", "why"), rows, output)


def _row(
    number: int, record: dict[str, Any], outcomes: dict[str, dict[str, Any]], language: Language
) -> tuple[object, ...]:
    decision = Decision.from_json(record["decision"])
    outcome = outcomes.get(record["action"], {})
    why = "; ".join(say(reason, language) for reason in decision.reasons)
    return number, record["action"], record["target"], decision.verdict.word, outcome.get("status", ""), why
