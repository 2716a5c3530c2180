"""When a step began and ended is when it did, also where both were within one turn of its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from remit.domain.clock import MICROS_PER_SECOND
from tests.workflows.shop import workflow
from tests.workflows.till import Till, till

STEP = {"tool": "till.order", "arguments": {"n": 1}}


def taking(it: Till, seconds: float) -> Callable[[Mapping[str, Any]], Any]:
    """A tool that takes so long."""

    def play(_: Mapping[str, Any]) -> Any:
        it.world.clock.advance(seconds)
        return {"order": "o-1"}

    return play


def times(it: Till, run: Any) -> dict[str, tuple[float, float]]:
    """When each step began and ended, in seconds since the first."""
    rows = it.steps(run)
    zero = min(row.began_at for row in rows.values() if row.began_at is not None)

    def since(at: int | None) -> float:
        assert at is not None
        return (at - zero) / MICROS_PER_SECOND

    return {path: (since(row.began_at), since(row.ended_at)) for path, row in rows.items() if row.ended_at is not None}


def test_steps_one_after_the_other_in_one_turn(tmp_path: Path) -> None:
    with till(tmp_path, workflow({"id": "a", **STEP}, {"id": "b", **STEP})) as it:
        it.tools.plays["order"] = taking(it, 5)
        run = it.start()
        it.carry_out()
        assert times(it, run) == {"a": (0, 5), "b": (5, 10)}


def test_a_step_that_fails_took_as_long_as_it_did(tmp_path: Path) -> None:
    second = {"id": "b", "tool": "till.order", "arguments": {"n": "${steps.a.no_number}"}}
    with till(tmp_path, workflow({"id": "a", **STEP}, second)) as it:
        it.tools.plays["order"] = taking(it, 5)
        run = it.start()
        it.carry_out()
        assert it.state(run) == "failed"
        assert times(it, run) == {"a": (0, 5), "b": (5, 5)}


def test_a_step_that_waits_in_between_began_when_it_was_first_begun(tmp_path: Path) -> None:
    retried = {"id": "a", **STEP, "tool": "till.fail", "retry": {"attempts": 2, "wait": "60s"}}
    with till(tmp_path, workflow({"id": "nap", "wait": {"for": "10s"}}, retried)) as it:
        run = it.start()
        it.carry_out()
        it.pass_time(10)
        it.pass_time(60)
        assert times(it, run) == {"nap": (0, 10), "a": (10, 70)}


def test_a_loop_began_with_its_first_round(tmp_path: Path) -> None:
    rounds = {"id": "rounds", "loop": {"while": "index < 3", "at_most": 5, "steps": [{"id": "a", **STEP}]}}
    with till(tmp_path, workflow(rounds)) as it:
        it.tools.plays["order"] = taking(it, 5)
        run = it.start()
        it.carry_out()
        assert it.steps(run)["rounds"].began_at == it.steps(run)["rounds/0/a"].began_at
        assert times(it, run)["rounds/2/a"] == (10, 15)


@pytest.mark.parametrize("seconds", [3, 40])
def test_undoing_takes_its_time_too(tmp_path: Path, seconds: int) -> None:
    done = {"id": "a", **STEP, "compensate": {"tool": "till.cancel", "arguments": {"n": 1}}}
    with till(tmp_path, workflow(done, {"id": "b", "tool": "till.fail", "arguments": {}})) as it:
        it.tools.plays["cancel"] = taking(it, seconds)
        run = it.start()
        it.carry_out()
        assert times(it, run)["undo/a"] == (0, seconds)
