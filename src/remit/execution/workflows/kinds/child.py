"""A step that carries out another workflow, as a run below this one: what stops this one stops that one.

A workflow of another agent is handed on first: an action of this run, which policies may hold or forbid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from remit.domain.ids import RunId
from remit.domain.workflow import Workflow, WorkflowStep
from remit.domain.workflow_progress import Progress, StepState, WorkflowState
from remit.execution.door import RunRefused
from remit.execution.keys import Keys
from remit.execution.served import KeyReused
from remit.execution.workflows.kinds.handing import handed_on, run_in
from remit.execution.workflows.notebook import OUTPUTS, opened
from remit.execution.workflows.programs import WorkflowUnknown
from remit.execution.workflows.starting import InputsUnfit, Start, Starts, check_inputs, task_of
from remit.execution.workflows.turn import StepFailed, Turn, begun, done, failed, waiting
from remit.execution.workflows.walking import Ready
from remit.storage.journal import WorkflowRun

TIMED_OUT = "timed_out: it took longer than it may"


class ChildKind:
    """Carries out workflows within workflows."""

    def __init__(self, starts: Starts, keys: Keys) -> None:
        self._starts = starts
        self._keys = keys

    async def carry_out(self, turn: Turn, ready: Ready) -> Progress:
        """See StepKind."""
        step, row = ready.step, begun(turn, ready)
        assert isinstance(step, WorkflowStep)
        if not row.waits_for.startswith("run:"):
            return await self._begin(turn, step, ready, row)
        child = await turn.thread(turn.journal.run, RunId(row.waits_for.partition(":")[2]))
        if child is None:
            raise StepFailed("child_lost", "the run of the workflow is not there")
        if child.is_over:
            return self._ended(turn, step, row, child)
        if row.due_at is not None and row.due_at <= turn.now:
            await turn.thread(turn.journal.cancel, child.run, "cancel", f"run:{turn.row.run}", turn.now)
            return waiting(replace(row, error=TIMED_OUT), row.waits_for)
        return replace(row, state=StepState.WAITING)

    async def _begin(self, turn: Turn, step: WorkflowStep, ready: Ready, row: Progress) -> Progress:
        inputs = turn.filled(step.id, step.inputs, ready.values)
        if not isinstance(inputs, Mapping):
            raise StepFailed("inputs_unfit", "its inputs come to no object")
        workflow = turn.door.rules_of(turn.run).configuration.workflows.get(step.workflow)
        if workflow is None:
            raise StepFailed("not_started", f"the release has no workflow {step.workflow}")
        if workflow.agent == turn.run.agent:
            return self._waits(turn, step, row, await self._start(turn, step, row, inputs))
        _check(workflow, inputs)  # before anybody is asked

        async def begin(task: str) -> RunId:
            return await self._start(turn, step, row, _inputs_in(task, step), handed=True)

        path, task = f"{row.path}/try-{row.attempt}", task_of(step.workflow, inputs)
        handed = await handed_on(turn, workflow.agent, path, task, step.timeout_s, begin)
        if handed.state is StepState.FAILED:
            return failed(row, handed.error)
        if handed.state is not StepState.DONE:
            return replace(row, state=handed.state, waits_for=handed.waits_for, due_at=handed.due_at)
        return self._waits(turn, step, row, run_in(handed))

    async def _start(
        self, turn: Turn, step: WorkflowStep, row: Progress, inputs: Mapping[str, Any], *, handed: bool = False
    ) -> RunId:
        turn.holds()
        start = Start(
            workspace=turn.row.workspace,
            workflow=step.workflow,
            inputs=inputs,
            on_behalf_of=turn.run.on_behalf_of,
            by=f"run:{turn.row.run}",
            key=f"{turn.row.run}/{row.path}#{row.asked}",
            verified=turn.run.verified,
            release=turn.row.release,
            parent=turn.row.run,
            budget=turn.notebook.left(row.path),
            handed=handed,
        )
        try:
            child, _ = await turn.thread(self._starts.start, start)
        except InputsUnfit as error:
            raise StepFailed("inputs_unfit", str(error)) from None
        except (RunRefused, WorkflowUnknown, KeyReused) as error:
            raise StepFailed("not_started", str(error)) from None
        run: RunId = child.run
        return run

    def _waits(self, turn: Turn, step: WorkflowStep, row: Progress, child: RunId) -> Progress:
        due_at = None if step.timeout_s is None else turn.after(step.timeout_s)
        return waiting(replace(row, error=""), f"run:{child}", due_at)

    def _ended(self, turn: Turn, step: WorkflowStep, row: Progress, child: WorkflowRun) -> Progress:
        row = replace(row, spent=row.spent + child.spent)
        if child.state is WorkflowState.SUCCEEDED and not row.error:
            key = self._keys.of(child.key)
            return done(row, opened(key, child.run, OUTPUTS, child.outputs) if child.outputs else None)
        error = row.error or f"child_{child.state.value}: {child.run}: {child.error}"
        if child.state is WorkflowState.FAILED and row.attempt < step.retry.attempts:
            retry = step.retry
            pause = min(retry.longest_wait_s, retry.wait_s * retry.factor ** (row.attempt - 1))
            again = replace(row, attempt=row.attempt + 1, asked=row.asked + 1, error="")
            return waiting(again, "", turn.after(pause))
        return failed(row, error)


def _check(workflow: Workflow, inputs: Mapping[str, Any]) -> None:
    try:
        check_inputs(workflow, inputs)
    except InputsUnfit as error:
        raise StepFailed("inputs_unfit", str(error)) from None


def _inputs_in(task: str, step: WorkflowStep) -> Mapping[str, Any]:
    """Return the inputs as they were admitted: whoever approved them may have changed them, and a duty masked them."""
    try:
        told = orjson.loads(task)
        found: Mapping[str, Any] = told["inputs"]
        if told["workflow"] == step.workflow and isinstance(found, Mapping):
            return found
    except (orjson.JSONDecodeError, TypeError, KeyError):
        pass
    raise StepFailed("task_unfit", f"what was approved is no task for the workflow {step.workflow}")
