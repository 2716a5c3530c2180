"""Real servers, real agents' processes, and faults in the middle: what is promised is counted, and must be 0.

`python -m bench.faults sqlite|postgres` runs the long form and prints its table; tests/faults and tests/postgres run a
short one. 8 processes of 16 threads spend one hard budget over HTTP while servers are killed with SIGKILL and started
again, the agents are frozen and let go on, and, where there is one, the database server crashes. Every process tries
for every approved payment.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from bench import workspace
from bench.agents import PAYMENT
from bench.measure import Table
from bench.servers import ServerProcess
from remit.compose import Parts, open_parts
from remit.control.approvals import Approvals
from remit.control.credentials import Credentials
from remit.control.stops import Stops
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.ids import AgentName, ApprovalId, BudgetName, UserId, WorkspaceName
from remit.sdk.errors import Unavailable
from remit.sdk.wire import Reach, Wire
from remit.settings import Settings

NAME = WorkspaceName(workspace.NAME)
SARA = UserId("user:sara")
BUDGET = BudgetName("all-of-it")
CENTS = 10
"""What one effect costs; the budget is in whole effects."""
PATIENCE_S = 240


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything. `effects` is what the budget is enough for."""

    effects: int = 20_000
    servers: int = 1
    processes: int = 8
    threads: int = 16
    kills: int = 12
    crashes: int = 0
    payments: int = 24
    frozen_s: float = 2.0
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of it. The first seven break a promise where they are not 0."""

    overspent_effects: int
    effects_without_record: int
    approvals_executed_twice: int
    approvals_not_executed: int
    admitted_while_frozen: int
    gaps_in_the_records: int
    budget_left_unspent: int
    effects: int
    approvals_executed: int
    attempts_while_frozen: int
    calls_told_unavailable: int
    actions_left_open: int
    servers_killed: int
    database_crashes: int
    seconds: float

    @property
    def broken(self) -> dict[str, int]:
        """The promises that were broken, and how often."""
        named = {field.name: getattr(self, field.name) for field in fields(self)[:7]}
        return {name: count for name, count in named.items() if count}


def files(plan: Plan) -> dict[str, str]:
    """Return what differs from the workspace of the other benchmarks."""
    return {
        "budgets.yaml": json.dumps(
            {
                "kind": "Budget",
                "name": BUDGET,
                "level": "workspace",
                "window": "month",
                "usd": plan.effects * CENTS / 100,
            }
        ),
        "agents/buyer.yaml": """
kind: Agent
name: buyer
owner: user:omar
purpose: Keep the stock filled at fair prices.
team: procurement
remit:
  tools: [erp.scan, {tool: erp.pay, when: "context.input.amount <= 5000"}]
  loops: {on_detection: warn}
""",
        "tools/scan.yaml": """
kind: Tool
name: erp.scan
effect: read
description: Scans a page for ten cents.
cost_per_call: 0.10
input: {type: object, properties: {page: {type: integer}}}
""",
    }


class Harness:
    """Servers and agents at work in a folder, and what is done to them."""

    def __init__(
        self, settings: Settings, folder: Path, plan: Plan, crash: Callable[[], None], restart: Callable[[], None]
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._crash = crash
        self._restart = restart
        self._chance = random.Random(plan.seed)
        self._killed = self._crashed = 0
        workspace.applied(folder, files(plan), settings)
        self._parts = open_parts(settings)
        self._key = self._make_key()
        self._servers = [ServerProcess.of_remit(settings) for _ in range(plan.servers)]
        self._agents: list[subprocess.Popen[str]] = []

    def run(self) -> Findings:
        """Let everybody work until the budget is used up, with a fault now and then."""
        begin = time.perf_counter()
        try:
            for server in self._servers:
                server.start()
            self._agents = [self._hired(number) for number in range(self._plan.processes)]
            self._until("all are there", lambda: self._count("ready") >= self._plan.processes * self._plan.threads)
            for number, fault in enumerate(self._faults(), 1):
                goal = self._plan.effects * number // (self._plan.kills + self._plan.crashes + 3)
                self._until(f"{goal} effects", lambda goal=goal: self._count("effect") >= goal)  # type: ignore[misc]
                if fault == self._freeze:  # who may not move does not pay
                    self._until("every payment was tried by all", self._all_tried)
                else:
                    self._approve()
                fault()
            self._until("the budget is used up", lambda: self._count("denied") >= self._plan.processes)
            self._until("every payment was tried by all", self._all_tried)
            self._dismiss()
            return self._findings(time.perf_counter() - begin)
        finally:
            self._end()

    # -- faults

    def _faults(self) -> Sequence[Callable[[], None]]:
        faults = [self._kill] * self._plan.kills + [self._crash_database] * self._plan.crashes
        self._chance.shuffle(faults)
        faults.insert(len(faults) // 2, self._freeze)
        return faults

    def _kill(self) -> None:
        server = self._chance.choice(self._servers)
        server.kill()
        self._killed += 1
        server.start()

    def _crash_database(self) -> None:
        told = self._count("unavailable")
        self._crash()
        try:
            self._until("somebody is told", lambda: self._count("unavailable") > told)
        finally:
            self._restart()
        self._crashed += 1

    def _freeze(self) -> None:
        stops = Stops(self._parts.store, self._parts.clock, self._parts.ids)
        stops.freeze(NAME, "agent:buyer", SARA, "to see that nothing moves")
        told = self._count("stopped")
        time.sleep(self._plan.frozen_s)
        self._until("they try all the same", lambda: self._count("stopped") > told + self._plan.processes)
        stops.unfreeze(NAME, "agent:buyer", SARA, "to go on")

    def _approve(self) -> None:
        """Have payments held and approved, and all processes try for them."""
        approvals = Approvals(self._parts.store, self._parts.clock, self._parts.ids)
        for _ in range(-(-self._plan.payments // (self._plan.kills + self._plan.crashes))):
            run = str(self._asked("/api/v1/runs", {"on_behalf_of": "user:visitor"})["run"])
            wanted = {"kind": "tool", "target": "erp.pay", "arguments": PAYMENT, "id": "first"}
            held = self._asked(f"/api/v1/runs/{run}/actions", wanted)
            assert held["state"] == "held", held
            approvals.answer(ApprovalId(held["approval"]), SARA, held["digest"], approve=True)
            with (self._folder / "approved").open("a") as file:
                file.write(f"{run}\n")

    # -- the books

    def _findings(self, seconds: float) -> Findings:
        records = [orjson.loads(body) for body in _bodies(self._parts)]
        decisions = [record for record in records if record["kind"] == "decision_made"]
        admitted = [record for record in decisions if record["state"] == "admitted"]
        spent = Counter(record["run"] for record in admitted if record["target"] == "erp.scan")
        paid = Counter(record["run"] for record in admitted if record["target"] == "erp.pay")
        effects = Counter(run for what, run in self._said() if what == "effect")
        really_paid = Counter(run for what, run in self._said() if what == "paid")
        scope = self._parts.store.scope(scope_id(ScopeKind.WORKSPACE, NAME))
        assert scope is not None
        counted = scope.spends[BUDGET].used // (CENTS * 10_000)
        frozen, thawed = [record["no"] for record in records if record["kind"] == "stop_changed"]
        meanwhile = [record["state"] for record in decisions if frozen < record["no"] < thawed]
        return Findings(
            overspent_effects=max(0, max(counted, spent.total(), effects.total()) - self._plan.effects),
            effects_without_record=(effects - spent).total() + (really_paid - paid).total(),
            approvals_executed_twice=sum(n - 1 for n in paid.values()) + sum(n - 1 for n in really_paid.values()),
            approvals_not_executed=len(self._approved()) - len(really_paid),
            admitted_while_frozen=meanwhile.count("admitted"),
            gaps_in_the_records=sum(record["no"] != no for no, record in enumerate(records, 1)),
            budget_left_unspent=self._plan.effects - counted,
            effects=effects.total(),
            approvals_executed=really_paid.total(),
            attempts_while_frozen=len(meanwhile),
            calls_told_unavailable=self._count("unavailable"),
            actions_left_open=len(self._parts.store.open_actions(NAME)),
            servers_killed=self._killed,
            database_crashes=self._crashed,
            seconds=seconds,
        )

    # -- the crew

    def _hired(self, number: int) -> subprocess.Popen[str]:
        told = {
            "urls": [server.url for server in self._servers],
            "key": self._key,
            "folder": str(self._folder),
            "threads": self._plan.threads,
            "first": number,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "bench.agents", json.dumps(told)], stderr=subprocess.PIPE, text=True
        )

    def _dismiss(self) -> None:
        (self._folder / "stop").touch()
        said = [agents.communicate(timeout=PATIENCE_S)[1] for agents in self._agents]
        if any(agents.returncode for agents in self._agents):
            raise RuntimeError(f"agents failed: {said}")

    def _end(self) -> None:
        for agents in self._agents:
            agents.kill()
            agents.communicate()
        for server in self._servers:
            server.stop()
        self._parts.close()

    def _make_key(self) -> str:
        credentials = Credentials(self._parts.store, self._parts.clock, self._parts.ids)
        return credentials.make_agent_key(NAME, AgentName("buyer"), "user:omar").secret

    def _asked(self, path: str, document: Mapping[str, object]) -> Any:
        """Ask any server that answers."""
        for number in range(PATIENCE_S):
            reach = Reach(self._servers[number % len(self._servers)].url, self._key, timeout_s=20)
            wire = Wire(reach)
            try:
                return wire.ask("POST", path, orjson.dumps(document))
            except Unavailable:
                time.sleep(0.2)
            finally:
                wire.close()
        raise RuntimeError(f"no server answers {path}")

    def _all_tried(self) -> bool:
        tried = self._count("paid") + self._count("unpaid")
        return tried >= len(self._approved()) * self._plan.processes

    def _approved(self) -> list[str]:
        path = self._folder / "approved"
        return path.read_text().split() if path.exists() else []

    def _said(self) -> Iterator[tuple[str, str]]:
        path = self._folder / "said"
        for line in path.read_text().splitlines() if path.exists() else ():
            what, run, _ = line.split()
            yield what, run

    def _count(self, what: str) -> int:
        return sum(said == what for said, _ in self._said())

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        last = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > last:
                raise RuntimeError(f"in vain waited until {what}; {Counter(said for said, _ in self._said())}")
            time.sleep(0.05)


def _bodies(parts: Parts) -> Iterator[bytes]:
    """Yield every record of the workspace, in order."""
    last = 0
    while page := parts.store.records(NAME, last, 10_000):
        yield from (body for _, body in page)
        last = page[-1][0]


def _nothing() -> None:
    return None


def examined(
    settings: Settings,
    folder: Path,
    plan: Plan,
    crash: Callable[[], None] = _nothing,
    restart: Callable[[], None] = _nothing,
) -> Findings:
    """Run a plan on a database that is new. `crash` and `restart` end and start its server."""
    return Harness(settings, folder, plan, crash, restart).run()


# -- by command


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[tuple[Settings, Plan, Callable[[], None], Callable[[], None]]]:
    if kind == "sqlite":
        yield Settings(database_url=f"sqlite:///{folder}/remit.db"), Plan(), _nothing, _nothing
        return
    from tests.postgres.server import Server

    server = Server()
    try:
        settings = Settings(database_url=server.fresh(), key_file=folder / "remit.key")
        yield settings, Plan(servers=3, crashes=3), server.crash, server.start
    finally:
        server.stop()


def table(kind: str) -> Table:
    """Run the long form on one kind of database."""
    with (
        tempfile.TemporaryDirectory(prefix="remit-faults-") as folder,
        _database(kind, Path(folder)) as (settings, plan, crash, restart),
    ):
        found = examined(settings, Path(folder), plan, crash, restart)
    return Table(
        f"Under load and faults: {kind}",
        ("what", "how often"),
        tuple((field.name.replace("_", " "), getattr(found, field.name)) for field in fields(found)),
        f"{plan.processes} processes of {plan.threads} threads, {plan.servers} servers, one hard budget of"
        f" {plan.effects:,} effects.",
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("kind", nargs="*", default=["sqlite", "postgres"], help="sqlite, postgres, or both")
    for kind in parser.parse_args().kind:
        print(table(kind).text(), flush=True)


if __name__ == "__main__":
    main()
