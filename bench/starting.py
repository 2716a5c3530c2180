"""How long it takes to be there: the command line, the import, a connection, a first call."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import workspace
from bench.measure import Table, medians
from bench.servers import ServerProcess, running
from remit.settings import Settings

IDLE_S = 3.0

_CONNECT = "import remit; client = remit.connect({url!r}); client.close()"
_FIRST_CALL = """import remit
with remit.connect({url!r}) as client, client.run('buyer', on_behalf_of='user:omar') as run:
    run.call('erp.get_order', {{'order_id': 'PO-1'}}, using=lambda order_id: order_id)"""


def table(*, quick: bool = False) -> Table:
    """Start a fresh process for each figure."""
    rounds = 2 if quick else 9
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder:
        url = workspace.applied(Path(folder)).database_url
        python = [sys.executable, "-c"]
        commands: Sequence[tuple[str, Sequence[str]]] = (
            ("floor: an empty Python", [*python, "pass"]),
            ("import remit", [*python, "import remit"]),
            ("remit --version", [str(Path(sys.executable).with_name("remit")), "--version"]),
            ("remit.connect on an existing database", [*python, _CONNECT.format(url=url)]),
            ("connect, start a run, one call", [*python, _FIRST_CALL.format(url=url)]),
        )
        figures: list[tuple[str, float, float, float | None]] = [
            (name, *_started(command, rounds), None) for name, command in commands
        ]
        figures.append(("remit serve, until it takes requests", *_served(Path(folder), rounds)))
    floor_ms = figures[0][1]
    return Table(
        "Start-up",
        ("what", "CPU ms", "wall ms", "CPU to floor", "memory when idle, MB"),
        tuple((name, cpu_ms, wall_ms, cpu_ms / floor_ms, idle) for name, cpu_ms, wall_ms, idle in figures),
        f"A fresh process each time, files in the page cache, medians of {rounds}. Memory: the resident set"
        f" {IDLE_S:g} s after the server took requests.",
    )


def _served(folder: Path, rounds: int) -> tuple[float, float, float]:
    settings = Settings(database_url=f"sqlite:///{folder}/remit.db")
    measured = []
    for _ in range(rounds):
        with running(ServerProcess.of_remit(settings)) as server:
            cpu_ms = server.cpu_s * 1000
            time.sleep(IDLE_S)
            measured.append((cpu_ms, server.ready_s * 1000, server.resident_kib / 1000))
    cpu_ms, wall_ms, idle = medians(measured)
    return cpu_ms, wall_ms, idle


def _started(command: Sequence[str], rounds: int) -> tuple[float, float]:
    measured = [_once(command) for _ in range(rounds)]
    return statistics.median(cpu for cpu, _ in measured), statistics.median(wall for _, wall in measured)


def _once(command: Sequence[str]) -> tuple[float, float]:
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall_ms = (time.perf_counter() - begin) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return (used.ru_utime + used.ru_stime) * 1000, wall_ms
