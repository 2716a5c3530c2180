"""Undoing what a run has done: in reverse, each under an admission of its own, in a run of its own.

That run has the same agent and release, and its own limits and budget of the run: a run that failed since it had used
them up can still be undone, and one that was terminated as well. What the remit does not allow is not undone, and told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from remit.domain import ending
from remit.domain.admission import RunRequest
from remit.domain.ids import RunId
from remit.domain.run import Run
from remit.domain.workflow import AgentStep, Retry, Step, ToolStep
from remit.domain.workflow_progress import ENDED, Progress, StepState
from remit.execution.door import RunRefused
from remit.execution.workflows.acting import RunOver
from remit.execution.workflows.kinds.handing import AgentKind
from remit.execution.workflows.kinds.tool import ToolKind
from remit.execution.workflows.turn import StepFailed, Turn, begun, failed
from remit.execution.workflows.walking import UNDO, open_steps, undoing, undoing_values
from remit.storage.journal import WorkflowRun
from remit.workspace.program import UNDOING

UNDO_RETRY = Retry(attempts=5, wait_s=2)
"""How often a compensation is tried: nobody else will."""
AT_ONCE = 500
"""How many runs below are looked at with one question."""
UNDONE, NOT_UNDONE = "undone", "incomplete"
"""How the run of a compensation ends."""

Left = Sequence[tuple[str, Step, Progress]]
"""What is to be undone: see walking.undoing."""


class Undoing:
    """Carries out compensations."""

    def __init__(self, tools: ToolKind, agents: AgentKind | None = None) -> None:
        self._tools = tools
        self._agents = agents

    async def carry_on(self, turn: Turn, inputs: Any, cancel: str) -> tuple[WorkflowRun, Progress | None]:
        """Undo as far as it goes now. Return the run's row, and what is waited for; None once nothing is left."""
        children = await turn.thread(self._children, turn, cancel)
        if children is not None:
            return turn.row, children
        unknown = await self._under_way(turn, inputs)
        if unknown is not None:
            return turn.row, unknown
        if self._agents is not None:
            steps = {step.id: step for step in turn.workflow.each_step() if isinstance(step, AgentStep)}
            await self._agents.give_up(turn, steps)
        rows = {path: row for path, row in turn.notebook.rows.items() if not path.startswith(UNDO)}
        left = list(undoing(turn.workflow, rows))
        if all(path in turn.notebook.rows and turn.notebook.rows[path].state in ENDED for path, _, _ in left):
            await self._end(turn, turn.row, left)
            return turn.row, None
        values = undoing_values(turn.workflow, inputs, rows, turn.program, turn.row.turn_at)
        try:
            run = await self._run(turn)
        except RunRefused as error:
            for path, _, _ in left:
                turn.notebook.write(failed(Progress(path, StepState.RUNNING), f"refused: {error}"))
            return turn.row, None
        row = replace(turn.row, undo_run=run.id)
        if turn.row.undo_run != run.id:
            await turn.thread(turn.journal.undone_in, turn.row, run.id)
        within = replace(turn, run=run, row=row)
        for path, step, _ in left:
            undone = turn.notebook.rows.get(path)
            if undone is not None and undone.state in ENDED:
                continue
            assert step.compensate is not None, "only what can be undone is handed over"
            undone = undone or Progress(path, StepState.RUNNING)
            if path.removeprefix(UNDO) not in values:
                turn.notebook.write(failed(undone, "no_values: what it reads is not there"))
                continue
            try:
                call, place = step.compensate, step.id + UNDOING
                undone = await self._tools.call(
                    within, undone, call, place, values[path.removeprefix(UNDO)], UNDO_RETRY, None
                )
            except StepFailed as error:
                undone = failed(undone, str(error))
            except RunOver:
                undone = failed(undone, "run_ended: the run in which it is undone was ended")
            undone = turn.notebook.write(undone)
            if undone.state not in ENDED:
                return row, undone
        await self._end(turn, row, left)
        return row, None

    async def _end(self, turn: Turn, row: WorkflowRun, left: Left) -> None:
        """End the run in which this one is undone. What turns out later to have been done is undone in another.

        All is written before: whoever goes on from here finds that run over, and would do in another what is not.
        """
        run = await self._last(turn, row)
        if run is None:
            return
        await turn.settled()
        await turn.thread(turn.notebook.save, turn.notebook.take())
        is_whole = all(turn.notebook.rows[path].state is StepState.DONE for path, _, _ in left)
        await turn.door.end_once(run, UNDONE if is_whole else NOT_UNDONE)

    async def _last(self, turn: Turn, row: WorkflowRun) -> Run | None:
        """Return the run in which this one is being undone; None where there is none, or it has come to its end."""
        run = await turn.door.run_of(RunId(row.undo_run)) if row.undo_run else None
        if run is None:
            return None
        body = await turn.thread(turn.store.record, row.workspace, ending.record_key(run))
        is_over = body is not None and orjson.loads(body)["status"] in (UNDONE, NOT_UNDONE)
        return None if is_over else run

    async def _run(self, turn: Turn) -> Run:
        """Return the run in which this one is undone: the same one whoever asks, until that has come to its end."""
        last = await self._last(turn, turn.row)
        if last is not None:
            return last
        request = RunRequest(
            turn.run.agent,
            turn.run.on_behalf_of,
            purpose=turn.run.purpose,
            task=f"Undo {turn.row.workflow} {turn.row.run}",
            release=turn.row.release,
            started_by=await turn.thread(self._asked_by, turn),
            follows=turn.row.run,
            verified=turn.run.verified,
        )
        key = f"workflow/undo/{turn.row.run}" + (f"/{turn.row.undo_run}" if turn.row.undo_run else "")
        run, _ = await turn.door.start_once(request, key, leased=False)
        return run

    def _asked_by(self, turn: Turn) -> str:
        """Return who has asked for the end of a run, or of the one above it, with which it ends; empty: nobody has."""
        row: WorkflowRun | None = turn.row
        while row is not None and row.cancelled_by.startswith("run:"):
            row = turn.journal.run(RunId(row.parent))
        return "" if row is None else row.cancelled_by.partition(": ")[0]

    async def _under_way(self, turn: Turn, inputs: Any) -> Progress | None:
        """Find out what became of calls that were under way: what they did is to be undone, or told as unknown.

        They were cut, or made by a worker that is gone. Return a step of which it is not known yet.
        """
        waits, asked, is_more = None, set(), True
        while is_more:  # behind one that is found to be done another may have been begun
            is_more = False
            rows = {path: row for path, row in turn.notebook.rows.items() if not path.startswith(UNDO)}
            for ready in open_steps(turn.workflow, inputs, rows, turn.program, turn.row.turn_at):
                if not isinstance(ready.step, ToolStep) or ready.path in asked:
                    continue
                asked.add(ready.path)
                row = await self._tools.end(turn, begun(turn, ready), ready.step)
                if row is not None:
                    row = turn.notebook.write(row)
                    waits = row if row.state is StepState.WAITING else waits
                    is_more = is_more or row.state is StepState.DONE
        return waits

    def _children(self, turn: Turn, cancel: str) -> Progress | None:
        """End the runs below first: what they did is theirs to undo. Return what is waited for; None once all are over.

        The journal knows them all, also one whose start no row of this run tells of.
        """
        waits: Progress | None = None
        before: RunId | None = None
        while found := turn.journal.runs(turn.row.workspace, AT_ONCE, before, parent=turn.row.run):
            for child in found:
                if not child.is_over:
                    how = "terminate" if cancel == "terminate" else "cancel"
                    turn.journal.cancel(child.run, how, f"run:{turn.row.run}", turn.now)
                    waits = Progress("", StepState.WAITING, waits_for=f"run:{child.run}")
            before = found[-1].run
        return waits
