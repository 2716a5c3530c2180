"""Who may answer a hold, when, and what for. Every refusal says why."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from remit.control.approvals import AnswerRefused
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId, UserId
from remit.domain.record import RecordKind
from remit.storage.port import Approval
from tests.worlds import LINA, OWNER, SARA, VISITOR, World, agent, documents, world

DAY_S = 86_400


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path) as opened:
        yield opened


def asked(it: World, amount: int = 900, on_behalf_of: str = VISITOR) -> Approval:
    run = it.start(on_behalf_of=on_behalf_of)
    admission = it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": amount}))
    found: Approval = it.store.approval(admission.approval)
    return found


def refused(it: World, approval: Approval, person: UserId = SARA, digest: str | None = None) -> str:
    with pytest.raises(AnswerRefused) as caught:
        it.approvals.answer(approval.id, person, approval.digest if digest is None else digest, approve=True)
    return str(caught.value)


def test_a_member_approves_and_it_is_on_record(it: World) -> None:
    approval = asked(it)
    answered = it.approvals.answer(approval.id, SARA, approval.digest, approve=True, comment="as agreed")
    assert (answered.state, it.store.approval(approval.id)) == (ApprovalState.APPROVED, answered)
    (record,) = it.records(RecordKind.APPROVAL_ANSWERED)
    said = {key: record[key] for key in ("approval", "digest", "by", "answer", "comment", "action")}
    assert said == {
        "approval": approval.id,
        "digest": approval.digest,
        "by": SARA,
        "answer": "approved",
        "comment": "as agreed",
        "action": approval.action,
    }


def test_the_beginning_of_the_digest_is_enough_if_it_is_long_enough(it: World) -> None:
    first, second = asked(it, 900), asked(it, 901)
    assert "the digest is not that of approval" in refused(it, first, digest=first.digest[:11])
    assert it.approvals.answer(first.id, SARA, first.digest[:12], approve=True).state is ApprovalState.APPROVED
    assert "look at it again" in refused(it, second, digest=first.digest)


@pytest.mark.parametrize("digest", ["", "0" * 64, "abc"])
def test_another_digest_is_refused(it: World, digest: str) -> None:
    approval = asked(it)
    assert "the digest is not that of approval" in refused(it, approval, digest=digest)
    assert it.store.approval(approval.id).state is ApprovalState.PENDING


def test_the_owner_of_the_agent_may_not_answer_though_a_member(it: World) -> None:
    said = refused(it, asked(it), OWNER)
    assert said == "user:omar owns buyer: nobody approves for an agent of their own"


def test_whom_the_run_acts_for_may_not_answer_though_a_member(it: World) -> None:
    said = refused(it, asked(it, on_behalf_of=SARA), SARA)
    assert said == "the run acts for user:sara: nobody approves what is done on their own behalf"


def test_who_is_not_a_member_may_not_answer(it: World) -> None:
    approval = asked(it, on_behalf_of="user:other")
    said = refused(it, approval, VISITOR)
    assert said == f"user:visitor is not a member of finance, who must answer approval {approval.id}"


def test_members_are_those_of_the_release_that_asked(it: World) -> None:
    approval = asked(it)
    people = documents(
        '{"kind": "Person", "id": "user:omar"}',
        '{"kind": "Person", "id": "user:lina"}',
        '{"kind": "Group", "name": "finance", "members": ["user:lina"]}',
    )
    it.apply({"people.yaml": people})
    assert it.approvals.answer(approval.id, SARA, approval.digest, approve=True).state is ApprovalState.APPROVED
    assert "not a member of finance" in refused(it, asked(it, 901), SARA)


def test_an_answer_that_comes_too_late_is_refused(it: World) -> None:
    approval = asked(it)
    it.clock.advance(DAY_S)
    assert refused(it, approval) == (
        f"approval {approval.id} has expired: nobody answered in time; the agent may ask again"
    )
    assert it.records(RecordKind.APPROVAL_ANSWERED) == []


@pytest.mark.parametrize(("first", "word"), [(True, "approved"), (False, "rejected")])
def test_an_answer_is_given_once(it: World, first: bool, word: str) -> None:
    approval = asked(it)
    it.approvals.answer(approval.id, SARA, approval.digest, approve=first)
    assert refused(it, approval, LINA) == f"approval {approval.id} is {word} already"
    assert len(it.records(RecordKind.APPROVAL_ANSWERED)) == 1


def test_nobody_answers_what_was_not_asked(it: World) -> None:
    with pytest.raises(AnswerRefused, match="there is no approval apr_none; `remit approvals ls` lists them"):
        it.approvals.answer(ApprovalId("apr_none"), SARA, "0" * 64, approve=True)


def test_of_two_people_who_answer_at_once_one_is_heard(it: World) -> None:
    approval = asked(it)
    start = threading.Barrier(2)
    came: list[str] = []

    def answer(person: UserId, approve: bool) -> None:
        start.wait(10)
        try:
            came.append(it.approvals.answer(approval.id, person, approval.digest, approve=approve).state.value)
        except AnswerRefused as error:
            came.append(str(error))

    threads = [threading.Thread(target=answer, args=each) for each in ((SARA, True), (LINA, False))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    state = it.store.approval(approval.id).state.value
    assert sorted(came) == sorted([state, f"approval {approval.id} is {state} already"])
    assert len(it.records(RecordKind.APPROVAL_ANSWERED)) == 1


def test_an_action_of_two_groups_needs_somebody_in_both(tmp_path: Path) -> None:
    people = documents(
        *(f'{{"kind": "Person", "id": "user:{name}"}}' for name in ("omar", "sara", "lina")),
        '{"kind": "Group", "name": "finance", "members": ["user:sara", "user:lina"]}',
        '{"kind": "Group", "name": "legal", "members": ["user:lina"]}',
    )
    holds = [{"effects": ["pay"], "approvers": "legal"}]
    with world(tmp_path, {"people.yaml": people, "agents/buyer.yaml": agent(holds=holds)}) as it:
        approval = asked(it)
        assert approval.approvers == ("finance", "legal")
        assert "not a member of legal" in refused(it, approval, SARA)
        assert it.approvals.answer(approval.id, LINA, approval.digest, approve=True).state is ApprovalState.APPROVED
