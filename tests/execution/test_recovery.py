"""What a vanished process leaves open becomes unknown, and stays so until somebody finds out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.domain.action import ActionState, Cost
from remit.domain.clock import Instant, ManualClock
from remit.domain.facts import ScopeKind
from remit.domain.ids import ActionId, OwnerId
from remit.domain.money import Micros
from remit.domain.record import RecordKind
from remit.execution.admission import AdmissionQueue
from remit.execution.commands import Batch
from remit.execution.recovery import LEASE_S, abandoned
from remit.execution.transaction import NothingOpen, Writer, process
from tests.worlds import SARA, WORKSPACE, World, agent, budget, reopened, world

CHANGES: dict[str, str | None] = {
    "agents/buyer.yaml": agent(limits={"concurrency": 2}),
    "budgets.yaml": budget("day", "agent", "day", usd=1),
}


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path, CHANGES) as opened:
        yield opened


def scan(it: World, run: Any, id: str) -> None:
    answer = it.queue.submit(it.action(run, "erp.scan", {"page": 1}, id))
    assert answer.state is ActionState.ADMITTED  # type: ignore[union-attr]


def carry_out(it: World, *commands: Any) -> list[Any]:
    """Carry commands out as some other process, which keeps no house."""
    transactions = it.store.transactions()
    try:
        return process(transactions, Batch(WORKSPACE, list(commands)), it.clock.now(), Writer(OwnerId("own_x"), it.ids))
    finally:
        transactions.close()


def spend(it: World) -> tuple[int, int]:
    spend = it.scope(ScopeKind.AGENT, "buyer").spends["day"]  # type: ignore[index]
    return spend.spent, spend.reserved


def vanish(it: World, id: str) -> Any:
    """Leave an action open and go; return its run."""
    run = it.start()
    scan(it, run, id)
    it.queue.close()
    return run


def recover(it: World) -> list[Any]:
    return carry_out(it, *abandoned(it.store, it.clock.now()))


def test_an_open_action_of_a_live_process_is_left_alone(it: World) -> None:
    run = it.start()
    scan(it, run, "act_1")
    it.clock.advance(LEASE_S - 1)
    assert recover(it) == []
    assert isinstance(it.queue.submit(it.outcome(run, "act_1")).action, str)  # type: ignore[union-attr]


def test_an_open_action_of_a_vanished_process_becomes_unknown_after_its_lease(it: World) -> None:
    vanish(it, "act_1")
    it.clock.advance(LEASE_S + 1)
    (settled,) = recover(it)
    assert (settled.action, settled.status) == ("act_1", "unknown")
    (record,) = it.records(RecordKind.OUTCOME_REPORTED)
    assert (record["status"], record["error"], record["by"]) == ("unknown", "process_vanished", "remit:recovery")
    assert recover(it) == [], "once is enough"


def test_an_unknown_outcome_keeps_its_money_and_frees_its_place(it: World) -> None:
    vanish(it, "act_1")
    assert (spend(it), it.scope(ScopeKind.AGENT, "buyer").in_flight) == ((0, 100_000), 1)
    it.clock.advance(LEASE_S + 1)
    recover(it)
    assert (spend(it), it.scope(ScopeKind.AGENT, "buyer").in_flight) == ((0, 100_000), 0)
    (left,) = it.store.open_actions(WORKSPACE)
    assert left.unknown


@pytest.mark.parametrize(
    ("status", "cost", "spent"),
    [("ok", None, 100_000), ("ok", Cost(Micros(30_000)), 30_000), ("error", Cost(Micros(0), 0, 0), 0)],
    ids=["it ran, at what price nobody knows", "it ran for less", "it never ran"],
)
def test_who_finds_out_settles_the_reservation(it: World, status: str, cost: Cost | None, spent: int) -> None:
    run = vanish(it, "act_1")
    it.clock.advance(LEASE_S + 1)
    recover(it)
    (settled,) = carry_out(it, it.outcome(run, "act_1", status, cost, reconciles=True, by=SARA))
    assert settled.status == status
    assert spend(it) == (spent, 0)
    assert it.store.open_actions(WORKSPACE) == []
    assert it.scope(ScopeKind.AGENT, "buyer").in_flight == 0
    assert it.records(RecordKind.OUTCOME_REPORTED)[-1]["by"] == SARA


def test_only_an_unknown_outcome_can_be_reconciled_and_only_once(it: World) -> None:
    run = it.start()
    scan(it, run, "act_1")
    (early,) = carry_out(it, it.outcome(run, "act_1", "ok", reconciles=True))
    assert isinstance(early, NothingOpen)
    carry_out(it, it.outcome(run, "act_1", "unknown"))
    first, again = (carry_out(it, it.outcome(run, "act_1", "ok", reconciles=True))[0] for _ in range(2))
    assert (first.repeated, again.repeated) == (False, True)
    assert spend(it) == (100_000, 0)


def test_to_find_out_nothing_is_no_reconciliation(it: World) -> None:
    run = it.start()
    scan(it, run, "act_1")
    carry_out(it, it.outcome(run, "act_1", "unknown"))
    (refused,) = carry_out(it, it.outcome(run, "act_1", "unknown", reconciles=True))
    assert isinstance(refused, NothingOpen)
    (settled,) = carry_out(it, it.outcome(run, "act_1", "ok", reconciles=True))
    assert not settled.repeated


def test_another_process_puts_it_on_record_by_itself(it: World) -> None:
    vanish(it, "act_1")
    with reopened(it.path, ManualClock(it.clock.at)) as other:
        other.clock.advance(LEASE_S + 1)
        other.start()  # whatever it does, it keeps house
        other.queue.close()
    assert [record["status"] for record in it.records(RecordKind.OUTCOME_REPORTED)] == ["unknown"]


def test_a_process_is_known_before_it_opens_its_first_action(it: World) -> None:
    run = it.start()
    seen: list[bool] = []

    class Watching:
        """Looks, right after the first commit of a decision, whether its process would be taken for gone."""

        def __init__(self) -> None:
            self.inner = it.store.transactions()
            self.begin, self.rollback, self.close = self.inner.begin, self.inner.rollback, self.inner.close

        def commit(self, writes: Any) -> None:
            self.inner.commit(writes)
            if writes.opened:
                seen.append(ActionId("act_1") in {each.id for each in it.store.abandoned(Instant(it.clock.now()))})

    queue = AdmissionQueue(Watching, lambda now: [], it.clock, Writer(OwnerId("own_new"), it.ids))
    queue.submit(it.action(run, "erp.get", {"id": "1"}, "act_1"))
    queue.close()
    assert seen == [False]


# -- an outcome that comes late


def test_the_doors_own_late_outcome_reconciles_what_others_took_for_vanished(it: World) -> None:
    run = it.start()
    scan(it, run, "a1")
    unknown, ok = (it.outcome(run, "a1", status) for status in ("unknown", "ok"))
    assert carry_out(it, unknown)[0].status == "unknown"
    late = carry_out(it, ok)[0]
    assert (late.status, late.repeated) == ("ok", False)
    assert [record["key"] for record in it.records(RecordKind.OUTCOME_REPORTED)] == ["a1/outcome", "a1/reconciled"]
    assert it.records(RecordKind.OUTCOME_REPORTED)[1]["by"] == "remit:door"
    assert carry_out(it, ok)[0].repeated


def test_a_persons_reconciliation_is_not_overruled_by_a_late_outcome(it: World) -> None:
    run = it.start()
    scan(it, run, "a1")
    carry_out(it, it.outcome(run, "a1", "unknown"), it.outcome(run, "a1", "error", reconciles=True, by=SARA))
    late = carry_out(it, it.outcome(run, "a1", "ok"))[0]
    assert (late.status, late.repeated) == ("error", True)


def test_an_outcome_settles_only_an_action_of_its_own_run(it: World) -> None:
    run, other = it.start(), it.start()
    scan(it, run, "a1")
    assert isinstance(carry_out(it, it.outcome(other, "a1", "ok"))[0], NothingOpen)
    assert carry_out(it, it.outcome(run, "a1", "ok"))[0].status == "ok"
