"""What went wrong lately: stops, loops, budgets that were used up, tools that are not what was looked at.

Derived from committed records behind a cursor, as the day's sums are: each process reads a workspace's newest records
once, at most FIRST of them, and then those that have come since. The same thing again is the same incident.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import PAGE, Asker, Cursor, Limit, Shown, cursor_of, number_of
from remit.api.use_cases import UseCases
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.finding import Check, Code
from remit.domain.ids import WorkspaceName
from remit.domain.record import RecordKind
from remit.storage.outbox import Outbox, outbox_of
from remit.storage.port import Reads

FIRST = 20_000
"""Most rows that the first reading goes back over."""
READ_AT_ONCE = 1_000
MOST = 1_000
"""Incidents that are kept, the latest; what is older is in the records."""
SAME_S = 3_600
"""How long after its last sign the same thing is still the same incident."""
LOOP_CHECK = "remit:loop-check"
KINDS = (RecordKind.DECISION_MADE, RecordKind.STOP_CHANGED, RecordKind.POLICIES_DIFFERED)


class IncidentKind(StrEnum):
    """What went wrong; whoever shows it has the words."""

    STOP = "stop"
    LOOP = "loop"
    BUDGET = "budget"
    TOOL_CHANGED = "tool_changed"
    TOOL_NOT_ACCEPTED = "tool_not_accepted"
    POLICY_ERROR = "policy_error"
    POLICIES_DIFFERED = "policies_differed"


class IncidentShown(Shown):
    """One incident. `subject` is what it is about: a target that was stopped, a budget, a tool, a run that looped.

    `at` is its first sign and `last_at` its latest, `count` how many there were, `run` and `action` the latest ones.
    """

    id: str
    kind: IncidentKind
    subject: str
    reason: str
    by: str
    at: int
    last_at: int
    count: int
    agent: str
    run: str
    action: str


class IncidentPage(Shown):
    """Incidents, the latest first. `since` is from when on records were looked through; 0: from the beginning."""

    incidents: list[IncidentShown]
    since: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Incident:
    """As IncidentShown; `no` is the number of the record of its latest sign."""

    kind: IncidentKind
    subject: str
    at: int
    last_at: int
    no: int
    reason: str = ""
    by: str = ""
    agent: str = ""
    run: str = ""
    action: str = ""
    count: int = 1


class Lately:
    """The incidents of one workspace. Safe to ask from any thread; one of them reads."""

    def __init__(self, workspace: WorkspaceName, store: Reads, outbox: Outbox, first: int = FIRST) -> None:
        self._workspace = workspace
        self._store = store
        self._outbox = outbox
        self._first = first
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[IncidentKind, str, int], Incident] = OrderedDict()
        self._latest: dict[tuple[IncidentKind, str], tuple[IncidentKind, str, int]] = {}
        self._after: int | None = None
        self._since = 0

    def all(self) -> tuple[Instant, list[Incident]]:
        """Read what was committed meanwhile; return since when, and the incidents, latest first. Raises StoreError."""
        with self._lock:
            if self._after is None:
                newest, _ = self._store.stop_changes(self._workspace, 0, 0)
                self._after = max(0, newest - self._first)
                self._since = 0 if self._after == 0 else -1  # not known before a record was read
            self._read()
            return Instant(max(0, self._since)), list(reversed(self._known.values()))

    def _read(self) -> None:
        bodies: Any = [b""] * READ_AT_ONCE
        while len(bodies) == READ_AT_ONCE:
            self._after, bodies = self._outbox.committed(
                self._workspace, self._after or 0, READ_AT_ONCE, [kind.value for kind in KINDS]
            )
            for body in bodies:
                record = orjson.loads(body)
                if self._since < 0:
                    self._since = int(record["at"])
                for found in incidents_in(record):
                    self._note(found)

    def _note(self, found: Incident) -> None:
        """Count it with the one before, where that was the same thing and not long ago."""
        about = (found.kind, found.subject)
        key = self._latest.get(about)
        before = None if key is None else self._known.get(key)
        if key is not None and before is not None and found.at - before.last_at <= SAME_S * MICROS_PER_SECOND:
            self._known[key] = replace(found, at=before.at, count=before.count + 1)
        else:
            key = (*about, found.no)
            self._latest[about] = key
            self._known[key] = found
        self._known.move_to_end(key)
        if len(self._known) > MOST:
            dropped, _ = self._known.popitem(last=False)
            if self._latest.get(dropped[:2]) == dropped:
                del self._latest[dropped[:2]]


def incidents_in(record: Mapping[str, Any]) -> Iterator[Incident]:
    """Yield what one record says went wrong."""
    at, no = int(record["at"]), int(record["no"])
    match record["kind"]:
        case RecordKind.STOP_CHANGED.value:
            stop = record["stop"]
            # What the loop check stops is told of by the decision that found the loop.
            if stop is not None and stop["by"] != LOOP_CHECK:
                run = str(record["run"] or "")
                subject = _stopped(record)
                yield Incident(IncidentKind.STOP, subject, at, at, no, stop["reason"], stop["by"], run=run)
        case RecordKind.POLICIES_DIFFERED.value:
            yield Incident(IncidentKind.POLICIES_DIFFERED, "policies", at, at, no)
        case _:
            about = {"agent": record["agent"], "run": record["run"] or "", "action": record["action"]}
            for kind, subject in _found(record):
                yield Incident(kind, subject, at, at, no, **about)


def _stopped(record: Mapping[str, Any]) -> str:
    """Name what was stopped as `remit freeze` takes it: `agent:buyer`."""
    _, _, rest = record["scope"].partition("/")
    kind, _, name = rest.partition("/")
    return str(record["what"]) or (f"{kind}:{name}" if name else kind)


def _found(record: Mapping[str, Any]) -> Iterator[tuple[IncidentKind, str]]:
    target, run = str(record["target"]), str(record["run"] or "")
    for finding in record["decision"]["findings"]:
        if finding["verdict"] == "allow":
            continue
        code, params = finding["code"], finding["params"]
        if code == Code.TOOL_CHANGED.value:
            yield IncidentKind.TOOL_CHANGED, target
        elif code == Code.TOOL_NOT_ACCEPTED.value:
            yield IncidentKind.TOOL_NOT_ACCEPTED, target
        elif code == Code.BUDGET_EXCEEDED.value:
            yield IncidentKind.BUDGET, str(params.get("budget", ""))
        elif code == Code.POLICY_ERROR.value:
            yield IncidentKind.POLICY_ERROR, target
        elif code.startswith(f"{Check.LOOP.value}."):
            yield IncidentKind.LOOP, run


class IncidentRoutes:
    """Incidents."""

    def __init__(self, use: UseCases) -> None:
        self._use = use
        self._lock = threading.Lock()
        self._lately: dict[WorkspaceName, Lately] = {}

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/incidents", self.all, IncidentPage)

    @allow(people())
    def all(
        self, caller: Asker, kind: IncidentKind | None = None, limit: Limit = PAGE, cursor: Cursor = ""
    ) -> IncidentPage:
        """List what went wrong lately, the latest first: of the newest 20,000 records, at most 1,000 incidents."""
        since, every = self.lately(caller.workspace)
        before = number_of(cursor)
        found = [each for each in every if kind in (None, each.kind) and (not before or each.no < before)]
        last = found[min(limit, len(found)) - 1].no if found else 0
        page = [each for each in found if each.no >= last]  # what one record tells of stays on one page
        more = cursor_of(last) if len(found) > len(page) else None
        return IncidentPage(incidents=[_shown(each) for each in page], since=since, next=more)

    def lately(self, workspace: WorkspaceName) -> tuple[Instant, list[Incident]]:
        """Return since when records were looked through, and the incidents, the latest first. Raises StoreError."""
        with self._lock:
            if workspace not in self._lately:
                store = self._use.store
                self._lately[workspace] = Lately(workspace, store, outbox_of(store))
            found = self._lately[workspace]
        return found.all()


def _shown(found: Incident) -> IncidentShown:
    return IncidentShown(
        id=f"{found.kind.value}-{found.no}-{found.subject}",
        kind=found.kind,
        subject=found.subject,
        reason=found.reason,
        by=found.by,
        at=found.at,
        last_at=found.last_at,
        count=found.count,
        agent=found.agent,
        run=found.run,
        action=found.action,
    )
