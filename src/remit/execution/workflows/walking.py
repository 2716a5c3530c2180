"""What is to be done next in a run of a workflow. Pure: the same definition and rows give the same answer.

Whatever depends on the time or on a choice (which case, which items, whether once more) is decided here once and
written down, so that a run takes the same way however often it is walked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from remit.domain.clock import Instant
from remit.domain.workflow import (
    BranchStep,
    Expression,
    LoopStep,
    MapStep,
    ParallelStep,
    Step,
    Template,
    Workflow,
)
from remit.domain.workflow_progress import Progress, StepState
from remit.workspace.expressions import Failed

Values = Mapping[str, Any]
"""What expressions may name: `inputs`, `steps`, `item`, `index`, `now`."""


class Evaluates(Protocol):
    """Comes to what expressions say. Raises expressions.Failed."""

    def value(self, step: str, expression: Expression, values: Values) -> Any: ...

    def filled(self, step: str, template: Template, values: Values) -> Any: ...


@dataclass(frozen=True, slots=True)
class Ready:
    """A step that acts itself and may be begun, or gone on with where `row` says how far it had come."""

    path: str
    step: Step
    values: Values
    row: Progress | None


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk through the definition found.

    Attributes:
        decided: rows to be written, with what was decided on the way.
        ready: what can be done now, in the order of the definition.
        waiting: steps that wait, and nothing can be done about.
        failed: the first step that has failed for good; the run fails.
        values: what the outputs of the run may name, once every step has ended.
    """

    decided: tuple[Progress, ...] = ()
    ready: tuple[Ready, ...] = ()
    waiting: tuple[Progress, ...] = ()
    failed: Progress | None = None
    values: Values | None = None

    @property
    def due_at(self) -> Instant | None:
        """The earliest time at which something goes on by itself."""
        times = [row.due_at for row in self.waiting if row.due_at is not None]
        return min(times, default=None)


@dataclass(frozen=True, slots=True)
class _Flow:
    """How a way through some steps ended: done with a last output, or not yet."""

    is_done: bool
    values: Values
    output: Any = None


class _Stopped(Exception):
    """Some step has failed: nothing more is begun."""


@dataclass(slots=True)
class _Walker:
    workflow: Workflow
    rows: Mapping[str, Progress]
    evaluates: Evaluates
    at: Instant
    woken: frozenset[str] = frozenset()
    is_past: bool = False
    is_lenient: bool = False
    undone: dict[str, Values] = field(default_factory=dict)
    decided: dict[str, Progress] = field(default_factory=dict)
    ready: list[Ready] = field(default_factory=list)
    waiting: list[Progress] = field(default_factory=list)
    failed: Progress | None = None

    # -- sequences

    def sequence(self, steps: tuple[Step, ...], prefix: str, values: Values) -> _Flow:
        """Walk steps one after the other, as far as they go."""
        output: Any = None
        known = dict(values["steps"])  # grows with each step that is done: none of those keeps it
        values = {**values, "steps": known}
        for step in steps:
            flow = self._leniently(step, prefix + step.id, values)
            if not flow.is_done:
                return flow
            output = known[step.id] = flow.output
        return _Flow(True, values, output)

    def _leniently(self, step: Step, path: str, values: Values) -> _Flow:
        try:
            return self.step(step, path, values)
        except _Stopped:
            if not self.is_lenient:
                raise
            return _Flow(False, values)

    def step(self, step: Step, path: str, values: Values) -> _Flow:
        """Walk one step."""
        row = self.rows.get(path)
        if row is not None and row.state is StepState.FAILED and not self.is_past:
            self.failed = self.failed or row
            raise _Stopped
        if row is not None and row.state is StepState.SKIPPED:
            return _Flow(True, values)
        if self.is_past and (row is None or row.state is StepState.FAILED):
            return _Flow(False, values)  # it never came to this, or to nothing
        if row is None and step.when is not None and not self._holds(step, path, step.when, values):
            self._decide(Progress(path, StepState.SKIPPED))
            return _Flow(True, values)
        match step:
            case BranchStep():
                flow = self._branch(step, path, values, row)
            case ParallelStep():
                flow = self._parallel(step, path, values, row)
            case MapStep():
                flow = self._map(step, path, values, row)
            case LoopStep():
                flow = self._loop(step, path, values, row)
            case _:
                return self._leaf(step, path, values, row)
        if flow.is_done and not self.is_past:
            self._close(path)
        return flow

    def _leaf(self, step: Step, path: str, values: Values, row: Progress | None) -> _Flow:
        if row is not None and row.state is StepState.DONE:
            if self.is_past and step.compensate is not None:
                steps = {**values["steps"], step.id: row.output}
                self.undone[path] = {**values, "steps": steps, "output": row.output}
            return _Flow(True, values, row.output)
        if row is not None and row.state is not StepState.RUNNING and not self._goes_on(row) and not self.is_lenient:
            self.waiting.append(row)
        else:
            self.ready.append(Ready(path, step, values, row))
        return _Flow(False, values)

    def _goes_on(self, row: Progress) -> bool:
        is_due = row.state is StepState.WAITING and row.due_at is not None and row.due_at <= self.at
        return is_due or row.path in self.woken

    # -- steps around others

    def _branch(self, step: BranchStep, path: str, values: Values, row: Progress | None) -> _Flow:
        if row is None:
            held = (
                number
                for number, case in enumerate(step.cases)
                if case.when is None or self._holds(step, path, case.when, values)
            )
            row = self._decide(Progress(path, StepState.RUNNING, output={"case": next(held, None)}))
        chosen = _decision(row)["case"]
        if chosen is None:
            return _Flow(True, values)
        flow = self.sequence(step.cases[chosen].steps, f"{path}/{chosen}/", values)
        return _Flow(flow.is_done, values, flow.output)

    def _parallel(self, step: ParallelStep, path: str, values: Values, row: Progress | None) -> _Flow:
        if row is None:
            self._decide(Progress(path, StepState.RUNNING, output={}))
        flows = {name: self.sequence(inner, f"{path}/{name}/", values) for name, inner in step.branches.items()}
        is_done = all(flow.is_done for flow in flows.values())
        return _Flow(is_done, values, {name: flow.output for name, flow in flows.items()} if is_done else None)

    def _map(self, step: MapStep, path: str, values: Values, row: Progress | None) -> _Flow:
        if row is None:
            row = self._decide(Progress(path, StepState.RUNNING, output={"items": self._items(step, path, values)}))
        outputs, open_ones = [], 0
        for index, item in enumerate(_decision(row)["items"]):
            inner = {**values, "item": item, "index": index}
            flow = self.sequence(step.steps, f"{path}/{index}/", inner)
            outputs.append(flow.output)
            open_ones += not flow.is_done
            if open_ones >= step.concurrency and not self.is_past:
                break
        return _Flow(not open_ones, values, outputs if not open_ones else None)

    def _items(self, step: MapStep, path: str, values: Values) -> list[Any]:
        items = self._value(step, path, step.over, values)
        if not isinstance(items, list):
            self._fail(path, "not_a_list", f"`{step.over.text}` comes to no list")
        if len(items) > step.at_most:
            self._fail(path, "too_many_items", f"{len(items):,} items are more than the {step.at_most:,} allowed")
        return list(items)

    def _loop(self, step: LoopStep, path: str, values: Values, row: Progress | None) -> _Flow:
        begun = 0 if row is None else int(_decision(row)["begun"])
        is_over = row is not None and bool(_decision(row)["is_over"])
        output: Any = None
        for number in range(step.at_most + 1):
            if number >= begun and not is_over and not self.is_past:
                is_over = not self._holds(step, path, step.while_, {**values, "index": number})
                if not is_over and number == step.at_most:
                    self._fail(path, "too_many_rounds", f"`{step.while_.text}` still holds after {step.at_most} rounds")
                begun = number if is_over else number + 1
                self._decide(Progress(path, StepState.RUNNING, output={"begun": begun, "is_over": is_over}))
            if number >= begun:
                break
            flow = self.sequence(step.steps, f"{path}/{number}/", {**values, "index": number})
            if not flow.is_done:
                return _Flow(False, values)
            values, output = {**values, "steps": flow.values["steps"]}, flow.output
        return _Flow(True, values, output)

    def _close(self, path: str) -> None:
        """Write down that a step around others has come to its end; what it had decided stays as it is."""
        row = self.decided.get(path) or self.rows[path]
        if row.state is StepState.RUNNING:
            self._decide(replace(row, state=StepState.DONE))

    # -- what is decided

    def _holds(self, step: Step, path: str, expression: Expression, values: Values) -> bool:
        found = self._value(step, path, expression, values)
        if not isinstance(found, bool):
            self._fail(path, "not_a_condition", f"`{expression.text}` is neither true nor false")
        return bool(found)

    def _value(self, step: Step, path: str, expression: Expression, values: Values) -> Any:
        try:
            return self.evaluates.value(step.id, expression, values)
        except Failed as error:
            self._fail(path, "expression_failed", str(error))

    def _fail(self, path: str, code: str, words: str) -> Any:
        self.failed = self._decide(Progress(path, StepState.FAILED, error=f"{code}: {words}"))
        raise _Stopped

    def _decide(self, row: Progress) -> Progress:
        self.decided[row.path] = row
        return row


def walk(
    workflow: Workflow,
    inputs: Any,
    rows: Mapping[str, Progress],
    evaluates: Evaluates,
    now: Instant,
    *,
    at: Instant | None = None,
    woken: frozenset[str] = frozenset(),
) -> Walk:
    """Walk through a definition as far as the rows of its run go.

    Args:
        workflow: the definition.
        inputs: what the run was started with.
        rows: how far it has come, by path.
        evaluates: what expressions come to.
        now: what `now` is in expressions: the same for whoever walks this turn again.
        at: the time by which waits are over; `now` where left out.
        woken: paths of steps that wait for something that has happened.
    """
    walker = _Walker(workflow, rows, evaluates, now if at is None else at, woken)
    flow = None
    try:
        flow = walker.sequence(workflow.steps, "", _values(inputs, now))
    except _Stopped:
        walker.ready.clear()
    return Walk(
        decided=tuple(walker.decided.values()),
        ready=tuple(walker.ready),
        waiting=tuple(walker.waiting),
        failed=walker.failed,
        values=flow.values if flow is not None and flow.is_done else None,
    )


def open_steps(
    workflow: Workflow, inputs: Any, rows: Mapping[str, Progress], evaluates: Evaluates, now: Instant
) -> tuple[Ready, ...]:
    """Return the steps that act themselves, have not ended, and may have been begun: one that failed hides no other."""
    walker = _Walker(workflow, rows, evaluates, now, is_lenient=True)
    walker.sequence(workflow.steps, "", _values(inputs, now))
    return tuple(walker.ready)


def undoing_values(
    workflow: Workflow, inputs: Any, rows: Mapping[str, Progress], evaluates: Evaluates, now: Instant
) -> Mapping[str, Values]:
    """Return what each compensation may name, by the path of the step it undoes. Nothing is decided anew."""
    walker = _Walker(workflow, rows, evaluates, now, is_past=True)
    walker.sequence(workflow.steps, "", _values(inputs, now))
    return walker.undone


def _values(inputs: Any, now: Instant) -> Values:
    return {"inputs": inputs, "steps": {}, "now": dt.datetime.fromtimestamp(now / 1e6, dt.UTC)}


def undoing(workflow: Workflow, rows: Mapping[str, Progress]) -> Iterator[tuple[str, Step, Progress]]:
    """Yield what has to be undone, the last that was done first: the path under which that is done, step and row.

    What belongs to another run is not undone here.
    """
    steps = {step.id: step for step in workflow.each_step()}
    done = [row for row in rows.values() if row.state is StepState.DONE and not row.path.startswith(UNDO)]
    for row in sorted(done, key=lambda row: row.number, reverse=True):
        step = steps.get(row.path.rpartition("/")[2])
        if step is not None and step.compensate is not None and not row.belongs_to:
            yield UNDO + row.path, step, row


UNDO = "undo/"
"""Where the paths of compensations begin; no step can be called that."""


def ended(row: Progress, output: Any, number: int) -> Progress:
    """Return a row as done."""
    return replace(row, state=StepState.DONE, output=output, error="", due_at=None, waits_for="", number=number)


def _decision(row: Progress) -> Mapping[str, Any]:
    assert isinstance(row.output, Mapping), "what was decided is a mapping"
    return row.output
