"""Real processes on one PostgreSQL database: killed, frozen, and bereft of their server in the middle."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from remit.control.stops import Stops
from remit.domain.clock import SystemClock
from remit.domain.facts import ScopeKind
from remit.domain.ids import RandomIds
from remit.domain.record import leaf_hash
from remit.settings import Settings
from tests.postgres.conftest import SettingsOf
from tests.postgres.server import Server
from tests.worlds import SARA, WORKSPACE, World, agent, budget, world

PROCESSES = 8
THREADS = 4
KILLS = 6
CENTS = 10
"""What one effect costs; the budget is in whole effects."""
EFFECTS = 1_500
PATIENCE_S = 90
WORKER = Path(__file__).with_name("worker.py")


def changes(effects: int) -> dict[str, str | None]:
    return {
        "budgets.yaml": budget("all-of-it", "workspace", "month", usd=effects * CENTS / 100),
        "agents/buyer.yaml": agent(loops={"on_detection": "warn"}),
    }


class Crew:
    """The worker processes, and what they have said."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.said = folder / "said"
        self.stop = folder / "stop"
        self._command = [sys.executable, str(WORKER), settings.database_url, str(self.said), str(self.stop)]
        self._environment = {**os.environ, "REMIT_KEY_FILE": str(settings.key_file)}
        self._workers = [self._hire() for _ in range(PROCESSES)]
        self.until("everybody is there", lambda: self.count("ready") >= PROCESSES)

    def _hire(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*self._command, str(THREADS)], env=self._environment, stderr=subprocess.PIPE)

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.said.read_text().splitlines()] if self.said.exists() else []

    def count(self, what: str) -> int:
        return sum(line[0] == what for line in self.lines())

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"in vain waited until {what}; {Counter(x[0] for x in self.lines())}"
            time.sleep(0.05)

    def kill_one(self, chance: random.Random) -> None:
        index = chance.randrange(PROCESSES)
        victim, self._workers[index] = self._workers[index], self._hire()
        victim.send_signal(signal.SIGKILL)
        victim.communicate()

    def dismiss(self) -> None:
        """Let everybody come to an end by themselves."""
        self.stop.touch()
        said = [worker.communicate(timeout=PATIENCE_S)[1].decode() for worker in self._workers]
        assert [worker.returncode for worker in self._workers] == [0] * PROCESSES, said

    def end(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.communicate()


@contextmanager
def crew(it: World, settings: Settings, folder: Path) -> Iterator[Crew]:
    at_work = Crew(settings, folder)
    try:
        yield at_work
        at_work.dismiss()
    finally:
        at_work.end()


def records_of(url: str) -> list[dict[str, Any]]:
    """Every record in the order of its row; each is numbered as it should be and is what its leaf says."""
    with psycopg.connect(url) as db:
        rows = db.execute("select body, leaf from records order by seq").fetchall()
    assert [leaf for _, leaf in rows] == [leaf_hash(body) for body, _ in rows]
    records = [orjson.loads(body) for body, _ in rows]
    assert [record["no"] for record in records] == list(range(1, len(rows) + 1))
    return records


def check_the_books(it: World, url: str, at_work: Crew, effects: int) -> None:
    """Budget, records and effects agree, and nothing is over."""
    admitted = Counter(record["run"] for record in records_of(url) if record.get("state") == "admitted")
    spend = it.scope(ScopeKind.WORKSPACE).spends["all-of-it"]  # type: ignore[index]
    assert spend.used == admitted.total() * CENTS * 10_000
    assert admitted.total() <= effects
    for run, count in Counter(line[1] for line in at_work.lines() if line[0] == "effect").items():
        assert count <= admitted[run], f"every effect of {run} has an admission on record"


@pytest.mark.slow
def test_killed_processes_overspend_nothing_and_leave_no_effect_unrecorded(
    tmp_path: Path, settings_of: SettingsOf, worlds_on_postgres: None
) -> None:
    chance = random.Random(7)
    settings = settings_of(tmp_path / "remit.db")
    with world(tmp_path, changes(EFFECTS)) as it, crew(it, settings, tmp_path) as at_work:
        for number in range(KILLS):
            goal = EFFECTS * (number + 1) // (KILLS + 2)
            at_work.until(f"{goal} effects", lambda goal=goal: at_work.count("effect") >= goal)  # type: ignore[misc]
            at_work.kill_one(chance)
        at_work.until("the budget is used up", lambda: at_work.count("denied") >= PROCESSES)
        at_work.dismiss()
        check_the_books(it, settings.database_url, at_work, EFFECTS)
        admitted = sum(record.get("state") == "admitted" for record in records_of(settings.database_url))
        assert admitted == EFFECTS, "nothing is held back either"
        assert len(it.store.open_actions(WORKSPACE)) <= KILLS * THREADS


@pytest.mark.slow
def test_after_the_commit_of_a_freeze_nothing_is_admitted(
    tmp_path: Path, settings_of: SettingsOf, worlds_on_postgres: None
) -> None:
    settings = settings_of(tmp_path / "remit.db")
    with world(tmp_path, changes(100_000)) as it, crew(it, settings, tmp_path) as at_work:
        at_work.until("they are at work", lambda: at_work.count("effect") > 300)
        Stops(it.store, SystemClock(), RandomIds()).freeze(WORKSPACE, "agent:buyer", SARA, "enough")
        at_work.until("all have noticed", lambda: at_work.count("stopped") > 5 * PROCESSES * THREADS)
        at_work.dismiss()
        records = records_of(settings.database_url)
        (freeze,) = [record["no"] for record in records if record["kind"] == "stop_changed"]
        after = [record["state"] for record in records[freeze:] if record["kind"] == "decision_made"]
        assert len(after) > 5 * PROCESSES
        assert set(after) == {"denied"}
        check_the_books(it, settings.database_url, at_work, 100_000)


@pytest.mark.slow
def test_when_the_server_crashes_nothing_is_half_and_all_goes_on_afterwards(
    tmp_path: Path, postgres: Server, settings_of: SettingsOf, worlds_on_postgres: None
) -> None:
    settings = settings_of(tmp_path / "remit.db")
    with world(tmp_path, changes(100_000)) as it, crew(it, settings, tmp_path) as at_work:
        for _ in range(2):
            done = at_work.count("effect")
            at_work.until("they are at work", lambda done=done: at_work.count("effect") > done + 200)  # type: ignore[misc]
            postgres.crash()
            try:
                told = at_work.count("unavailable")
                at_work.until("all are told", lambda told=told: at_work.count("unavailable") > told + PROCESSES)  # type: ignore[misc]
            finally:
                postgres.start()  # else every test after this one would fail with it
        done = at_work.count("effect")
        at_work.until("they go on", lambda: at_work.count("effect") > done + 200)
        assert len({line[2] for line in at_work.lines() if line[0] == "unavailable"}) == PROCESSES
        at_work.dismiss()
        check_the_books(it, settings.database_url, at_work, 100_000)
