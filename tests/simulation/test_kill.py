"""Real processes on one file and one hard budget, killed with SIGKILL wherever they happen to be."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import remit
from remit.domain.clock import Instant, ManualClock
from remit.domain.facts import ScopeKind
from remit.domain.ids import OwnerId
from remit.domain.record import RecordKind, leaf_hash
from remit.execution.commands import Batch
from remit.execution.recovery import LEASE_S, abandoned
from remit.execution.replay import Agreement
from remit.execution.transaction import Writer, process
from tests.worlds import VISITOR, WORKSPACE, World, agent, budget, reopened, world

WORKERS = 8
KILLS = 9
LEFT_OPEN = 3
"""So many must have been killed between admission and outcome, or the test has tried nothing."""
CENTS = 10
"""What one effect costs; the budget is in whole effects."""
EFFECTS = 600
PATIENCE_S = 90
WORKER = Path(__file__).with_name("worker.py")

CHANGES: dict[str, str | None] = {
    "budgets.yaml": budget("all-of-it", "workspace", "month", usd=EFFECTS * CENTS / 100),
    "agents/buyer.yaml": agent(loops={"on_detection": "warn"}),
}


class Crew:
    """The workers, and whom they left behind."""

    def __init__(self, it: World, folder: Path) -> None:
        self.command = [sys.executable, str(WORKER), it.url, str(folder / "effects"), str(folder / "stop")]
        self.stop = folder / "stop"
        self.workers = [self.hire() for _ in range(WORKERS)]

    def hire(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command, stderr=subprocess.PIPE)

    def kill_one(self) -> None:
        """Kill the one that has worked longest, wherever it is, and hire another."""
        victim = self.workers.pop(0)
        self.workers.append(self.hire())
        victim.send_signal(signal.SIGKILL)
        victim.communicate()

    def dismiss(self) -> list[str]:
        """Let everybody come to an end; return what they complained of."""
        self.stop.touch()
        said = [worker.communicate(timeout=60)[1].decode() for worker in self.workers]
        assert [worker.returncode for worker in self.workers] == [0] * WORKERS, said
        return [each for each in said if each]

    def end(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.communicate()


def lines_of(path: Path) -> list[tuple[str, int]]:
    whole = path.read_text().splitlines()
    return [(line.split()[0], int(line.split()[1])) for line in whole]


def admitted(it: World) -> Counter[str]:
    """Admissions by run."""
    made = it.records(RecordKind.DECISION_MADE)
    return Counter(record["run"] for record in made if record["state"] == "admitted")


def check_money(it: World, effects: int) -> None:
    """Effects, admissions and the budget's row agree, and none is over."""
    spend = it.scope(ScopeKind.WORKSPACE).spends["all-of-it"]  # type: ignore[index]
    records = sum(admitted(it).values())
    assert effects <= records <= EFFECTS
    assert spend.used == records * CENTS * 10_000
    assert spend.used <= EFFECTS * CENTS * 10_000


def check_leaves(it: World) -> None:
    db = sqlite3.connect(it.path)
    rows = db.execute("select body, leaf from records").fetchall()
    db.close()
    assert [leaf for _, leaf in rows] == [leaf_hash(body) for body, _ in rows]


@pytest.mark.slow
def test_killed_processes_overspend_nothing_and_leave_no_effect_unrecorded(tmp_path: Path) -> None:
    chance = random.Random(7)
    with world(tmp_path, CHANGES, clock=ManualClock(int(time.time() * 1_000_000))) as it:
        crew = Crew(it, tmp_path)
        try:
            for kill in range(1, KILLS + 1):
                wait_until_paid(it, kill * EFFECTS // (KILLS + 2))
                time.sleep(chance.uniform(0, 0.03))
                crew.kill_one()
            wait_until_paid(it, EFFECTS)
            assert crew.dismiss() == []
        finally:
            crew.end()
        check_the_books(it, tmp_path)
        check_recovery(it)


def effects_paid(it: World) -> int:
    spend = it.scope(ScopeKind.WORKSPACE).spends.get("all-of-it")  # type: ignore[call-overload]
    return 0 if spend is None else spend.used // (CENTS * 10_000)


def wait_until_paid(it: World, effects: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while effects_paid(it) < effects:
        assert time.monotonic() < deadline, f"the workers do not get on: {effects_paid(it)} of {effects}"
        time.sleep(0.02)


def check_the_books(it: World, folder: Path) -> None:
    lines = lines_of(folder / "effects")
    check_money(it, len(lines))
    assert len(lines) >= EFFECTS - KILLS, "a killed process loses at most the effect it was about to begin"
    effects_of = Counter(run for run, _ in lines)
    for run, count in effects_of.items():
        assert count <= admitted(it)[run], f"every effect of {run} has an admission on record"
    check_leaves(it)
    with reopened(it.path) as fresh:
        agreements = Counter(each.agreement for each in fresh.replay.all(WORKSPACE))
    assert set(agreements) == {Agreement.SAME}


def check_recovery(it: World) -> None:
    """What the killed ones left open becomes unknown after the lease, and keeps its money."""
    left = {action.id for action in it.store.open_actions(WORKSPACE) if not action.unknown}
    used = it.scope(ScopeKind.WORKSPACE).spends["all-of-it"].used  # type: ignore[index]
    later = Instant(int(time.time() + 2 * LEASE_S) * 1_000_000)
    commands = abandoned(it.store, later)
    assert len(left) >= LEFT_OPEN
    assert {command.outcome.action for command in commands} == left  # type: ignore[union-attr]
    transactions = it.store.transactions()
    process(
        transactions, Batch(WORKSPACE, list(commands)), later, Writer(OwnerId("own_last"), it.ids)
    ) if left else None
    transactions.close()
    assert all(action.unknown for action in it.store.open_actions(WORKSPACE))
    assert it.scope(ScopeKind.WORKSPACE).spends["all-of-it"].used == used  # type: ignore[index]
    assert it.scope(ScopeKind.AGENT, "buyer").in_flight == 0


@pytest.mark.slow
def test_threads_of_one_process_share_one_hard_budget(tmp_path: Path) -> None:
    with world(tmp_path, CHANGES, clock=ManualClock(int(time.time() * 1_000_000))) as it:
        done: list[int] = []

        def work(_: int) -> int:
            refused = 0
            with client.run("buyer", on_behalf_of=VISITOR) as run:
                for number in range(200):
                    try:
                        run.call("erp.scan", {"page": number}, using=lambda page: done.append(page))
                    except remit.Denied:
                        refused += 1
            return refused

        with remit.connect(it.url) as client, ThreadPoolExecutor(WORKERS) as pool:
            refused = sum(pool.map(work, range(WORKERS)))
        assert (len(done), refused) == (EFFECTS, WORKERS * 200 - EFFECTS)
        check_money(it, len(done))
        assert it.store.open_actions(WORKSPACE) == []
