"""The admission queue: one writer thread, natural batches, one durable transaction each.

Whatever queued up while the last transaction committed becomes the next batch; nobody waits for a timer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ids import WorkspaceName
from remit.execution.commands import Batch, Command
from remit.execution.second_opinion import SecondOpinion
from remit.execution.transaction import Answer, Writer, process
from remit.execution.watching import Carried, Transaction, Watch
from remit.storage.port import StoreError, Transactions, Wanted, Writes

MAX_BATCH = 256
"""Bounds how long a transaction holds its locks, and so how long a freeze waits."""

MAX_WAITING = 10_000
"""Bounds the memory that waiting commands take; a caller beyond it is turned away at once."""

HEARTBEAT_S = 5
"""How often a process says that it is still there."""

STOP_TIMEOUT_S = 30


class Overloaded(StoreError):
    """More commands wait than the queue takes: this one was not admitted; try again, slower."""


class AdmissionClosed(StoreError):
    """The queue was closed before the command was carried out: it was not admitted."""


class Admissions(Protocol):
    """Carries out commands, each durably before it answers."""

    def check_process(self) -> None: ...

    def submit(self, command: Command) -> Answer: ...

    async def asubmit(self, command: Command) -> Answer: ...


class Pending:
    """A command on its way, and where its answer is delivered."""

    __slots__ = ("_answer", "_done", "at", "command", "context", "future", "loop")

    def __init__(self, command: Command, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.command = command
        self.loop = loop
        self.future: asyncio.Future[Answer] | None = None if loop is None else loop.create_future()
        self.at = time.perf_counter()
        self.context: object = None
        self._answer: Answer | Exception | None = None
        # A bare lock wakes a thread at a tenth of what a condition costs the writer.
        self._done = threading.Lock()
        if loop is None:
            self._done.acquire()

    def deliver(self, answer: Answer | Exception) -> None:
        """Wake the thread that waits."""
        self._answer = answer
        self._done.release()

    def wait(self) -> Answer:
        """Block until the answer is durable; raises what the transaction raised for this command."""
        self._done.acquire()
        if isinstance(self._answer, Exception):
            raise self._answer
        assert self._answer is not None
        return self._answer


@dataclass(slots=True)
class Counters:
    """What the writer has done since it was started; read by benchmarks and later by metrics."""

    batches: int = 0
    commands: int = 0
    failures: int = 0


class AdmissionQueue:
    """Takes commands from any thread or event loop and has one thread carry them out."""

    def __init__(
        self,
        open_transactions: Callable[[], Transactions],
        abandoned: Callable[[Instant], Sequence[Command]],
        clock: Clock,
        writer: Writer,
        max_batch: int = MAX_BATCH,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._open = open_transactions
        self._abandoned = abandoned
        self._clock = clock
        self._writer = writer
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._inbox: queue.SimpleQueue[Pending | None] = queue.SimpleQueue()
        self._closing = threading.Lock()  # guards _closed against a command that slips in behind the last
        self._closed = False
        self._process = os.getpid()
        self._transactions: Transactions | None = None  # owned by the writer thread, like everything below
        self._beat_at = 0
        self.counters = Counters()
        self._watches: tuple[Watch, ...] = ()
        self._thread = threading.Thread(target=self._write, name="remit-admission", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many commands wait for the writer."""
        return self._inbox.qsize()

    def watch(self, watch: Watch) -> None:
        """Tell somebody of every transaction from now on. Of several who ask for a context the last gets theirs."""
        self._watches = (*self._watches, watch)

    def submit(self, command: Command) -> Answer:
        """Carry out a command and return its durable answer.

        Raises what failed. Then nothing was admitted for sure, or, where the commit itself failed, a retry with the
        same id finds out.
        """
        pending = Pending(command)
        self._put(pending)
        return pending.wait()

    async def asubmit(self, command: Command) -> Answer:
        """As `submit`, without blocking the event loop.

        Cancelling the wait does not undo the command: its record stands.
        """
        pending = Pending(command, asyncio.get_running_loop())
        assert pending.future is not None
        self._put(pending)
        return await pending.future

    @property
    def opinion(self) -> SecondOpinion | None:
        """Who decides a share of the decisions again."""
        return self._writer.opinion

    def close(self) -> None:
        """Carry out what has been submitted, then stop the thread."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._inbox.put(None)
        self._thread.join(STOP_TIMEOUT_S)
        for watch in self._watches:
            if watch.closed is not None:
                watch.closed()
        if self._writer.opinion is not None:
            self._writer.opinion.close()

    def check_process(self) -> None:
        """Raise AdmissionClosed in a process that was forked off the one with the writer.

        Comes before any lock and any read: another thread may have held one when the process was forked, SQLite's
        own among them, and then nobody lets go of it here.
        """
        if os.getpid() != self._process:
            raise AdmissionClosed(
                "this process was forked after it connected, and the writer stayed behind:"
                " nothing was admitted; connect in the child"
            )

    def _put(self, pending: Pending) -> None:
        self.check_process()
        for watch in self._watches:
            if watch.queued is not None:
                pending.context = watch.queued()
        with self._closing:
            if self._closed:
                raise AdmissionClosed("the connection is closed: nothing was admitted; connect again")
            if self._inbox.qsize() >= self._max_waiting:
                raise Overloaded(f"{self._max_waiting} commands wait already: nothing was admitted; try again, slower")
            self._inbox.put(pending)

    # -- the writer thread

    def _write(self) -> None:
        more = True
        while more:
            self._keep_house()  # first of all: who opens actions unseen would be taken for gone
            waiting, more = self._take()
            for group in _by_workspace(waiting):
                begun = time.perf_counter()
                answers = self._carry_out([pending.command for pending in group])
                _deliver(group, answers)
                if self._watches:
                    self._tell(group, answers, begun)
        self._give_up()

    def _take(self) -> tuple[list[Pending], bool]:
        """Wait for commands, at most until the next heartbeat is due; the flag says whether more may come."""
        taken: list[Pending] = []
        try:
            item = self._inbox.get(timeout=HEARTBEAT_S)
            while item is not None:
                taken.append(item)
                if len(taken) == self._max_batch:
                    return taken, True
                item = self._inbox.get_nowait()
        except queue.Empty:
            return taken, True
        return taken, False

    def _carry_out(self, commands: list[Command]) -> list[Answer | Exception]:
        """Run one transaction; where it fails nothing is admitted and everybody who waits is told why."""
        try:
            if self._transactions is None:
                self._transactions = self._open()
            batch = Batch(commands[0].workspace, commands)
            answers = process(self._transactions, batch, self._clock.now(), self._writer)
        except Exception as error:  # noqa: BLE001 - whatever it is, everybody who waits is told, and denied
            self.counters.failures += 1
            self._give_up()
            if len(commands) > 1 and not isinstance(error, StoreError):
                # One of them may be the cause. Alone, each succeeds or fails by itself.
                return [answer for command in commands for answer in self._carry_out([command])]
            return [error] * len(commands)
        self.counters.batches += 1
        self.counters.commands += len(commands)
        return answers

    def _tell(self, group: list[Pending], answers: list[Answer | Exception], begun: float) -> None:
        told = zip(group, answers, strict=True)
        carried = [Carried(pending.command, answer, pending.at, pending.context) for pending, answer in told]
        transaction = Transaction(carried, begun, time.perf_counter())
        for watch in self._watches:
            with contextlib.suppress(Exception):  # whoever counts must not keep anybody from being admitted
                watch.told(transaction)

    def _keep_house(self) -> None:
        """Say that this process is still there, and put on record what vanished processes have left open."""
        now = self._clock.now()
        if now < self._beat_at + HEARTBEAT_S * MICROS_PER_SECOND:
            return
        try:
            if self._transactions is None:
                self._transactions = self._open()
            self._transactions.begin(Wanted())
            self._transactions.commit(Writes(heartbeat=(self._writer.owner, now)))
            self._beat_at = now
            abandoned = self._abandoned(now)
        except Exception:  # noqa: BLE001 - the thread must live on: whoever asks next is told what is wrong
            self._give_up()
            return
        for command in abandoned:
            self._carry_out([command])

    def _give_up(self) -> None:
        """Let go of a connection whose state is not known."""
        transactions, self._transactions = self._transactions, None
        if transactions is not None:
            with contextlib.suppress(Exception):
                transactions.rollback()
            with contextlib.suppress(Exception):
                transactions.close()


def _by_workspace(waiting: Iterable[Pending]) -> Iterable[list[Pending]]:
    groups: dict[WorkspaceName, list[Pending]] = {}
    for pending in waiting:
        groups.setdefault(pending.command.workspace, []).append(pending)
    return groups.values()


def _deliver(group: list[Pending], answers: list[Answer | Exception]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[tuple[Pending, Answer | Exception]]] = {}
    for pending, answer in zip(group, answers, strict=True):
        if pending.loop is None:
            pending.deliver(answer)
        else:
            loops.setdefault(pending.loop, []).append((pending, answer))
    for loop, pairs in loops.items():  # one wake-up a batch, not one a caller
        with contextlib.suppress(RuntimeError):  # the loop was closed; the records stand
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(pairs: list[tuple[Pending, Answer | Exception]]) -> None:
    for pending, answer in pairs:
        assert pending.future is not None
        if pending.future.done():
            continue  # the caller was cancelled
        if isinstance(answer, Exception):
            pending.future.set_exception(answer)
        else:
            pending.future.set_result(answer)
