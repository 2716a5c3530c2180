"""A step that waits for a time or an event. Nothing is kept in memory meanwhile."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.workflow import WaitStep
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.keys import Keys
from remit.execution.workflows.notebook import EVENT, opened
from remit.execution.workflows.turn import StepFailed, Turn, begun, done, failed, waiting
from remit.execution.workflows.walking import Ready

LONGEST_S = 10 * 366 * 86_400
"""The longest wait."""


class WaitKind:
    """Waits."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def carry_out(self, turn: Turn, ready: Ready) -> Progress:
        """See StepKind."""
        step, row = ready.step, begun(turn, ready)
        assert isinstance(step, WaitStep)
        if step.event:
            return self._event(turn, step, row)
        if row.state is StepState.WAITING and row.due_at is not None and row.due_at <= turn.now:
            return done(row, None)
        if row.state is StepState.WAITING:
            return row
        # From when this turn was begun, so that whoever carries it out again waits no longer.
        due_at = _bounded(_due(turn, step, ready), turn)
        return done(row, None) if due_at <= turn.now else waiting(row, "", due_at)

    def _event(self, turn: Turn, step: WaitStep, row: Progress) -> Progress:
        for event in turn.events:
            if event.name == step.event and not turn.notebook.is_used(event.id):
                turn.notebook.use(event.id, row.path)
                return done(row, opened(self._keys.of(turn.row.key), event.id, EVENT, event.data))
        if row.due_at is not None and row.due_at <= turn.now:
            return failed(row, f"timed_out: nothing was heard of {step.event} in time")
        due_at = row.due_at
        if due_at is None and step.timeout_s is not None:
            due_at = Instant(turn.row.turn_at + step.timeout_s * MICROS_PER_SECOND)
        return replace(waiting(row, f"event:{step.event}", due_at))


def _due(turn: Turn, step: WaitStep, ready: Ready) -> Instant:
    if step.seconds is not None:
        seconds = turn.value(step.id, step.seconds, ready.values)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise StepFailed("not_a_time", f"`{step.seconds.text}` comes to no number of seconds")
        return Instant(turn.row.turn_at + int(min(max(seconds, 0), LONGEST_S) * MICROS_PER_SECOND))
    assert step.until is not None, "a wait is for one of three"
    said = turn.value(step.id, step.until, ready.values)
    try:
        found = dt.datetime.fromisoformat(str(said).replace("Z", "+00:00"))
    except ValueError:
        raise StepFailed("not_a_time", f"`{step.until.text}` comes to no time, as 2026-03-01T09:00:00+04:00") from None
    if found.tzinfo is None:
        raise StepFailed("not_a_time", f"`{step.until.text}` comes to a time without its zone")
    return Instant(int(found.timestamp() * MICROS_PER_SECOND))


def _bounded(due_at: Instant, turn: Turn) -> Instant:
    if due_at > turn.now + LONGEST_S * MICROS_PER_SECOND:
        raise StepFailed("too_long", "that is more than ten years away")
    return due_at
