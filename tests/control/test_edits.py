"""An approver gives other arguments: decided afresh, asked about anew, and executed once, exactly as approved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.control.approvals import AnswerRefused
from remit.control.edits import MOST_EDITS, EditDenied
from remit.domain.action import ActionState
from remit.domain.arguments import BadArguments
from remit.domain.facts import ApprovalState
from remit.domain.finding import Code
from remit.domain.ids import ApprovalId, UserId
from remit.domain.payload import ARGUMENTS
from remit.domain.record import RecordKind
from remit.execution.replay import Agreement
from remit.storage.port import Approval
from tests.control.test_group_rules import FINANCE, LEADS, MAJA, groups, made_of, members
from tests.worlds import LINA, OWNER, SARA, VISITOR, World, agent, budget, world

NEVER = """
@id("never") @reason("over 5,000")
forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount > 5000 };
"""


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path, groups(members("board", SARA, LINA, MAJA, quorum=2))) as opened:
        yield opened


def held(it: World, run: Any, amount: int = 900) -> Approval:
    admission = it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": amount}))
    assert admission.state is ActionState.HELD, admission
    found: Approval = it.store.approval(admission.approval)
    return found


def edit(it: World, approval: Approval, amount: Any = 700, person: UserId = SARA, **rest: Any) -> Approval:
    return it.edits.edit(approval.id, person, approval.digest, {"amount": amount}, **rest)


def refused(it: World, approval: Approval, amount: Any = 700, person: UserId = SARA) -> str:
    with pytest.raises(AnswerRefused) as caught:
        edit(it, approval, amount, person)
    assert it.store.approval(approval.id) == approval
    return str(caught.value)


def approve(it: World, approval: Approval, person: UserId) -> ApprovalState:
    return it.approvals.answer(approval.id, person, approval.digest, approve=True).state


def test_an_edit_voids_what_was_answered_and_the_editor_has_approved(it: World) -> None:
    approval = held(it, it.start())
    approve(it, approval, LINA)
    edited = edit(it, approval, comment="the rest next month")
    assert edited == it.store.approval(approval.id)
    assert (edited.state, edited.edition, edited.first_digest) == (ApprovalState.PENDING, 1, approval.digest)
    assert [(each["by"], each["edition"]) for each in edited.answers] == [(LINA, 0), (SARA, 1)]
    assert [vote.person for vote in edited.votes] == [SARA]
    with pytest.raises(AnswerRefused, match="the digest is not that of approval"):
        it.approvals.answer(approval.id, LINA, approval.digest, approve=True)
    assert approve(it, edited, LINA) is ApprovalState.APPROVED, "whose earlier answer is void answers again"
    (record,) = it.records(RecordKind.APPROVAL_EDITED)
    assert (record["by"], record["before"], record["digest"]) == (SARA, approval.digest, edited.digest)
    assert record["decision"]["verdict"] == "hold"
    assert "amount" not in str(record)


def test_the_new_arguments_are_sealed_and_bound_by_the_digest(it: World) -> None:
    edited = edit(it, held(it, it.start()))
    sealed = it.store.payload(edited.payload, ARGUMENTS)
    assert orjson.loads(it.parts.keys.of(sealed.key).open(sealed)) == {"amount": 700}
    assert b"700" not in sealed.sealed


def test_an_answer_that_was_void_stays_so_though_the_arguments_come_back(it: World) -> None:
    approval = held(it, it.start())
    approve(it, approval, LINA)
    back = edit(it, edit(it, approval, 700), 900, MAJA)
    assert back.digest == approval.digest
    assert [vote.person for vote in back.votes] == [MAJA]


@pytest.mark.parametrize("amount", [700, 100], ids=["held still", "allowed without a person"])
def test_exactly_the_edited_arguments_run_once(it: World, amount: int) -> None:
    run = it.start()
    approval = held(it, run)
    edited = edit(it, approval, amount)
    first = it.door.attempt_tool(run, "erp.pay", {"amount": 900})
    assert it.door.admit(first).decision.reasons[-1].code is Code.OVERSIGHT_EDITED
    assert approve(it, edited, LINA) is ApprovalState.APPROVED
    again = it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900}))
    assert (again.state, again.approval) == (ActionState.HELD, approval.id), "approved is something else"
    waited = it.door.waiting_for(it.store.approval(approval.id))
    assert waited.arguments == {"amount": amount}
    attempts = [it.door.again(first, waited) for _ in range(2)]
    assert [it.door.admit(attempt).state for attempt in attempts] == [ActionState.ADMITTED, ActionState.DENIED]
    assert it.store.approval(approval.id).state is ApprovalState.USED
    last = it.records(RecordKind.DECISION_MADE)[-1]
    assert [f["code"] for f in last["decision"]["findings"] if f["verdict"] == "deny"] == ["oversight.void"]
    assert {each.agreement for each in it.replay.all(run.workspace)} == {Agreement.SAME}


def test_the_edited_arguments_are_told_only_when_approved(it: World) -> None:
    edited = edit(it, held(it, it.start()))
    assert it.door.waiting_for(edited).arguments is None


@pytest.mark.parametrize("named", ["apr_none", ""], ids=["unknown", "another run's"])
def test_an_attempt_under_an_approval_that_is_not_for_it_is_denied_though_the_rules_allow_it(
    it: World, named: str
) -> None:
    other = held(it, it.start())
    run = it.start()
    attempt = it.action(run, "erp.pay", {"amount": 10})
    under = ApprovalId(named) if named else other.id
    admission = it.queue.submit(replace(attempt, under=under))
    assert admission.state is ActionState.DENIED  # type: ignore[union-attr]


def test_what_the_agent_would_be_denied_is_refused_with_the_findings(tmp_path: Path) -> None:
    rules = groups(members("board", SARA))
    changes = {**rules, "policies/never.cedar": NEVER, "agents/buyer.yaml": agent(budgets=[])}
    with world(tmp_path, changes) as it:
        approval = held(it, it.start())
        said = refused(it, approval, 6000)
        assert said == "with these arguments erp.pay would be denied: policy never forbids it: over 5,000"
        for unfit in ("many", 0):
            assert "argument amount of erp.pay does not fit the schema" in refused(it, approval, unfit)
        with pytest.raises(EditDenied) as caught:
            it.edits.edit(approval.id, SARA, approval.digest, {"amount": 700, "iban": "AE07"})
        assert caught.value.findings[0].code is Code.ARGUMENT_UNKNOWN
        with pytest.raises(BadArguments):
            it.edits.edit(approval.id, SARA, approval.digest, {"amount": float("nan")})


def test_an_edit_is_decided_on_the_facts_as_they_are_now(tmp_path: Path) -> None:
    changes = {**groups(members("board", SARA)), "budgets.yaml": budget("calls", "agent", "day", calls=1)}
    with world(tmp_path, changes) as it:
        run = it.start()
        approval = held(it, run)
        it.door.admit(it.door.attempt_tool(run, "erp.get", {"id": "1"}))
        assert "budget calls has 0 calls left" in refused(it, approval)
        it.stops.freeze(run.workspace, "agent:buyer", LINA, "odd")
        assert "frozen by user:lina" in refused(it, approval)


def test_nobody_of_the_requesters_side_edits_and_nobody_out_of_turn(tmp_path: Path) -> None:
    with world(tmp_path, groups(made_of("chain", "leads", "finance"), LEADS, FINANCE)) as it:
        approval = held(it, it.start())
        assert "nobody approves for an agent of their own" in refused(it, approval, person=OWNER)
        assert "the run acts for user:visitor" in refused(it, approval, person=VISITOR)
        assert "is not a member" in refused(it, approval, person=MAJA)
        assert "does not wait for finance now" in refused(it, approval, person=LINA)
        assert edit(it, approval).votes[0].person == SARA


def test_an_edit_by_the_second_of_a_chain_begins_it_anew_without_their_vote(tmp_path: Path) -> None:
    with world(tmp_path, groups(made_of("chain", "leads", "finance"), LEADS, FINANCE)) as it:
        approval = held(it, it.start())
        approve(it, approval, SARA)
        edited = edit(it, approval, person=LINA)
        assert edited.votes == ()
        assert edited.missing == {"leads", "finance"}
        assert approve(it, edited, SARA) is ApprovalState.PENDING
        assert approve(it, edited, LINA) is ApprovalState.APPROVED


def test_an_edit_asks_nobody_less_and_whoever_the_new_arguments_need(tmp_path: Path) -> None:
    more = """
@id("huge") @hold("finance")
forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount > 2000 };
"""
    changes = {**groups(members("board", SARA), FINANCE), "policies/huge.cedar": more}
    with world(tmp_path, changes) as it:
        approval = held(it, it.start())
        assert approval.approvers == ("board",)
        larger = edit(it, approval, 3000)
        assert larger.approvers == ("board", "finance")
        assert larger.missing == {"finance"}
        smaller = edit(it, larger, 10, LINA)
        assert smaller.approvers == ("board", "finance")
        assert smaller.missing == {"board"}


def test_what_changes_nothing_and_what_waits_elsewhere_is_refused(it: World) -> None:
    run = it.start()
    approval, other = held(it, run), held(it, run, 800)
    assert "these are the arguments" in refused(it, approval, 900)
    assert f"approval {other.id} is for these very arguments" in refused(it, approval, 800)


def test_an_approval_is_edited_so_often_and_no_more(it: World) -> None:
    approval = held(it, it.start())
    for number in range(MOST_EDITS):
        approval = edit(it, approval, 1000 + number)
    assert f"was edited {MOST_EDITS} times" in refused(it, approval, 2000)


@pytest.mark.parametrize("ending", ["rejected", "expired"])
def test_a_rejected_or_expired_edit_denies_what_the_agent_asked_for(it: World, ending: str) -> None:
    run = it.start()
    edited = edit(it, held(it, run))
    if ending == "rejected":
        it.approvals.answer(edited.id, LINA, edited.digest, approve=False)
    else:
        it.clock.advance(86_400)
    admission = it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900}))
    assert (admission.state, admission.decision.reasons[-1].code.value) == (ActionState.DENIED, f"oversight.{ending}")


def test_a_model_call_can_not_be_edited(tmp_path: Path) -> None:
    hold_models = """
@id("models") @hold("board")
forbid(principal, action == Action::"model.call", resource);
"""
    changes = {**groups(members("board", SARA)), "policies/models.cedar": hold_models}
    with world(tmp_path, changes) as it:
        attempt = it.door.attempt_model(it.start(), "local/tiny-1", 10, 10, {"prompt": "Hello"})
        approval = it.store.approval(it.door.admit(attempt).approval)
        assert "only the arguments of a tool can be edited" in refused(it, approval)
