"""Both gateways on small hard budgets, 128 callers, and servers killed in the middle: what is promised must be 0.

`python -m bench.gateway_faults sqlite|postgres` runs the long form; tests/faults and tests/postgres run a short one.
Half of the callers call a model under a budget in dollars, half a tool; one budget counts all their calls. The endpoint
and the tool server write down what they carry out, whatever any server of Remit knows.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from bench import behind, workspace
from bench.gateways import files, model_call, tool_call
from bench.http import key_of
from bench.measure import Table
from bench.servers import ServerProcess, running
from remit.compose import Parts, open_parts
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.ids import WorkspaceName
from remit.settings import Settings

NAME = WorkspaceName(workspace.NAME)
CALL_MICROS = 200 * 1 + 40 * 2
"""What one call of the model costs by what its endpoint says, in micro-USD."""
DENIALS = 3
"""After so many denials in a row a caller takes the budget for used up."""
PAUSE_S = 0.1
AWAY_S = 0.5
"""Before another server is tried, or the same again."""
PATIENCE_S = 480


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything. `model_calls` is what the budget in dollars is enough for, `calls` the one of calls."""

    model_calls: int = 3_000
    calls: int = 8_000
    servers: int = 1
    callers: int = 128
    kills: int = 12
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of it. The first six break a promise where they are not 0."""

    micros_overspent: int
    calls_overspent: int
    effects_without_record: int
    answers_without_record: int
    carried_out_twice: int
    gaps_in_the_records: int
    model_calls_carried_out: int
    tool_calls_carried_out: int
    answered: int
    denied: int
    broken_off: int
    servers_killed: int
    seconds: float

    @property
    def broken(self) -> dict[str, int]:
        """The promises that were broken, and how often."""
        named = {field.name: getattr(self, field.name) for field in fields(self)[:6]}
        return {name: count for name, count in named.items() if count}


class Harness:
    """Servers, callers and faults. Owned by one event loop."""

    def __init__(self, servers: list[ServerProcess], key: str, plan: Plan) -> None:
        self._servers = servers
        self._key = key
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self._number = 0
        self.said: Counter[str] = Counter()
        self.actions: list[str] = []
        self.killed = 0

    async def run(self) -> None:
        """Let everybody call until nobody is let through any more, with a kill now and then."""
        connector = aiohttp.TCPConnector(limit=0, force_close=False)
        times = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(connector=connector, timeout=times) as session:
            killing = asyncio.create_task(self._kill_now_and_then())
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*(self._call(session, caller) for caller in range(self._plan.callers)))
            await killing

    async def _call(self, session: aiohttp.ClientSession, caller: int) -> None:
        denied = 0
        while denied < DENIALS:
            server = self._chance.choice(self._servers)
            said, action = await self._one(session, caller, server)
            self.said[said] += 1
            if said == "answered":
                denied = 0
                self.actions += [action] if action else []
            else:
                denied += said == "denied"
                await asyncio.sleep(PAUSE_S if said == "denied" else AWAY_S)

    async def _one(self, session: aiohttp.ClientSession, caller: int, server: ServerProcess) -> tuple[str, str]:
        self._number += 1
        call = tool_call(server.port, self._key, "web.get_order")
        if caller % 2:
            call = model_call(server.port, self._key, stream=caller % 4 == 1, user="U-@NUMBER@")
        body = call.body.replace("@NUMBER@", str(self._number)).replace("@CALLER@", str(caller))
        headers = {**call.headers, "Content-Type": "application/json"}
        try:
            async with session.post(f"{server.url}{call.path}", data=body, headers=headers) as answer:
                text = await answer.text()
                return _meaning(answer.status, text), answer.headers.get("remit-action", "")
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return "broken off", ""

    async def _kill_now_and_then(self) -> None:
        for number in range(1, self._plan.kills + 1):
            goal = self._plan.calls * number // (self._plan.kills + 2)
            while self.said["answered"] < goal and self.said["denied"] < DENIALS * self._plan.callers // 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # counters, not an event: two of them, told of thousands of times
            server = self._chance.choice(self._servers)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            self.killed += 1


def _meaning(status: int, text: str) -> str:
    if "budget.exceeded" in text:
        return "denied"
    if status == 200 and '"error"' not in text and '"isError":true' not in text:
        return "answered"
    return "broken off"


def examined(settings: Settings, folder: Path, plan: Plan) -> Findings:
    """Run a plan on a database that is new."""
    done = {name: folder / name for name in ("endpoint", "tools")}
    begin = time.perf_counter()
    with (
        running(behind.process("endpoint", calls=done["endpoint"])) as endpoint,
        running(behind.process("tools", calls=done["tools"])) as tools,
    ):
        limits = {"usd": plan.model_calls * CALL_MICROS / 1_000_000, "calls": plan.calls}
        workspace.applied(folder, files(endpoint.url, tools.url, limits), settings)
        servers = [ServerProcess.of_remit(settings) for _ in range(plan.servers)]
        harness = Harness(servers, key_of(settings), plan)
        try:
            for server in servers:
                server.begin()
            for server in servers:
                server.wait_ready()
            asyncio.run(harness.run())
        finally:
            for server in servers:
                server.stop()
    parts = open_parts(settings)
    try:
        return _findings(parts, plan, harness, done, time.perf_counter() - begin)
    finally:
        parts.close()


def _findings(parts: Parts, plan: Plan, it: Harness, done: dict[str, Path], seconds: float) -> Findings:
    carried = {name: path.read_text().split() if path.exists() else [] for name, path in done.items()}
    records = list(_records(parts))
    admitted = [each for each in records if each["kind"] == "decision_made" and each["state"] == "admitted"]
    by_kind = Counter(each["action_kind"] for each in admitted)
    on_record = {each["action"] for each in admitted}
    used = {**_used(parts, ScopeKind.WORKSPACE, ""), **_used(parts, ScopeKind.TEAM, "procurement")}
    limit = plan.model_calls * CALL_MICROS
    models, tools = len(carried["endpoint"]), len(carried["tools"])
    spent = max(used.get("all-usd", 0), models * CALL_MICROS)
    return Findings(
        micros_overspent=max(0, spent - limit),
        calls_overspent=max(0, max(used.get("team-calls", 0), models + tools) - plan.calls),
        effects_without_record=max(0, models - by_kind["model"]) + max(0, tools - by_kind["tool"]),
        answers_without_record=len(set(it.actions) - on_record),
        carried_out_twice=sum(len(each) - len(set(each)) for each in carried.values()),
        gaps_in_the_records=sum(each["no"] != no for no, each in enumerate(records, 1)),
        model_calls_carried_out=models,
        tool_calls_carried_out=tools,
        answered=it.said["answered"],
        denied=it.said["denied"],
        broken_off=it.said["broken off"],
        servers_killed=it.killed,
        seconds=seconds,
    )


def _used(parts: Parts, kind: ScopeKind, name: str) -> dict[str, int]:
    scope = parts.store.scope(scope_id(kind, NAME, name))
    return {} if scope is None else {str(budget): spend.used for budget, spend in scope.spends.items()}


def _records(parts: Parts) -> Iterator[dict[str, Any]]:
    last = 0
    while page := parts.store.records(NAME, last, 10_000):
        yield from (orjson.loads(body) for _, body in page)
        last = page[-1][0]


# -- by command


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[tuple[Settings, int]]:
    if kind == "sqlite":
        yield Settings(database_url=f"sqlite:///{folder}/remit.db"), 1
        return
    from tests.postgres.server import Server

    server = Server()
    try:
        yield Settings(database_url=server.fresh(), key_file=folder / "remit.key"), 4
    finally:
        server.stop()


def table(kind: str, calls: int) -> Table:
    """Run the long form on one kind of database."""
    with (
        tempfile.TemporaryDirectory(prefix="remit-faults-") as folder,
        _database(kind, Path(folder)) as (settings, servers),
    ):
        plan = Plan(calls * 3 // 8, calls, servers)
        found = examined(settings, Path(folder), plan)
    return Table(
        f"Gateways under load and SIGKILL: {kind}",
        ("what", "how often"),
        tuple((field.name.replace("_", " "), getattr(found, field.name)) for field in fields(found)),
        f"{plan.callers} callers, {plan.servers} servers, {plan.calls:,} calls allowed, dollars for"
        f" {plan.model_calls:,} calls of the model.",
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway_faults", description=__doc__)
    parser.add_argument("kind", nargs="*", default=["sqlite", "postgres"], help="sqlite, postgres, or both")
    parser.add_argument("--calls", type=int, default=Plan().calls, help="what the budget of calls allows")
    options = parser.parse_args()
    for kind in options.kind:
        print(table(kind, options.calls).text(), flush=True)


if __name__ == "__main__":
    main()
