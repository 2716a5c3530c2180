"""Who answers in whose place: once, in person, and never for the requester's side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.control.approvals import AnswerRefused
from remit.control.delegations import DelegationRefused
from remit.domain.clock import Instant
from remit.domain.facts import ApprovalState
from remit.domain.ids import UserId
from remit.domain.record import RecordKind
from remit.storage.delegation import Delegation
from tests.control.test_group_rules import MAJA, asked, groups, members
from tests.worlds import LINA, OWNER, SARA, VISITOR, WORKSPACE, World, world

HOUR = 3_600_000_000


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path, groups(members("board", SARA, LINA, OWNER, quorum=2))) as opened:
        yield opened


def away(
    it: World, person: UserId, delegate: UserId, begins: int = 0, lasts: int = 8 * HOUR, by: Any = None
) -> Delegation:
    now = it.clock.now()
    begins_at, ends_at = Instant(now + begins), Instant(now + begins + lasts)
    return it.delegations.make(WORKSPACE, by or person, person, delegate, begins_at, ends_at)


def answer(it: World, approval: Any, person: UserId, instead_of: UserId | None = None) -> Any:
    return it.approvals.answer(approval.id, person, approval.digest, approve=True, instead_of=instead_of)


def refused(it: World, approval: Any, person: UserId, instead_of: UserId | None = None) -> str:
    with pytest.raises(AnswerRefused) as caught:
        answer(it, approval, person, instead_of)
    return str(caught.value)


def test_the_answer_names_both_and_counts_as_the_persons(it: World) -> None:
    made = away(it, LINA, MAJA)
    approval = asked(it)
    answered = answer(it, approval, MAJA)
    assert (answered.answers[0]["by"], answered.answers[0]["for"]) == (MAJA, LINA)
    assert [vote.person for vote in answered.votes] == [LINA]
    assert "has answered" in refused(it, approval, LINA)
    assert answer(it, approval, SARA).state is ApprovalState.APPROVED
    (record,) = it.records(RecordKind.DELEGATION_CHANGED)
    assert (record["delegation"], record["person"], record["delegate"], record["by"]) == (made.id, LINA, MAJA, LINA)
    said = it.records(RecordKind.APPROVAL_ANSWERED)[0]
    assert (said["by"], said["for"]) == (MAJA, LINA)


def test_who_answers_for_two_counts_once(it: World) -> None:
    away(it, LINA, MAJA)
    away(it, SARA, MAJA)
    approval = asked(it)
    assert refused(it, approval, MAJA) == "user:maja stands in for user:lina and user:sara: say for whom with --for"
    assert answer(it, approval, MAJA, LINA).state is ApprovalState.PENDING
    assert refused(it, approval, MAJA, SARA) == f"user:maja has answered approval {approval.id} already"


def test_a_member_who_stands_in_for_another_counts_once(it: World) -> None:
    away(it, LINA, SARA)
    approval = asked(it)
    assert answer(it, approval, SARA).answers[0]["for"] is None
    assert "has answered" in refused(it, approval, SARA, LINA)


@pytest.mark.parametrize(("after", "holds"), [(-1, False), (0, True), (8 * HOUR - 1, True), (8 * HOUR, False)])
def test_it_holds_from_until(it: World, after: int, holds: bool) -> None:
    away(it, LINA, MAJA, begins=HOUR)
    approval = asked(it)
    it.clock.advance((HOUR + after) / 1_000_000)
    if holds:
        assert answer(it, approval, MAJA).votes[0].person == LINA
    else:
        assert "user:maja is not a member of board" in refused(it, approval, MAJA)


def test_one_that_was_ended_holds_no_more(it: World) -> None:
    made = away(it, LINA, MAJA)
    it.delegations.end(WORKSPACE, made.id, LINA)
    assert "is not a member of board" in refused(it, asked(it), MAJA)
    with pytest.raises(DelegationRefused, match="in force or to come"):
        it.delegations.end(WORKSPACE, made.id, LINA)
    assert [record["ended_at"] is None for record in it.records(RecordKind.DELEGATION_CHANGED)] == [True, False]


def test_nothing_is_handed_on(it: World) -> None:
    away(it, LINA, MAJA)
    away(it, MAJA, UserId("user:sara"))
    approval = asked(it)
    answered = answer(it, approval, SARA)
    assert answered.answers[0]["for"] is None
    assert "does not stand in now for user:lina" in refused(it, approval, SARA, LINA)


def test_the_requesters_side_neither_answers_for_others_nor_is_answered_for(it: World) -> None:
    approval = asked(it)
    away(it, LINA, OWNER)
    assert "nobody approves for an agent of their own" in refused(it, approval, OWNER, LINA)
    away(it, OWNER, MAJA)
    said = refused(it, approval, MAJA, OWNER)
    assert said == "user:omar owns buyer: nobody approves for an agent of their own"


def test_who_stands_in_for_a_person_the_run_acts_for_is_refused(it: World) -> None:
    away(it, LINA, MAJA)
    approval = asked(it, it.start(on_behalf_of=LINA))
    assert "the run acts for user:lina" in refused(it, approval, MAJA)


@pytest.mark.parametrize(
    ("person", "delegate", "by", "begins", "lasts", "said"),
    [
        (LINA, LINA, LINA, 0, HOUR, "can not stand in for themselves"),
        (LINA, MAJA, MAJA, 0, HOUR, "can not make themselves the delegate"),
        (LINA, VISITOR, LINA, 0, HOUR, "is no person of the active release"),
        (LINA, UserId("maja"), LINA, 0, HOUR, "is no person of the active release"),
        (LINA, MAJA, LINA, 0, 0, "must end after it begins"),
        (LINA, MAJA, LINA, -2 * HOUR, HOUR, "in the future"),
        (LINA, MAJA, LINA, 0, 24 * 367 * HOUR, "within 366 days"),
    ],
    ids=["self", "taken", "unknown", "no person", "empty", "over", "endless"],
)
def test_what_can_not_be_is_refused(
    it: World, person: UserId, delegate: UserId, by: UserId, begins: int, lasts: int, said: str
) -> None:
    with pytest.raises(DelegationRefused, match=said):
        away(it, person, delegate, begins, lasts, by)
    assert it.delegations.all(WORKSPACE) == []


def test_who_is_in_a_group_that_is_not_asked_now_answers_for_who_is(tmp_path: Path) -> None:
    later = members("directors", MAJA)
    board = members("board", SARA, expires_after="1h", on_expiry="escalate", escalate_to="directors")
    with world(tmp_path, groups(board, later)) as it:
        away(it, SARA, MAJA)
        approval = asked(it)
        assert "does not wait for directors now" in refused(it, approval, MAJA, MAJA)
        assert answer(it, approval, MAJA).votes[0].person == SARA
        second = asked(it)
        it.clock.advance(3600)
        assert answer(it, second, MAJA).votes[0].person == MAJA
