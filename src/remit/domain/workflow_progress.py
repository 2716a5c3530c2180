"""How far a run of a workflow has come: a row a step that has begun, and what the run as a whole waits for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remit.domain.canonical import JsonValue
from remit.domain.clock import Instant


class StepState(StrEnum):
    """Where a step stands."""

    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Nobody knows whether it had its effect: it waits for a person."""


ENDED = frozenset({StepState.DONE, StepState.SKIPPED, StepState.FAILED})


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of one run.

    Attributes:
        path: the ids of the steps around it and its own, with ways and numbers between: `each/3/quote`.
        attempt: counts from 1.
        output: what it came to; of a step around others, what was decided about them.
        error: a code and words without data, where it failed.
        due_at: when it goes on by itself, where it waits for a time or for its next attempt.
        waits_for: what else ends its waiting: `event:NAME`, `approval:ID`, `run:ID`, `action:ID` (to be reconciled), or
            `stop`, until whatever stops the run is lifted.
        number: in which order steps ended, from 1; 0: it has not.
        asked: which of its actions this is, from 1: the id of the action follows from it and the path.
        spent: micro-USD it has cost so far, all attempts together.
        action: the last of its actions; empty: it has had none.
        belongs_to: the run that undoes it, where that is another than the one it stands in: it is shared.
    """

    path: str
    state: StepState
    attempt: int = 1
    output: JsonValue = None
    error: str = ""
    due_at: Instant | None = None
    waits_for: str = ""
    number: int = 0
    asked: int = 1
    spent: int = 0
    action: str = ""
    began_at: Instant | None = None
    ended_at: Instant | None = None
    belongs_to: str = ""


class WorkflowState(StrEnum):
    """Where a run of a workflow stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPENSATING = "compensating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


OVER = frozenset({WorkflowState.SUCCEEDED, WorkflowState.FAILED, WorkflowState.CANCELLED})
