"""Steps that hand work to the built-in agent: a turn is a step, and none is taken twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.domain.ids import RunId
from remit.domain.record import RecordKind
from remit.execution.workflows.ports import CallFailed
from tests.workflows.played_models import PlayedModels, calls, says
from tests.workflows.shop import agent, workflow
from tests.workflows.test_crashes import NIGHTLY
from tests.workflows.test_steps import answer, pending, step
from tests.workflows.till import WORKSPACE, Died, Fragile, Till, till
from tests.worlds import SARA, yaml

MODEL = "local/small"
PRICED = yaml("Workspace", name=WORKSPACE, timezone="Asia/Dubai", prices=[{"model": MODEL, "input": 1, "output": 2}])
LOOKS_UP = {"id": "look", "agent": {"name": "scout", "task": "Find order ${inputs.n}.", "model": MODEL}}
STRUCTURED = {**LOOKS_UP["agent"], "output": {"type": "object", "properties": {"best": {"type": "integer"}}}}  # type: ignore[dict-item]
TOOLS = ("get", "order_once", "fail", "slow")
CHANGES = {
    "workspace.yaml": PRICED,
    "agents/clerk.yaml": agent(models=[MODEL], agents=["scout"]),
    "agents/scout.yaml": agent(
        "scout", models=[MODEL], tools=["till.get", "till.order_once", "till.fail", "till.slow"]
    ),
}
TWO_TURNS = [calls(("till_get", {"n": 7}), ("till_order_once", {"n": 7})), says("It is order 7.")]


def played(it: Till, *script: dict[str, Any]) -> PlayedModels:
    from remit.gateways.agents.builtin import BuiltIn

    models = PlayedModels(list(script), point=it.tools.point)
    it.works = {"": BuiltIn(models, it.tools, 0.0)}
    return models


def told(models: PlayedModels) -> list[Any]:
    """What the model was last told of its tools."""
    return [each["content"] for each in models.asked[-1]["messages"] if each["role"] == "tool"]


def records(it: Till, kind: RecordKind) -> list[Any]:
    return [orjson.loads(body) for _, body in it.world.store.records(WORKSPACE, 0, 10_000, None, kind.value)]


def child(it: Till, run: RunId) -> Any:
    (started,) = [each for each in records(it, RecordKind.RUN_STARTED) if each["parent"] == run]
    return it.world.store.run(RunId(started["run"]))


def test_an_agent_asks_its_model_calls_its_tools_and_answers(tmp_path: Path) -> None:
    flow = workflow(LOOKS_UP, outputs={"said": "${steps.look}"})
    with till(tmp_path, flow, changes=CHANGES) as it:
        models = played(it, *TWO_TURNS)
        run = it.start(n=7)
        it.carry_out()
        assert it.output(run) == {"said": "It is order 7."}, it.run(run).error
        assert len(models.asked) == 2
        assert models.asked[0]["messages"][-1]["content"] == "Find order 7."
        offered = [each["function"]["name"] for each in models.asked[0]["tools"]]
        assert offered == ["till_get", "till_order_once", "till_fail", "till_slow"]
        assert it.tools.names() == ["order_once(7)"]
        below = child(it, run)
        assert (below.agent, below.parent) == ("scout", run)
        actions = [(each["run"], each["target"]) for each in records(it, RecordKind.DECISION_MADE)]
        assert actions == [
            (run, "delegate.scout"),
            (below.id, MODEL),
            (below.id, "till.get"),
            (below.id, "till.order_once"),
            (below.id, MODEL),
        ]
        (ended,) = [each for each in records(it, RecordKind.RUN_ENDED) if each["run"] == below.id]
        assert ended["status"] == "ok"
        assert it.run(run).spent == 2 * (80 + 2 * 20)


def test_an_answer_with_a_schema_is_what_the_steps_behind_it_read(tmp_path: Path) -> None:
    flow = workflow({"id": "look", "agent": STRUCTURED}, outputs={"best": "${steps.look.best + 1}"})
    with till(tmp_path, flow, changes=CHANGES) as it:
        played(it, calls(("till_get", {"n": 1})), calls(("final_result", {"best": 41})))
        run = it.start(n=7)
        it.carry_out()
        assert it.output(run) == {"best": 42}, it.run(run).error


def test_what_is_denied_and_what_fails_is_told_to_the_model(tmp_path: Path) -> None:
    with till(tmp_path, workflow(LOOKS_UP), changes=CHANGES) as it:
        asked = calls(("till_fail", {}), ("till_cancel", {"n": 1}), ("till_get", {"n": "x"}))
        models = played(it, asked, says("I could not."))
        run = it.start(n=1)
        it.carry_out()
        assert it.state(run) == "succeeded", it.run(run).error
        failed, unknown, unfit = told(models)
        assert failed.startswith("the tool failed")
        assert "till_cancel" in unknown
        assert unfit == "not done: denied: grant.arguments_invalid, policy.not_asked"


def test_a_tool_that_the_workflows_agent_lacks_is_neither_offered_nor_admitted(tmp_path: Path) -> None:
    changes = {**CHANGES, "agents/clerk.yaml": agent(models=[MODEL], agents=["scout"], tools=["till.get"])}
    with till(tmp_path, workflow(LOOKS_UP), changes=changes) as it:
        models = played(it, says("Done."))
        run = it.start(n=1)
        it.carry_out()
        assert [each["function"]["name"] for each in models.asked[0]["tools"]] == ["till_get"]
        assert it.state(run) == "succeeded", it.steps(run)


def test_an_agent_that_is_not_listed_gets_no_work(tmp_path: Path) -> None:
    changes = {**CHANGES, "agents/clerk.yaml": agent(models=[MODEL])}
    mistake = pytest.raises(AssertionError, match="`clerk` may not hand work to `scout`")
    with mistake, till(tmp_path, workflow(LOOKS_UP), changes=changes):
        pass


def test_a_workflow_of_an_agent_that_is_not_listed_is_a_mistake(tmp_path: Path) -> None:
    outer = workflow({"id": "sub", "workflow": {"name": "inner", "inputs": {}}})
    inner = workflow(step("a"), name="inner", agent="scout")
    changes = {**CHANGES, "agents/clerk.yaml": agent(models=[MODEL])}
    mistake = pytest.raises(AssertionError, match="works as `scout`, to which `clerk` may not hand work")
    with mistake, till(tmp_path, outer, inner, changes=changes):
        pass


def test_a_workflow_of_another_agent_is_handed_on_by_an_action(tmp_path: Path) -> None:
    outer = workflow({"id": "sub", "workflow": {"name": "inner", "inputs": {"n": 1}}})
    inner = workflow(step("a", "order_once"), name="inner", agent="scout")
    with till(tmp_path, outer, inner, changes=CHANGES) as it:
        run = it.start(n=1)
        it.carry_out()
        assert it.state(run) == "succeeded", it.run(run).error
        actions = [(each["run"], each["target"]) for each in records(it, RecordKind.DECISION_MADE)]
        assert actions == [(run, "delegate.scout"), (child(it, run).id, "till.order_once")]


HOLD = '@id("big") @hold("finance") forbid(principal, action == Action::"till.order_once", resource);'


def test_a_tool_that_is_held_makes_the_step_wait_and_the_model_is_not_asked_again(tmp_path: Path) -> None:
    with till(tmp_path, workflow(LOOKS_UP), changes={**CHANGES, "policies/big.cedar": HOLD}) as it:
        models = played(it, *TWO_TURNS)
        run = it.start(n=1)
        it.carry_out()
        (asked,) = pending(it)
        assert it.state(run) == "waiting"
        assert it.steps(run)["look"].waits_for == f"approval:{asked.id}"
        assert len(models.asked) == 1
        answer(it, asked.id)
        it.carry_out()
        assert it.state(run) == "succeeded", [
            (r.path, r.state.value, r.waits_for, r.asked) for r in it.steps(run).values()
        ]
        assert len(models.asked) == 2
        assert it.tools.names() == ["order_once(7)"]


def test_a_freeze_pauses_between_turns(tmp_path: Path) -> None:
    with till(tmp_path, workflow(LOOKS_UP), changes=CHANGES) as it:
        models = played(it, *TWO_TURNS)
        it.tools.plays["get"] = lambda _: it.world.stops.freeze(WORKSPACE, "agent:scout", SARA, "smells").reason
        run = it.start(n=1)
        it.carry_out()
        assert it.steps(run)["look"].waits_for == "stop"
        it.tools.plays.clear()
        it.world.stops.unfreeze(WORKSPACE, "agent:scout", SARA, "fine")
        it.carry_out()
        it.pass_time(1_000)
        assert it.state(run) == "succeeded", it.steps(run)
        assert len(models.asked) == 2


def test_a_cancelled_run_ends_its_agents_run_as_well(tmp_path: Path) -> None:
    with till(tmp_path, workflow(LOOKS_UP), changes={**CHANGES, "policies/big.cedar": HOLD}) as it:
        played(it, *TWO_TURNS)
        run = it.start(n=1)
        it.carry_out()
        it.journal.cancel(run, "cancel", "user:sara", it.world.clock.now())
        it.carry_out()
        assert it.state(run) == "cancelled"
        statuses = {each["run"]: each["status"] for each in records(it, RecordKind.RUN_ENDED)}
        assert statuses[child(it, run).id] == "cancelled"


def test_turns_and_money_have_an_end(tmp_path: Path) -> None:
    few = {"id": "look", "agent": {**LOOKS_UP["agent"], "turns": 2}}  # type: ignore[dict-item]
    with till(tmp_path, workflow(few), changes=CHANGES) as it:
        models = played(it, calls(("till_get", {"n": 1})))
        run = it.start(n=1)
        it.carry_out()
        assert "too_many_turns: it is not done after 2 turns" in it.run(run).error
        assert len(models.asked) == 2
    poor = {**LOOKS_UP, "budget": 0.0003}
    (tmp_path / "poor").mkdir()
    with till(tmp_path / "poor", workflow(poor), changes=CHANGES) as it:
        models = played(it, calls(("till_get", {"n": 1})))
        run = it.start(n=1)
        it.carry_out()
        assert "over_budget" in it.run(run).error
        assert len(models.asked) == 1, "the second could have cost more than was left"


def test_a_model_that_fails_is_asked_again_a_few_times(tmp_path: Path) -> None:
    with till(tmp_path, workflow(LOOKS_UP), changes=CHANGES) as it:
        models = played(it, says("Done."))
        models.failing = [CallFailed("unreachable", "nobody is there", sent=False)] * 2
        run = it.start(n=1)
        it.carry_out()
        it.pass_time(2)
        it.pass_time(4)
        assert it.state(run) == "succeeded", it.steps(run)
        assert len(models.asked) == 3


@pytest.mark.slow
def test_wherever_its_worker_dies_no_answered_model_is_asked_again_and_nothing_is_done_twice(tmp_path: Path) -> None:
    deadly, was_deadly = 0, True
    while was_deadly:
        deadly += 1 if NIGHTLY else 3
        folder = tmp_path / str(deadly)
        folder.mkdir()
        with till(folder, workflow(LOOKS_UP, step("after", "order_once")), changes=CHANGES) as it:
            models = played(it, *TWO_TURNS)
            it.tools.deadly = deadly
            run = it.start(n=3)
            was_deadly = False
            for _ in range(4):
                try:
                    it.carry_out(it.segments(Fragile(it.journal, it.tools)))
                    break
                except Died:
                    was_deadly = True
                    it.world.clock.advance(30)
            it.pass_time(60)
            assert it.state(run) == "succeeded", (deadly, it.run(run), it.steps(run))
            assert it.tools.names() == ["order_once(7)", "order_once(3)"], deadly
            # Once more only where it died while the model was being asked, so that no answer is on record.
            answers = [each["target"] for each in records(it, RecordKind.OUTCOME_REPORTED) if each["target"] == MODEL]
            assert len(answers) == 2, deadly
            assert len(models.asked) <= 3
    assert deadly > 15
