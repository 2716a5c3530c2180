"""What an agent far away left behind: its actions become unknown when their lease is over, its runs end at last.

The server it talked to lives on, so nothing of this is a vanished process of ours.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.domain.action import ActionState
from remit.domain.facts import ApprovalState, ScopeKind
from remit.domain.ids import ActionId, OwnerId, RunId
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.execution.commands import Batch, EndRun, Prolong, Settled, StartRun
from remit.execution.recovery import Leases, due, overdue, silent
from remit.execution.transaction import NothingOpen, Writer, process
from tests.worlds import WORKSPACE, World, agent, budget, world

CHANGES: dict[str, str | None] = {
    "agents/buyer.yaml": agent(limits={"wall_time": "100d"}),
    "budgets.yaml": budget("month", "agent", "month", usd=1),
}
LEASE_S = 900
LEASES = Leases(LEASE_S, 86_400)


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path, CHANGES) as opened:
        yield opened


def carry_out(it: World, *commands: Any) -> list[Any]:
    """Carry commands out as a server does that keeps no house by itself."""
    transactions = it.store.transactions()
    try:
        return process(transactions, Batch(WORKSPACE, list(commands)), it.clock.now(), Writer(OwnerId("own_x"), it.ids))
    finally:
        transactions.close()


def start(it: World) -> Run:
    """A run as a server starts it for an agent elsewhere."""
    run = it.start()
    carry_out(it, Prolong(run, (), LEASE_S))  # as StartRun with `leased`
    return run


def scan(it: World, run: Run, id: str) -> None:
    (answer,) = carry_out(it, replace(it.action(run, "erp.scan", {"page": 1}, id), lease_s=LEASE_S))
    assert answer.state is ActionState.ADMITTED


def spend(it: World) -> tuple[int, int]:
    spend = it.scope(ScopeKind.AGENT, "buyer").spends["month"]  # type: ignore[index]
    return spend.spent, spend.reserved


def keep_house(it: World) -> list[Any]:
    return carry_out(it, *overdue(it.store, it.clock.now()), *silent(it.store, LEASES, it.clock.now()))


def outcomes(it: World) -> list[tuple[str, str, str]]:
    return [(each["status"], each["error"], each["by"]) for each in it.records(RecordKind.OUTCOME_REPORTED)]


def test_an_action_is_waited_for_as_long_as_its_lease(it: World) -> None:
    run = start(it)
    scan(it, run, "act_1")
    it.clock.advance(LEASE_S)
    assert keep_house(it) == []
    it.clock.advance(1)
    (settled,) = keep_house(it)
    assert (settled.action, settled.status) == ("act_1", "unknown")
    assert outcomes(it) == [("unknown", "lease_over", "remit:recovery")]
    assert spend(it) == (0, 100_000), "what was set aside stays: it may have happened"
    assert it.scope(ScopeKind.AGENT, "buyer").in_flight == 0
    assert keep_house(it) == [], "once is enough"


def test_an_outcome_that_comes_late_reconciles_it(it: World) -> None:
    run = start(it)
    scan(it, run, "act_1")
    it.clock.advance(LEASE_S + 1)
    keep_house(it)
    (late,) = carry_out(it, it.outcome(run, "act_1", "ok"))
    assert (late.status, late.repeated) == ("ok", False)
    assert spend(it) == (100_000, 0)
    assert it.store.open_actions(WORKSPACE) == []


def test_who_says_that_it_goes_on_is_waited_for_longer(it: World) -> None:
    run = start(it)
    scan(it, run, "act_1")
    scan(it, run, "act_2")
    it.clock.advance(LEASE_S - 1)
    (prolonged,) = carry_out(it, Prolong(run, (ActionId("act_1"), ActionId("act_x")), LEASE_S))
    assert prolonged.actions == ("act_1",)
    it.clock.advance(LEASE_S)
    assert [each.action for each in keep_house(it)] == ["act_2"]
    it.clock.advance(1)
    assert [each.action for each in keep_house(it)] == ["act_1"]


def test_a_lease_prolonged_while_it_was_found_to_be_over_is_not_over(it: World) -> None:
    run = start(it)
    scan(it, run, "act_1")
    it.clock.advance(LEASE_S + 1)
    found = overdue(it.store, it.clock.now())
    carry_out(it, Prolong(run, (ActionId("act_1"),), LEASE_S))
    (answer,) = carry_out(it, *found)
    assert isinstance(answer, NothingOpen)
    assert outcomes(it) == []


def test_an_action_of_another_run_is_not_prolonged(it: World) -> None:
    run, other = start(it), start(it)
    scan(it, run, "act_1")
    it.clock.advance(LEASE_S + 1)
    (prolonged,) = carry_out(it, Prolong(other, (ActionId("act_1"),), LEASE_S))
    assert prolonged.actions == ()
    assert len(keep_house(it)) == 1


def test_several_servers_that_notice_at_once_put_it_on_record_once(it: World) -> None:
    run = start(it)
    scan(it, run, "act_1")
    it.clock.advance(LEASE_S + 1)
    first, second = (overdue(it.store, it.clock.now()) for _ in range(2))
    assert not carry_out(it, *first)[0].repeated
    again = carry_out(it, *second)[0]
    assert isinstance(again, Settled)
    assert again.repeated
    assert len(outcomes(it)) == 1


def test_an_action_without_a_lease_is_left_to_its_owner(it: World) -> None:
    run = it.start()
    carry_out(it, it.action(run, "erp.scan", {"page": 1}, "act_1"))
    it.clock.advance(10 * LEASE_S)
    assert keep_house(it) == []


def ends(it: World) -> list[tuple[str, str, str]]:
    return [(each["run"], each["status"], each["by"]) for each in it.records(RecordKind.RUN_ENDED)]


def test_a_run_of_which_nothing_is_heard_ends_as_abandoned(it: World) -> None:
    run, embedded = start(it), it.start()
    it.clock.advance(LEASES.run_s)
    assert keep_house(it) == []
    it.clock.advance(1)
    keep_house(it)
    assert ends(it) == [(run.id, "abandoned", "remit:recovery")]
    assert keep_house(it) == []
    carry_out(it, EndRun(embedded, "ok"))


@pytest.mark.parametrize("sign", ["an action", "a heartbeat", "a denial"])
def test_whatever_is_heard_of_a_run_keeps_it(it: World, sign: str) -> None:
    run = start(it)
    it.clock.advance(LEASES.run_s - 10)
    match sign:
        case "an action":
            scan(it, run, "act_1")
            carry_out(it, it.outcome(run, "act_1", "ok"))
        case "a heartbeat":
            carry_out(it, Prolong(run, (), LEASE_S))
        case "a denial":
            carry_out(it, it.action(run, "erp.drop", {}, "act_1"))
    it.clock.advance(LEASES.run_s)
    assert keep_house(it) == []
    it.clock.advance(1)
    keep_house(it)
    assert ends(it) == [(run.id, "abandoned", "remit:recovery")]


def test_a_run_that_waits_for_a_person_is_not_abandoned_before_the_approval_expires(it: World) -> None:
    run = start(it)
    (held,) = carry_out(it, it.action(run, "erp.pay", {"amount": 900}, "act_1"))
    expires_at = it.store.approval(held.approval).expires_at
    leases = Leases(LEASE_S, 60)
    it.clock.advance(61)
    assert silent(it.store, leases, it.clock.now()) == []
    it.clock.advance((expires_at - it.clock.now()) / 1_000_000 + 1)
    carry_out(it, *silent(it.store, leases, it.clock.now()))
    assert [end[1] for end in ends(it)] == ["abandoned"]
    assert it.store.approval(held.approval).state in (ApprovalState.VOIDED, ApprovalState.EXPIRED)


def test_a_run_with_an_action_under_way_is_not_abandoned(it: World) -> None:
    run = start(it)
    carry_out(it, replace(it.action(run, "erp.scan", {"page": 1}, "act_1"), lease_s=3 * LEASES.run_s))
    it.clock.advance(2 * LEASES.run_s)
    assert keep_house(it) == []


def test_a_run_that_is_started_for_somebody_far_away_has_a_lease(it: World) -> None:
    run = it.start()
    carry_out(it, StartRun(replace(run, id=RunId(it.ids.new("run"))), None, "", leased=True))
    it.clock.advance(LEASES.run_s + 1)
    assert len(silent(it.store, LEASES, it.clock.now())) == 1


def test_all_of_it_is_done_by_whoever_keeps_house(it: World) -> None:
    run = start(it)
    scan(it, run, "act_1")
    it.stops.freeze(WORKSPACE, "agent:buyer", "user:sara", "stocktaking", until="1h")
    it.clock.advance(2 * LEASES.run_s)
    first = due(it.store, LEASES, it.clock.now())
    assert [type(command).__name__ for command in first] == ["Settle", "Settle", "Lapse"]
    carry_out(it, *first)
    it.clock.advance(LEASES.run_s + 1)
    assert [type(command).__name__ for command in due(it.store, LEASES, it.clock.now())] == ["EndRun"]
