"""A workflow with its expressions compiled: each against what is known where it stands.

The same code finds what is wrong with a workflow when a workspace is checked, and evaluates it when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from remit.domain.canonical import canonical
from remit.domain.ids import ModelName, ToolName, WorkflowName
from remit.domain.release import Configuration, Tool
from remit.domain.workflow import (
    AgentStep,
    ApprovalStep,
    BranchStep,
    Expression,
    LoopStep,
    MapStep,
    ModelStep,
    ParallelStep,
    Step,
    Template,
    ToolStep,
    WaitStep,
    Workflow,
    WorkflowStep,
)
from remit.workspace.expressions import Compiled, Failed, Names, Schema, Unfit, closed
from remit.workspace.templates import Unclosed, expressions_in, filled

OUTPUTS, STARTS, TRIGGERED = "~outputs", "~schedule", "~trigger"
"""Where in a program expressions stand that are in no step; the last two with the number of the schedule or trigger."""
UNDOING = "~undo"
"""Behind the id of a step: its compensation."""
ANY: Schema = {}
NOW: Schema = {"type": "string", "format": "cel-timestamp"}
TEXT: Schema = {"type": "string"}
INDEX: Schema = {"type": "integer"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an expression. `field` is where it stands in its step, as `arguments.lines[0]`."""

    step: str
    field: str
    expression: str
    message: str
    column: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What a step can know of the rest: the release as far as it could be read."""

    tools: Mapping[ToolName, Tool]
    workflows: Mapping[WorkflowName, Workflow]

    @classmethod
    def of(cls, configuration: Configuration) -> Known:
        """Return what a configuration knows."""
        return cls(configuration.tools, configuration.workflows)


@dataclass(slots=True)
class _Place:
    """Where expressions of a step are evaluated: what they may name, and what was compiled of them."""

    names: Names
    compiled: dict[str, Compiled] = field(default_factory=dict)


class Program:
    """The expressions of one workflow. Built once, then only read; safe to share between threads."""

    def __init__(self, workflow: Workflow, known: Known) -> None:
        self.workflow = workflow
        self.faults: list[Fault] = []
        self._known = known
        self._places: dict[str, _Place] = {}
        self._kept: dict[bytes, Names] = {}
        scope = {"inputs": closed(workflow.inputs), "now": NOW}
        steps = self._sequence(workflow.steps, scope, {})
        self._template(OUTPUTS, "outputs", workflow.outputs, {**scope, "steps": _of(steps)})
        for index, schedule in enumerate(workflow.schedules):
            self._template(f"{STARTS}{index}", f"schedules[{index}].inputs", schedule.inputs, {"now": NOW})
        for index, trigger in enumerate(workflow.triggers):
            told = {"now": NOW, "event": ANY}
            self._template(f"{TRIGGERED}{index}", f"triggers[{index}].inputs", trigger.inputs, told)

    def value(self, step: str, expression: Expression, values: Mapping[str, Any]) -> Any:
        """Return what an expression of a step comes to. Raises expressions.Failed."""
        place = self._places[step]
        return place.names.evaluate(place.compiled[expression.text], values)

    def filled(self, step: str, template: Template, values: Mapping[str, Any]) -> Any:
        """Return a template of a step with its expressions filled in. Raises expressions.Failed."""
        return filled(template, lambda expression: self.value(step, expression, values))

    # -- what steps come to

    def _sequence(
        self, steps: tuple[Step, ...], scope: Mapping[str, Schema], outer: Mapping[str, Schema]
    ) -> dict[str, Schema]:
        """Compile steps one after the other; return what those that are visible behind them come to."""
        seen = dict(outer)
        for step in steps:
            here = {**scope, "steps": _of(seen)}
            output = self._step(step, here, seen)
            seen[step.id] = ANY if step.when is not None else output  # what was skipped came to nothing
            if step.compensate is not None:
                place = step.id + UNDOING
                undoing = {**scope, "steps": _of(seen), "output": closed(output)}
                self._template(place, "compensate.arguments", step.compensate.arguments, undoing)
        return seen

    def _step(self, step: Step, scope: Mapping[str, Schema], seen: Mapping[str, Schema]) -> Schema:
        if step.when is not None:
            self._condition(step.id, "when", step.when, scope)
        match step:
            case ToolStep(call=call):
                self._template(step.id, "arguments", call.arguments, scope)
                return output_of(self._known.tools.get(call.tool))
            case ModelStep():
                self._template(step.id, "model.variables", step.variables, scope)
                self._template(step.id, "model.messages", step.messages, scope)
                return MODEL_OUTPUT
            case AgentStep():
                self._template(step.id, "agent.task", step.task, scope)
                return TEXT if step.output is None else step.output
            case ApprovalStep():
                self._template(step.id, "approval.shows", step.shows, scope)
                return APPROVAL_OUTPUT
            case WaitStep():
                for name, expression in (("for", step.seconds), ("until", step.until)):
                    if expression is not None:
                        self._expression(step.id, f"wait.{name}", expression, scope)
                return ANY
            case WorkflowStep():
                self._template(step.id, "workflow.inputs", step.inputs, scope)
                return ANY
            case _:
                return self._around(step, scope, seen)

    def _around(self, step: Step, scope: Mapping[str, Schema], seen: Mapping[str, Schema]) -> Schema:
        match step:
            case BranchStep():
                outputs = []
                for number, case in enumerate(step.cases):
                    if case.when is not None:
                        self._condition(step.id, f"branch[{number}].when", case.when, scope)
                    outputs.append(_last(case.steps, self._sequence(case.steps, scope, seen)))
                is_whole = any(case.when is None for case in step.cases)
                return outputs[0] if is_whole and all(each == outputs[0] for each in outputs) else ANY
            case ParallelStep():
                ways = {name: _last(way, self._sequence(way, scope, seen)) for name, way in step.branches.items()}
                return {"type": "object", "properties": ways, "required": list(ways)}
            case MapStep():
                items = self._expression(step.id, "map.over", step.over, scope)
                item = items.get("items", ANY)
                inner = {**scope, "item": closed(item), "index": INDEX}
                return {"type": "array", "items": _last(step.steps, self._sequence(step.steps, inner, seen))}
            case LoopStep():
                inner = {**scope, "index": INDEX}
                # In the first round nothing of the round before is there: what the steps come to may be null.
                before = {**seen, **dict.fromkeys((each.id for each in step.steps), ANY)}
                self._condition(step.id, "loop.while", step.while_, {**inner, "steps": _of(before)})
                return _last(step.steps, self._sequence(step.steps, inner, before))
            case _:
                raise AssertionError(f"{type(step).__name__} is no step")

    # -- expressions

    def _condition(self, step: str, where: str, expression: Expression, scope: Mapping[str, Schema]) -> None:
        schema = self._expression(step, where, expression, scope)
        if schema.get("type", "boolean") != "boolean":
            self.faults.append(Fault(step, where, expression.text, f"comes to {_a(schema)}, not to true or false"))

    def _template(self, step: str, where: str, template: Template, scope: Mapping[str, Schema]) -> bool:
        self._place(step, scope)
        before = len(self.faults)
        try:
            for placed in expressions_in(template):
                inside = where + (f".{placed.place}" if placed.place and placed.place[0] != "[" else placed.place)
                self._expression(step, inside, placed.expression, scope)
        except Unclosed as error:
            self.faults.append(Fault(step, f"{where}.{error}".rstrip("."), "", "a `${` is never closed"))
        return len(self.faults) == before

    def _expression(self, step: str, where: str, expression: Expression, scope: Mapping[str, Schema]) -> Schema:
        place = self._place(step, scope)
        try:
            compiled = place.names.compile(expression.text)
        except Unfit as error:
            self.faults.append(Fault(step, where, expression.text, str(error), error.column))
            return ANY
        place.compiled[expression.text] = compiled
        if not compiled.path and not compiled.names:
            self._constant(step, where, place, compiled)
        return compiled.schema

    def _constant(self, step: str, where: str, place: _Place, compiled: Compiled) -> None:
        """Find what always fails, since it names nothing."""
        try:
            place.names.evaluate(compiled, {})
        except Failed as error:
            said = str(error).removeprefix(f"`{compiled.text}`: ")
            self.faults.append(Fault(step, where, compiled.text, f"always fails: {said}"))

    def _place(self, step: str, scope: Mapping[str, Schema]) -> _Place:
        place = self._places.get(step)
        if place is None:
            place = self._places[step] = _Place(self._names(scope))
        return place

    def _names(self, scope: Mapping[str, Schema]) -> Names:
        key = canonical(scope)
        if key not in self._kept:
            self._kept[key] = Names(scope)
        return self._kept[key]


MODEL_OUTPUT: Schema = {
    "type": "object",
    "required": ["text", "input_tokens", "output_tokens"],
    "properties": {"text": TEXT, "input_tokens": INDEX, "output_tokens": INDEX},
}
APPROVAL_OUTPUT: Schema = {
    "type": "object",
    "required": ["approval", "by"],
    "properties": {"approval": TEXT, "by": {"type": "array", "items": TEXT}},
}
"""What a step of people comes to when they approve; where they do not, it fails."""


def output_of(tool: Tool | None) -> Schema:
    """Return what is known of a tool's output; nothing where its document does not say."""
    return ANY if tool is None or tool.output_schema is None else tool.output_schema


def programs(configuration: Configuration) -> Iterator[tuple[Workflow, Program]]:
    """Yield every workflow of a release with its program."""
    known = Known.of(configuration)
    for workflow in configuration.workflows.values():
        yield workflow, Program(workflow, known)


def models_of(workflow: Workflow) -> Iterator[ModelName]:
    """Yield the models that a workflow asks."""
    for step in workflow.each_step():
        if isinstance(step, ModelStep | AgentStep) and step.model:
            yield step.model


ProgramOf = Callable[[Workflow], Program]


def _of(steps: Mapping[str, Schema]) -> Schema:
    return {"properties": {id: closed(schema) for id, schema in steps.items()}, "additionalProperties": False}


def _last(steps: tuple[Step, ...], seen: Mapping[str, Schema]) -> Schema:
    return seen[steps[-1].id] if steps else ANY


def _a(schema: Schema) -> str:
    kind = str(schema.get("type"))
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
