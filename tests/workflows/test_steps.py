"""What each kind of step does, and that a run waits without anything being kept for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.domain.ids import ApprovalId, UserId
from remit.domain.record import RecordKind
from tests.workflows.shop import WORKSPACE, workflow
from tests.workflows.till import Till, till
from tests.worlds import LINA, SARA

HOURS = 3_600


def step(id: str, tool: str = "order", **fields: Any) -> dict[str, Any]:
    return {"id": id, "tool": f"till.{tool}", "arguments": {"n": "${inputs.n}"}, **fields}


def test_a_step_calls_its_tool_and_the_next_one_sees_what_it_came_to(tmp_path: Path) -> None:
    second = {"id": "b", "tool": "till.order", "arguments": {"text": "${steps.a.order}", "n": 7}}
    with till(tmp_path, workflow(step("a"), second, outputs={"last": "${steps.b.order}"})) as it:
        run = it.start(n=3)
        assert it.state(run) == "queued"
        it.carry_out()
        assert it.state(run) == "succeeded"
        assert it.output(run) == {"last": "o-7"}
        assert [given for _, _, given in it.tools.effects] == [{"n": 3}, {"n": 7, "text": "o-3"}]
        kinds = [record["kind"] for record in records(it)]
        assert kinds == [
            RecordKind.RUN_STARTED.value,
            *(RecordKind.DECISION_MADE.value, RecordKind.OUTCOME_REPORTED.value) * 2,
            RecordKind.RUN_ENDED.value,
        ]


def records(it: Till) -> list[dict[str, Any]]:
    import orjson

    return [
        each
        for _, body in it.world.parts.store.records(WORKSPACE, 0, 10_000)
        if (each := orjson.loads(body)).get("run") is not None
    ]


def test_a_run_waits_for_a_time_and_takes_nothing_meanwhile(tmp_path: Path) -> None:
    with till(tmp_path, workflow({"id": "nap", "wait": {"for": "2h"}}, step("a"))) as it:
        run = it.start(n=1)
        it.carry_out()
        assert (it.state(run), it.states(run)) == ("waiting", {"nap": "waiting"})
        assert it.due() == []
        it.pass_time(2 * HOURS - 1)
        assert it.tools.effects == []
        it.pass_time(1)
        assert it.state(run) == "succeeded"


def test_a_run_waits_until_an_instant_that_its_inputs_name(tmp_path: Path) -> None:
    inputs = {
        "type": "object",
        "required": ["due"],
        "properties": {"due": {"type": "string"}, "n": {"type": "integer"}},
    }
    wait = {"id": "nap", "wait": {"until": "timestamp(inputs.due) + duration('1h')"}}
    with till(tmp_path, workflow(wait, inputs=inputs)) as it:
        run = it.start(due="2025-10-09T10:00:00+04:00")
        never = it.start(due="9999-10-09T10:00:00Z")
        it.carry_out()
        row = it.steps(run)["nap"]
        assert row.state.value == "done" or row.due_at is not None
        assert it.state(never) == "failed"
        assert "too_long" in it.run(never).error


def test_an_event_goes_to_the_step_that_waits_for_it_and_one_that_came_early_is_kept(tmp_path: Path) -> None:
    waits = ({"id": "first", "wait": {"event": "paid"}}, {"id": "then", "wait": {"event": "shipped"}})
    with till(tmp_path, workflow(*waits, outputs={"first": "${steps.first}", "then": "${steps.then}"})) as it:
        run = it.start()
        assert it.tell(run, "shipped", {"by": "lorry"}, "evt_1")
        it.carry_out()
        assert it.steps(run)["first"].waits_for == "event:paid"
        assert it.tell(run, "paid", 5, "evt_2")
        assert not it.tell(run, "paid", 6, "evt_2")
        it.carry_out()
        assert it.output(run) == {"first": 5, "then": {"by": "lorry"}}
        assert not it.tell(run, "paid", 7, "evt_3")
        used = {each.id: each.used_by for each in it.journal.events(run, unused=False)}
        assert used == {"evt_1": "then", "evt_2": "first"}


def test_an_event_that_does_not_come_in_time_fails_the_step(tmp_path: Path) -> None:
    with till(tmp_path, workflow({"id": "first", "wait": {"event": "paid"}, "timeout": "1h"})) as it:
        run = it.start()
        it.carry_out()
        it.pass_time(HOURS)
        assert it.state(run) == "failed"
        assert it.run(run).error == "first: timed_out: nothing was heard of paid in time"


ASK = {
    "id": "agreed",
    "approval": {
        "group": "finance",
        "title": {"en": "Order {n} of them"},
        "shows": {"n": "${inputs.n}"},
    },
}


def answer(it: Till, approval: str, by: str = SARA, *, approve: bool = True) -> None:
    found = it.world.store.approval(ApprovalId(approval))
    assert found is not None
    it.world.approvals.answer(found.id, UserId(by), found.digest, approve=approve, comment="because")


def pending(it: Till) -> list[Any]:
    return [each for each in it.world.store.approvals(WORKSPACE) if each.state.value == "pending"]


def test_people_decide_in_a_step_of_their_own(tmp_path: Path) -> None:
    with till(tmp_path, workflow(ASK, step("a"), outputs={"by": "${steps.agreed.by}"})) as it:
        run = it.start(n=9)
        it.carry_out()
        (asked,) = pending(it)
        assert (asked.approvers, asked.target) == (("finance",), "approval.flow.agreed")
        assert it.steps(run)["agreed"].waits_for == f"approval:{asked.id}"
        assert it.due() == []
        answer(it, asked.id)
        it.carry_out()
        assert it.state(run) == "succeeded"
        assert it.output(run) == {"by": [SARA]}
        assert it.tools.names() == ["order(9)"]
        assert it.world.store.approval(asked.id).state.value == "used"


def test_a_rejection_fails_the_run_and_no_answer_in_time_as_well(tmp_path: Path) -> None:
    with till(tmp_path, workflow({**ASK, "timeout": "1h"}, step("a"))) as it:
        rejected, late = it.start(n=1), it.start(n=2)
        it.carry_out()
        by_run = {each.run: each for each in pending(it)}
        answer(it, by_run[rejected].id, approve=False)
        it.carry_out()
        assert it.run(rejected).error == "agreed: denied: oversight.rejected"
        it.pass_time(HOURS)
        assert it.run(late).error == "agreed: approval_timed_out: nobody answered in time"
        assert it.tools.effects == []


HOLD = """
@id("big") @hold("finance")
forbid(principal, action == Action::"till.order", resource) when { context.input has n && context.input.n > 5 };
"""


def test_what_policies_hold_waits_for_people_and_is_done_with_what_they_changed(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a")), changes={"policies/big.cedar": HOLD}) as it:
        run = it.start(n=9)
        it.carry_out()
        (asked,) = pending(it)
        assert it.tools.effects == []
        it.world.edits.edit(asked.id, UserId(LINA), asked.digest, {"n": 6}, comment="fewer")
        it.carry_out()
        assert it.state(run) == "succeeded"
        assert it.tools.names() == ["order(6)"]


def test_a_workflow_within_a_workflow_is_a_run_below_it(tmp_path: Path) -> None:
    outer = workflow(
        {"id": "sub", "workflow": {"name": "inner", "inputs": {"n": "${inputs.n + 1}"}}},
        outputs={"got": "${steps.sub.order}"},
    )
    inner = workflow(step("a"), name="inner", outputs={"order": "${steps.a.order}"})
    with till(tmp_path, outer, inner) as it:
        run = it.start(n=1)
        it.carry_out()
        assert it.output(run) == {"got": "o-2"}
        (child,) = it.journal.runs(WORKSPACE, 10, parent=run)
        below = it.world.store.run(child.run)
        assert (below.parent, below.ancestors, below.release) == (run, (run,), it.run(run).release)


def test_a_failing_workflow_within_fails_the_step(tmp_path: Path) -> None:
    outer = workflow({"id": "sub", "workflow": {"name": "inner", "inputs": {}}})
    with till(tmp_path, outer, workflow(step("a", "fail"), name="inner")) as it:
        run = it.start(n=1)
        it.carry_out()
        assert it.state(run) == "failed"
        assert it.run(run).error.startswith("sub: child_failed: run_")


# -- ways


def test_branches_maps_and_loops_are_carried_out(tmp_path: Path) -> None:
    each = {"id": "one", "tool": "till.order", "arguments": {"n": "${item}"}}
    again = {"id": "more", "tool": "till.order", "arguments": {"n": "${index + 100}"}}
    flow = workflow(
        {"id": "all", "map": {"over": "inputs.items", "concurrency": 2, "steps": [each]}},
        {"id": "rounds", "loop": {"while": "index < 2", "at_most": 5, "steps": [again]}},
        {
            "id": "choose",
            "branch": [
                {"when": "size(inputs.items) > 100", "steps": [step("many")]},
                {"steps": [{"id": "few", "tool": "till.order", "arguments": {"n": 200}}]},
            ],
        },
        {"id": "both", "parallel": {"left": [step("l")], "right": [step("r")]}},
        outputs={"all": "${steps.all}"},
    )
    with till(tmp_path, flow) as it:
        run = it.start(n=0, items=[1, 2, 3])
        it.carry_out()
        assert it.state(run) == "succeeded", it.run(run).error
        names = it.tools.names()
        assert sorted(names[:3]) == ["order(1)", "order(2)", "order(3)"]
        assert names[3:6] == ["order(100)", "order(101)", "order(200)"]
        assert names[6:] == ["order(0)", "order(0)"]
        assert [each["order"] for each in it.output(run)["all"]] == ["o-1", "o-2", "o-3"]
        assert {path: row.state.value for path, row in it.steps(run).items() if row.state.value != "done"} == {}


def test_arguments_that_can_be_no_action_fail_the_step_at_once(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a", arguments={"pause": "${1.0 / 0.0}"}))) as it:
        run = it.start()
        it.carry_out()
        assert it.state(run) == "failed"
        assert it.run(run).error.startswith("a: arguments_invalid: pause: "), it.run(run).error
        assert it.run(run).failures == 0, "it is no failure of ours"


# -- attempts


def test_a_step_is_tried_again_with_pauses_and_each_attempt_is_an_action(tmp_path: Path) -> None:
    flow = workflow(step("a", "fail", retry={"attempts": 3, "wait": "10s"}))
    with till(tmp_path, flow) as it:
        run = it.start(n=1)
        it.carry_out()
        row = it.steps(run)["a"]
        assert (row.state.value, row.attempt) == ("waiting", 2)
        it.pass_time(10)
        assert it.steps(run)["a"].attempt == 3
        it.pass_time(19)
        assert it.state(run) == "waiting"
        it.pass_time(1)
        assert it.state(run) == "failed"
        asked = [each["action"] for each in records(it) if each["kind"] == RecordKind.DECISION_MADE.value]
        assert len(set(asked)) == 3


def test_a_server_that_is_down_is_tried_again_and_nothing_is_admitted_meanwhile(tmp_path: Path) -> None:
    with till(tmp_path, workflow(step("a", retry={"attempts": 2, "wait": "5s"}))) as it:
        it.tools.is_down = True
        run = it.start(n=1)
        it.carry_out()
        assert it.steps(run)["a"].error == "upstream.unreachable: nobody is there"
        it.tools.is_down = False
        it.pass_time(5)
        assert it.state(run) == "succeeded"
        assert it.tools.names() == ["order(1)"]


def test_a_step_may_spend_no_more_than_its_budget_its_attempts_included(tmp_path: Path) -> None:
    from tests.workflows.shop import EFFECTS, tool
    from tests.worlds import documents

    priced = documents(*(tool(name, **({"cost_per_call": 0.40} if name == "fail" else {})) for name in EFFECTS))
    flow = workflow(step("a", "fail", retry={"attempts": 5, "wait": "1s"}, budget=1))
    with till(tmp_path, flow, changes={"tools/till.yaml": priced}) as it:
        run = it.start(n=1)
        for _ in range(6):
            it.pass_time(300)
        assert it.state(run) == "failed"
        assert it.run(run).error == (
            "a: over_budget: step a may spend 1,000,000 micro-USD and has 200,000 left; this takes 400,000"
        )
        assert it.run(run).spent == 800_000


@pytest.mark.parametrize("inputs", [{"n": "many"}, {"m": 1}, {"items": 3}], ids=["type", "unknown", "no list"])
def test_inputs_that_do_not_match_start_nothing(tmp_path: Path, inputs: dict[str, Any]) -> None:
    from remit.execution.workflows.starting import InputsUnfit

    with till(tmp_path, workflow(step("a"))) as it:
        with pytest.raises(InputsUnfit, match="flow does not take these inputs"):
            it.start(**inputs)
        assert it.journal.runs(WORKSPACE, 10) == []
        assert records(it) == []


def test_one_key_starts_one_run(tmp_path: Path) -> None:
    from remit.execution.served import KeyReused

    with till(tmp_path, workflow(step("a"))) as it:
        assert it.start(key="k", n=1) == it.start(key="k", n=1)
        with pytest.raises(KeyReused):
            it.start(key="k", n=2)
        it.carry_out()
        assert it.tools.names() == ["order(1)"]
