"""A run takes one way through its definition, whatever order its steps end in and however often it is walked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.clock import Instant
from remit.domain.ids import AgentName, ToolName, WorkflowName
from remit.domain.workflow import (
    BranchStep,
    Call,
    Case,
    Expression,
    LoopStep,
    MapStep,
    ParallelStep,
    Step,
    Template,
    ToolStep,
    Workflow,
    WorkflowStep,
)
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.workflows.walking import UNDO, Walk, ended, open_steps, undoing, walk
from remit.workspace.expressions import Names
from remit.workspace.templates import filled

NOW = Instant(10**15)
NAMES = Names({"inputs": {}, "steps": {}, "item": {}, "index": {"type": "integer"}})


class Evaluates:
    """Evaluates expressions of which nothing is known beforehand."""

    def value(self, step: str, expression: Expression, values: Mapping[str, Any]) -> Any:
        return NAMES.evaluate(NAMES.compile(expression.text), values)

    def filled(self, step: str, template: Template, values: Mapping[str, Any]) -> Any:
        return filled(template, lambda expression: self.value(step, expression, values))


def tool(id: str, *, when: str = "", undo: bool = False) -> ToolStep:
    call = Call(ToolName(f"erp.{id}"), Template({}))
    return ToolStep(id, Expression(when) if when else None, compensate=call if undo else None, call=call)


def workflow(*steps: Step) -> Workflow:
    return Workflow(WorkflowName("w"), AgentName("a"), steps)


class Run:
    """A run that is walked on after each step that ends."""

    def __init__(self, *steps: Step, inputs: Any = None) -> None:
        self.workflow = workflow(*steps)
        self.inputs = inputs or {}
        self.rows: dict[str, Progress] = {}

    def walk(self) -> Walk:
        found = walk(self.workflow, self.inputs, self.rows, Evaluates(), NOW)
        self.rows.update({row.path: row for row in found.decided})
        return found

    def ready(self) -> list[str]:
        return [each.path for each in self.walk().ready]

    def open(self) -> list[str]:
        return [each.path for each in open_steps(self.workflow, self.inputs, self.rows, Evaluates(), NOW)]

    def fail(self, path: str) -> None:
        self.rows[path] = Progress(path, StepState.FAILED)

    def end(self, path: str, output: Any = None) -> None:
        row = self.rows.get(path, Progress(path, StepState.RUNNING))
        self.rows[path] = ended(row, output, 1 + max((row.number for row in self.rows.values()), default=0))


def test_steps_one_after_the_other_and_what_they_come_to() -> None:
    run = Run(tool("a"), tool("b", when="steps.a > 1"), tool("c", when="steps.a > 100"))
    assert run.ready() == ["a"]
    run.end("a", 7)
    assert run.ready() == ["b"]
    run.end("b", "x")
    found = run.walk()
    assert found.ready == ()
    assert found.values is not None
    assert found.values["steps"] == {"a": 7, "b": "x", "c": None}
    assert run.rows["c"].state is StepState.SKIPPED


def test_a_branch_takes_the_first_case_that_holds_and_stays_with_it() -> None:
    cases = (Case(Expression("inputs.n > 5"), (tool("big"),)), Case(None, (tool("small"),)))
    run = Run(BranchStep("choose", cases=cases), inputs={"n": 9})
    assert run.ready() == ["choose/0/big"]
    run.inputs = {"n": 1}  # as if something it depended on had changed since
    assert run.ready() == ["choose/0/big"]
    run.end("choose/0/big", "done")
    found = run.walk()
    assert found.values is not None
    assert found.values["steps"] == {"choose": "done"}


def test_branches_side_by_side() -> None:
    run = Run(ParallelStep("fan", branches={"l": (tool("a"), tool("b")), "r": (tool("c"),)}), tool("after"))
    assert run.ready() == ["fan/l/a", "fan/r/c"]
    run.end("fan/l/a", 1)
    assert run.ready() == ["fan/l/b", "fan/r/c"]
    run.end("fan/l/b", 2)
    run.end("fan/r/c", 3)
    found = run.walk()
    assert [each.path for each in found.ready] == ["after"]
    assert found.ready[0].values["steps"]["fan"] == {"l": 2, "r": 3}


def test_a_map_carries_out_so_many_at_a_time_and_keeps_the_order() -> None:
    run = Run(
        MapStep("each", over=Expression("inputs.items"), steps=(tool("a"),), concurrency=2), inputs={"items": [5, 6, 7]}
    )
    assert run.ready() == ["each/0/a", "each/1/a"]
    run.end("each/1/a", 60)
    assert run.ready() == ["each/0/a", "each/2/a"]
    assert [each.values["item"] for each in run.walk().ready] == [5, 7]
    run.end("each/2/a", 70)
    run.end("each/0/a", 50)
    found = run.walk()
    assert found.values is not None
    assert found.values["steps"] == {"each": [50, 60, 70]}


def test_a_loop_goes_on_while_its_condition_holds_and_no_longer_than_it_may() -> None:
    loop = LoopStep("again", while_=Expression("index == 0 || steps.a < 2"), steps=(tool("a"),), at_most=3)
    run = Run(loop)
    for number, output in enumerate((0, 1)):
        assert run.ready() == [f"again/{number}/a"]
        run.end(f"again/{number}/a", output)
    assert run.ready() == ["again/2/a"]
    run.end("again/2/a", 5)
    assert run.walk().values is not None
    endless = Run(LoopStep("again", while_=Expression("true"), steps=(tool("a"),), at_most=2))
    for number in range(2):
        assert endless.ready() == [f"again/{number}/a"]
        endless.end(f"again/{number}/a")
    found = endless.walk()
    assert found.failed is not None
    assert found.failed.error == "too_many_rounds: `true` still holds after 2 rounds"


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (tool("a", when="inputs.n"), "not_a_condition: `inputs.n` is neither true nor false"),
        (tool("a", when="inputs.missing"), "expression_failed: there is no inputs.missing"),
        (MapStep("m", over=Expression("inputs.n"), steps=(tool("a"),)), "not_a_list: `inputs.n` comes to no list"),
        (
            MapStep("m", over=Expression("inputs.items"), steps=(tool("a"),), at_most=2),
            "too_many_items: 3 items are more than the 2 allowed",
        ),
    ],
)
def test_what_can_not_be_decided_fails_the_step_and_begins_nothing(step: Step, error: str) -> None:
    run = Run(step, tool("after"), inputs={"n": 7, "items": [1, 2, 3]})
    found = run.walk()
    assert found.failed is not None
    assert found.failed.error == error
    assert found.ready == ()
    assert run.walk().failed == found.failed, "and stays so"


def test_a_step_that_waits_is_ready_again_when_its_time_has_come() -> None:
    run = Run(ParallelStep("fan", branches={"l": (tool("a"),), "r": (tool("b"),)}))
    run.walk()
    run.rows["fan/l/a"] = Progress("fan/l/a", StepState.WAITING, due_at=Instant(NOW + 1))
    run.rows["fan/r/b"] = Progress("fan/r/b", StepState.WAITING, due_at=NOW)
    found = run.walk()
    assert [each.path for each in found.ready] == ["fan/r/b"]
    assert found.due_at == NOW + 1


def test_what_was_done_is_undone_the_last_first() -> None:
    run = Run(
        tool("a", undo=True),
        tool("b"),
        MapStep("m", over=Expression("inputs.items"), steps=(tool("c", undo=True),)),
        inputs={"items": [1, 2]},
    )
    for path in ("a", "b", "m/1/c", "m/0/c"):
        run.walk()
        run.end(path)
    assert [path for path, _, _ in undoing(run.workflow, run.rows)] == [f"{UNDO}m/0/c", f"{UNDO}m/1/c", f"{UNDO}a"]


# -- any definition, any order, any crash


def definitions(depth: int = 2) -> st.SearchStrategy[tuple[Step, ...]]:
    """Definitions whose step ids are numbered afterwards."""
    leaf = st.just("leaf")
    return st.recursive(
        st.lists(leaf, min_size=1, max_size=3),
        lambda inner: st.lists(
            st.one_of(leaf, st.tuples(st.sampled_from(["branch", "parallel", "map", "loop"]), inner)),
            min_size=1,
            max_size=3,
        ),
        max_leaves=8,
    ).map(lambda shape: built(shape, [0]))


def built(shape: list[Any], count: list[int]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for part in shape:
        count[0] += 1
        id = f"s{count[0]}"
        if part == "leaf":
            steps.append(tool(id))
            continue
        kind, inner = part[0], built(part[1], count)
        match kind:
            case "branch":
                steps.append(
                    BranchStep(
                        id, cases=(Case(Expression("inputs.n > 5"), inner), Case(None, (WorkflowStep(f"{id}x"),)))
                    )
                )
            case "parallel":
                steps.append(ParallelStep(id, branches={"l": inner, "r": (tool(f"{id}y"),)}))
            case "map":
                steps.append(MapStep(id, over=Expression("inputs.items"), steps=inner, concurrency=2))
            case _:
                steps.append(LoopStep(id, while_=Expression("index < inputs.n - 7"), steps=inner))
    return tuple(steps)


@given(definitions(), st.randoms(use_true_random=False), st.sampled_from([1, 9]))
def test_any_order_and_any_number_of_walks_comes_to_the_same_end(steps: tuple[Step, ...], order: Any, n: int) -> None:
    inputs = {"n": n, "items": [1, 2, 3]}
    plain, shuffled = Run(*steps, inputs=inputs), Run(*steps, inputs=inputs)
    for run, pick in ((plain, lambda paths: paths[0]), (shuffled, order.choice)):
        for _ in range(10_000):
            found = run.walk()
            if order.random() < 0.3:
                assert run.walk() == Walk((), found.ready, found.waiting, found.failed, found.values), (
                    "a walk changes nothing"
                )
            if not found.ready:
                break
            path = pick([each.path for each in found.ready])
            run.end(path, path)
    ends = [run.walk().values for run in (plain, shuffled)]
    assert ends[0] is not None
    assert ends[0] == ends[1]
    assert {path: row.output for path, row in plain.rows.items()} == {
        path: row.output for path, row in shuffled.rows.items()
    }


def test_a_way_that_has_failed_hides_no_step_of_another_that_may_be_under_way() -> None:
    ways = {"l": (tool("a"),), "m": (tool("x", when="inputs.none[7] == 1"),), "r": (tool("b"), tool("c"), tool("d"))}
    run = Run(ParallelStep("fan", branches=ways), tool("after"))
    run.fail("fan/l/a")
    run.end("fan/r/b")
    run.rows["fan/r/c"] = Progress("fan/r/c", StepState.WAITING)
    assert run.ready() == []
    assert run.open() == ["fan/r/c"]


def test_of_a_map_as_many_items_may_be_under_way_as_are_carried_out_at_once() -> None:
    run = Run(
        MapStep("all", over=Expression("inputs.items"), steps=(tool("one"),), concurrency=3),
        inputs={"items": [*range(9)]},
    )
    assert run.open() == run.ready() == [f"all/{number}/one" for number in range(3)]
    run.end("all/1/one")
    run.fail("all/0/one")
    assert (run.ready(), run.open()) == ([], ["all/2/one", "all/3/one"])
