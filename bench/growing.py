"""Memory while actions are admitted and settled: flat, or growing with what was done?"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import workspace
from bench.http import Caller, key_of
from bench.measure import Table, slope
from bench.servers import ServerProcess, running
from remit import Client, connect

ACTIONS, QUICK_ACTIONS, POINTS = 100_000, 5_000, 10
AT_ONCE, CALLS_IN_A_RUN = 100, 10
TOOL = "erp.get_order"


def table(*, quick: bool = False) -> Table:
    """Measure in a process of its own, so that nothing else that was measured shows."""
    actions = QUICK_ACTIONS if quick else ACTIONS
    command = [sys.executable, "-m", "bench.growing", str(actions)]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    points: list[tuple[int, int]] = [(count, kib) for count, kib in json.loads(done.stdout)]
    later = points[len(points) // 2 :]
    per_1000 = slope([(count / 1000, kib) for count, kib in later]) if len(later) > 1 else 0.0
    return Table(
        f"Memory after {actions:,} actions",
        ("actions", "resident KiB", "growth KiB per 1,000 actions"),
        (*((count, kib, None) for count, kib in points), ("slope of the second half", None, round(per_1000, 2))),
        f"Admitted and settled through the sdk, {AT_ONCE} runs of {CALLS_IN_A_RUN} calls at once, resident set."
        " It grows until 4,096 payload keys of runs are kept open (40,960 actions here), then no more.",
    )


def served(*, quick: bool = False) -> Table:
    """Measure a server's process while agents elsewhere call it: each action is admitted and settled over HTTP."""
    actions = QUICK_ACTIONS if quick else ACTIONS
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder:
        settings = workspace.applied(Path(folder))
        key = key_of(settings)
        with running(ServerProcess.of_remit(settings)) as server:
            points = asyncio.run(_called(server, key, actions))
    return Table(
        f"Memory of a server after {actions:,} actions over HTTP",
        ("actions", "resident KiB"),
        tuple(points),
        f"`remit serve` on SQLite, sealing included; {AT_ONCE} connections, runs of {CALLS_IN_A_RUN} calls.",
    )


async def _called(server: ServerProcess, key: str, actions: int) -> list[tuple[int, int]]:
    callers = [Caller(*await asyncio.open_connection("127.0.0.1", server.port), key) for _ in range(AT_ONCE)]
    points = [(0, server.resident_kib)]
    done = 0
    while done < actions:
        await asyncio.gather(*(_one_run(caller, done + n) for n, caller in enumerate(callers)))
        done += AT_ONCE * CALLS_IN_A_RUN
        if done * POINTS // actions >= len(points):
            points.append((done, server.resident_kib))
    for caller in callers:
        await caller.close()
    return points


async def _one_run(caller: Caller, number: int) -> None:
    run = json.loads(await caller.ask("/api/v1/runs", b'{"on_behalf_of": "user:omar"}'))["run"]
    for call in range(CALLS_IN_A_RUN):
        arguments = {"order_id": f"PO-{number}-{call}", "currency": "AED"}
        asked = {"kind": "tool", "target": TOOL, "arguments": arguments, "id": f"{call}"}
        admitted = json.loads(await caller.ask(f"/api/v1/runs/{run}/actions", json.dumps(asked).encode()))
        assert admitted["state"] == "admitted", admitted
        result = {"status": "ok", "result": {"total": number, "order_id": arguments["order_id"]}}
        await caller.ask(f"/api/v1/runs/{run}/actions/{call}/outcome", json.dumps(result).encode())
    await caller.ask(f"/api/v1/runs/{run}/end", b"{}")


def main(actions: int) -> None:
    """Print the resident set after every tenth of the actions."""
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder:
        settings = workspace.applied(Path(folder))
        with connect(settings.database_url) as client:
            print(json.dumps(asyncio.run(_grown(client, actions))))


async def _grown(client: Client, actions: int) -> list[tuple[int, int]]:
    points = [(0, _resident_kib())]
    done = 0
    while done < actions:
        done += sum(await asyncio.gather(*(_run(client, done + n) for n in range(AT_ONCE))))
        if done * POINTS // actions >= len(points):
            points.append((done, _resident_kib()))
    return points


async def _run(client: Client, number: int) -> int:
    async with client.run("buyer", on_behalf_of=f"user:buyer-{number % 40}") as run:
        for call in range(CALLS_IN_A_RUN):
            order = f"PO-{number}-{call}"
            await run.acall(TOOL, {"order_id": order, "currency": "AED"}, using=_get_order)
    return CALLS_IN_A_RUN


async def _get_order(order_id: str, currency: str) -> dict[str, object]:
    return {"order_id": order_id, "currency": currency, "total": len(order_id) * 37, "status": "open"}


def _resident_kib() -> int:
    fields = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0])


if __name__ == "__main__":
    main(int(sys.argv[1]))
