"""Workflows that could not run as they are written: names that lead nowhere, expressions that do not fit, circles."""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.ids import WorkflowName
from remit.domain.release import Agent, Effect
from remit.domain.workflow import (
    AgentStep,
    ApprovalStep,
    BranchStep,
    Call,
    Expression,
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
from remit.workspace.draft import Draft, Written
from remit.workspace.expressions import Failed, Unfit, constant
from remit.workspace.fire_times import mistake
from remit.workspace.program import UNDOING, Fault, Known, Program
from remit.workspace.report import Source, listed


def check_workflows(draft: Draft) -> None:
    """Report every mistake of every workflow."""
    known = Known(
        {written.value.name: written.value for written in draft.tools},
        {written.value.name: written.value for written in draft.workflows},
    )
    for written in draft.workflows:
        _Checking(draft, written, known).all()
    _check_circles(draft)
    _check_webhooks(draft)


class _Checking:
    """One workflow under examination."""

    def __init__(self, draft: Draft, written: Written[Workflow], known: Known) -> None:
        self._draft = draft
        self._workflow = written.value
        self._source: Source = written.source
        self._known = known
        self._paths = dict(_paths(self._workflow.steps, "steps"))
        agents = {each.value.name: each.value for each in draft.agents}
        self._agent: Agent | None = agents.get(self._workflow.agent)

    def all(self) -> None:
        """Look at everything."""
        draft, workflow = self._draft, self._workflow
        draft.check_known("Agent", workflow.agent, self._source, "agent")
        self._ids_differ()
        for step, path in list(self._paths.values()):
            self._names(step, path)
            self._reached(step, path)
            self._undone(step, path)
        for index, schedule in enumerate(workflow.schedules):
            said = mistake(schedule.cron)
            if said:
                self._wrong(f"schedules[{index}].cron", said, "Write minute, hour, day, month and weekday: `0 9 * * 1`")
        if draft.read_whole("Tool", "Workflow"):
            for fault in Program(workflow, self._known).faults:
                self._fault(fault)

    def _wrong(self, path: str, message: str, remedy: str, *, warning: bool = False) -> None:
        self._draft.report.add(self._source, path, message, remedy, warning=warning)

    def _ids_differ(self) -> None:
        seen: set[str] = set()
        for step, path in _each(self._workflow.steps, "steps"):
            if step.id in seen:
                self._wrong(f"{path}.id", f"two steps are called `{step.id}`", "Give each step its own id")
            seen.add(step.id)

    def _names(self, step: Step, path: str) -> None:
        """Report what nobody has, or the workflow's agent was not granted."""
        check = self._draft.check_known
        match step:
            case ToolStep(call=call):
                self._granted(call, f"{path}.tool")
            case ModelStep(model=model):
                self._model(model, f"{path}.model.name")
            case AgentStep():
                self._handed(step, f"{path}.agent")
            case ApprovalStep(approvers=group):
                check("Group", group, self._source, f"{path}.approval.group")
            case WorkflowStep(workflow=name):
                check("Workflow", name, self._source, f"{path}.workflow.name")
                self._handed_to_workflow(name, f"{path}.workflow.name")
            case _:
                pass
        if step.compensate is not None:
            self._granted(step.compensate, f"{path}.compensate.tool")

    def _granted(self, call: Call, path: str) -> None:
        self._draft.check_known("Tool", call.tool, self._source, path)
        agent = self._agent
        if agent is None or call.tool not in self._known.tools:
            return
        if call.tool not in {grant.tool for grant in agent.remit.grants}:
            said = f"`{call.tool}` is not in the remit of `{agent.name}`, so every call would be denied"
            self._wrong(path, said, "Grant it to the agent, or let another agent do this")
            return
        schema = self._known.tools[call.tool].input_schema
        given = call.arguments.value if isinstance(call.arguments.value, dict) else {}
        required, properties = schema.get("required"), schema.get("properties")
        lacking = [name for name in required if name not in given] if isinstance(required, list | tuple) else []
        takes = [str(name) for name in properties] if isinstance(properties, dict) else []
        unknown = [name for name in given if takes and name not in takes]
        where = path.removesuffix("tool") + "arguments"
        if lacking:
            self._wrong(where, f"`{call.tool}` needs {listed(lacking, 'and')}", "Add what it is called with")
        if unknown:
            self._wrong(where, f"`{call.tool}` takes no {listed(unknown)}", f"It takes {listed(takes, 'and')}")

    def _handed_to_workflow(self, name: str, path: str) -> None:
        """Report a workflow of another agent than this one's may hand work to."""
        own = self._agent
        for written in self._draft.workflows:
            other = written.value.agent
            if written.value.name == name and own is not None and other not in (own.name, *own.remit.agents):
                said = f"`{name}` works as `{other}`, to which `{own.name}` may not hand work"
                self._wrong(path, said, f"Add `{other}` to `agents` in the remit of `{own.name}`")

    def _handed(self, step: AgentStep, path: str) -> None:
        """Report work that would be refused, or that nobody could do."""
        self._draft.check_known("Agent", step.agent, self._source, f"{path}.name")
        by_name = {written.value.name: written.value for written in self._draft.agents}
        own, other = self._agent, by_name.get(step.agent)
        if own is None or other is None:
            return
        if other.name != own.name and other.name not in own.remit.agents:
            said = f"`{own.name}` may not hand work to `{other.name}`, so it would be refused"
            self._wrong(f"{path}.name", said, f"Add it to `agents` in the remit of `{own.name}`")
        if other.endpoint is None and not step.model:
            self._wrong(path, "the built-in agent has no model", "Add `model`, or an `endpoint` to the agent")
        if step.model:
            self._model(step.model, f"{path}.model")
            if step.model not in other.remit.models:
                said = f"`{step.model}` is not in the remit of `{other.name}`, so every call would be denied"
                self._wrong(f"{path}.model", said, "Add it to `models` of the agent, or let it ask another model")

    def _model(self, model: str, path: str) -> None:
        if self._agent is not None and model not in self._agent.remit.models:
            said = f"`{model}` is not in the remit of `{self._agent.name}`, so every call would be denied"
            self._wrong(path, said, "Add it to `models` of the agent, or ask another model")

    def _reached(self, step: Step, path: str) -> None:
        """Report steps that are never carried out."""
        if _comes_to(step.when, False):
            self._wrong(f"{path}.when", "the step is never carried out", "Delete it, or correct the condition")
        if isinstance(step, BranchStep):
            for number, case in enumerate(step.cases):
                if _comes_to(case.when, False):
                    self._wrong(f"{path}.branch[{number}]", "this case is never taken", "Delete it, or correct it")
                if (case.when is None or _comes_to(case.when, True)) and number < len(step.cases) - 1:
                    said = "the cases below this one are never taken"
                    self._wrong(f"{path}.branch[{number}]", said, "Move it to the end, or give it a `when`")
                    break
        if isinstance(step, LoopStep) and _comes_to(step.while_, True):
            said = f"the loop has no end of its own: it fails after {step.at_most} rounds"
            self._wrong(f"{path}.loop.while", said, "Write the condition under which it goes on")
        if isinstance(step, LoopStep) and _comes_to(step.while_, False):
            self._wrong(f"{path}.loop.while", "the loop has no rounds", "Delete it, or correct the condition")
        if isinstance(step, MapStep) and _comes_to(step.over, []):
            self._wrong(f"{path}.map.over", "the map has no items", "Name a list, or delete it")
        if isinstance(step, WaitStep) and step.event and step.timeout_s is None:
            said = f"waits for ever where `{step.event}` never comes"
            self._wrong(f"{path}.wait", said, "Add a `timeout` to the step", warning=True)

    def _undone(self, step: Step, path: str) -> None:
        """Report a payment that nothing takes back, where steps behind it may fail.

        A workflow that has succeeded is not undone by the one it is a step of.
        """
        if step.compensate is None and not self._is_last(step):
            payer = self._payer(step, frozenset())
            if payer:
                what = f"`{payer}` pays" if isinstance(step, ToolStep) else f"the workflow pays by `{payer}`"
                said = f"{what}, steps follow, and nothing takes it back if one of them fails"
                self._wrong(path, said, "Add `compensate`, or let it be the last step")

    def _payer(self, step: Step, around: frozenset[WorkflowName]) -> str:
        """Return the tool by which a step pays, or one of the workflow it carries out; empty: it does not."""
        if isinstance(step, ToolStep):
            tool = self._known.tools.get(step.call.tool)
            return tool.name if tool is not None and tool.effect is Effect.PAY else ""
        if not isinstance(step, WorkflowStep) or step.workflow in around:
            return ""
        inner = self._known.workflows.get(step.workflow)
        steps = () if inner is None else inner.each_step()
        return next((found for each in steps if (found := self._payer(each, around | {step.workflow}))), "")

    def _is_last(self, step: Step) -> bool:
        return bool(self._workflow.steps) and self._workflow.steps[-1].id == step.id

    def _fault(self, fault: Fault) -> None:
        base = "" if fault.step.startswith("~") else self._paths[fault.step.removesuffix(UNDOING)][1] + "."
        at = f" (column {fault.column})" if fault.column else ""
        said = f"`{fault.expression}`{at}: {fault.message}" if fault.expression else fault.message
        self._wrong(base + fault.field, said, "Correct the expression")


def _comes_to(expression: Expression | None, value: object) -> bool:
    """Tell whether an expression comes to a value whatever happens, since it names nothing."""
    if expression is None:
        return False
    try:
        found: object = constant(expression.text)
    except (Unfit, Failed):
        return False
    return type(found) is type(value) and found == value


def _each(steps: tuple[Step, ...], path: str) -> Iterator[tuple[Step, str]]:
    """Yield every step with where it stands in the document."""
    for index, step in enumerate(steps):
        here = f"{path}[{index}]"
        yield step, here
        for way, inner in within(step):
            yield from _each(inner, f"{here}.{_written(step, way)}")


def _written(step: Step, way: str) -> str:
    match step:
        case BranchStep():
            return f"branch[{way}].steps"
        case ParallelStep():
            return f"parallel.{way}"
        case MapStep():
            return "map.steps"
        case _:
            return "loop.steps"


def _paths(steps: tuple[Step, ...], path: str) -> Iterator[tuple[str, tuple[Step, str]]]:
    for step, where in _each(steps, path):
        yield step.id, (step, where)


def _check_circles(draft: Draft) -> None:
    """Report workflows that carry out themselves, at once or by way of others."""
    calls = {written.value.name: _called(written.value) for written in draft.workflows}
    for written in draft.workflows:
        way = _way_back(written.value.name, calls)
        if way:
            said = "the workflow carries out itself: " + " → ".join([written.value.name, *way])
            draft.report.add(written.source, "steps", said, "Break the circle, or write a `loop`")


def _check_webhooks(draft: Draft) -> None:
    """Report webhooks of one name: the address would be that of the first alone."""
    taken: dict[str, WorkflowName] = {}
    for written in draft.workflows:
        for index, trigger in enumerate(written.value.triggers):
            if trigger.webhook in taken:
                said = f"workflow `{taken[trigger.webhook]}` has a webhook `{trigger.webhook}`, at the same address"
                draft.report.add(written.source, f"triggers[{index}].webhook", said, "Give each its own name")
            elif trigger.webhook:
                taken[trigger.webhook] = written.value.name


def _called(workflow: Workflow) -> tuple[WorkflowName, ...]:
    return tuple(step.workflow for step in workflow.each_step() if isinstance(step, WorkflowStep))


def _way_back(begin: WorkflowName, calls: dict[WorkflowName, tuple[WorkflowName, ...]]) -> list[WorkflowName]:
    """Return the shortest way from a workflow back to itself, empty where there is none."""
    ways: list[list[WorkflowName]] = [[name] for name in calls[begin]]
    seen: set[WorkflowName] = set()
    while ways:
        way = ways.pop(0)
        if way[-1] == begin:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            ways += [[*way, name] for name in calls.get(way[-1], ())]
    return []
