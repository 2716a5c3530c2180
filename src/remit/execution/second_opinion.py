"""A share of all decisions, decided again by the official implementation, beside the way of an action."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from remit.domain.decision import Decision
from remit.domain.facts import Facts
from remit.domain.ids import ReleaseId, WorkspaceName
from remit.kernel.decide import decide
from remit.kernel.prepared import Prepared

MAX_WAITING = 256
"""Decisions that wait for a second opinion; more are let go. Each holds its arguments."""

STOP_TIMEOUT_S = 5

Alarm = Callable[[WorkspaceName, ReleaseId, str], None]
"""Puts on record that a release's compiled policies were found to differ. May raise: it is tried once."""


@dataclass(slots=True)
class Opinions:
    """What became of the decisions that were offered."""

    same: int = 0
    different: int = 0
    dropped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Question:
    call: Prepared
    facts: dict[str, Any]
    decision: Decision


class SecondOpinion:
    """Decides one of every `every` decisions again, in a thread of its own, and compares; 0 decides none.

    Where they differ, the release is decided by the official implementation from then on, and an alarm is put on
    record. Offering never waits: what the thread can not keep up with is dropped, and counted.
    """

    def __init__(self, every: int, alarm: Alarm, alarmed: Callable[[WorkspaceName, ReleaseId], str]) -> None:
        self._every = every
        self._alarm = alarm
        self._alarmed = alarmed
        self._offered = 0  # owned by the writer, as is _thread
        self._inbox: queue.Queue[_Question | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self.opinions = Opinions()

    def offer(self, call: Prepared, facts: dict[str, Any], decision: Decision) -> None:
        """Take a decision that was just made, if it is its turn. `facts` are those on its record."""
        if not self._every:
            return
        self._offered += 1
        if self._offered % self._every:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="remit-second-opinion", daemon=True)
            self._thread.start()
        try:
            self._inbox.put_nowait(_Question(call, facts, decision))
        except queue.Full:
            self.opinions.dropped += 1

    def close(self) -> None:
        """Compare what waits, then stop; give up after five seconds."""
        if self._thread is not None:
            self._inbox.put(None)
            self._thread.join(STOP_TIMEOUT_S)

    def _work(self) -> None:
        while (question := self._inbox.get()) is not None:
            try:
                self._compare(question)
            except Exception:  # noqa: BLE001 - counted, and the next one may be compared
                self.opinions.failed += 1

    def _compare(self, question: _Question) -> None:
        call = question.call
        rules, workspace = call.rules, call.run.workspace
        if rules.authorizer.distrusted:
            return
        why = self._alarmed(workspace, rules.release)
        if why:  # another process has found it
            rules.authorizer.distrust(why)
            return
        # Facts were changed since; those on the record are as they were decided on.
        facts = Facts.from_json(orjson.loads(orjson.dumps(question.facts)))
        official = decide(facts, replace(call, rules=rules.officially()))
        if official == question.decision:
            self.opinions.same += 1
            return
        self.opinions.different += 1
        why = (
            f"action {call.action.id}: compiled policies led to {question.decision.verdict.word},"
            f" officially it is {official.verdict.word}"
        )
        rules.authorizer.distrust(why)
        self._alarm(workspace, rules.release, why)
