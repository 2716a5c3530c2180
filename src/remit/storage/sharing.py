"""Which run undoes a step that several share, as it is written: in one transaction with what makes it so.

Whoever begins with steps of others, and whoever undoes those, first locks the rows of the runs they belong to: so
neither comes about under the other.
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
    """Lock a run that is over, and tell whether one that is under way stands on steps of it."""
    _locked(connection, run)
    return connection.execute(select(workflow_runs.c.run).where(standing_on(run)).limit(1)).first() is not None


def standing_on(run: RunId) -> Any:
    """Say which runs are under way and stand on steps of one."""
    c, s = workflow_runs.c, workflow_steps.c
    return and_(c.run.in_(select(s.run).where(s.belongs_to == run)), c.state.not_in(_OVER))


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
