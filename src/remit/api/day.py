"""What a workspace's agents did in the last 24 hours, by the hour: summed from committed records behind a cursor.

Nothing is summed twice and no table is read anew for a request: each process reads a workspace's newest records once,
at most FIRST of them, and then those that have come since.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import orjson

from remit.domain.action import OutcomeStatus
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.ids import WorkspaceName
from remit.domain.record import RecordKind
from remit.storage.outbox import Outbox
from remit.storage.port import Reads

HOUR = 3_600 * MICROS_PER_SECOND
HOURS = 24
FIRST = 20_000
"""Most rows that the first reading goes back over; `since` says from when the sums are."""
PAGE = 1_000
MAX_OPEN = 10_000
"""Reserved costs that are kept until an outcome; of one that was dropped the record is read again."""
MAX_AGENTS = 1_000
"""Agents counted by name in an hour; what others did is summed under an empty name."""

KINDS = (RecordKind.RUN_STARTED, RecordKind.DECISION_MADE, RecordKind.OUTCOME_REPORTED)


@dataclass(slots=True)
class Sums:
    """What was counted: runs begun, decisions by verdict, errors of calls, and their cost in micro-USD."""

    runs: int = 0
    allow: int = 0
    hold: int = 0
    deny: int = 0
    errors: int = 0
    cost: int = 0

    def add(self, other: Sums) -> None:
        """Count what another counted."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(frozen=True, slots=True)
class Figures:
    """The sums as they stood: of the 24 hours by their beginnings, and of the agents, all since `since`."""

    since: Instant
    hours: Mapping[int, Sums]
    agents: Mapping[str, Sums]


class Day:
    """The last 24 hours of one workspace. Safe to ask from any thread; one of them reads."""

    def __init__(self, workspace: WorkspaceName, store: Reads, outbox: Outbox, first: int = FIRST) -> None:
        self._workspace = workspace
        self._store = store
        self._outbox = outbox
        self._first = first
        self._lock = threading.Lock()
        self._hours: dict[int, dict[str, Sums]] = {}
        self._reserved: OrderedDict[str, int] = OrderedDict()
        self._after: int | None = None
        self._since = 0

    def at(self, now: Instant) -> Figures:
        """Read what was committed meanwhile and return the sums. Raises StoreError."""
        with self._lock:
            return self._figures(self._caught_up(now))

    def of(self, agent: str, now: Instant) -> Figures:
        """As `at`, of one agent alone. Raises StoreError."""
        with self._lock:
            oldest = self._caught_up(now)
            hours = {start: self._hours.get(start, {}).get(agent, Sums()) for start in _starts(oldest)}
            return Figures(Instant(max(oldest, self._since)), hours, {})

    def _caught_up(self, now: Instant) -> int:
        """Read what was committed meanwhile, drop what is over, and return the beginning of the oldest hour."""
        oldest = now // HOUR * HOUR - (HOURS - 1) * HOUR
        newest, _ = self._store.stop_changes(self._workspace, 0, 0)
        if self._after is None or newest - self._after > self._first:
            self._begin(newest)
        self._read()
        for start in [start for start in self._hours if start < oldest]:
            del self._hours[start]
        return oldest

    def _begin(self, newest: int) -> None:
        """Begin a bounded number of rows before the newest."""
        self._after = max(0, newest - self._first)
        self._since = 0 if self._after == 0 else -1  # not known before a record was read
        self._hours.clear()
        self._reserved.clear()

    def _read(self) -> None:
        bodies: Any = [b""] * PAGE
        while len(bodies) == PAGE:
            self._after, bodies = self._outbox.committed(
                self._workspace, self._after or 0, PAGE, [kind.value for kind in KINDS]
            )
            for body in bodies:
                self._count(orjson.loads(body))

    def _count(self, record: Mapping[str, Any]) -> None:
        at = int(record["at"])
        if self._since < 0:
            self._since = at
        hour = self._hours.setdefault(at // HOUR * HOUR, {})
        agent = str(record["agent"])
        sums = hour.setdefault(agent if agent in hour or len(hour) < MAX_AGENTS else "", Sums())
        match record["kind"]:
            case RecordKind.RUN_STARTED.value:
                sums.runs += 1
            case RecordKind.DECISION_MADE.value:
                verdict = record["decision"]["verdict"]
                setattr(sums, verdict, getattr(sums, verdict) + 1)
                if verdict == "allow":
                    self._keep(str(record["action"]), int(record["cost"]["micros"] or 0))
            case _:
                sums.errors += record["status"] == OutcomeStatus.ERROR.value
                sums.cost += self._cost(record)

    def _keep(self, action: str, reserved: int) -> None:
        self._reserved[action] = reserved
        if len(self._reserved) > MAX_OPEN:
            self._reserved.popitem(last=False)

    def _cost(self, outcome: Mapping[str, Any]) -> int:
        """Return what an action came to; nothing yet where nobody knows, as reserved where nothing else was said."""
        if outcome["status"] == OutcomeStatus.UNKNOWN.value:
            return 0
        action = str(outcome["action"])
        reserved = self._reserved.pop(action, None)
        said = outcome["cost"]
        if said is not None and said["micros"] is not None:
            return int(said["micros"])
        if reserved is None:
            decided = self._store.record(self._workspace, f"{action}/decision")
            reserved = 0 if decided is None else int(orjson.loads(decided)["cost"]["micros"] or 0)
        return reserved

    def _figures(self, oldest: int) -> Figures:
        hours = {start: Sums() for start in _starts(oldest)}
        agents: dict[str, Sums] = {}
        for start, found in self._hours.items():
            for agent, sums in found.items():
                hours.setdefault(start, Sums()).add(sums)
                agents.setdefault(agent, Sums()).add(sums)
        return Figures(Instant(max(oldest, self._since)), hours, agents)


def _starts(oldest: int) -> list[int]:
    return [oldest + place * HOUR for place in range(HOURS)]
