"""A run that is to end waits no longer for what others do; and what became of that is found out, never done again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from remit.control.terminations import Terminations
from remit.domain.action import OutcomeStatus
from remit.domain.ids import ActionId, RunId, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.release import Tool
from remit.domain.upstream import ToolServer
from remit.execution.workflows import segments
from remit.execution.workflows.again import NotAgain
from remit.execution.workflows.ports import ToolAnswer
from remit.execution.workflows.segments import Bounds
from tests.workflows.played_models import PlayedModels, calls, says
from tests.workflows.shop import WORKSPACE, Shop, shop, workflow
from tests.workflows.test_agents import CHANGES, LOOKS_UP, child, played, records
from tests.workflows.test_ends import repeats
from tests.workflows.test_models import PRICED, asks
from tests.workflows.till import Died, Fragile, Played, Till, till
from tests.worlds import OWNER, SARA

HOUR = 3_600
PATIENT, STRICT = Bounds(absent_after_s=0, cut_after_s=60), Bounds(absent_after_s=0, cut_after_s=0.05)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "LOOKED_S", 0.02)
    monkeypatch.setattr(segments, "SAVED_S", 0.02)


@dataclass
class Hanging(Played):
    """Tools of which some do not answer: `before` they have done anything, or `after` it."""

    hangs: dict[str, str] = field(default_factory=dict)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    async def call(
        self,
        workspace: WorkspaceName,
        server: ToolServer,
        tool: Tool,
        arguments: Mapping[str, Any],
        action: ActionId,
        timeout_s: float | None,
    ) -> ToolAnswer:
        self.asked.append(tool.upstream)
        hangs = self.hangs.get(tool.upstream, "")
        if hangs == "before":
            await self.hang(tool.upstream)
        answer = await super().call(workspace, server, tool, arguments, action, timeout_s)
        if hangs == "after":
            await self.hang(tool.upstream)
        return answer

    async def hang(self, name: str) -> None:
        self.reached.set()
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            self.cut.append(name)
            raise


def step(id: str, tool: str, **fields: Any) -> dict[str, Any]:
    undo = {"tool": "till.cancel", "arguments": {"n": "${inputs.n}"}}
    return {"id": id, "tool": f"till.{tool}", "arguments": {"n": "${inputs.n}"}, "compensate": undo, **fields}


def hanging(it: Till, **hangs: str) -> Hanging:
    it.tools = tools = Hanging(hangs=hangs)
    return tools


def cancel(it: Till, run: RunId, how: str = "cancel") -> Callable[[], None]:
    def act() -> None:
        assert it.journal.cancel(run, how, SARA, it.world.clock.now())

    return act


def meanwhile(it: Till, reached: asyncio.Event, *acts: Callable[[], object]) -> list[str]:
    """Carry out what is due; once something is under way, act, and go on to the end of that turn."""

    async def both() -> list[str]:
        worker = it.segments()
        turns = [asyncio.ensure_future(worker.advance(each.run, each.turn)) for each in it.due()]
        await asyncio.wait_for(reached.wait(), 20)
        for act in acts:
            done = await asyncio.to_thread(act)
            if isinstance(done, Awaitable):
                await done
        return await asyncio.wait_for(asyncio.gather(*turns), 20)

    return it.loop.run_until_complete(both())


def outcomes(it: Till) -> dict[str, tuple[str, str]]:
    """What each target came to, the last of it."""
    by_action = {each["action"]: each["target"] for each in records(it, RecordKind.DECISION_MADE)}
    told = records(it, RecordKind.OUTCOME_REPORTED)
    return {by_action[each["action"]]: (each["status"], each["error"] or "") for each in told}


def test_a_call_that_only_reads_is_cut_at_once(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a", "order"), step("b", "slow"))) as it:
        tools, it.bounds = hanging(it, slow="before"), PATIENT
        run = it.start(n=1)
        meanwhile(it, tools.reached, cancel(it, run))
        it.carry_out()
        assert (it.state(run), it.run(run).error) == ("cancelled", f"cancelled by {SARA}")
        assert (tools.cut, tools.names()) == (["slow"], ["order(1)", "cancel(1)"])
        assert outcomes(it)["till.slow"] == ("error", "upstream.cut")


def test_a_call_that_writes_may_come_to_its_end_and_is_undone(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a", "order"))) as it:
        tools, it.bounds = hanging(it, order="after"), PATIENT
        run = it.start(n=1)
        meanwhile(it, tools.reached, cancel(it, run), lambda: asyncio.sleep(0.2), lambda: answered(tools))
        it.carry_out()
        assert (it.state(run), it.run(run).error) == ("cancelled", f"cancelled by {SARA}")
        assert (tools.cut, tools.names()) == ([], ["order(1)", "cancel(1)"])


async def answered(tools: Hanging) -> None:
    tools.answers.set()


def terminated(it: Till, run: RunId) -> Callable[[], None]:
    def act() -> None:
        Terminations(it.world.store, it.world.clock, it.world.ids).terminate(WORKSPACE, f"run:{run}", OWNER, "enough")

    return act


ENDS: dict[str, tuple[Bounds, Callable[[Till, RunId], Callable[[], None]], str]] = {
    "cancelled and late": (STRICT, cancel, f"cancelled by {SARA}"),
    "told to terminate": (PATIENT, lambda it, run: cancel(it, run, "terminate"), f"terminated by {SARA}"),
    "terminated": (PATIENT, terminated, "terminated: the run was ended"),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("tool", ["order", "order_once"])
def test_of_a_call_that_was_cut_nobody_knows_and_it_is_said_so_and_not_made_again(
    tmp_path: Path, end: str, tool: str
) -> None:
    bounds, act, told = ENDS[end]
    with till(tmp_path, workflow(step("a", tool, retry={"attempts": 3}), step("never", "order"))) as it:
        tools, it.bounds = hanging(it, **{tool: "after"}), bounds
        run = it.start(n=1)
        meanwhile(it, tools.reached, act(it, run))
        it.carry_out()
        assert (it.state(run), it.run(run).error) == ("cancelled", f"{told}; not undone: a")
        assert (tools.asked, tools.cut) == ([tool], [tool])
        assert it.steps(run)["a"].state.value == "unknown"
        assert outcomes(it)[f"till.{tool}"] == ("unknown", "workflow.unknown"), "so it waits to be reconciled"
        it.pass_time(HOUR)
        assert tools.asked == [tool]


@pytest.mark.parametrize(
    ("hangs", "state", "names"), [("after", "done", ["order_told(1)", "cancel(1)"]), ("before", "failed", [])]
)
def test_a_tool_that_can_tell_is_asked_what_became_of_a_call_that_was_cut(
    tmp_path: Path, hangs: str, state: str, names: list[str]
) -> None:
    with till(tmp_path, workflow(step("a", "order_told"), step("never", "order"))) as it:
        tools, it.bounds = hanging(it, order_told=hangs), STRICT
        run = it.start(n=1)
        meanwhile(it, tools.reached, cancel(it, run))
        it.carry_out()
        assert (it.state(run), it.run(run).error) == ("cancelled", f"cancelled by {SARA}")
        assert (it.steps(run)["a"].state.value, tools.names()) == (state, names)
        assert tools.asked.count("order_told") == 1
        status = ("ok", "") if hangs == "after" else ("error", "workflow.absent")
        assert outcomes(it)["till.order_told"] == status


def test_a_run_that_is_out_of_time_waits_no_longer_either(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a", "slow"), timeout="2h")) as it:
        tools, it.bounds = hanging(it, slow="before"), PATIENT
        run = it.start(n=1)
        meanwhile(it, tools.reached, lambda: it.world.clock.advance(2 * HOUR))
        it.carry_out()
        assert (it.state(run), tools.cut) == ("failed", ["slow"])


def test_a_model_is_not_waited_for_and_what_it_may_have_cost_is_counted(tmp_path: Path) -> None:
    with till(tmp_path, asks(), changes=PRICED) as it:
        models = HangingModels([says("Seven.")])
        it.models, it.bounds = models, PATIENT
        run = it.start(n=7)
        meanwhile(it, models.reached, cancel(it, run))
        it.carry_out()
        assert (it.state(run), models.cut) == ("cancelled", 1)
        assert list(outcomes(it).values()) == [("error", "upstream.cut")]


@dataclass
class HangingModels(PlayedModels):
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    cut: int = 0

    async def ask(self, *args: Any) -> Any:
        answer = await super().ask(*args)
        self.reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cut += 1
            raise
        return answer


def test_the_built_in_agent_is_not_waited_for(tmp_path: Path) -> None:
    with till(tmp_path, workflow(LOOKS_UP), changes=CHANGES) as it:
        tools, it.bounds = hanging(it, order_once="after"), STRICT
        played(it, calls(("till_order_once", {"n": 7})), says("Done."))
        run = it.start(n=7)
        meanwhile(it, tools.reached, cancel(it, run))
        it.carry_out()
        told = f"cancelled by {SARA}; not undone: look/try-1/turn-1/call-1"
        assert (it.state(run), it.run(run).error) == ("cancelled", told)
        assert (tools.asked, tools.cut) == (["order_once"], ["order_once"])
        assert outcomes(it)["till.order_once"] == ("unknown", "workflow.unknown")
        ended = {each["run"]: each["status"] for each in records(it, RecordKind.RUN_ENDED)}
        assert ended[child(it, run).id] == "cancelled"


@pytest.mark.parametrize(
    ("tool", "names", "left"),
    [("order_told", ["order_told(1)", "cancel(1)"], ""), ("order", ["order(1)"], "; not undone: a")],
)
def test_a_run_cancelled_after_its_worker_died_in_a_call_finds_out_about_that(
    tmp_path: Path, tool: str, names: list[str], left: str
) -> None:
    with till(tmp_path, workflow(step("a", tool), step("never", "order"))) as it:
        it.tools.deadly = 2  # after the effect, before its outcome
        run = it.start(n=1)
        with pytest.raises(Died):
            it.carry_out()
        assert it.steps(run) == {}, "no row says that it was begun; the ledger does"
        cancel(it, run)()
        it.carry_out()
        assert (it.state(run), it.run(run).error) == ("cancelled", f"cancelled by {SARA}{left}")
        assert it.tools.names() == names


def test_where_one_way_has_failed_the_call_of_another_whose_worker_died_is_undone_too(tmp_path: Path) -> None:
    ways = {"id": "fan", "parallel": {"l": [step("f", "fail")], "r": [step("b", "order_told")]}}
    with till(tmp_path, workflow(step("a", "order"), ways)) as it:
        tools, it.bounds = hanging(it, order_told="after"), PATIENT
        run = it.start(n=1)

        async def die() -> None:
            (turn,) = [asyncio.ensure_future(it.segments().advance(each.run, each.turn)) for each in it.due()]
            await tools.reached.wait()
            await asyncio.to_thread(until_written, it, run, "fan/l/f")
            turn.cancel()
            await asyncio.wait({turn})

        it.loop.run_until_complete(asyncio.wait_for(die(), 20))
        assert it.steps(run)["fan/l/f"].state.value == "failed"
        assert "fan/r/b" not in it.steps(run)
        it.carry_out()
        assert (it.state(run), it.run(run).error) == ("failed", "fan/l/f: tool.error: the tool answered with an error")
        assert tools.names() == ["order(1)", "order_told(1)", "cancel(1)", "cancel(1)"], it.steps(run)


def test_a_run_below_of_which_no_row_tells_ends_with_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SAVED_S", "LOOKED_S"):  # else a busy machine writes between the two
        monkeypatch.setattr(f"remit.execution.workflows.segments.{name}", 60.0)
    subs = [{"id": f"sub_{number}", "workflow": {"name": "inner", "inputs": {"n": 1}}} for number in (1, 2)]
    outer = workflow({"id": "fan", "parallel": {each["id"]: [each] for each in subs}})
    inner = workflow(step("a", "order"), {"id": "w", "wait": {"event": "never"}}, name="inner")
    with till(tmp_path, outer, inner) as it:
        run = it.start(n=1)
        it.tools.deadly = 3  # both are begun, and nothing is written yet
        with pytest.raises(Died):
            it.once(it.segments(Fragile(it.journal, it.tools)))
        below = [each.run for each in it.journal.runs(WORKSPACE, 10, parent=run)]
        assert (len(below), it.steps(run)) == (2, {})
        for each in below:
            it.loop.run_until_complete(it.segments().advance(each, 0))
        assert [it.state(each) for each in below] == ["waiting"] * 2
        cancel(it, run)()
        it.carry_out()
        assert [it.run(each).error for each in (run, *below)] == [
            f"cancelled by {SARA}",
            *[f"cancelled by run:{run}"] * 2,
        ]
        assert sorted(it.tools.names()) == [*["cancel(1)"] * 2, *["order(1)"] * 2]


@pytest.mark.parametrize(
    ("said", "again"), [(OutcomeStatus.OK, ["order"]), (OutcomeStatus.ERROR, ["order_once", "order"])]
)
def test_what_was_cut_is_done_again_only_once_somebody_has_said_that_it_was_not_done(
    tmp_path: Path, said: OutcomeStatus, again: list[str]
) -> None:
    with till(tmp_path, workflow(step("a", "order_once"), step("b", "order"))) as it:
        tools, it.bounds = hanging(it, order_once="before"), STRICT
        run = it.start(n=1)
        meanwhile(it, tools.reached, cancel(it, run))
        it.carry_out()
        row, action = it.run(run), it.steps(run)["a"].action
        with pytest.raises(
            NotAgain, match=f"nobody knows what became of a: say it first, by `remit reconcile {action}"
        ):
            repeats(it).again(row, "", row.release, SARA)
        stored = it.world.store.run(run)
        it.world.queue.submit(it.world.outcome(stored, action, said, reconciles=True, by=SARA))
        tools.hangs.clear()
        tools.asked.clear()
        second = repeats(it).again(row, "", row.release, SARA).run
        it.carry_out()
        assert (it.state(second), tools.asked) == ("succeeded", again)


def test_what_could_not_be_undone_stands_and_is_not_done_again(tmp_path: Path) -> None:
    forbid = '@id("kept") forbid(principal, action == Action::"till.cancel", resource)'
    forbid += " when { context.input has n && context.input.n == 1 };"
    steps = [
        step("a", "order"),
        step("b", "order", arguments={"n": 2}, compensate={"tool": "till.cancel", "arguments": {"n": 2}}),
    ]
    with till(tmp_path, workflow(*steps, step("c", "fail")), changes={"policies/kept.cedar": forbid}) as it:
        run = it.start(n=1)
        it.carry_out()
        assert it.run(run).error.endswith("; not undone: a")
        it.tools.effects.clear()
        row = it.run(run)
        repeats(it).again(row, "", row.release, SARA)
        it.carry_out()
        assert it.tools.names() == ["order(2)", "cancel(2)"]


def until_written(it: Till, run: RunId, path: str) -> None:
    for _ in range(1_000):
        if path in it.steps(run):
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} was not written: {it.steps(run)}")


@pytest.mark.slow
def test_a_worker_waits_no_longer_for_a_tool_server_and_carries_out_the_next(tmp_path: Path) -> None:
    slow = {"id": "a", "tool": "till.slow", "arguments": {"pause": 300}}
    nap = workflow({"id": "nap", "wait": {"for": "1s"}}, name="nap")
    with shop(tmp_path, workflow(slow), nap) as it, it.worker():
        run = it.start()
        it.until(lambda: records_of(it, RecordKind.DECISION_MADE))
        it.journal.cancel(run, "cancel", SARA, it.parts.clock.now())
        assert (it.ended(run, 30).state.value, it.run(run).error) == ("cancelled", f"cancelled by {SARA}")
        assert it.ended(it.start("nap"), 30).state.value == "succeeded"


def records_of(it: Shop, kind: RecordKind) -> list[Any]:
    return [body for _, body in it.parts.store.records(WORKSPACE, 0, 100, None, kind.value)]
