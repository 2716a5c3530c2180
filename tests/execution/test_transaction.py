"""One transaction: budgets over time, approvals used once, runs and the releases they began with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.compose import open_door
from remit.domain.action import ActionState, Cost
from remit.domain.admission import Admission, RunRequest
from remit.domain.facts import ApprovalState, ScopeKind
from remit.domain.finding import Code
from remit.domain.ids import AgentName, OwnerId, WorkspaceName
from remit.domain.money import Micros
from remit.domain.record import RecordKind
from remit.execution.commands import Batch
from remit.execution.door import RunRefused
from remit.execution.transaction import RunNotStarted, Writer, process
from remit.workspace.files import Folder
from tests.worlds import LINA, OWNER, SARA, VISITOR, WORKSPACE, World, agent, budget, documents, files, world

HOUR_S, DAY_S = 3600, 86_400


@pytest.fixture
def it(tmp_path: Path) -> Any:
    changes = {
        "budgets.yaml": budget("hour", "agent", "hour", usd=0.25),
        "agents/buyer.yaml": agent(limits={"wall_time": "unlimited"}),
    }
    with world(tmp_path, changes) as opened:
        yield opened


def admit(it: World, run: Any, tool: str = "erp.scan", arguments: Any = None, id: str = "") -> Admission:
    answer = it.queue.submit(it.action(run, tool, {"page": 1} if arguments is None else arguments, id))
    assert isinstance(answer, Admission)
    return answer


def spend(it: World, name: str = "hour", kind: ScopeKind = ScopeKind.AGENT, of: str = "buyer") -> tuple[int, int]:
    found = it.scope(kind, of).spends[name]  # type: ignore[index]
    return found.spent, found.reserved


def reasons(answer: Admission) -> set[Code]:
    return {finding.code for finding in answer.decision.reasons}


# -- budgets


def test_the_worst_case_is_set_aside_and_what_is_not_spent_is_given_back(it: World) -> None:
    run = it.start()
    admit(it, run, id="act_1")
    assert spend(it) == (0, 100_000)
    it.queue.submit(it.outcome(run, "act_1", "ok", Cost(Micros(20_000))))
    assert spend(it) == (20_000, 0)


def test_an_outcome_that_does_not_say_what_it_cost_has_cost_what_was_set_aside(it: World) -> None:
    run = it.start()
    admit(it, run, id="act_1")
    it.queue.submit(it.outcome(run, "act_1", "error"))
    assert spend(it) == (100_000, 0)


def test_what_is_set_aside_counts_as_much_as_what_is_spent(it: World) -> None:
    run = it.start()
    assert [admit(it, run, arguments={"page": n}).state for n in range(3)] == [
        ActionState.ADMITTED,
        ActionState.ADMITTED,
        ActionState.DENIED,
    ]
    assert spend(it) == (0, 200_000)


def test_a_cost_beyond_the_reservation_is_counted_in_full_and_said(it: World) -> None:
    run = it.start()
    admit(it, run, id="act_1")
    settled = it.queue.submit(it.outcome(run, "act_1", "ok", Cost(Micros(240_000))))
    assert settled.overrun  # type: ignore[union-attr]
    assert it.records(RecordKind.OUTCOME_REPORTED)[0]["overrun"] is True
    assert spend(it) == (240_000, 0)
    assert reasons(admit(it, run)) == {Code.BUDGET_EXCEEDED}


def test_a_new_window_starts_afresh(it: World) -> None:
    run = it.start()
    admit(it, run), admit(it, run)
    assert admit(it, run).state is ActionState.DENIED
    it.clock.advance(HOUR_S)
    assert admit(it, run).state is ActionState.ADMITTED
    assert spend(it) == (0, 100_000)


def test_an_outcome_after_its_window_changes_nothing_in_the_next(it: World) -> None:
    run = it.start()
    admit(it, run, id="act_1")
    it.clock.advance(HOUR_S)
    admit(it, run, id="act_2")
    it.queue.submit(it.outcome(run, "act_1", "ok", Cost(Micros(90_000))))
    assert spend(it) == (0, 100_000), "the late outcome belongs to the window before"
    it.queue.submit(it.outcome(run, "act_2", "ok", Cost(Micros(70_000))))
    assert spend(it) == (70_000, 0)


def test_a_budget_that_two_runs_share_is_one(it: World) -> None:
    one, two = it.start(), it.start(on_behalf_of="user:other")
    admit(it, one), admit(it, two)
    assert reasons(admit(it, two)) == {Code.BUDGET_EXCEEDED}


def test_each_user_and_each_run_has_a_budget_of_its_own(tmp_path: Path) -> None:
    changes = {"budgets.yaml": documents(budget("u", "user", "day", calls=2), budget("r", "run", "run", calls=1))}
    with world(tmp_path, changes) as it:
        first, second = it.start(on_behalf_of="user:a"), it.start(on_behalf_of="user:a")
        assert admit(it, first).state is ActionState.ADMITTED
        assert reasons(admit(it, first)) == {Code.BUDGET_EXCEEDED}
        assert admit(it, second).state is ActionState.ADMITTED
        third = it.start(on_behalf_of="user:a")
        assert reasons(admit(it, third)) == {Code.BUDGET_EXCEEDED}
        assert admit(it, it.start(on_behalf_of="user:b")).state is ActionState.ADMITTED
        assert spend(it, "u", ScopeKind.USER, "user:a") == (0, 2)
        it.clock.advance(DAY_S)
        assert reasons(admit(it, first)) >= {Code.BUDGET_EXCEEDED}, "a run's budget never starts afresh"


def test_a_soft_budget_warns_and_lets_pass(tmp_path: Path) -> None:
    with world(tmp_path, {"budgets.yaml": budget("wish", "workspace", "day", calls=1, hard=False)}) as it:
        run = it.start()
        admit(it, run)
        second = admit(it, run)
        assert second.state is ActionState.ADMITTED
        assert Code.BUDGET_SOFT_EXCEEDED in {finding.code for finding in second.decision.findings}
        assert spend(it, "wish", ScopeKind.WORKSPACE, "") == (0, 2)


def test_a_share_that_is_reached_is_warned_of_once(tmp_path: Path) -> None:
    with world(tmp_path, {"budgets.yaml": budget("b", "agent", "day", calls=10, warn_at=[50, 80])}) as it:
        run = it.start()
        shares = []
        for number in range(10):
            findings = admit(it, run, arguments={"page": number}).decision.findings
            shares += [finding.param("share") for finding in findings if finding.code is Code.BUDGET_WARNING]
        assert shares == [50, 80]


def test_a_denied_action_sets_nothing_aside_and_counts_no_step(it: World) -> None:
    run = it.start()
    admit(it, run, "erp.drop", {})
    scope = it.scope(ScopeKind.RUN, run.id)
    assert scope.progress is not None
    assert (scope.progress.steps, it.scope(ScopeKind.AGENT, "buyer").in_flight) == (0, 0)
    assert it.store.open_actions(WORKSPACE) == []


# -- time


def test_a_clock_slightly_behind_the_record_is_held_at_it(it: World) -> None:
    run = it.start()
    before = admit(it, run).at
    it.clock.advance(-3)
    answer = admit(it, run)
    assert (answer.state, answer.at) == (ActionState.ADMITTED, before)


def test_a_clock_far_behind_the_record_admits_nothing_until_it_is_right(it: World) -> None:
    run = it.start()
    admit(it, run, "erp.get", {"id": "1"})
    it.clock.advance(-600)
    assert reasons(admit(it, run, "erp.get", {"id": "1"})) == {Code.CLOCK_WENT_BACK}
    it.clock.advance(600)
    assert admit(it, run, "erp.get", {"id": "1"}).state is ActionState.ADMITTED


# -- approvals


def approve(it: World, answer: Admission, approve: bool = True) -> None:
    assert answer.approval is not None
    approval = it.store.approval(answer.approval)
    it.approvals.answer(approval.id, SARA, approval.digest, approve=approve)


def pay(it: World, run: Any, amount: int = 900) -> Admission:
    return admit(it, run, "erp.pay", {"amount": amount})


def test_an_approval_admits_one_execution_of_exactly_these_arguments(it: World) -> None:
    run = it.start()
    held = pay(it, run)
    assert held.state is ActionState.HELD
    approve(it, held)
    assert pay(it, run, 901).state is ActionState.HELD, "other arguments ask again"
    assert pay(it, it.start()).state is ActionState.HELD, "another run asks again"
    used = pay(it, run)
    assert (used.state, used.approval) == (ActionState.ADMITTED, held.approval)
    again = pay(it, run)
    assert again.state is ActionState.HELD
    assert again.approval != held.approval
    assert it.store.approval(held.approval).state is ApprovalState.USED


def test_a_pending_approval_is_waited_for_and_not_asked_for_twice(it: World) -> None:
    run = it.start()
    first, second = pay(it, run), pay(it, run)
    assert first.approval == second.approval
    assert len(it.store.approvals(WORKSPACE)) == 1


def test_a_rejection_stays_a_no(it: World) -> None:
    run = it.start()
    approve(it, pay(it, run), approve=False)
    for _ in range(2):
        assert reasons(pay(it, run)) == {Code.OVERSIGHT_REJECTED}


def test_an_expired_hold_is_no_refusal_and_the_next_attempt_asks_again(it: World) -> None:
    run = it.start()
    first = pay(it, run)
    it.clock.advance(DAY_S)
    assert reasons(pay(it, run)) == {Code.OVERSIGHT_EXPIRED}
    assert it.store.approval(first.approval).state is ApprovalState.EXPIRED
    again = pay(it, run)
    assert again.state is ActionState.HELD
    assert again.approval != first.approval
    approve(it, again)
    assert pay(it, run).state is ActionState.ADMITTED


def test_an_approval_not_used_in_time_expires(it: World) -> None:
    run = it.start()
    approve(it, pay(it, run))
    it.clock.advance(DAY_S)
    assert reasons(pay(it, run)) == {Code.OVERSIGHT_EXPIRED}


def test_an_approval_does_not_lift_a_denial_and_is_kept_for_later(it: World) -> None:
    run = it.start()
    held = pay(it, run)
    approve(it, held)
    it.stops.freeze(WORKSPACE, "agent:buyer", LINA, "a moment")
    assert reasons(pay(it, run)) == {Code.STOPPED}
    assert it.store.approval(held.approval).state is ApprovalState.APPROVED
    it.stops.unfreeze(WORKSPACE, "agent:buyer", LINA, "go on")
    assert pay(it, run).state is ActionState.ADMITTED


def test_an_approval_is_used_once_even_within_a_batch(it: World) -> None:
    run = it.start()
    approve(it, pay(it, run))
    transactions = it.store.transactions()
    commands: Any = [it.action(run, "erp.pay", {"amount": 900}) for _ in range(3)]
    answers = process(transactions, Batch(WORKSPACE, commands), it.clock.now(), Writer(OwnerId("own"), it.ids))
    transactions.close()
    states = [answer.state for answer in answers]  # type: ignore[union-attr]
    assert states == [ActionState.ADMITTED, ActionState.HELD, ActionState.HELD]
    assert answers[1].approval == answers[2].approval  # type: ignore[union-attr]


# -- runs and releases


def test_a_run_keeps_the_release_it_began_with(it: World) -> None:
    run = it.start()
    it.apply({"agents/buyer.yaml": agent(tools=["erp.pay"])})
    assert admit(it, run, "erp.get", {"id": "1"}).state is ActionState.ADMITTED
    later = it.start()
    assert later.release != run.release
    assert reasons(admit(it, later, "erp.get", {"id": "1"})) >= {Code.TOOL_NOT_GRANTED}
    assert [record["release"] for record in it.records(RecordKind.DECISION_MADE)] == [run.release, later.release]


def test_a_withdrawn_release_admits_nothing_more_to_runs_that_began_with_it(it: World) -> None:
    run = it.start()
    it.apply({"agents/buyer.yaml": agent(limits={"steps": 9})})
    it.releases.withdraw(WORKSPACE, run.release, OWNER, "a hole in it")
    assert reasons(admit(it, run, "erp.get", {"id": "1"})) == {Code.RELEASE_WITHDRAWN}
    assert admit(it, it.start(), "erp.get", {"id": "1"}).state is ActionState.ADMITTED


def test_an_outcome_is_taken_also_after_a_withdrawal_a_freeze_and_the_end(it: World) -> None:
    run = it.start()
    admit(it, run, id="act_1")
    it.stops.freeze(WORKSPACE, "workspace", SARA, "all of it")
    it.door.end_run(run, "ok")
    assert it.queue.submit(it.outcome(run, "act_1")).status == "ok"  # type: ignore[union-attr]
    assert spend(it) == (100_000, 0)


def test_nothing_is_admitted_in_a_run_that_has_ended(it: World) -> None:
    run = it.start()
    it.door.end_run(run, "ok")
    assert reasons(admit(it, run, "erp.get", {"id": "1"})) == {Code.RUN_ENDED}
    (ended,) = it.records(RecordKind.RUN_ENDED)
    assert (ended["status"], ended["steps"]) == ("ok", 0)
    it.door.end_run(run, "error: again")
    assert len(it.records(RecordKind.RUN_ENDED)) == 1


def test_a_run_that_was_never_started_can_neither_act_nor_end(it: World) -> None:
    real = it.start()
    made_up = replace(real, id="run_made_up")  # type: ignore[arg-type]
    assert Code.RUN_UNKNOWN in reasons(admit(it, made_up, "erp.get", {"id": "1"}))
    with pytest.raises(RunNotStarted, match="run_made_up is not on record"):
        it.door.end_run(made_up, "ok")


def test_a_run_needs_an_agent_a_release_and_a_parent_that_are_there(it: World) -> None:
    with pytest.raises(RunRefused, match="knows no agent seller; it knows buyer"):
        it.start("seller")
    with pytest.raises(RunRefused, match="channel staging of workspace tiny points at no release"):
        it.start(channel="staging")
    with pytest.raises(RunRefused, match="the parent run run_none is not in workspace tiny"):
        it.start(parent="run_none")
    with pytest.raises(RunRefused, match="says whom the run acts for, and '' names nobody"):
        it.door.start_run(RunRequest(AgentName("buyer"), on_behalf_of=""))  # type: ignore[arg-type]
    assert it.records(RecordKind.RUN_STARTED) == []


def test_each_delegation_is_one_deeper_and_there_is_a_deepest(it: World) -> None:
    it.apply({"agents/buyer.yaml": agent(limits={"depth": 1})})
    top = it.start()
    middle = it.start(parent=top.id)
    bottom = it.start(parent=middle.id)
    assert [run.depth for run in (top, middle, bottom)] == [0, 1, 2]
    assert admit(it, middle).state is ActionState.ADMITTED
    assert reasons(admit(it, bottom)) == {Code.DEPTH_REACHED}


def test_a_channel_decides_which_release_a_run_begins_with(it: World) -> None:
    staged = it.apply({"agents/buyer.yaml": agent(limits={"steps": 3})}, channel="staging")
    assert it.start(channel="staging").release == staged.id
    assert it.start().release != staged.id


def test_two_workspaces_in_one_database_share_nothing(it: World) -> None:
    texts = files({"workspace.yaml": None})
    plan = it.releases.plan(Folder("other", texts, ()), OWNER, "another", "production")
    it.releases.apply(plan, "production")
    other = open_door(it.parts, it.queue, WorkspaceName("other"))
    it.stops.freeze(WORKSPACE, "workspace", SARA, "here only")
    run = other.start_run(RunRequest(AgentName("buyer"), VISITOR))
    admission = other.admit(other.attempt_tool(run, "erp.get", {"id": "1"}))
    assert admission.state is ActionState.ADMITTED
    assert reasons(admit(it, it.start())) == {Code.STOPPED}
    with pytest.raises(RunRefused, match="not in workspace other"):
        other.start_run(RunRequest(AgentName("buyer"), VISITOR, parent=it.start().id))
