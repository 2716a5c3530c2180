"""Which run undoes a step that several share, as it is written: in one transaction with what makes it so.

Whoever begins with steps of others, and whoever undoes those, first locks the rows of the runs they belong to: so
neither comes about under the other. All lock in the order of ids, and so wait in no circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, literal, or_, select, update

from remit.domain.ids import RunId
from remit.domain.workflow_progress import OVER, StepState, WorkflowState
from remit.storage.journal import MOVE, StoredStep, WorkflowRun
from remit.storage.journal_tables import workflow_runs, workflow_steps

_OVER = sorted(state.value for state in OVER)


def may_begin(connection: Connection, run: WorkflowRun, steps: Sequence[StoredStep]) -> bool:
    """Settle whose the steps are that a run begins with, once they are written; False where they may not stand.

    What belongs to a run that has not succeeded is taken over, since that one's end leaves it to nobody. It may not
    stand where its owner is under way again, or another run was quicker to take it over.
    """
    owners = sorted({each.progress.belongs_to for each in steps} - {""})
    states = [_locked(connection, owner, is_moved=owner == run.shares) for owner in owners]
    if None in states or any(_is_gone(connection, run.run, owner) for owner in owners):
        return False
    for owner, state in zip(owners, states, strict=True):
        if state != WorkflowState.SUCCEEDED.value:
            _take(connection, run.run, owner)
    return True


def is_stood_on(connection: Connection, run: RunId) -> bool:
    """Lock a run that is over and those above it, and tell whether one that is under way stands on steps of it."""
    above = set(connection.execute(_above(run)).scalars())
    states = {each: _locked(connection, each) for each in sorted({run, *above})}
    if any(states[each] is None for each in above):
        return True
    return connection.execute(select(workflow_runs.c.run).where(standing_on(run)).limit(1)).first() is not None


def standing_on(run: RunId) -> Any:
    """Say which runs are under way and stand on what one has done: on steps of it, or on all of it as a step."""
    c, s = workflow_runs.c, workflow_steps.c
    sharing = select(s.run).where(s.belongs_to == run)
    return and_(or_(c.run.in_(sharing), c.run.in_(_above(run))), c.state.not_in(_OVER))


def _above(run: RunId) -> Any:
    """Say which runs are above one: what that came to is an output of a step in each of them."""
    c, further = workflow_runs.c, workflow_runs.alias()
    line = select(c.parent.label("run")).where(c.run == run, c.parent != "").cte("line", recursive=True)
    return select(line.union(select(further.c.parent).where(further.c.run == line.c.run, further.c.parent != "")).c.run)


def _locked(connection: Connection, run: str, *, is_moved: bool = False) -> str | None:
    """Lock the row of a run and return its state; None where it is under way, and is not just being moved."""
    c = workflow_runs.c
    is_over = c.state.in_(_OVER)
    wanted = and_(c.run == run, or_(is_over, c.cancel.startswith(MOVE)) if is_moved else is_over)
    if connection.execute(update(workflow_runs).where(wanted).values(wakes=c.wakes)).rowcount != 1:
        return None
    return str(connection.execute(select(c.state).where(c.run == run)).scalar_one())


def _is_gone(connection: Connection, run: RunId, owner: str) -> bool:
    """Tell whether some step of an owner was taken over by yet another run, or undone."""
    c, theirs = workflow_steps.c, workflow_steps.alias()
    is_taken = and_(theirs.c.path == c.path, theirs.c.belongs_to != "")
    is_undone = and_(theirs.c.path == literal("undo/") + c.path, theirs.c.state != StepState.FAILED.value)
    found = select(c.path).join(theirs, and_(theirs.c.run == owner, or_(is_taken, is_undone)))
    return connection.execute(found.where(c.run == run, c.belongs_to == owner).limit(1)).first() is not None


def _take(connection: Connection, run: RunId, owner: str) -> None:
    c, mine = workflow_steps.c, workflow_steps.alias()
    shared = select(mine.c.path).where(mine.c.run == run, mine.c.belongs_to == owner)
    theirs = and_(c.run == owner, c.path.in_(shared))
    connection.execute(update(workflow_steps).where(theirs).values(belongs_to=run))
    taken = and_(c.run == run, c.belongs_to == owner)
    connection.execute(update(workflow_steps).where(taken).values(belongs_to=""))
