"""How runs end otherwise than they were meant to: failed, cancelled, stopped, out of time, and done again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.compose import workflow_starts
from remit.control.terminations import Terminations
from remit.domain.action import OutcomeStatus
from remit.domain.clock import Instant
from remit.domain.ids import RunId
from remit.domain.record import RecordKind
from remit.execution.workflows.again import NotAgain, Repeats
from remit.execution.workflows.ports import CallFailed
from remit.execution.workflows.programs import Programs
from remit.execution.workflows.segments import MOST_CLAIMS, MOST_FAILURES
from tests.workflows.shop import WORKSPACE, shop_files, workflow
from tests.workflows.test_steps import ASK, pending, records, step
from tests.workflows.till import Died, Till, till
from tests.worlds import OWNER, SARA

HOUR = 3_600


def undone(id: str, n: int, **fields: Any) -> dict[str, Any]:
    undo = {"tool": "till.cancel", "arguments": {"n": f"${{{n} + 0}}", "text": "${output.order}"}}
    return {"id": id, "tool": "till.order", "arguments": {"n": n}, "compensate": undo, **fields}


def cancel(it: Till, run: RunId, how: str = "cancel") -> None:
    assert it.journal.cancel(run, how, SARA, it.world.clock.now())
    it.carry_out()


def test_a_failing_run_undoes_what_it_did_the_last_first_in_a_run_of_its_own(tmp_path: Path) -> None:
    flow = workflow(undone("a", 1), step("plain", "order"), undone("b", 2), step("bad", "fail"))
    with till(tmp_path, flow) as it:
        run = it.start(n=7)
        it.carry_out()
        assert it.state(run) == "failed"
        assert it.run(run).error == "bad: tool.error: the tool answered with an error"
        assert it.tools.names() == ["order(1)", "order(7)", "order(2)", "cancel(2)", "cancel(1)"]
        assert it.tools.effects[-1][2]["text"] == "o-1"
        undoing = it.world.store.run(RunId(it.run(run).undo_run))
        assert (undoing.agent, undoing.release, undoing.parent) == ("clerk", it.run(run).release, None)
        ends = {each["run"]: each["status"] for each in records(it) if each["kind"] == RecordKind.RUN_ENDED.value}
        assert ends == {run: "failed", undoing.id: "undone"}


def test_what_the_remit_does_not_let_be_undone_is_told(tmp_path: Path) -> None:
    forbid = '@id("kept") forbid(principal, action == Action::"till.cancel", resource);'
    flow = workflow(undone("a", 1), undone("b", 2), step("bad", "fail"))
    with till(tmp_path, flow, changes={"policies/kept.cedar": forbid}) as it:
        run = it.start(n=7)
        it.carry_out()
        assert it.run(run).error.endswith("; not undone: a, b")
        assert it.states(run)["undo/a"] == "failed"
        assert it.steps(run)["undo/a"].error == "denied: policy.forbidden"


WAITS = {
    "event": {"wait": {"event": "never"}},
    "time": {"wait": {"for": "9h"}},
    "people": {"approval": ASK["approval"]},
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_cancelling_reaches_a_step_that_waits_at_once(tmp_path: Path, wait: dict[str, Any]) -> None:
    with till(tmp_path, workflow(undone("a", 1), {"id": "w", **wait}, step("never"))) as it:
        run = it.start(n=7)
        it.carry_out()
        assert it.state(run) == "waiting"
        cancel(it, run)
        assert (it.state(run), it.run(run).error) == ("cancelled", f"cancelled by {SARA}")
        assert it.tools.names() == ["order(1)", "cancel(1)"]
        assert pending(it) == []
        assert not it.journal.cancel(run, "terminate", SARA, it.world.clock.now())


def test_cancelling_a_run_cancels_those_within_it_first(tmp_path: Path) -> None:
    outer = workflow(undone("a", 1), {"id": "sub", "workflow": {"name": "inner", "inputs": {}}})
    inner = workflow(undone("b", 2), {"id": "w", "wait": {"event": "never"}}, name="inner")
    with till(tmp_path, outer, inner) as it:
        run = it.start()
        it.carry_out()
        cancel(it, run)
        assert it.state(run) == "cancelled"
        (child,) = it.journal.runs(WORKSPACE, 10, parent=run)
        assert child.state.value == "cancelled"
        assert it.tools.names() == ["order(1)", "order(2)", "cancel(2)", "cancel(1)"]


def test_a_freeze_pauses_between_steps_and_a_lift_goes_on(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a"), {"id": "nap", "wait": {"for": "1h"}}, step("b"))) as it:
        run = it.start(n=1)
        it.carry_out()
        it.world.stops.freeze(WORKSPACE, "agent:clerk", SARA, "look")
        it.pass_time(HOUR)
        assert it.steps(run)["b"].waits_for == "stop"
        assert it.tools.names() == ["order(1)"]
        it.world.stops.freeze(WORKSPACE, "tool:till.get", SARA, "another stop")
        it.carry_out()
        denials = [each for each in records(it) if each.get("state") == "denied"]
        assert len(denials) == 1
        it.world.stops.unfreeze(WORKSPACE, "agent:clerk", SARA, "fine")
        it.carry_out()
        assert it.state(run) == "succeeded"
        assert it.tools.names() == ["order(1)", "order(1)"]


def test_a_termination_ends_a_waiting_run_and_it_is_undone_where_that_is_still_allowed(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), {"id": "w", "wait": {"event": "never"}})) as it:
        run = it.start(n=1)
        it.carry_out()
        terminations = Terminations(it.world.store, it.world.clock, it.world.ids)
        terminations.terminate(WORKSPACE, f"run:{run}", OWNER, "enough")
        it.carry_out()
        assert (it.state(run), it.run(run).error) == ("cancelled", "terminated: the run was ended")
        assert it.tools.names() == ["order(1)", "cancel(1)"]


def test_a_run_is_out_of_time(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), {"id": "w", "wait": {"event": "never"}}, timeout="2h")) as it:
        run = it.start(n=1)
        it.carry_out()
        it.pass_time(2 * HOUR)
        assert (it.state(run), it.run(run).error) == ("failed", "timed_out: the run has taken longer than it may")
        assert it.tools.names() == ["order(1)", "cancel(1)"]


def test_a_clock_that_jumps_does_nothing_twice(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a"), {"id": "nap", "wait": {"for": "1h"}}, step("b"))) as it:
        run = it.start(n=1)
        it.carry_out()
        clock = it.world.clock
        clock.advance(100 * 86_400)
        it.carry_out()
        assert it.state(run) == "succeeded"
        assert it.tools.names() == ["order(1)", "order(1)"]


# -- poison


def test_what_fails_for_a_reason_of_ours_is_tried_with_pauses_and_given_up_at_last(tmp_path: Path) -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError("our own fault")

    with till(tmp_path, workflow(step("a", "get"))) as it:
        it.tools.plays["get"] = broken
        run = it.start(n=1)
        for _ in range(MOST_FAILURES):
            it.once()
            it.world.clock.advance(301)
        assert it.state(run) == "compensating"
        it.carry_out()
        assert it.state(run) == "failed"
        assert it.run(run).error == f"poison: it failed {MOST_FAILURES} times in a row with ZeroDivisionError"


def test_a_turn_that_kills_its_worker_every_time_is_given_up(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a"))) as it:
        run = it.start(n=1)
        now = it.world.clock.now()
        for number in range(MOST_CLAIMS):
            assert it.journal.claim(run, 0, f"gone_{number}", now, Instant(now - 1)) is not None  # type: ignore[arg-type]
        it.carry_out()
        assert it.run(run).error == f"poison: turn 0 was begun {MOST_CLAIMS} times and never ended"
        assert it.tools.effects == []


def poisoned(it: Till, *names: str) -> Any:
    """Have calls of these tools end in errors of ours; return what mends that."""
    call = it.tools.call

    async def broken(*args: Any) -> Any:
        if args[2].upstream in names:
            raise ZeroDivisionError("our own fault")
        return await call(*args)

    it.tools.call = broken  # type: ignore[method-assign,assignment]

    def mended() -> None:
        it.tools.call = call  # type: ignore[method-assign]

    return mended


def stumbling(it: Till, turns: int) -> None:
    for _ in range(turns):
        it.carry_out()
        it.world.clock.advance(301)


POISON = f"poison: it failed {MOST_FAILURES} times in a row with ZeroDivisionError"


def test_what_a_run_did_that_is_given_up_is_undone(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), step("bad", "get"))) as it:
        poisoned(it, "get")
        run = it.start(n=1)
        stumbling(it, MOST_FAILURES + 1)
        assert (it.state(run), it.run(run).error) == ("failed", POISON)
        assert it.tools.names() == ["order(1)", "cancel(1)"]
        with pytest.raises(NotAgain, match=f"run {run} is failed: what could be undone has been$"):
            repeats(it).check_undo(it.run(run))
        ends = {each["run"]: each["status"] for each in records(it) if each["kind"] == RecordKind.RUN_ENDED.value}
        assert ends == {run: "failed", it.run(run).undo_run: "undone"}


def test_where_undoing_fails_for_a_reason_of_ours_too_that_is_told_and_can_be_asked_for_later(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), undone("b", 2), step("bad", "get"))) as it:
        mended = poisoned(it, "get", "cancel")
        run = it.start(n=1)
        stumbling(it, 2 * MOST_FAILURES + 1)
        assert (it.state(run), it.run(run).error) == ("failed", f"{POISON}; not undone: a, b")
        mended()
        repeats(it).check_undo(it.run(run))
        assert it.journal.undo(run, SARA, it.world.clock.now())
        it.carry_out()
        assert (it.state(run), it.run(run).error) == ("cancelled", f"undone by {SARA}; before that {POISON}")
        assert it.tools.names() == ["order(1)", "order(2)", "cancel(2)", "cancel(1)"]


def test_what_a_worker_did_that_died_before_it_was_written_is_undone_however_much_it_was(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), undone("b", 2), undone("c", 3), step("deadly", "get"))) as it:

        def die(_: Any) -> Any:
            raise Died

        it.tools.plays["get"] = die
        run = it.start(n=1)
        with pytest.raises(Died):
            it.carry_out()
        assert it.states(run) == {}
        cancel(it, run)
        assert it.state(run) == "cancelled"
        assert it.tools.names() == ["order(1)", "order(2)", "order(3)", "cancel(3)", "cancel(2)", "cancel(1)"]


def test_what_was_done_behind_a_step_that_is_no_tool_is_undone_after_its_worker_died(tmp_path: Path) -> None:
    flow = workflow(undone("a", 1), {"id": "w", "wait": {"event": "go"}}, undone("b", 2), step("deadly", "get"))
    with till(tmp_path, flow) as it:

        def die(_: Any) -> Any:
            raise Died

        it.tools.plays["get"] = die
        run = it.start(n=1)
        it.carry_out()
        it.tell(run, "go")
        with pytest.raises(Died):
            it.carry_out()
        cancel(it, run)
        assert it.state(run) == "cancelled"
        assert it.tools.names() == ["order(1)", "order(2)", "cancel(2)", "cancel(1)"]


def test_undoing_that_is_given_up_keeps_what_the_run_came_to(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), outputs={"a": "${steps.a.order}"})) as it:
        run = it.start(n=1)
        it.carry_out()
        poisoned(it, "cancel")
        assert it.journal.undo(run, SARA, it.world.clock.now())
        stumbling(it, MOST_FAILURES)
        assert (it.state(run), it.run(run).error) == ("failed", f"{POISON}; not undone: a")
        assert it.output(run) == {"a": "o-1"}


def undo(it: Till, run: RunId) -> None:
    repeats(it).check_undo(it.run(run))
    assert it.journal.undo(run, SARA, it.world.clock.now())
    it.carry_out()


def lost(it: Till, *numbers: int) -> None:
    """Have the answers to these orders get lost on their way, each after its effect."""
    call = it.tools.call

    async def without_answer(*args: Any) -> Any:
        answer = await call(*args)
        if args[2].upstream == "order" and args[3]["n"] in numbers:
            raise CallFailed("timeout", "no answer", sent=True)
        return answer

    it.tools.call = without_answer  # type: ignore[method-assign,assignment]


def blind(id: str, n: int) -> dict[str, Any]:
    """A step that is undone by what is known without its answer."""
    return undone(id, n, compensate={"tool": "till.cancel", "arguments": {"n": n}})


def say(it: Till, run: RunId, path: str, status: OutcomeStatus) -> None:
    """Have a person say what became of a step of which nobody knows."""
    action = it.steps(run)[path].action
    it.world.queue.submit(it.world.outcome(it.world.store.run(run), action, status, reconciles=True, by=SARA))


def test_what_is_said_to_be_done_after_the_run_has_ended_can_be_undone(tmp_path: Path) -> None:
    with till(tmp_path, workflow(blind("a", 1), blind("b", 2), step("never"))) as it:
        lost(it, 2)
        run = it.start(n=1)
        it.carry_out()
        cancel(it, run)
        assert (it.state(run), it.run(run).error) == ("cancelled", f"cancelled by {SARA}; not undone: b")
        assert it.tools.names() == ["order(1)", "order(2)", "cancel(1)"]
        action = it.steps(run)["b"].action
        say_first = f"nobody knows what became of b: say it first, by `remit reconcile {action} --status ...`"
        with pytest.raises(NotAgain, match=say_first):
            undo(it, run)
        say(it, run, "b", OutcomeStatus.OK)
        undo(it, run)
        assert it.run(run).error == f"undone by {SARA}; before that cancelled by {SARA}"
        assert it.tools.names() == ["order(1)", "order(2)", "cancel(1)", "cancel(2)"]
        with pytest.raises(NotAgain, match=f"run {run} is cancelled: what could be undone has been$"):
            undo(it, run)


def test_what_is_said_not_to_have_been_done_is_nothing_to_undo(tmp_path: Path) -> None:
    with till(tmp_path, workflow(blind("a", 1), step("never"))) as it:
        lost(it, 1)
        run = it.start(n=1)
        it.carry_out()
        cancel(it, run)
        say(it, run, "a", OutcomeStatus.ERROR)
        with pytest.raises(NotAgain, match=f"no step that run {run} has done says what undoes it"):
            undo(it, run)


def test_what_nobody_knows_of_keeps_nothing_else_from_being_undone(tmp_path: Path) -> None:
    ways = {"id": "ways", "parallel": {"one": [blind("a", 1)], "other": [blind("b", 2)]}}
    with till(tmp_path, workflow(ways, step("never"))) as it:
        lost(it, 1, 2)
        run = it.start(n=1)
        it.carry_out()
        cancel(it, run)
        say(it, run, "ways/one/a", OutcomeStatus.OK)
        undo(it, run)
        assert it.run(run).error.endswith("; not undone: ways/other/b")
        assert it.tools.names()[2:] == ["cancel(1)"]
        say(it, run, "ways/other/b", OutcomeStatus.OK)
        undo(it, run)
        assert it.tools.names()[2:] == ["cancel(1)", "cancel(2)"]


@pytest.mark.parametrize("depth", [1, 2])
def test_what_a_run_within_another_did_is_not_undone_under_that_one(tmp_path: Path, depth: int) -> None:
    wait = {"id": "w", "wait": {"event": "go"}}
    below = {"id": "sub", "workflow": {"name": "inner", "inputs": {}}}
    inner = workflow(undone("b", 2), name="inner")
    within = workflow({**below, "workflow": {"name": "deep", "inputs": {}}}, name="inner")
    flows = [inner] if depth == 1 else [within, workflow(undone("b", 2), name="deep")]
    with till(tmp_path, workflow(below, wait), *flows) as it:
        run = child = it.start()
        it.carry_out()
        for _ in range(depth):
            (found,) = it.journal.runs(WORKSPACE, 10, parent=child)
            child = found.run
        assert (it.state(run), it.state(child)) == ("waiting", "succeeded")
        with pytest.raises(NotAgain, match=f"^{run} is under way and stands on what run {child} has done: cancel that"):
            undo(it, child)
        assert not it.journal.undo(child, SARA, it.world.clock.now())
        assert it.tools.names() == ["order(2)"]
        it.tell(run, "go")
        it.carry_out()
        undo(it, child)
        assert (it.state(run), it.state(child)) == ("succeeded", "cancelled")
        assert it.tools.names() == ["order(2)", "cancel(2)"]


# -- once more


def repeats(it: Till) -> Repeats:
    parts = it.world.parts
    starts = workflow_starts(parts, it.world.queue)
    return Repeats(it.journal, Programs(parts.rulesets), starts, parts.keys, parts.store)


def test_a_failed_run_is_done_again_from_where_it_failed_and_shares_what_stands(tmp_path: Path) -> None:
    flow = workflow(step("a"), step("b"), step("c", "flaky"), outputs={"a": "${steps.a.order}"})
    with till(tmp_path, flow) as it:
        it.tools.plays["flaky"] = lambda _: {"x": 1}
        run = it.start(n=1)
        it.carry_out()
        it.tools.effects.clear()
        row = it.run(run)
        again = repeats(it).again(row, "b", row.release, SARA, "k").run
        assert repeats(it).again(row, "b", row.release, SARA, "k").run == again
        it.carry_out()
        assert it.state(again) == "succeeded"
        assert it.run(again).shares == run
        assert it.tools.names() == ["order(1)", "flaky(1)"]
        assert it.output(again) == {"a": "o-1"}


def test_what_was_undone_is_done_again_and_what_lies_behind_it(tmp_path: Path) -> None:
    with till(tmp_path, workflow(undone("a", 1), step("mid"), step("bad", "fail"))) as it:
        run = it.start(n=5)
        it.carry_out()
        it.tools.effects.clear()
        row = it.run(run)
        repeats(it).again(row, "", row.release, SARA)
        it.carry_out()
        assert it.tools.names() == ["order(1)", "order(5)", "cancel(1)"]
        with pytest.raises(NotAgain, match="there is no step nowhere that has begun; there is a, bad, mid"):
            repeats(it).again(row, "nowhere", row.release, SARA)


def test_a_loop_is_done_again_from_a_round_on(tmp_path: Path) -> None:
    again = {"id": "more", "tool": "till.order", "arguments": {"n": "${index}"}}
    flow = workflow({"id": "rounds", "loop": {"while": "index < 3", "at_most": 5, "steps": [again]}}, step("last"))
    with till(tmp_path, flow) as it:
        run = it.start(n=9)
        it.carry_out()
        it.tools.effects.clear()
        row = it.run(run)
        repeats(it).again(row, "rounds/1/more", row.release, SARA)
        it.carry_out()
        assert it.tools.names() == ["order(1)", "order(2)", "order(9)"]


def apply(it: Till, folder: Path, *flows: str) -> Any:
    from remit.workspace.files import Folder

    plan = it.world.releases.plan(Folder(WORKSPACE, shop_files(folder, flows), ()), OWNER, "changed", "production")
    return it.world.releases.apply(plan, "production").id


def test_a_run_that_waits_is_moved_to_a_release_whose_shape_allows_it(tmp_path: Path) -> None:
    wait = {"id": "w", "wait": {"event": "go"}}
    with till(tmp_path, workflow(step("a"), wait, step("b"))) as it:
        run = it.start(n=1)
        it.carry_out()
        other = apply(
            it,
            tmp_path,
            workflow(wait, step("a"), step("b")),
        )
        with pytest.raises(NotAgain, match="has release"):
            repeats(it).check_move(it.run(run), it.run(run).release)
        gone = apply(it, tmp_path, workflow(wait, step("z")))
        with pytest.raises(NotAgain, match="the release has no step a where this run has finished one"):
            repeats(it).check_move(it.run(run), gone)
        fits = apply(it, tmp_path, workflow(step("a"), wait, step("extra"), step("b")))
        repeats(it).check_move(it.run(run), fits)
        assert other != fits
        cancel(it, run, f"move:{fits}")
        assert it.state(run) == "cancelled"
        moved = RunId(it.run(run).error.removeprefix("moved to "))
        assert it.run(moved).release == fits
        assert it.tell(moved, "go")
        it.carry_out()
        assert it.state(moved) == "succeeded"
        assert it.tools.names() == ["order(1)", "order(1)", "order(1)"]


def test_most_runs_of_a_workflow_at_a_time(tmp_path: Path) -> None:
    with till(tmp_path, workflow({"id": "w", "wait": {"event": "go"}}, step("a"), concurrency=1)) as it:
        first, second, third = it.start(n=1), it.start(n=2), it.start(n=3)
        it.once()
        assert [it.state(each) for each in (first, second, third)] == ["waiting", "queued", "queued"]
        it.tell(first, "go")
        for _ in range(4):
            it.once()
            it.world.clock.advance(1)
        assert [it.state(each) for each in (first, second, third)] == ["succeeded", "waiting", "queued"]


def test_data_that_was_erased_ends_the_run_without_anything_more(tmp_path: Path) -> None:
    with till(tmp_path, workflow({"id": "w", "wait": {"event": "go"}}, step("a"))) as it:
        run = it.start(n=1)
        it.carry_out()
        from remit.storage.port import Wanted, Writes

        transactions = it.world.store.transactions()
        transactions.begin(Wanted(workspace=WORKSPACE))
        transactions.commit(Writes(destroyed=[(it.run(run).key, it.world.clock.now())]))
        transactions.close()
        it.world.parts.keys._kept.clear()
        it.journal.wake([run], it.world.clock.now())
        it.carry_out()
        assert it.state(run) == "failed"
        assert it.run(run).error.startswith("erased: ")
        assert it.tools.effects == []
