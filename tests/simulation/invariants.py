"""What must hold of a ledger, worked out from its records alone, by other means than the code under test."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.simulation.company import BUDGETS, Watched

MICROS_PER_SECOND = 1_000_000


class Broken(AssertionError):
    """A promise was not kept."""


def expect(holds: object, promise: str) -> None:
    if not holds:
        raise Broken(promise)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one admitted action counts in one budget, and in the window that began at `start`."""

    budget: Watched
    subject: str
    start: int
    amount: int


@dataclass(slots=True)
class Window:
    """What a budget of one subject has come to in the window that began at `start`."""

    start: int
    used: int = 0


@dataclass
class Ledger:
    """Reads records in order and keeps a model of the world they tell of."""

    runs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    frozen: dict[tuple[str, str], int] = field(default_factory=dict)
    windows: dict[tuple[str, str], Window] = field(default_factory=dict)
    decided: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    counted: dict[str, list[Counted]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    approved: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    in_flight: dict[str, int] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def read(self, record: Mapping[str, Any]) -> None:
        expect(record["key"] not in self.keys, f"record {record['key']} is there once")
        self.keys.add(record["key"])
        match record["kind"]:
            case "run_started":
                self.runs[record["run"]] = record
            case "run_ended":
                self.ended.add(record["run"])
            case "stop_changed":
                self._stop(record)
            case "approval_answered":
                self.approved[record["approval"]] = record["digest"] if record["state"] == "approved" else ""
            case "decision_made":
                self._decision(record)
            case "outcome_reported":
                self._outcome(record)

    def _stop(self, record: Mapping[str, Any]) -> None:
        place = (record["scope"], record["what"])
        if record["stop"] is None:
            self.frozen.pop(place, None)
        else:
            self.frozen[place] = record["at"]

    def _decision(self, record: Mapping[str, Any]) -> None:
        action = record["action"]
        expect(action not in self.decided, f"{action} is decided once")
        self.decided[action] = record
        if record["state"] != "admitted":
            expect(record["decision"]["verdict"] != "allow", f"{action} was allowed and not admitted")
            return
        expect(record["decision"]["verdict"] == "allow", f"{action} was admitted and not allowed")
        run = self.runs.get(record["run"])
        expect(run is not None, f"{action} belongs to a run on record")
        assert run is not None
        expect(record["run"] not in self.ended, f"{action} was admitted in a run that goes on")
        self._expect_unfrozen(record, run)
        self._expect_approved_once(record)
        self._count(record, run)

    def _expect_unfrozen(self, record: Mapping[str, Any], run: Mapping[str, Any]) -> None:
        name = record["workspace"]
        scopes = [f"{name}/", f"{name}/team/{run['team']}", f"{name}/agent/{run['agent']}"]
        scopes += [f"{name}/user/{run['on_behalf_of']}", f"{name}/run/{record['run']}"]
        places = [(scope, "") for scope in scopes] + [(f"{name}/", f"{record['action_kind']}:{record['target']}")]
        for place in places:
            expect(place not in self.frozen, f"{record['action']} was admitted while {place} was frozen")

    def _expect_approved_once(self, record: Mapping[str, Any]) -> None:
        findings = {finding["code"]: finding["params"] for finding in record["decision"]["findings"]}
        if "policy.hold" in findings:
            expect("oversight.approved" in findings, f"{record['action']} was admitted though nobody approved")
        if "oversight.approved" in findings:
            approval = findings["oversight.approved"]["approval"]
            expect(approval not in self.used, f"approval {approval} admitted twice")
            self.used.add(approval)
            same = self.approved.get(approval) == record["arguments_digest"]
            expect(same, f"approval {approval} was given for these arguments")

    def _count(self, record: Mapping[str, Any], run: Mapping[str, Any]) -> None:
        subjects = {
            "workspace": "",
            "team": run["team"],
            "agent": run["agent"],
            "user": run["on_behalf_of"],
            "run": record["run"],
        }
        self.in_flight[run["agent"]] = self.in_flight.get(run["agent"], 0) + 1
        self.counted[record["action"]] = counted = []
        for budget in BUDGETS:
            subject, amount = subjects[budget.level], record["cost"][budget.unit]
            if (budget.subject and budget.subject != subject) or amount is None:
                continue
            window = self._window(budget, subject, record["at"] // MICROS_PER_SECOND)
            window.used += amount
            counted.append(Counted(budget, subject, window.start, amount))
            within = window.used <= budget.limit or not budget.hard
            expect(within, f"{budget.name} of {subject!r} holds: {window.used} of {budget.limit}")

    def _window(self, budget: Watched, subject: str, at_s: int) -> Window:
        window = self.windows.setdefault((budget.name, subject), Window(budget.start(at_s)))
        if budget.start(at_s) > window.start:
            window.start, window.used = budget.start(at_s), 0
        return window

    def _outcome(self, record: Mapping[str, Any]) -> None:
        action, before = record["action"], self.outcomes.get(record["action"])
        expect(action in self.counted, f"{action} has an outcome, so it was admitted")
        reconciled = record["key"].endswith("/reconciled")
        expect(before == ("unknown" if reconciled else None), f"{action} has one outcome, {before} came before")
        self.outcomes[action] = record["status"]
        if before is None:
            self.in_flight[self.decided[action]["agent"]] -= 1
        if record["status"] == "unknown":
            return
        for counted in self.counted[action]:
            window = self.windows[counted.budget.name, counted.subject]
            actual = counted.amount if record["cost"] is None else record["cost"][counted.budget.unit]
            if window.start == counted.start:
                window.used += actual - counted.amount


def records_in(path: Path) -> Iterator[Mapping[str, Any]]:
    """Every record in the order of its commit; each is what its leaf says."""
    db = sqlite3.connect(path)
    try:
        rows = db.execute("select body, leaf from records order by seq").fetchall()
    finally:
        db.close()
    for body, leaf in rows:
        expect(hashlib.sha256(b"\x00" + body).digest() == leaf, f"the leaf is that of {body!r}")
        yield orjson.loads(body)


def scopes_in(path: Path) -> dict[str, Mapping[str, Any]]:
    db = sqlite3.connect(path)
    try:
        rows = db.execute("select id, state from scopes").fetchall()
    finally:
        db.close()
    return {id: orjson.loads(state) for id, state in rows}


def expect_counters_as_recorded(ledger: Ledger, scopes: Mapping[str, Mapping[str, Any]], workspace: str) -> None:
    """What the next decision will rest on must be what the records tell."""
    for (name, subject), window in ledger.windows.items():
        level = next(budget.level for budget in BUDGETS if budget.name == name)
        scope = f"{workspace}/{level}/{subject}" if subject else f"{workspace}/"
        state = scopes.get(scope, {"spends": {}})
        start, _, spent, reserved = state["spends"].get(name, (0, 0, 0, 0))
        stored = (start // MICROS_PER_SECOND, spent + reserved)
        recorded = (window.start, window.used)
        expect(stored == recorded, f"{name} of {subject!r} stands at {stored}, the records say {recorded}")
        expect(min(spent, reserved) >= 0, f"{name} of {subject!r} is not negative: {spent}, {reserved}")
    for agent, count in ledger.in_flight.items():
        stored_count = scopes.get(f"{workspace}/agent/{agent}", {"in_flight": 0})["in_flight"]
        expect(stored_count == count, f"{agent} has {stored_count} in flight, the records say {count}")


def expect_sound(path: Path, workspace: str) -> Ledger:
    """Read a whole database and hold it to every promise."""
    ledger = Ledger()
    for record in records_in(path):
        ledger.read(record)
    expect_counters_as_recorded(ledger, scopes_in(path), workspace)
    return ledger
