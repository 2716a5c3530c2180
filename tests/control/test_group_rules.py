"""Quorum, order and the end of a group's time: who may answer when, and what is put on record of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from remit.control.approvals import AnswerRefused
from remit.control.lapsing import Lapsing, LapsingThread
from remit.domain.action import ActionState
from remit.domain.facts import ApprovalState
from remit.domain.finding import Code
from remit.domain.ids import GroupName, UserId
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.sdk.errors import Expired
from remit.storage.port import Approval, StoreError
from tests.worlds import BIG_PAYMENTS, LINA, SARA, VISITOR, World, agent, documents, reopened, world, yaml

HOUR_S = 3600
MAJA = UserId("user:maja")


def groups(*written: Mapping[str, object]) -> dict[str, str | None]:
    """People and groups; big payments wait for the group `board`."""
    people = (yaml("Person", id=f"user:{name}") for name in ("omar", "sara", "lina", "maja"))
    return {
        "people.yaml": documents(*people, *(yaml("Group", **{"name": "board", **each}) for each in written)),
        "policies/pay.cedar": BIG_PAYMENTS.replace("finance", "board"),
        "agents/buyer.yaml": agent(limits={"wall_time": "unlimited"}),
    }


def members(name: str, *people: UserId, **rules: object) -> dict[str, object]:
    return {"name": name, "members": list(people), **rules}


def made_of(order: str, *names: str) -> dict[str, object]:
    return {"groups": list(names), "order": order}


LEADS, FINANCE = members("leads", SARA), members("finance", LINA)


def asked(it: World, run: Run | None = None) -> Approval:
    admission = it.door.admit(it.door.attempt_tool(run or it.start(), "erp.pay", {"amount": 900}))
    assert admission.approval is not None
    found: Approval = it.store.approval(admission.approval)
    return found


def answer(it: World, approval: Approval, person: UserId, *, approve: bool = True, group: str = "") -> ApprovalState:
    wanted = GroupName(group) if group else None
    return it.approvals.answer(approval.id, person, approval.digest, approve=approve, group=wanted).state


def refused(it: World, approval: Approval, person: UserId) -> str:
    with pytest.raises(AnswerRefused) as caught:
        answer(it, approval, person)
    return str(caught.value)


def test_a_quorum_needs_that_many_different_people(tmp_path: Path) -> None:
    with world(tmp_path, groups(members("board", SARA, LINA, MAJA, quorum=2))) as it:
        approval = asked(it)
        assert answer(it, approval, SARA) is ApprovalState.PENDING
        assert refused(it, approval, SARA) == f"user:sara has answered approval {approval.id} already"
        assert it.store.approval(approval.id).missing == {"board"}
        assert answer(it, approval, MAJA) is ApprovalState.APPROVED


def test_the_rules_are_those_of_the_release_that_asked(tmp_path: Path) -> None:
    with world(tmp_path, groups(members("board", SARA, LINA, quorum=2))) as it:
        approval = asked(it)
        it.apply(groups(members("board", SARA, LINA, quorum=1)))
        assert answer(it, approval, SARA) is ApprovalState.PENDING
        assert answer(it, approval, LINA) is ApprovalState.APPROVED


def test_any_of_the_groups_is_enough(tmp_path: Path) -> None:
    with world(tmp_path, groups(made_of("any", "leads", "finance"), LEADS, FINANCE)) as it:
        approval = asked(it)
        assert approval.approvers == ("board",)
        assert approval.missing == {"leads", "finance"}
        assert answer(it, approval, LINA) is ApprovalState.APPROVED


def test_all_of_the_groups_must_approve_in_any_order(tmp_path: Path) -> None:
    with world(tmp_path, groups(made_of("all", "leads", "finance"), LEADS, FINANCE)) as it:
        approval = asked(it)
        assert answer(it, approval, LINA) is ApprovalState.PENDING
        assert it.store.approval(approval.id).missing == {"leads"}
        assert answer(it, approval, SARA) is ApprovalState.APPROVED


def test_in_a_chain_each_waits_for_the_one_before_it(tmp_path: Path) -> None:
    with world(tmp_path, groups(made_of("chain", "leads", "finance"), LEADS, FINANCE)) as it:
        run = it.start()
        approval = asked(it, run)
        early = f"approval {approval.id} does not wait for finance now; it waits for finance, leads"
        assert refused(it, approval, LINA) == early
        with pytest.raises(AnswerRefused, match="does not wait for finance now"):
            answer(it, approval, LINA, approve=False)
        assert answer(it, approval, SARA) is ApprovalState.PENDING
        assert asked(it, run).state is ApprovalState.PENDING
        assert answer(it, approval, LINA) is ApprovalState.APPROVED
        assert it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900})).state is ActionState.ADMITTED


def test_one_person_in_two_groups_of_a_chain_counts_once(tmp_path: Path) -> None:
    finance = members("finance", SARA, LINA)
    with world(tmp_path, groups(made_of("chain", "leads", "finance"), LEADS, finance)) as it:
        approval = asked(it)
        assert answer(it, approval, SARA) is ApprovalState.PENDING
        assert "has answered" in refused(it, approval, SARA)
        assert answer(it, approval, LINA) is ApprovalState.APPROVED


def test_the_time_of_a_group_in_a_chain_begins_with_its_turn(tmp_path: Path) -> None:
    leads = members("leads", SARA, expires_after="2h")
    finance = members("finance", LINA, expires_after="1h")
    with world(tmp_path, groups(made_of("chain", "leads", "finance"), leads, finance)) as it:
        approval = asked(it)
        it.clock.advance(2 * HOUR_S - 1)
        answer(it, approval, SARA)
        it.clock.advance(HOUR_S - 1)
        assert answer(it, approval, LINA) is ApprovalState.APPROVED


SLOW_LEADS = members("board", SARA, expires_after="1h", on_expiry="escalate", escalate_to="finance")


@pytest.mark.parametrize("person", [SARA, LINA])
def test_who_did_not_answer_in_time_may_still_and_so_may_who_comes_after(tmp_path: Path, person: UserId) -> None:
    with world(tmp_path, groups(SLOW_LEADS, FINANCE)) as it:
        approval = asked(it)
        assert "does not wait for finance now" in refused(it, approval, LINA)
        it.clock.advance(HOUR_S)
        assert answer(it, approval, person) is ApprovalState.APPROVED
        (record,) = it.records(RecordKind.APPROVAL_ESCALATED)
        assert (record["group"], record["to"]) == ("board", "finance")
        assert record["since"] == approval.created_at + HOUR_S * 1_000_000


def test_an_escalation_is_noticed_by_the_agent_that_asks_again_and_recorded_once(tmp_path: Path) -> None:
    with world(tmp_path, groups(SLOW_LEADS, FINANCE)) as it:
        run = it.start()
        approval = asked(it, run)
        it.clock.advance(HOUR_S)
        assert asked(it, run).id == approval.id
        assert Lapsing(it.store, it.clock).once() == 0
        assert asked(it, run).missing == {"board", "finance"}
        assert len(it.records(RecordKind.APPROVAL_ESCALATED)) == 1


def test_an_escalation_is_on_record_though_nobody_looks_and_after_a_restart(tmp_path: Path) -> None:
    with world(tmp_path, groups(SLOW_LEADS, FINANCE)) as it:
        approval = asked(it)
        it.clock.advance(HOUR_S - 1)
        assert Lapsing(it.store, it.clock).once() == 0
        clock = it.clock
    clock.advance(1)
    with reopened(tmp_path / "remit.db", clock) as it:
        assert [Lapsing(it.store, it.clock).once() for _ in range(2)] == [1, 0]
        assert len(it.records(RecordKind.APPROVAL_ESCALATED)) == 1
        assert answer(it, approval, LINA) is ApprovalState.APPROVED


def test_when_the_last_group_has_not_answered_it_expires_and_the_agent_is_told_once(tmp_path: Path) -> None:
    with world(tmp_path, groups(SLOW_LEADS, {**FINANCE, "expires_after": "30m"})) as it:
        run = it.start()
        approval = asked(it, run)
        assert approval.expires_at == approval.created_at + 5400 * 1_000_000
        it.clock.advance(5400)
        assert Lapsing(it.store, it.clock).once() == 1
        assert [record["was"] for record in it.records(RecordKind.APPROVAL_EXPIRED)] == ["pending"]
        assert "has expired" in refused(it, approval, LINA)
        told = it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900}))
        assert (told.state, told.decision.reasons[0].code) == (ActionState.DENIED, Code.OVERSIGHT_EXPIRED)
        assert asked(it, run).id != approval.id
        assert len(it.records(RecordKind.APPROVAL_EXPIRED)) == 1


def test_what_is_approved_and_not_used_expires_too(tmp_path: Path) -> None:
    with world(tmp_path, groups(members("board", SARA, expires_after="1h"))) as it:
        run = it.start()
        approval = asked(it, run)
        answer(it, approval, SARA)
        it.clock.advance(HOUR_S)
        assert Lapsing(it.store, it.clock).once() == 1
        assert [record["was"] for record in it.records(RecordKind.APPROVAL_EXPIRED)] == ["approved"]
        admission = it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900}))
        assert admission.decision.reasons[0].code is Code.OVERSIGHT_EXPIRED


def test_who_waits_for_an_approval_that_expires_is_told_so(tmp_path: Path) -> None:
    with (
        world(tmp_path, groups(members("board", SARA, expires_after="1h"))) as it,
        it.client.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        waiting_for = it.client._door.waiting_for

        def later(*arguments: Any) -> Any:
            it.clock.advance(HOUR_S)
            return waiting_for(*arguments)

        it.client._door.waiting_for = later  # type: ignore[method-assign,assignment]
        with pytest.raises(Expired):
            run.call("erp.pay", {"amount": 900}, using=lambda amount: amount, wait=5)


def test_a_server_looks_by_itself_and_goes_on_after_a_failure(tmp_path: Path) -> None:
    with world(tmp_path, groups(SLOW_LEADS, FINANCE)) as it:
        asked(it)
        it.clock.advance(HOUR_S)
        once, told = Lapsing(it.store, it.clock).once, list[str]()
        noticed, failures = threading.Event(), iter([StoreError("the disk is full")])

        class Failing(Lapsing):
            def once(self) -> int:
                for failure in failures:
                    raise failure
                count = once()
                noticed.set()
                return count

        thread = LapsingThread(Failing(it.store, it.clock), told.append, interval_s=0.01)
        thread.start()
        assert noticed.wait(20)
        thread.close()
        assert told == ["the disk is full"]
        assert len(it.records(RecordKind.APPROVAL_ESCALATED)) == 1
