"""One turn of one run, as the kinds of steps see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.run import Run
from remit.domain.workflow import Expression, Template, Workflow
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.served import ServedDoor
from remit.execution.workflows.notebook import Notebook
from remit.execution.workflows.ports import CallFailed
from remit.execution.workflows.walking import Ready, Values
from remit.storage.journal import Journal, WorkflowEvent, WorkflowRun
from remit.storage.port import Reads
from remit.workspace.expressions import Failed
from remit.workspace.program import Program

T = TypeVar("T")


class StepFailed(Exception):
    """A step that has failed for good. `code` is for programs."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(f"{code}: {words}" if words else code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Turn:
    """What a step is carried out with.

    Attributes:
        run: the run in which it acts; of a compensation that is a run of its own.
        row: the run of the workflow.
        holds: raises LostRun where this worker may not act for the run any more.
        events: what the run was told and no step has used, the oldest first.
        settling: outcomes that are on their way to the ledger. Each is in the queue before whatever the run asks next,
            so that nothing is admitted that is durable before it; rows that say it is done are not written before.
        calls: what others are doing for the run at this moment, and whether it only reads.
    """

    run: Run
    row: WorkflowRun
    workflow: Workflow
    program: Program
    door: ServedDoor
    notebook: Notebook
    journal: Journal
    store: Reads
    clock: Clock
    holds: Callable[[], None]
    events: Sequence[WorkflowEvent] = ()
    settling: set[asyncio.Task[object]] = field(default_factory=set)
    calls: dict[asyncio.Task[Any], bool] = field(default_factory=dict)

    @property
    def now(self) -> Instant:
        """The time."""
        return self.clock.now()

    def after(self, seconds: float) -> Instant:
        """Return the time in so many seconds."""
        return Instant(self.clock.now() + int(seconds * MICROS_PER_SECOND))

    def value(self, place: str, expression: Expression, values: Values) -> Any:
        """Return what an expression comes to. Raises StepFailed."""
        try:
            return self.program.value(place, expression, values)
        except Failed as error:
            raise StepFailed("expression_failed", str(error)) from None

    def filled(self, place: str, template: Template, values: Values) -> Any:
        """Return a template with its expressions filled in. Raises StepFailed."""
        try:
            return self.program.filled(place, template, values)
        except Failed as error:
            raise StepFailed("expression_failed", str(error)) from None

    async def settled(self) -> None:
        """Wait until every outcome is durable. Raises what failed: the turn then ends, and the next finds out."""
        while self.settling:
            settling = list(self.settling)
            self.settling.difference_update(settling)
            await asyncio.gather(*settling)

    async def away(self, call: Coroutine[Any, Any, T], *, only_reads: bool) -> T:
        """Wait for what others do. Raises CallFailed where the run comes to its end before."""
        task = asyncio.create_task(call)
        self.calls[task] = only_reads
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():  # this whole turn is cut off, not the call
                raise
            raise CallFailed("cut", "the run came to its end before it was answered", sent=True) from None
        finally:
            del self.calls[task]

    def cut(self, *, only_reads: bool) -> None:
        """Wait no longer for calls: for those that only read, or for all."""
        for task, reads in self.calls.items():
            if reads or not only_reads:
                task.cancel()

    async def thread(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call something that blocks."""
        return await asyncio.to_thread(call, *args)


class StepKind(Protocol):
    """Carries out one kind of step. A new kind is a file in `kinds/` and a line in `working.kinds_of`."""

    async def carry_out(self, turn: Turn, ready: Ready) -> Progress:
        """Begin a step, or go on with it where `ready.row` says how far it had come; return how far it has come now.

        It may be called again for the same row, in this process or another, at any point: what has an effect must be
        an action whose id follows from the run, the path and the row. A step that waits says until when (`due_at`)
        and for what (`waits_for`), and takes no memory meanwhile. Raises StepFailed.
        """
        ...


def begun(turn: Turn, ready: Ready) -> Progress:
    """Return the row of a step; where it has none a new one, which begins now."""
    return ready.row or Progress(ready.path, StepState.RUNNING, began_at=turn.now)


def done(row: Progress, output: Any) -> Progress:
    """Return a row as done."""
    return replace(row, state=StepState.DONE, output=output, error="", due_at=None, waits_for="")


def failed(row: Progress, error: str) -> Progress:
    """Return a row as failed for good."""
    return replace(row, state=StepState.FAILED, error=error[:1_000], due_at=None, waits_for="")


def waiting(row: Progress, waits_for: str = "", due_at: Instant | None = None) -> Progress:
    """Return a row that waits."""
    return replace(row, state=StepState.WAITING, waits_for=waits_for, due_at=due_at)
