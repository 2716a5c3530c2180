"""A segment: one turn of one run, from where the journal says it stands until nothing can be done any more.

A run is a chain of short segments. What a segment does it could do again: effects are actions whose ids follow from the
run and the step, and everything else is decided from rows. So a segment may be cut off anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from remit.domain import ending
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ending import BY_OTHERS
from remit.domain.ids import OwnerId, ReleaseId, RunId, WorkspaceName
from remit.domain.payload import TASK
from remit.domain.run import Run
from remit.domain.workflow import Step, ToolStep
from remit.domain.workflow_progress import ENDED, Progress, StepState, WorkflowState
from remit.execution.keys import Keys
from remit.execution.served import ServedDoor
from remit.execution.workflows.acting import RunOver
from remit.execution.workflows.again import NotAgain, Repeats
from remit.execution.workflows.giving_up import GivingUp
from remit.execution.workflows.notebook import OUTPUTS, Notebook, sealed
from remit.execution.workflows.programs import Programs
from remit.execution.workflows.sharing import of_others
from remit.execution.workflows.starting import InputsUnfit
from remit.execution.workflows.turn import StepFailed, StepKind, Turn, begun, failed
from remit.execution.workflows.undoing import Undoing
from remit.execution.workflows.waits import Waits
from remit.execution.workflows.walking import UNDO, Ready, Walk, walk
from remit.storage.journal import GIVEN_UP, MOVE, NOT_MOVED, NOT_UNDONE, TO_UNDO, Ending, Journal, LostRun, WorkflowRun
from remit.storage.port import Store, StoreError
from remit.storage.sealed import PayloadLost
from remit.workspace.expressions import Failed
from remit.workspace.program import OUTPUTS as OUTPUTS_PLACE

SAVED_S = 0.25
"""How often rows are written while a segment is under way: what people see is no older."""
LOOKED_S = 1.0
"""How often a segment that has calls under way looks whether somebody wants it to end."""
MOST_CLAIMS = 20
"""How often one turn is begun: one that was begun more often and never ended kills whoever begins it."""
MOST_FAILURES = 8
"""How many turns in a row may fail for a reason of ours."""

_log = logging.getLogger("remit.workflows")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a worker takes on.

    Attributes:
        steps: most steps of one run that are carried out at the same time.
        lease_s: how long a worker that is not heard of is waited for.
        absent_after_s: how long is waited before a tool is believed that a call never came about.
        cut_after_s: how long a call that writes may go on where its run is cancelled or out of time: what it came to
            can then be undone. A termination waits for none.
    """

    steps: int = 64
    lease_s: float = 10.0
    absent_after_s: float = 5.0
    cut_after_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Kit:
    """What segments are carried out with: all of it is shared, and handed in."""

    store: Store
    journal: Journal
    keys: Keys
    clock: Clock
    programs: Programs
    doors: Callable[[WorkspaceName], ServedDoor]
    kinds: Mapping[type[Step], StepKind]
    undoing: Undoing
    repeats: Repeats
    bounds: Bounds = Bounds()


class Segments:
    """Carries segments out for one worker. Owned by one event loop.

    `holds` raises LostRun once the worker was not heard of for so long that another may have taken its runs over.
    """

    def __init__(self, kit: Kit, owner: OwnerId, holds: Callable[[], None]) -> None:
        self._kit = kit
        self._owner = owner
        self._holds = holds
        self._giving_up = GivingUp(kit.journal, kit.programs, kit.doors, kit.clock)
        self.under_way: set[RunId] = set()
        self.stopping = False

    async def advance(self, id: RunId, turn: int) -> str:
        """Carry out one turn; return in a word how it ended. Raises nothing that a queue could do something about."""
        if id in self.under_way:
            return "under way"  # it was queued twice
        kit, now = self._kit, self._kit.clock.now()
        fresh = Instant(now - int(kit.bounds.lease_s * MICROS_PER_SECOND))
        self.under_way.add(id)
        try:
            row = await asyncio.to_thread(kit.journal.claim, id, turn, self._owner, now, fresh)
            if row is None:
                return "not mine"
            try:
                return await self._advance(row)
            except LostRun:
                return "lost"
            except Exception as error:  # noqa: BLE001 - whatever it is, the run is looked at again, and ends at last
                _log.exception("run %s of workflow %s could not be carried on: %s", id, row.workflow, error)
                return await self._stumbled(row, error)
        finally:
            self.under_way.discard(id)

    async def _stumbled(self, row: WorkflowRun, error: Exception) -> str:
        kit = self._kit
        if row.failures + 1 >= MOST_FAILURES:
            words = f"poison: it failed {MOST_FAILURES} times in a row with {type(error).__name__}"
            await self._giving_up.poisoned(row, words)
            return "given up"
        pause = min(300, 2**row.failures)
        again = Instant(kit.clock.now() + pause * MICROS_PER_SECOND)
        await asyncio.to_thread(kit.journal.stumble, row, again)
        return "stumbled"

    async def _advance(self, row: WorkflowRun) -> str:
        kit = self._kit
        if row.claims > MOST_CLAIMS:
            words = f"poison: turn {row.turn} was begun {MOST_CLAIMS} times and never ended"
            await self._giving_up.poisoned(row, words)
            return "given up"
        door = kit.doors(row.workspace)
        try:
            run = await door.run_of(row.run)
            if run is None:
                raise StoreError(f"run {row.run} is not on record")
            task = await asyncio.to_thread(door.kept, row.run, TASK)
            inputs = orjson.loads(task or b"{}").get("inputs", {})
            segment = await asyncio.to_thread(self._segment, row, run, door, inputs)
        except PayloadLost as error:
            await self._giving_up.ended(row, f"erased: {error}")
            return "given up"
        return await segment.carry_out()

    def _segment(self, row: WorkflowRun, run: Run, door: ServedDoor, inputs: Any) -> Segment:
        kit = self._kit
        program = kit.programs.of(row.workspace, row.release, row.workflow)
        bounds = {
            step.id: step.budget_micros for step in program.workflow.each_step() if step.budget_micros is not None
        }
        stored = kit.journal.steps(row.run)
        notebook = Notebook(kit.journal, row, kit.keys.of(row.key), stored, bounds, kit.clock)
        events = kit.journal.events(row.run, unused=True)
        turn = Turn(
            run=run,
            row=row,
            workflow=program.workflow,
            program=program,
            door=door,
            notebook=notebook,
            journal=kit.journal,
            store=kit.store,
            clock=kit.clock,
            holds=self._holds,
            events=events,
        )
        body = kit.store.record(row.workspace, ending.record_key(run))
        ended_as = "" if body is None else str(orjson.loads(body)["status"])
        return Segment(kit, turn, inputs, ended_as, stopping=lambda: self.stopping)


class Segment:
    """One turn, with everything loaded."""

    def __init__(self, kit: Kit, turn: Turn, inputs: Any, ended_as: str, *, stopping: Callable[[], bool]) -> None:
        """Begin; `ended_as` is how the run ended on record, where it did."""
        self._kit = kit
        self._turn = turn
        self._inputs = inputs
        self._is_ended = ended_as in BY_OTHERS
        # On record by a worker that died before it could write it down here: whatever came since came too late.
        self._ended_as = WorkflowState(ended_as) if ended_as and not self._is_ended else None
        if turn.row.cancel == TO_UNDO:  # and of one that has succeeded long ago, what came since is meant
            self._ended_as = None
        self._stopping = stopping
        self._waits = Waits(turn)
        self._cancel = "" if self._ended_as is WorkflowState.SUCCEEDED else turn.row.cancel
        self._saved_at = 0.0
        self._is_urgent = False
        self._looked_at = 0.0
        self._ends_since = 0.0
        self._cancelled_by = turn.row.cancelled_by
        self._wakes = turn.row.wakes
        self._tasks: dict[asyncio.Task[Progress], Ready] = {}
        self._failed: Progress | None = None

    async def carry_out(self) -> str:
        """Go on until nothing can be done now; return how it ended in a word."""
        loop = asyncio.get_running_loop()
        self._saved_at = self._looked_at = loop.time()
        try:
            walked = await self._go_on()
            return await self._leave(walked)
        except Exception:
            await self._cut()
            with contextlib.suppress(Exception):  # what is not written is found in the ledger by whoever goes on
                await self._save()
            raise
        except BaseException:
            await self._cut()
            raise

    async def _cut(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()

    # -- forward

    async def _go_on(self) -> Walk:
        woken = await self._waits.over()
        while True:
            walked = self._walk(woken)
            if not self._wants_end and not self._stopping():
                self._begin(walked)
            if not self._tasks:
                if self._wants_end or self._stopping() or walked.failed is not None:
                    return walked
                woken = await self._waits.over()
                if not woken:
                    return walked
                continue
            woken = frozenset()
            await self._until_something_ends()
            await self._save_now_and_then()
            self._cut_calls()

    def _cut_calls(self) -> None:
        """Wait no longer for what others do, where the run is to end: for those that only read at once."""
        if not self._wants_end or self._cancel.startswith(MOVE):
            return
        now = asyncio.get_running_loop().time()
        self._ends_since = self._ends_since or now
        is_hard = self._is_ended or self._cancel == "terminate"
        is_late = now - self._ends_since >= self._kit.bounds.cut_after_s
        self._turn.cut(only_reads=not (is_hard or is_late))

    @property
    def _wants_end(self) -> bool:
        return bool(self._cancel) or self._is_ended or self._is_out_of_time

    @property
    def _is_out_of_time(self) -> bool:
        return self._ended_as is None and 0 < self._turn.row.deadline <= self._turn.now

    def _walk(self, woken: frozenset[str]) -> Walk:
        turn = self._turn
        rows = {path: row for path, row in turn.notebook.rows.items() if not path.startswith(UNDO)}
        found = walk(turn.workflow, self._inputs, rows, turn.program, turn.row.turn_at, at=turn.now, woken=woken)
        for row in found.decided:
            turn.notebook.write(row)
        return found

    def _begin(self, walked: Walk) -> None:
        under_way = {ready.path for ready in self._tasks.values()}
        for ready in walked.ready:
            if len(self._tasks) >= self._kit.bounds.steps:
                return
            if ready.path not in under_way:
                task = asyncio.create_task(self._step(ready))
                self._tasks[task] = ready

    async def _step(self, ready: Ready) -> Progress:
        kind = self._kit.kinds.get(type(ready.step))
        row = begun(self._turn, ready)
        try:
            if kind is None:
                raise StepFailed("not_supported", f"{type(ready.step).__name__} can not be carried out here")
            return await kind.carry_out(self._turn, ready)
        except StepFailed as error:
            return failed(row, str(error))
        except RunOver:
            self._is_ended = True
            return row

    async def _until_something_ends(self) -> None:
        ended, _ = await asyncio.wait(self._tasks, timeout=LOOKED_S, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            step = self._tasks.pop(task).step
            row = self._turn.notebook.write(task.result())
            # What became of a tool's call is found in the ledger; nothing behind another step is looked for there.
            self._is_urgent = self._is_urgent or (row.state in ENDED and not isinstance(step, ToolStep))

    async def _save_now_and_then(self) -> None:
        now = asyncio.get_running_loop().time()
        is_due = not self._turn.notebook.is_clean and (self._is_urgent or now - self._saved_at >= SAVED_S)
        if is_due or now - self._looked_at >= LOOKED_S:
            await self._save()

    async def _save(self) -> None:
        self._turn.holds()
        taken, self._is_urgent = self._turn.notebook.take(), False
        await self._turn.settled()
        standing = await asyncio.to_thread(self._turn.notebook.save, taken)
        self._saved_at = self._looked_at = asyncio.get_running_loop().time()
        if self._ended_as is None:
            self._cancel = standing.cancel or self._cancel
            self._cancelled_by = standing.cancelled_by or self._cancelled_by
        if standing.wakes != self._wakes:
            self._wakes = standing.wakes
            self._is_ended = self._is_ended or await asyncio.to_thread(self._is_terminated)

    def _is_terminated(self) -> bool:
        body = self._turn.store.record(self._turn.row.workspace, ending.record_key(self._turn.run))
        return body is not None and orjson.loads(body)["status"] in BY_OTHERS

    # -- how a turn ends

    async def _leave(self, walked: Walk) -> str:
        if self._wants_end or walked.failed is not None:
            return await self._end_badly(walked)
        if walked.values is not None:
            return await self._succeed(walked.values)
        await self._save()
        if self._cancel:
            return await self._end_badly(walked)
        return await self._rest(WorkflowState.WAITING, walked.due_at)

    async def _rest(self, state: WorkflowState, due_at: Instant | None) -> str:
        turn = self._turn
        if self._stopping():
            due_at = turn.now
        if turn.row.deadline > turn.now:
            due_at = Instant(min(turn.row.deadline, due_at or turn.row.deadline))
        await asyncio.to_thread(turn.journal.leave, turn.row, state, due_at, turn.now)
        return state.value

    async def _succeed(self, values: Mapping[str, Any]) -> str:
        turn = self._turn
        try:
            outputs = turn.program.filled(OUTPUTS_PLACE, turn.workflow.outputs, values)
        except Failed as error:
            self._failed = Progress("", StepState.FAILED, error=f"expression_failed: {error}")
            return await self._end_badly(Walk(failed=self._failed))
        await self._save()
        if self._cancel:
            return await self._end_badly(Walk())
        return await self._end(WorkflowState.SUCCEEDED, "", outputs)

    async def _end_badly(self, walked: Walk) -> str:
        """Undo what was done, then end as failed or cancelled."""
        turn = self._turn
        await self._save()
        if self._stopping() and not self._wants_end:
            return await self._rest(turn.row.state, turn.now)
        if self._cancel.startswith(MOVE):
            return await self._move(ReleaseId(self._cancel.removeprefix(MOVE)))
        state, error = self._why(walked)
        row, waits = await self._kit.undoing.carry_on(
            turn, self._inputs, "terminate" if self._is_ended else self._cancel
        )
        await self._save()
        if waits is not None:
            self._turn = replace(turn, row=row)
            return await self._rest(WorkflowState.COMPENSATING, waits.due_at)
        for each in of_others(turn.workflow, turn.notebook.rows):
            error = f"{error}; {each.path} belongs to {each.belongs_to}, which alone undoes it"
        left = [path for path, each in turn.notebook.rows.items() if _is_left(path, each)]
        if left:
            names = ", ".join(sorted(path.removeprefix(UNDO) for path in left))
            error = f"{error}{NOT_UNDONE}{names}"
        self._turn = replace(turn, row=row)
        return await self._end(state, error, None)

    async def _move(self, release: ReleaseId) -> str:
        """End here, and have another run go on under that release. Nothing is undone."""
        try:
            moved = await asyncio.to_thread(self._kit.repeats.moved, self._turn.row, release)
            error = f"moved to {moved.run}"
        except (NotAgain, InputsUnfit) as refused:
            error = f"{NOT_MOVED}, retry it: {refused}"
        return await self._end(WorkflowState.CANCELLED, error, None)

    def _why(self, walked: Walk) -> tuple[WorkflowState, str]:
        if self._is_ended and not self._cancel:
            return WorkflowState.CANCELLED, "terminated: the run was ended"
        if self._cancel == GIVEN_UP:
            return WorkflowState.FAILED, self._turn.row.error
        if self._cancel:
            before = self._turn.row.error.partition(NOT_UNDONE)[0]
            how = {"terminate": "terminated", TO_UNDO: "undone"}.get(self._cancel, "cancelled")
            return (
                WorkflowState.CANCELLED,
                f"{how} by {self._cancelled_by or 'somebody'}{before and f'; before that {before}'}",
            )
        if walked.failed is not None:
            where = f"{walked.failed.path}: " if walked.failed.path else ""
            return WorkflowState.FAILED, f"{where}{walked.failed.error}"
        return WorkflowState.FAILED, "timed_out: the run has taken longer than it may"

    async def _end(self, state: WorkflowState, error: str, outputs: Any) -> str:
        turn, state = self._turn, self._ended_as or state
        was_over = turn.row.cancel == TO_UNDO
        if not self._is_ended and self._ended_as is None and not was_over:
            await turn.door.end_once(turn.run, state.value)
        key = self._kit.keys.of(turn.row.key)
        body = turn.row.outputs if was_over else b""
        if outputs is not None:
            body = sealed(key, turn.row.run, OUTPUTS, outputs)
        how = Ending(state, error[:2_000], body, turn.notebook.spent)
        await asyncio.to_thread(turn.journal.end, turn.row, how, turn.now)
        return state.value


def _is_left(path: str, row: Progress) -> bool:
    """Tell whether something that was done, or may have been, was not undone."""
    return row.state is StepState.UNKNOWN or (path.startswith(UNDO) and row.state is not StepState.DONE)
