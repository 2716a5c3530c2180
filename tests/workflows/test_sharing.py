"""A step that several runs share is undone at most once, by the run whose it is, and never under one that stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.domain.ids import RunId
from remit.domain.run import Run
from remit.execution.served import ServedDoor
from remit.execution.workflows.again import NotAgain
from remit.execution.workflows.ports import CallFailed
from remit.workspace.template import template
from tests.workflows.shop import workflow
from tests.workflows.test_ends import apply, cancel, repeats, undone
from tests.workflows.test_steps import step
from tests.workflows.till import Died, Till, till
from tests.worlds import SARA

WAIT = {"id": "w", "wait": {"event": "go"}}


def again(it: Till, run: RunId, path: str = "") -> RunId:
    row = it.run(run)
    return repeats(it).again(row, path, row.release, SARA).run


def undo(it: Till, run: RunId) -> None:
    repeats(it).check_undo(it.run(run))
    assert it.journal.undo(run, SARA, it.world.clock.now())
    it.carry_out()


def succeeded(it: Till) -> RunId:
    run = it.start(n=1)
    it.tell(run, "go")
    it.carry_out()
    assert it.state(run) == "succeeded"
    return run


def broken(it: Till, name: str) -> Any:
    """Have a tool out of reach, without anything having been sent; return what mends it."""
    call = it.tools.call

    async def out_of_reach(*args: Any) -> Any:
        if args[2].upstream == name:
            raise CallFailed("unreachable", "nobody is there", sent=False)
        return await call(*args)

    it.tools.call = out_of_reach  # type: ignore[method-assign,assignment]

    def mended() -> None:
        it.tools.call = call  # type: ignore[method-assign]

    return mended


def test_runs_that_share_a_step_of_one_that_stands_leave_it_alone_as_they_end(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), WAIT, undone("b", 2))) as it:
        first = succeeded(it)
        it.tools.effects.clear()
        for _ in range(2):
            other = again(it, first, "w")
            it.carry_out()
            cancel(it, other)
            assert it.state(other) == "cancelled"
            assert it.run(other).error.endswith(f"; a belongs to {first}, which alone undoes it")
        assert it.tools.names() == []
        assert it.state(first) == "succeeded"


@pytest.mark.parametrize("is_first", [True, False])
def test_undoing_a_run_and_one_that_shares_its_steps_undoes_them_once(tmp_path: Path, is_first: bool) -> None:
    with till(tmp_path, workflow(undone("a", 1), WAIT, step("b", "get"))) as it:
        first = succeeded(it)
        second = again(it, first, "b")
        it.carry_out()
        assert it.state(second) == "succeeded"
        if is_first:
            undo(it, first)
        with pytest.raises(NotAgain, match=f"step a of run {second} belongs to run {first}, which"):
            undo(it, second)
        if not is_first:
            undo(it, first)
        assert it.tools.names() == ["order(1)", "cancel(1)"]
        assert (it.state(first), it.state(second)) == ("cancelled", "succeeded")
        third = again(it, second, "b")
        it.carry_out()
        assert it.state(third) == "waiting"  # what is behind the step that was undone is done again as well
        assert it.tools.names() == ["order(1)", "cancel(1)", "order(1)"]
        cancel(it, third)
        assert it.tools.names() == ["order(1)", "cancel(1)", "order(1)", "cancel(1)"]


def test_what_a_run_under_way_stands_on_is_not_undone(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), WAIT, step("b", "get"))) as it:
        first = succeeded(it)
        second = again(it, first, "w")
        it.carry_out()
        with pytest.raises(NotAgain, match=f"{second} is under way and stands on what run {first} has done"):
            undo(it, first)
        assert not it.journal.undo(first, SARA, it.world.clock.now())
        it.tell(second, "go")
        it.carry_out()
        undo(it, first)
        assert it.tools.names() == ["order(1)", "cancel(1)"]


def test_a_run_that_goes_on_under_another_release_owns_what_was_done_before(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), WAIT, step("b", "get"))) as it:
        first = it.start(n=1)
        it.carry_out()
        fits = apply(it, tmp_path, workflow(undone("a", 1), WAIT, step("more", "get"), step("b", "get")))
        cancel(it, first, f"move:{fits}")
        second = RunId(it.run(first).error.removeprefix("moved to "))
        for act in (again, undo):
            with pytest.raises(NotAgain, match=f"belongs to run {second}, which"):
                act(it, first)
        cancel(it, second)
        assert it.tools.names() == ["order(1)", "cancel(1)"]
        with pytest.raises(NotAgain, match=f"belongs to run {second}, which has undone it"):
            undo(it, first)
        third = again(it, first)
        it.carry_out()
        assert it.tools.names() == ["order(1)", "cancel(1)", "order(1)"]
        assert it.state(third) == "waiting"


def test_what_could_not_be_undone_is_taken_over_by_the_run_that_goes_on_first(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), WAIT, step("bad", "fail"))) as it:
        first = it.start(n=1)
        it.tell(first, "go")
        mended = broken(it, "cancel")
        for _ in range(10):
            it.pass_time(400)
        assert it.run(first).error.endswith("; not undone: a")
        mended()
        second = again(it, first, "w")
        it.carry_out()
        with pytest.raises(NotAgain, match=f"step a belongs to run {second}, which is waiting: wait for its end"):
            again(it, first, "w")
        cancel(it, second)
        assert it.tools.names() == ["order(1)", "cancel(1)"]
        third = again(it, first, "w")
        it.carry_out()
        assert it.tools.names() == ["order(1)", "cancel(1)", "order(1)"]
        assert it.steps(third)["a"].belongs_to == ""


def known_only(tool: str) -> dict[str, str | None]:
    """A policy by which a tool is called only where it is known for whom the run acts."""
    return {"policies/known.cedar": template("known-person").filled({"tool": f"till.{tool}"})}


def test_a_run_is_undone_and_done_again_for_whom_it_was_known_to_act(tmp_path: Path) -> None:
    """Started by a person or a schedule it is known; what goes on from it has that from it."""
    (tmp_path / "undone").mkdir()
    with till(tmp_path / "undone", workflow(undone("a", 1), WAIT), changes=known_only("cancel")) as it:
        run = it.start(n=1)
        it.carry_out()
        cancel(it, run)
        assert it.run(run).error == "cancelled by user:sara"
        assert it.tools.names() == ["order(1)", "cancel(1)"]
    (tmp_path / "again").mkdir()
    with till(tmp_path / "again", workflow(step("b", "order")), changes=known_only("order")) as it:
        run = it.start(n=1)
        it.carry_out()
        later = again(it, run, "b")
        it.carry_out()
        assert (it.state(run), it.state(later)) == ("succeeded", "succeeded"), it.run(later).error


def test_what_is_undone_is_written_before_its_run_ends_and_not_undone_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever side of that end a worker dies on."""
    end_once, ends = ServedDoor.end_once, []

    async def dies(door: ServedDoor, run: Run, status: str) -> Any:
        if status != "undone":
            return await end_once(door, run, status)
        ends.append(run.id)
        if len(ends) == 2:
            await end_once(door, run, status)
        raise Died

    with till(tmp_path, workflow(undone("a", 1), WAIT)) as it:
        run = it.start(n=1)
        it.carry_out()
        monkeypatch.setattr(ServedDoor, "end_once", dies)
        assert it.journal.cancel(run, "cancel", SARA, it.world.clock.now())
        for _ in range(2):
            with pytest.raises(Died):
                it.carry_out()
        it.carry_out()
        assert it.state(run) == "cancelled"
        assert it.tools.names() == ["order(1)", "cancel(1)"]
        assert ends == [it.run(run).undo_run] * 2
