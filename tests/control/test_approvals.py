"""Who may answer a hold, when, and what for. Every refusal says why."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from remit.control.approvals import AnswerRefused
from remit.domain.action import ActionState
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId, GroupName, UserId
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.storage.port import Approval
from tests.worlds import LINA, OWNER, SARA, VISITOR, World, agent, documents, world, yaml

DAY_S = 86_400


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path) as opened:
        yield opened


def asked(it: World, amount: int = 900, on_behalf_of: str = VISITOR, run: Run | None = None) -> Approval:
    run = run or it.start(on_behalf_of=on_behalf_of)
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


def people(*finance: str, legal: tuple[str, ...] = ()) -> str:
    """Everybody there is, and who is in which group."""
    names = ("omar", "sara", "lina")
    groups = {"finance": finance, **({"legal": legal} if legal else {})}
    return documents(
        *(yaml("Person", id=f"user:{name}") for name in names),
        *(yaml("Group", name=group, members=[f"user:{name}" for name in them]) for group, them in groups.items()),
    )


def test_who_has_left_the_group_may_not_answer_what_was_asked_before(it: World) -> None:
    approval = asked(it)
    it.apply({"people.yaml": people("omar", "lina")})
    assert "user:sara is not a member of finance" in refused(it, approval, SARA)
    assert it.approvals.answer(approval.id, LINA, approval.digest, approve=True).state is ApprovalState.APPROVED


def test_who_has_joined_the_group_may_not_answer_what_was_asked_before(tmp_path: Path) -> None:
    with world(tmp_path, {"people.yaml": people("lina")}) as it:
        approval = asked(it)
        it.apply({"people.yaml": people("lina", "sara")})
        assert "user:sara is not a member of finance" in refused(it, approval, SARA)
        later = asked(it, 901)
        assert it.approvals.answer(later.id, SARA, later.digest, approve=True).state is ApprovalState.APPROVED


def test_who_owns_the_agent_now_may_not_answer_either(it: World) -> None:
    approval = asked(it)
    it.apply({"agents/buyer.yaml": agent().replace(OWNER, LINA)})
    for owner in (OWNER, LINA):
        assert refused(it, approval, owner) == f"{owner} owns buyer: nobody approves for an agent of their own"
    assert it.approvals.answer(approval.id, SARA, approval.digest, approve=True).state is ApprovalState.APPROVED


def test_the_people_of_another_channel_do_not_count(it: World) -> None:
    approval = asked(it)
    it.apply({"people.yaml": people("omar", "lina")}, channel="staging")
    assert it.approvals.answer(approval.id, SARA, approval.digest, approve=True).state is ApprovalState.APPROVED


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


TWO_GROUPS = {
    "people.yaml": people("sara", legal=("lina",)),
    "agents/buyer.yaml": agent(holds=[{"effects": ["pay"], "approvers": "legal"}]),
}


def test_two_groups_without_a_common_member_answer_one_after_the_other(tmp_path: Path) -> None:
    with world(tmp_path, TWO_GROUPS) as it:
        run = it.start()
        approval = asked(it, run=run)
        assert approval.approvers == ("finance", "legal")
        half = it.approvals.answer(approval.id, SARA, approval.digest, approve=True)
        assert (half.state, half.missing) == (ApprovalState.PENDING, frozenset({GroupName("legal")}))
        assert it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900})).state is ActionState.HELD
        assert refused(it, approval, SARA) == f"user:sara has answered approval {approval.id} already"
        assert it.store.approval(approval.id) == half
        whole = it.approvals.answer(approval.id, LINA, approval.digest, approve=True)
        assert (whole.state, whole.missing) == (ApprovalState.APPROVED, frozenset())
        assert [(answer["by"], answer["groups"]) for answer in whole.answers] == [
            (SARA, ["finance"]),
            (LINA, ["legal"]),
        ]
        said = [(record["groups"], record["state"]) for record in it.records(RecordKind.APPROVAL_ANSWERED)]
        assert said == [(["finance"], "pending"), (["legal"], "approved")]
        assert it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900})).state is ActionState.ADMITTED


def test_one_rejection_is_enough_whoever_has_approved(tmp_path: Path) -> None:
    with world(tmp_path, TWO_GROUPS) as it:
        approval = asked(it)
        it.approvals.answer(approval.id, SARA, approval.digest, approve=True)
        assert it.approvals.answer(approval.id, LINA, approval.digest, approve=False).state is ApprovalState.REJECTED


def test_a_second_approval_for_the_same_group_is_refused_and_a_rejection_is_heard(tmp_path: Path) -> None:
    changes = {**TWO_GROUPS, "people.yaml": people("sara", "lina", legal=("omar",))}
    with world(tmp_path, changes) as it:
        approval = asked(it)
        it.approvals.answer(approval.id, SARA, approval.digest, approve=True)
        said = f"finance has approved already; approval {approval.id} still waits for legal"
        assert refused(it, approval, LINA) == said
        assert it.approvals.answer(approval.id, LINA, approval.digest, approve=False).state is ApprovalState.REJECTED


def test_a_member_of_every_group_counts_once_and_says_for_which(tmp_path: Path) -> None:
    with world(tmp_path, {**TWO_GROUPS, "people.yaml": people("sara", "lina", legal=("lina",))}) as it:
        approval = asked(it)
        assert refused(it, approval, LINA) == (
            "user:lina is in finance and legal, and one person counts once: say for which with --group"
        )
        legal = GroupName("legal")
        half = it.approvals.answer(approval.id, LINA, approval.digest, approve=True, group=legal)
        assert (half.state, half.answers[0]["groups"]) == (ApprovalState.PENDING, ["legal"])
        assert refused(it, approval, LINA) == f"user:lina has answered approval {approval.id} already"
        assert it.approvals.answer(approval.id, SARA, approval.digest, approve=True).state is ApprovalState.APPROVED


def test_a_rejection_of_a_member_of_every_group_is_for_all_of_them(tmp_path: Path) -> None:
    with world(tmp_path, {**TWO_GROUPS, "people.yaml": people("sara", "lina", legal=("lina",))}) as it:
        approval = asked(it)
        answered = it.approvals.answer(approval.id, LINA, approval.digest, approve=False)
        assert (answered.state, answered.answers[0]["groups"]) == (ApprovalState.REJECTED, ["finance", "legal"])
