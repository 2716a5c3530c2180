"""Work that is handed to another agent may be held: the step waits for people, and goes on by what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.domain.ids import RunId, UserId
from remit.domain.record import RecordKind
from remit.execution.workflows.starting import task_of
from remit.working import lapsing_of
from remit.workspace.files import Folder
from tests.workflows.played_models import says
from tests.workflows.shop import agent, shop_files, workflow
from tests.workflows.test_agents import CHANGES, LOOKS_UP, child, played, records
from tests.workflows.test_crashes import NIGHTLY
from tests.workflows.test_steps import answer, pending, step
from tests.workflows.till import WORKSPACE, Died, Fragile, Played, Till, till
from tests.worlds import LINA, OWNER, SARA

HOUR = 3_600
HOLD = """
@id("asks") @hold("finance")
forbid(principal, action == Action::"delegate.scout", resource);
"""
HELD = {
    **CHANGES,
    "agents/scout.yaml": agent("scout", models=["local/small"], tools=["till.order_once", "till.get"]),
    "policies/asks.cedar": HOLD,
}
SUB = {"id": "sub", "workflow": {"name": "inner", "inputs": {"n": "${inputs.n}"}}}
INNER = workflow(
    step("a", "order_once"),
    name="inner",
    agent="scout",
    inputs={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
    outputs={"order": "${steps.a.order}"},
)


def outer(**fields: Any) -> str:
    return workflow({**SUB, **fields}, outputs={"got": "${steps.sub.order}"})


def targets(it: Till) -> list[str]:
    return [each["target"] for each in records(it, RecordKind.DECISION_MADE)]


def outcomes(it: Till) -> list[tuple[str, str]]:
    return [(each["status"], each["error"] or "") for each in records(it, RecordKind.OUTCOME_REPORTED)]


def test_a_workflow_of_another_agent_waits_for_its_approval_and_is_then_carried_out_once(tmp_path: Path) -> None:
    with till(tmp_path, outer(), INNER, changes=HELD) as it:
        run = it.start(n=4)
        it.carry_out()
        (asked,) = pending(it)
        assert (it.state(run), it.steps(run)["sub"].waits_for) == ("waiting", f"approval:{asked.id}")
        assert (asked.target, asked.approvers) == ("delegate.scout", ("finance",))
        assert it.due() == [], "nothing is looked at until somebody has answered"
        assert len(records(it, RecordKind.RUN_STARTED)) == 1, "the run below has not begun"
        answer(it, asked.id)
        it.carry_out()
        assert it.output(run) == {"got": "o-4"}, it.run(run).error
        assert it.tools.names() == ["order_once(4)"]
        assert targets(it) == ["delegate.scout", "delegate.scout", "till.order_once"], "held, then admitted"
        below = child(it, run)
        assert (below.agent, below.parent) == ("scout", run)
        assert it.steps(run)["sub/try-1/hand-on"].state.value == "done"


def test_work_of_an_agent_step_waits_alike(tmp_path: Path) -> None:
    with till(tmp_path, workflow(LOOKS_UP, outputs={"said": "${steps.look}"}), changes=HELD) as it:
        models = played(it, says("It is order 7."))
        run = it.start(n=7)
        it.carry_out()
        (asked,) = pending(it)
        assert (it.steps(run)["look"].waits_for, models.asked) == (f"approval:{asked.id}", [])
        answer(it, asked.id)
        it.carry_out()
        assert it.output(run) == {"said": "It is order 7."}


def test_a_rejection_fails_the_step_and_nothing_is_begun_below(tmp_path: Path) -> None:
    with till(tmp_path, outer(retry={"attempts": 3}), INNER, changes=HELD) as it:
        run = it.start(n=4)
        it.carry_out()
        answer(it, pending(it)[0].id, approve=False)
        it.carry_out()
        assert it.run(run).error == "sub: denied: oversight.rejected"
        assert (len(records(it, RecordKind.RUN_STARTED)), pending(it), it.tools.effects) == (1, [], [])


def test_nobody_answers_until_it_expires_or_the_step_is_out_of_time(tmp_path: Path) -> None:
    with till(tmp_path, outer(), INNER, changes=HELD) as it:
        run = it.start(n=4)
        it.carry_out()
        (asked,) = pending(it)
        it.world.clock.advance((asked.expires_at - it.world.clock.now()) / 1e6 + 1)
        lapsing_of(it.world.parts)()
        it.carry_out()
        assert it.run(run).error == "sub: denied: oversight.expired"
    with till(tmp_path / "late", outer(timeout="1h"), INNER, changes=HELD) as it:
        run = it.start(n=4)
        it.carry_out()
        it.pass_time(HOUR)
        assert it.run(run).error == "sub: approval_timed_out: nobody answered in time"
        assert len(records(it, RecordKind.RUN_STARTED)) == 1


def edited(it: Till, task: str) -> None:
    (asked,) = pending(it)
    it.world.edits.edit(asked.id, UserId(LINA), asked.digest, {"task": task}, comment="fewer")


def test_whoever_approves_may_change_the_inputs(tmp_path: Path) -> None:
    with till(tmp_path, outer(), INNER, changes=HELD) as it:
        run = it.start(n=9)
        it.carry_out()
        edited(it, task_of("inner", {"n": 6}))  # type: ignore[arg-type]
        it.carry_out()
        assert it.output(run) == {"got": "o-6"}, it.run(run).error
        assert it.tools.names() == ["order_once(6)"]


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("six, please", "sub: task_unfit: what was approved is no task for the workflow inner"),
        ('{"workflow": "flow", "inputs": {}}', "sub: task_unfit: what was approved is no task for the workflow inner"),
        (
            '{"workflow": "inner", "inputs": {"n": "six"}}',
            "sub: inputs_unfit: inner does not take these inputs: n: type integer",
        ),
    ],
)
def test_a_change_that_makes_no_task_of_it_fails_the_step_and_leaves_nothing_open(
    tmp_path: Path, task: str, told: str
) -> None:
    with till(tmp_path, outer(), INNER, changes=HELD) as it:
        run = it.start(n=9)
        it.carry_out()
        edited(it, task)
        it.carry_out()
        assert it.run(run).error == told
        assert outcomes(it) == [("error", told.split(": ")[1])]
        assert (len(records(it, RecordKind.RUN_STARTED)), it.tools.effects) == (1, [])


def test_nobody_is_asked_about_inputs_that_do_not_fit(tmp_path: Path) -> None:
    loose = workflow({**SUB, "workflow": {"name": "inner", "inputs": {"n": "${inputs.items[0]}"}}})
    with till(tmp_path, loose, INNER, changes=HELD) as it:
        run = it.start(items=["four"])
        it.carry_out()
        assert it.run(run).error == "sub: inputs_unfit: inner does not take these inputs: n: type integer"
        assert (pending(it), targets(it)) == ([], [])


def test_a_freeze_holds_the_handing_on_until_it_is_lifted(tmp_path: Path) -> None:
    with till(tmp_path, outer(), INNER, changes={**HELD, "policies/asks.cedar": None}) as it:
        it.world.stops.freeze(WORKSPACE, "tool:delegate.scout", UserId(SARA), "look")
        run = it.start(n=4)
        it.carry_out()
        assert (it.state(run), it.steps(run)["sub"].waits_for) == ("waiting", "stop")
        it.world.stops.unfreeze(WORKSPACE, "tool:delegate.scout", UserId(SARA), "go on")
        it.carry_out()
        assert it.output(run) == {"got": "o-4"}, it.run(run).error


def test_a_run_that_is_cancelled_while_people_are_asked_ends_at_once(tmp_path: Path) -> None:
    with till(tmp_path, outer(), INNER, changes=HELD) as it:
        run = it.start(n=4)
        it.carry_out()
        it.journal.cancel(run, "cancel", SARA, it.world.clock.now())
        it.carry_out()
        assert (it.state(run), pending(it)) == ("cancelled", [])
        assert len(records(it, RecordKind.RUN_STARTED)) == 1


def test_a_run_in_which_others_have_worked_goes_on_under_another_release(tmp_path: Path) -> None:
    nap = {"id": "nap", "wait": {"for": "1h"}}
    changes = {**HELD, "policies/asks.cedar": None}
    with till(tmp_path, workflow(LOOKS_UP, SUB, nap), INNER, changes=changes) as it:
        models = played(it, says("It is order 7."))
        run = it.start(n=7)
        it.carry_out()
        files = shop_files(tmp_path, [workflow(LOOKS_UP, SUB, nap, step("more", "order_once")), INNER], changes)
        it.world.releases.apply(
            it.world.releases.plan(Folder(WORKSPACE, files, ()), OWNER, "more", "production"), "production"
        )
        it.journal.cancel(run, f"move:{it.world.store.active(WORKSPACE, 'production')}", SARA, it.world.clock.now())
        it.carry_out()
        moved = RunId(it.run(run).error.removeprefix("moved to "))
        assert it.states(moved) == {"look": "done", "sub": "done", "nap": "waiting"}
        it.pass_time(HOUR)
        assert it.state(moved) == "succeeded", it.run(moved).error
        assert (len(models.asked), it.tools.names()) == (1, ["order_once(7)", "order_once(7)"]), (
            "below, and the new step"
        )


@pytest.mark.slow
def test_wherever_its_worker_dies_one_run_below_is_begun_and_nobody_is_asked_twice(tmp_path: Path) -> None:
    with till(tmp_path, outer(), INNER, changes=HELD) as it:
        points = lived(it, 0)[1]
        assert points > 10
        for deadly in range(1, points + 1, 1 if NIGHTLY else 3):
            before = len(records(it, RecordKind.RUN_STARTED)), len(it.world.store.approvals(WORKSPACE))
            run, _ = lived(it, deadly)
            assert (it.output(run), it.tools.names()) == ({"got": "o-4"}, ["order_once(4)"]), deadly
            begun = [each for each in records(it, RecordKind.RUN_STARTED) if each["parent"] == run]
            assert len(begun) == 1, deadly
            after = len(records(it, RecordKind.RUN_STARTED)), len(it.world.store.approvals(WORKSPACE))
            assert (after[0] - before[0], after[1] - before[1]) == (2, 1), deadly


def lived(it: Till, deadly: int) -> tuple[RunId, int]:
    """Carry a run out, whose worker dies at this point; return it, and how many points were passed in all."""
    it.tools = Played()
    run = it.start(n=4)
    it.tools.deadly = deadly
    for _ in range(20):
        try:
            it.carry_out(it.segments(Fragile(it.journal, it.tools)))
        except Died:
            continue
        for asked in pending(it):
            answer(it, asked.id)
        if it.run(run).is_over:
            return run, it.tools.points
    raise AssertionError(f"{it.run(run)} {it.steps(run)}")
