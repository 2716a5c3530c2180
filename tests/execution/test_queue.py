"""The queue: many callers, one writer, and an answer for everybody, whatever happens."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.domain.action import ActionState
from remit.domain.admission import Admission
from remit.domain.clock import Instant, ManualClock
from remit.domain.ids import OwnerId, RandomIds
from remit.domain.record import RecordKind
from remit.execution.admission import AdmissionClosed, AdmissionQueue, Overloaded
from remit.execution.commands import Admit, Settled
from remit.execution.transaction import ActionIdReused, NothingOpen, Writer
from remit.storage.port import Loaded, StoreError, Transactions, Wanted, Writes
from tests.worlds import World, world

PATIENCE_S = 20


class Gate:
    """Stands before the writer's transactions: it can be closed, and made to fail."""

    def __init__(self, open_transactions: Callable[[], Transactions]) -> None:
        self._open = open_transactions
        self.way = threading.Event()
        self.way.set()
        self.arrived = threading.Semaphore(0)
        self.begin_fails: Exception | None = None
        self.commit_fails: Exception | None = None
        self.answer_lost: Exception | None = None

    def __call__(self) -> Transactions:
        return GatedTransactions(self._open(), self)


class GatedTransactions:
    def __init__(self, transactions: Transactions, gate: Gate) -> None:
        self._transactions = transactions
        self._gate = gate

    def begin(self, wanted: Wanted) -> Loaded:
        if not wanted.record_keys:  # the writer only says that it is still there
            return self._transactions.begin(wanted)
        self._gate.arrived.release()
        assert self._gate.way.wait(PATIENCE_S)
        if self._gate.begin_fails:
            raise self._gate.begin_fails
        return self._transactions.begin(wanted)

    def commit(self, writes: Writes) -> None:
        if writes.heartbeat:
            self._transactions.commit(writes)
            return
        if self._gate.commit_fails:
            raise self._gate.commit_fails
        self._transactions.commit(writes)
        if self._gate.answer_lost:
            raise self._gate.answer_lost

    def rollback(self) -> None:
        self._transactions.rollback()

    def close(self) -> None:
        self._transactions.close()


def queue_behind(gate: Gate, **limits: int) -> AdmissionQueue:
    writer = Writer(OwnerId("own_gated"), RandomIds())
    return AdmissionQueue(gate, lambda now: [], ManualClock(), writer, **limits)


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path) as opened:
        yield opened


@pytest.fixture
def gate(it: World) -> Gate:
    return Gate(it.store.transactions)


def get(it: World, run: Any, number: int = 0, id: str = "") -> Admit:
    return it.action(run, "erp.get", {"id": str(number)}, id)


def submitted_together(queue: AdmissionQueue, gate: Gate, commands: list[Any]) -> list[Any]:
    """Submit from a thread each while the writer is held up, so that all but the first share a batch."""
    gate.way.clear()
    with ThreadPoolExecutor(len(commands)) as pool:
        futures = [pool.submit(answer_or_error, queue, commands[0])]
        assert gate.arrived.acquire(timeout=PATIENCE_S)
        futures += [pool.submit(answer_or_error, queue, command) for command in commands[1:]]
        until(lambda: queue._inbox.qsize() == len(commands) - 1)
        gate.way.set()
        return [future.result(PATIENCE_S) for future in futures]


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    for _ in range(PATIENCE_S * 1000):
        if holds():
            return
        time.sleep(0.001)
    pytest.fail("it never came to that")


def answer_or_error(queue: AdmissionQueue, command: Any) -> Any:
    try:
        return queue.submit(command)
    except Exception as error:  # noqa: BLE001 - a test looks at what came
        return error


# -- many callers


def test_threads_each_get_their_own_answer(it: World) -> None:
    run = it.start()
    with ThreadPoolExecutor(16) as pool:
        commands = [get(it, run, number) for number in range(150)]
        answers = list(pool.map(it.queue.submit, commands))
    assert [answer.action for answer in answers] == [command.call.action.id for command in commands]  # type: ignore[union-attr]
    assert {answer.state for answer in answers} == {ActionState.ADMITTED}  # type: ignore[union-attr]
    assert len(it.records(RecordKind.DECISION_MADE)) == 150


def test_tasks_each_get_their_own_answer(it: World) -> None:
    run = it.start()
    commands = [get(it, run, number) for number in range(60)]

    async def every() -> list[Any]:
        return await asyncio.gather(*(it.queue.asubmit(command) for command in commands))

    answers = asyncio.run(every())
    assert [answer.action for answer in answers] == [command.call.action.id for command in commands]


def test_what_queued_up_meanwhile_is_one_transaction(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate)
    answers = submitted_together(queue, gate, [get(it, run, number) for number in range(9)])
    queue.close()
    assert [answer.state for answer in answers] == [ActionState.ADMITTED] * 9
    assert (queue.counters.batches, queue.counters.commands) == (2, 9)


def test_a_batch_has_a_limit(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate, max_batch=4)
    answers = submitted_together(queue, gate, [get(it, run, number) for number in range(10)])
    queue.close()
    assert [answer.state for answer in answers] == [ActionState.ADMITTED] * 10
    assert queue.counters.batches == 4  # the first alone, then four, four and one


def test_a_caller_beyond_the_limit_is_turned_away_and_the_others_are_served(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate, max_waiting=2)
    gate.way.clear()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(queue.submit, get(it, run, 0))
        assert gate.arrived.acquire(timeout=PATIENCE_S)
        waiting = [pool.submit(queue.submit, get(it, run, number)) for number in (1, 2)]
        until(lambda: queue._inbox.qsize() == 2)
        with pytest.raises(Overloaded, match="2 commands wait already: nothing was admitted"):
            queue.submit(get(it, run, 3))
        gate.way.set()
        assert {future.result(PATIENCE_S).state for future in (first, *waiting)} == {ActionState.ADMITTED}  # type: ignore[union-attr]
    queue.close()
    assert len(it.records(RecordKind.DECISION_MADE)) == 3


# -- the same again


def test_the_same_attempt_again_gets_the_stored_decision_and_counts_once(it: World) -> None:
    run = it.start()
    command = get(it, run)
    first, again = it.queue.submit(command), it.queue.submit(command)
    assert isinstance(first, Admission)
    assert again == replace(first, repeated=True)
    assert len(it.records(RecordKind.DECISION_MADE)) == 1
    progress = it.store.scope(f"tiny/run/{run.id}").progress
    assert (progress.steps, progress.calls) == (1, {"erp.get": 1})


def test_the_same_attempt_twice_in_one_batch_counts_once(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate)
    command = get(it, run, 1)
    _, first, again = submitted_together(queue, gate, [get(it, run, 0), command, command])
    queue.close()
    assert sorted([first.repeated, again.repeated]) == [False, True]
    assert len(it.records(RecordKind.DECISION_MADE)) == 2


def test_a_denial_is_stored_too(it: World) -> None:
    run = it.start()
    command = it.action(run, "erp.drop", {})
    first, again = it.queue.submit(command), it.queue.submit(command)
    assert isinstance(first, Admission)
    assert first.state is ActionState.DENIED
    assert again == replace(first, repeated=True)


@pytest.mark.parametrize(
    ("tool", "arguments"), [("erp.get", {"id": "other"}), ("erp.pay", {"amount": 1}), ("erp.status", {})]
)
def test_an_id_does_not_pass_for_another_call(it: World, tool: str, arguments: dict[str, Any]) -> None:
    run = it.start()
    it.queue.submit(get(it, run, id="act_mine"))
    with pytest.raises(ActionIdReused, match="act_mine was decided before, with other arguments"):
        it.queue.submit(it.action(run, tool, arguments, "act_mine"))
    assert len(it.records(RecordKind.DECISION_MADE)) == 1


def test_an_id_does_not_pass_for_the_same_call_in_another_run(it: World) -> None:
    it.queue.submit(get(it, it.start(), id="act_mine"))
    with pytest.raises(ActionIdReused, match="in another run"):
        it.queue.submit(get(it, it.start(), id="act_mine"))


def test_the_same_outcome_again_gets_the_stored_answer(it: World) -> None:
    run = it.start()
    it.queue.submit(get(it, run, id="act_1"))
    settled = it.queue.submit(it.outcome(run, "act_1"))
    again = it.queue.submit(it.outcome(run, "act_1", "error"))
    assert isinstance(settled, Settled)
    assert again == replace(settled, repeated=True)
    assert len(it.records(RecordKind.OUTCOME_REPORTED)) == 1


def test_an_outcome_of_nothing_is_refused_and_its_neighbours_are_not(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate)
    commands = [get(it, run, 0), get(it, run, 1), it.outcome(run, "act_never"), get(it, run, 2)]
    first, second, refused, third = submitted_together(queue, gate, commands)
    queue.close()
    assert isinstance(refused, NothingOpen)
    assert "act_never has no outcome to report" in str(refused)
    assert [each.state for each in (first, second, third)] == [ActionState.ADMITTED] * 3


# -- what goes wrong


class Poison(Exception):
    pass


def test_a_command_that_can_not_be_carried_out_takes_nobody_with_it(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate)
    poisoned = get(it, run, 1)
    # Half a character pair can be in no record; the door would have refused it.
    poisoned = replace(poisoned, call=replace(poisoned.call, run=replace(run, on_behalf_of="\ud800")))  # type: ignore[arg-type]
    first, bad, good = submitted_together(queue, gate, [get(it, run, 0), poisoned, get(it, run, 2)])
    queue.close()
    assert isinstance(bad, Exception)
    assert [first.state, good.state] == [ActionState.ADMITTED] * 2
    assert len(it.records(RecordKind.DECISION_MADE)) == 2


@pytest.mark.parametrize("where", ["begin_fails", "commit_fails"])
def test_a_store_that_fails_admits_nothing_and_serves_again_when_it_recovers(it: World, gate: Gate, where: str) -> None:
    run = it.start()
    queue = queue_behind(gate)
    setattr(gate, where, StoreError("the disk is full"))
    command = get(it, run)
    with pytest.raises(StoreError, match="the disk is full"):
        queue.submit(command)
    assert it.records(RecordKind.DECISION_MADE) == []
    assert it.store.open_actions("tiny") == []

    setattr(gate, where, None)
    answer = queue.submit(command)
    queue.close()
    assert isinstance(answer, Admission)
    assert (answer.state, answer.repeated) == (ActionState.ADMITTED, False)


def test_a_store_that_can_not_be_opened_admits_nothing_until_it_can(it: World, gate: Gate) -> None:
    gone: list[Exception] = [StoreError("gone")]

    def open_transactions() -> Transactions:
        if gone:
            raise gone[0]
        return gate()

    queue = AdmissionQueue(open_transactions, lambda now: [], ManualClock(), Writer(OwnerId("own_1"), RandomIds()))
    command = get(it, it.start())
    with pytest.raises(StoreError, match="gone"):
        queue.submit(command)
    gone.clear()
    assert isinstance(queue.submit(command), Admission)
    queue.close()
    assert queue.counters.failures == 1


def test_after_a_lost_answer_the_same_attempt_finds_out_that_it_was_admitted(it: World, gate: Gate) -> None:
    queue = queue_behind(gate)
    command = get(it, it.start())
    gate.answer_lost = StoreError("the connection broke")
    with pytest.raises(StoreError):
        queue.submit(command)
    gate.answer_lost = None
    answer = queue.submit(command)
    queue.close()
    assert isinstance(answer, Admission)
    assert (answer.state, answer.repeated) == (ActionState.ADMITTED, True)
    assert len(it.records(RecordKind.DECISION_MADE)) == 1


def test_a_failing_store_answers_everybody_who_waits(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate)
    gate.begin_fails = StoreError("locked")
    answers = submitted_together(queue, gate, [get(it, run, number) for number in range(6)])
    queue.close()
    assert [str(answer) for answer in answers] == ["locked"] * 6


def test_housekeeping_that_fails_does_not_end_the_writer(it: World) -> None:
    def broken(now: Instant) -> Any:
        raise RuntimeError("a row that can not be read")

    queue = AdmissionQueue(it.store.transactions, broken, it.clock, Writer(OwnerId("own_1"), RandomIds()))
    run = it.start()
    assert isinstance(queue.submit(get(it, run, 0)), Admission)
    assert isinstance(queue.submit(get(it, run, 1)), Admission)
    queue.close()


# -- the end


def test_closing_answers_what_was_submitted_and_refuses_what_comes_after(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate)
    gate.way.clear()
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(queue.submit, get(it, run, 0))]
        assert gate.arrived.acquire(timeout=PATIENCE_S)
        waiting += [pool.submit(queue.submit, get(it, run, number)) for number in (1, 2, 3)]
        until(lambda: queue._inbox.qsize() == 3)
        closing = pool.submit(queue.close)
        until(lambda: queue._closed)
        with pytest.raises(AdmissionClosed, match="nothing was admitted; connect again"):
            queue.submit(get(it, run, 9))
        gate.way.set()
        assert [future.result(PATIENCE_S).state for future in waiting] == [ActionState.ADMITTED] * 4  # type: ignore[union-attr]
        closing.result(PATIENCE_S)
    queue.close()
    assert len(it.records(RecordKind.DECISION_MADE)) == 4


def test_a_cancelled_wait_leaves_the_record_standing(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate)

    async def give_up() -> None:
        gate.way.clear()
        waiting = asyncio.ensure_future(queue.asubmit(get(it, run, id="act_1")))
        await asyncio.to_thread(gate.arrived.acquire)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.way.set()

    asyncio.run(give_up())
    queue.close()
    (record,) = it.records(RecordKind.DECISION_MADE)
    assert (record["action"], record["state"]) == ("act_1", "admitted")


def test_an_event_loop_that_is_gone_does_not_hold_up_the_others(it: World, gate: Gate) -> None:
    run = it.start()
    queue = queue_behind(gate)
    loop = asyncio.new_event_loop()

    async def submit_and_leave() -> None:
        gate.way.clear()
        task = asyncio.ensure_future(queue.asubmit(get(it, run, 0)))
        await asyncio.sleep(0)
        task.cancel()

    loop.run_until_complete(submit_and_leave())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    gate.way.set()
    assert isinstance(queue.submit(get(it, run, 1)), Admission)
    queue.close()
