"""Wherever a worker dies, and however often, the run comes to the same end, and nothing is done twice."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from remit.domain.action import Outcome, OutcomeStatus
from remit.domain.ids import ApprovalId, RunId, UserId
from remit.domain.run import Run
from remit.execution.served import Result, ServedDoor
from tests.workflows.shop import WORKSPACE, workflow
from tests.workflows.test_steps import pending, step
from tests.workflows.till import Died, Fragile, Played, Till, till
from tests.worlds import LINA

NIGHTLY = bool(os.environ.get("REMIT_NIGHTLY"))
EVERY = 1 if NIGHTLY else 9
"""Of the points at which a worker can die each is tried at night, and every so many of them else."""
EACH = {
    "id": "one",
    "tool": "till.order_told",
    "arguments": {"n": "${item}"},
    "compensate": {"tool": "till.cancel", "arguments": {"n": "${item}"}},
}
FLOW = workflow(
    {"id": "first", "tool": "till.order_told", "arguments": {"n": 100}},
    {"id": "fan", "parallel": {"l": [step("l", "get")], "r": [step("r", "order_once")]}},
    {"id": "all", "map": {"over": "inputs.items", "concurrency": 2, "steps": [EACH]}},
    {
        "id": "agreed",
        "when": "inputs.n > 5",
        "approval": {"group": "finance", "title": {"en": "All {n}"}, "shows": {"n": "${inputs.n}"}},
    },
    {"id": "sub", "workflow": {"name": "inner", "inputs": {"n": "${inputs.n}"}}},
    {"id": "told", "wait": {"event": "go"}},
    {"id": "rounds", "loop": {"while": "index < 2", "at_most": 3, "steps": [step("more", "order_told")]}},
    outputs={"all": "${steps.all}", "told": "${steps.told}"},
)
INNER = workflow(step("a", "order_told"), name="inner", outputs={"n": "${inputs.n}"})
DOOMED = workflow(
    {"id": "all", "map": {"over": "inputs.items", "concurrency": 3, "steps": [EACH]}},
    step("last", "fail"),
    name="doomed",
)


def lived(it: Till, name: str, deaths: list[int], **inputs: Any) -> tuple[RunId, int]:
    """Carry a run out by workers that die at these points; return it, and how many points the last one passed."""
    it.tools = Played()
    run = it.start(name, **inputs)
    assert it.tell(run, "go", 7)
    left = list(deaths)
    for _ in range(200):
        it.tools.points, it.tools.deadly = 0, left[0] if left else -1
        segments = it.segments(Fragile(it.journal, it.tools))
        try:
            it.carry_out(segments)
        except Died:
            left.pop(0)
            continue
        left.clear()
        for asked in pending(it):
            it.world.approvals.answer(ApprovalId(asked.id), UserId(LINA), asked.digest, approve=True)
        if it.run(run).is_over:
            return run, it.tools.points
    raise AssertionError(f"{it.run(run)} {it.steps(run)}")


def told(it: Till, run: RunId) -> Any:
    states = {path: row.state.value for path, row in it.steps(run).items()}
    row = it.run(run)
    return row.state.value, row.error, states, it.output(run), sorted(it.tools.names())


@pytest.mark.slow
def test_any_one_crash_gives_the_same_end(tmp_path: Path) -> None:
    with till(tmp_path, FLOW, INNER, DOOMED) as it:
        for name, inputs in (("flow", {"n": 9, "items": [1, 2, 3]}), ("doomed", {"n": 0, "items": [1, 2, 3]})):
            run, points = lived(it, name, [], **inputs)
            expected = told(it, run)
            assert points > 10
            total = len(expected[4])
            assert total == (8 if name == "flow" else 6)
            for deadly in range(1, 80, EVERY):
                run, _ = lived(it, name, [deadly], **inputs)
                found = told(it, run)
                assert found[:3] == expected[:3], deadly
                assert found[4] == expected[4], deadly


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40 if NIGHTLY else 1))
def test_any_series_of_crashes_gives_the_same_end(tmp_path: Path, seed: int) -> None:
    with till(tmp_path, FLOW, INNER, DOOMED) as it:
        expected = {}
        for name in ("flow", "doomed"):
            run, _ = lived(it, name, [], n=9, items=[4, 5])
            expected[name] = told(it, run)
        rolls = random.Random(seed)
        for _ in range(6):
            name = rolls.choice(["flow", "doomed"])
            deaths = [rolls.randint(1, 25) for _ in range(rolls.randint(2, 9))]
            run, _ = lived(it, name, deaths, n=9, items=[4, 5])
            found = told(it, run)
            assert found[:3] == expected[name][:3], deaths
            assert found[4] == expected[name][4], deaths


def test_a_call_whose_outcome_nobody_knows_waits_for_a_person_and_goes_on_then(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a"), step("b"))) as it:
        it.tools.deadly = 2  # after the effect, before its outcome
        run = it.start(n=1)
        with pytest.raises(Died):
            it.carry_out()
        it.tools.deadly = -1
        it.carry_out()
        row = it.steps(run)["a"]
        assert (row.state.value, row.waits_for) == ("unknown", f"action:{row.action}")
        assert it.tools.names() == ["order(1)"]
        assert it.due() == []
        (left,) = it.world.store.open_actions(WORKSPACE)
        assert left.unknown
        stored = it.world.store.run(run)
        settled = it.world.outcome(stored, row.action, OutcomeStatus.OK, reconciles=True, by="user:sara")
        it.world.queue.submit(settled)
        it.carry_out()
        assert it.state(run) == "succeeded"
        assert it.tools.names() == ["order(1)", "order(1)"]


def test_what_a_slow_worker_says_just_before_its_call_is_left_to_people_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ServedDoor.settle_once

    async def settle_once(door: ServedDoor, run: Run, outcome: Outcome, result: Result, usage: Any) -> Any:
        if outcome.status is OutcomeStatus.UNKNOWN:
            slow = Result(b'{"structuredContent": {"order": "o-1"}}')
            await said(door, run, Outcome(outcome.action, OutcomeStatus.OK), slow, None)
        return await said(door, run, outcome, result, usage)

    monkeypatch.setattr(ServedDoor, "settle_once", settle_once)
    with till(tmp_path, workflow(step("a"), step("b"), outputs={"order": "${steps.a.order}"})) as it:
        it.tools.deadly = 2  # after the effect, before its outcome
        run = it.start(n=1)
        with pytest.raises(Died):
            it.carry_out()
        it.tools.deadly = -1
        it.carry_out()
        assert it.state(run) == "succeeded", it.steps(run)
        assert it.output(run) == {"order": "o-1"}
        assert it.tools.names() == ["order(1)", "order(1)"]


def test_a_worker_to_which_a_turn_comes_twice_carries_it_out_once(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a"))) as it:
        run = it.start(n=1)
        worker = it.segments()

        async def both() -> Sequence[str]:
            return await asyncio.gather(worker.advance(run, 0), worker.advance(run, 0))

        assert it.loop.run_until_complete(both()) == ["succeeded", "under way"]
        assert worker.under_way == set()
        assert it.tools.names() == ["order(1)"]
