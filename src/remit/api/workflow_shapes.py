"""How workflows, their runs and steps are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remit.api.shapes import Json, Shown
from remit.domain.workflow import (
    AgentStep,
    ApprovalStep,
    BranchStep,
    LoopStep,
    MapStep,
    ModelStep,
    ParallelStep,
    Step,
    ToolStep,
    WaitStep,
    Workflow,
    WorkflowStep,
    within,
)
from remit.domain.workflow_progress import Progress, StepState
from remit.storage.journal import NO_BOUND, StoredStep, WorkflowEvent, WorkflowRun


class DefinedStep(Shown):
    """A step as it is defined. `of` is the tool, model, agent, group and so on; `ways` are the steps within.

    `conditions` say of a branch's ways when each is taken; the one that is left where none is has no text.
    """

    id: str
    kind: str
    of: str
    when: str
    compensate: str
    timeout_s: int | None
    attempts: int
    budget_micros: int | None
    ways: dict[str, list[DefinedStep]]
    conditions: dict[str, str]


class WorkflowShown(Shown):
    """A workflow of a release. `inputs` is JSON Schema."""

    name: str
    agent: str
    description: str
    release: str
    inputs: Json
    concurrency: int | None
    priority: int
    timeout_s: int | None
    steps: list[DefinedStep]
    schedules: list[str]
    triggers: list[str]


class WorkflowList(Shown):
    """The workflows of a release, by name."""

    workflows: list[WorkflowShown]


class WorkflowStepShown(Shown):
    """How far a step has come. What it was given and gave back is sealed: see the route `payload`.

    `actions` are its actions so far, each an attempt or an asking after a hold; the last may still be under way.
    `belongs_to` is the run that alone undoes it, where that is another one with which this run shares it.
    """

    path: str
    state: str
    attempt: int
    actions: list[str]
    error: str
    waits_for: str
    due_at: int | None
    began_at: int | None
    ended_at: int | None
    number: int
    spent_micros: int
    belongs_to: str | None


class WorkflowRunShown(Shown):
    """A run of a workflow. `worker` is who carries it out now; `due_at` when it goes on by itself."""

    run: str
    workflow: str
    agent: str
    release: str
    state: str
    started_by: str
    created_at: int
    ended_at: int | None
    due_at: int | None
    deadline: int | None
    parent: str | None
    shares: str | None
    undo_run: str | None
    cancel: str | None
    error: str
    spent_micros: int
    budget_micros: int | None
    worker: str | None


class WorkflowRunPage(Shown):
    """Runs, newest first. `next` is the cursor of the page behind this one."""

    runs: list[WorkflowRunShown]
    next: str | None


class EventShown(Shown):
    """Something a run was told. `used_by` is the path of the step that waited for it."""

    id: str
    name: str
    at: int
    used_by: str | None


class WholeRunShown(WorkflowRunShown):
    """A run with its steps, in the order they ended, then those that have not, by path; and what it was told."""

    steps: list[WorkflowStepShown]
    events: list[EventShown]
    children: list[str]


def defined(step: Step) -> DefinedStep:
    """Show a step of a definition."""
    kind, of = _kind(step)
    return DefinedStep(
        id=step.id,
        kind=kind,
        of=of,
        when="" if step.when is None else step.when.text,
        compensate="" if step.compensate is None else step.compensate.tool,
        timeout_s=step.timeout_s,
        attempts=step.retry.attempts,
        budget_micros=step.budget_micros,
        ways={name: [defined(each) for each in steps] for name, steps in within(step)},
        conditions=_conditions(step),
    )


def _conditions(step: Step) -> dict[str, str]:
    cases = step.cases if isinstance(step, BranchStep) else ()
    return {str(number): "" if case.when is None else case.when.text for number, case in enumerate(cases)}


def _kind(step: Step) -> tuple[str, str]:
    match step:
        case ToolStep(call=call):
            return "tool", call.tool
        case ModelStep(model=model):
            return "model", model
        case AgentStep(agent=agent):
            return "agent", agent
        case ApprovalStep(approvers=group):
            return "approval", group
        case WorkflowStep(workflow=name):
            return "workflow", name
        case WaitStep():
            until = next((each.text for each in (step.seconds, step.until) if each is not None), "")
            return "wait", step.event or until
        case MapStep():
            return "map", step.over.text
        case LoopStep():
            return "loop", step.while_.text
        case BranchStep():
            return "branch", ""
        case ParallelStep():
            return "parallel", ""
        case _:
            return "step", ""


def workflow_shown(workflow: Workflow, release: str) -> WorkflowShown:
    """Show a workflow."""
    return WorkflowShown(
        name=workflow.name,
        agent=workflow.agent,
        description=workflow.description,
        release=release,
        inputs=dict(workflow.inputs),
        concurrency=workflow.concurrency,
        priority=workflow.priority,
        timeout_s=workflow.timeout_s,
        steps=[defined(step) for step in workflow.steps],
        schedules=[each.cron for each in workflow.schedules],
        triggers=[each.event or each.webhook for each in workflow.triggers],
    )


def run_fields(row: WorkflowRun) -> dict[str, object]:
    """Return the fields of WorkflowRunShown."""
    return {
        "run": row.run,
        "workflow": row.workflow,
        "agent": row.agent,
        "release": row.release,
        "state": row.state.value,
        "started_by": row.started_by,
        "created_at": row.created_at,
        "ended_at": row.ended_at or None,
        "due_at": None if row.is_over or row.owner else row.ready_at,
        "deadline": row.deadline or None,
        "parent": row.parent or None,
        "shares": row.shares or None,
        "undo_run": row.undo_run or None,
        "cancel": row.cancel or None,
        "error": row.error,
        "spent_micros": row.spent,
        "budget_micros": None if row.budget == NO_BOUND else row.budget,
        "worker": row.owner or None,
    }


def run_shown(row: WorkflowRun) -> WorkflowRunShown:
    """Show a run."""
    return WorkflowRunShown.model_validate(run_fields(row))


def whole_run(
    row: WorkflowRun,
    steps: Sequence[StoredStep],
    actions: Mapping[str, Sequence[str]],
    events: Sequence[WorkflowEvent],
    children: Sequence[WorkflowRun],
) -> WholeRunShown:
    """Show a run with its steps; `actions` are those of each, by path."""
    ordered = sorted((each.progress for each in steps), key=lambda each: (not each.number, each.number, each.path))
    return WholeRunShown.model_validate(
        {
            **run_fields(row),
            "spent_micros": row.spent if row.is_over else sum(each.progress.spent for each in steps),
            "steps": [step_shown(each, actions.get(each.path, ()), is_over=row.is_over) for each in ordered],
            "events": [
                EventShown(id=each.id, name=each.name, at=each.at, used_by=each.used_by or None) for each in events
            ],
            "children": [child.run for child in children],
        }
    )


def step_shown(row: Progress, actions: Sequence[str], *, is_over: bool) -> WorkflowStepShown:
    """Show a step. A step around others, one of which has failed, has failed with the run."""
    state = StepState.FAILED if is_over and row.state is StepState.RUNNING else row.state
    return WorkflowStepShown(
        path=row.path,
        state=state.value,
        attempt=row.attempt,
        actions=list(actions),
        error=row.error,
        waits_for=row.waits_for,
        due_at=row.due_at,
        began_at=row.began_at,
        ended_at=row.ended_at,
        number=row.number,
        spent_micros=row.spent,
        belongs_to=row.belongs_to or None,
    )
