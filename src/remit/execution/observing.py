"""Candidates decide beside the live release, without effect: after the commit, in a thread of their own.

Each decision of an observed run is made again from its record, as a backtest does it. The writer only puts commands
into a queue; where that is full they are counted as not observed, and nobody waits.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from dataclasses import dataclass

import orjson

from remit.domain.admission import Admission
from remit.domain.clock import Clock
from remit.domain.ids import OwnerId, WorkspaceName
from remit.execution.again import Past
from remit.execution.backtest.tally import Tally
from remit.execution.commands import Admit
from remit.execution.rulesets import ReleaseUnusable, Rulesets
from remit.execution.watching import Carried, Transaction
from remit.storage.candidate import Trial, TrialCount, TrialKind
from remit.storage.port import Store, StoreError, Writes
from remit.storage.writing import put

MAX_WAITING = 2_000
"""Decisions that wait to be made again; beyond, they are counted as not observed."""
LOOK_EVERY_S = 2.0
"""How often it is asked which candidates are observed, and how often what was counted is written."""
CLOSE_TIMEOUT_S = 10.0


@dataclass(slots=True)
class _Observed:
    """A trial and what this process has seen of it. `unwritten` says whether that has grown since it was written."""

    trial: Trial
    tally: Tally
    unwritten: bool = False


class Observer:
    """Makes live decisions again with the candidates under observation. One thread, begun with the first decision."""

    def __init__(self, store: Store, owner: OwnerId, clock: Clock) -> None:
        self._store = store
        self._owner = owner
        self._clock = clock
        self._rulesets = Rulesets(store)  # apart: no live decision waits while a candidate is made ready
        self._waiting: queue.Queue[Admit | None] = queue.Queue(MAX_WAITING)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._watched: frozenset[WorkspaceName] = frozenset()  # written by the thread, read by the writer
        self._dropped = 0  # written by the writer, read by the thread
        self._looked = False
        self._observed: dict[str, _Observed] = {}  # owned by the thread, like everything below
        self._counted_drops = 0

    def told(self, transaction: Transaction) -> None:
        """Take what was decided; called in the writer thread, and never waits."""
        if self._thread is None:
            self._start()
        if not self._watched and self._looked:
            return
        for carried in transaction.carried:
            command = _decided(carried)
            if command is None or (self._looked and command.run.workspace not in self._watched):
                continue
            try:
                self._waiting.put_nowait(command)
            except queue.Full:
                self._dropped += 1

    def close(self) -> None:
        """Make again what waits, write what was counted, and stop."""
        thread = self._thread
        if thread is None:
            return
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=CLOSE_TIMEOUT_S)
        thread.join(CLOSE_TIMEOUT_S)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="remit-observer", daemon=True)
                self._thread.start()

    # -- the thread

    def _work(self) -> None:
        look_at = 0.0
        while True:
            if time.monotonic() >= look_at:
                self._look()
                look_at = time.monotonic() + LOOK_EVERY_S
            try:
                command = self._waiting.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                continue
            if command is None:
                break
            self._observe(command)
        self._write()

    def _look(self) -> None:
        """Write what was counted, and find out what is observed now. A store that fails is asked again later."""
        try:
            self._write()
            running = [t for t in self._store.trials(running=True) if t.kind is TrialKind.OBSERVE]
        except StoreError:
            return
        for trial in running:
            if trial.id not in self._observed:
                with contextlib.suppress(ReleaseUnusable):
                    rules = self._rulesets.of(trial.workspace, trial.release)
                    self._observed[trial.id] = _Observed(trial, Tally(rules))
        ids = {trial.id for trial in running}
        for gone in [id for id in self._observed if id not in ids]:
            del self._observed[gone]
        self._watched = frozenset(each.trial.workspace for each in self._observed.values())
        self._looked = True

    def _observe(self, command: Admit) -> None:
        run = command.run
        concerned = [
            each
            for each in self._observed.values()
            if each.trial.workspace == run.workspace
            and each.trial.release != run.release
            and each.trial.concerns(run.agent, run.id)
        ]
        if not concerned:
            return
        try:
            body = self._store.record(run.workspace, command.record_key)
        except StoreError:
            body = None
        for each in concerned:
            each.unwritten = True
            if body is None:
                each.tally.unobserved += 1
            else:
                each.tally.take(Past(orjson.loads(body), run, command.call.action.arguments))

    def _write(self) -> None:
        dropped, self._counted_drops = self._dropped - self._counted_drops, self._dropped
        counts: list[TrialCount] = []
        for each in self._observed.values():
            each.tally.unobserved += dropped
            if each.unwritten or dropped:
                counts.append(TrialCount(each.trial.id, self._owner, self._clock.now(), each.tally.comparison()))
                each.unwritten = False
        if counts:
            put(self._store, Writes(candidates=[*counts]))


def _decided(carried: Carried) -> Admit | None:
    """Return the command where it was decided now, and not only told again."""
    fresh = isinstance(carried.answer, Admission) and not carried.answer.repeated
    return carried.command if fresh and isinstance(carried.command, Admit) else None
