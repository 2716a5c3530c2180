"""Admission and settlement on PostgreSQL beside SQLite, by the same callers in the same run.

The server is the one the tests use, on this machine, over a Unix socket, with fsync on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.admitting import Load, _both
from bench.bed import Bed
from bench.measure import Cell, Table, medians
from remit.execution.admission import AdmissionQueue
from remit.storage.postgres import PostgresStore
from tests.postgres.server import Server

CALLERS = (1, 16, 64, 256)


class PostgresBed(Bed):
    """A bed whose store is a database on a server."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder / "left.db")
        self.queue.close()
        self.store.close()
        self.store = PostgresStore(url)  # type: ignore[assignment]
        self.queue = AdmissionQueue(self.store.transactions, lambda _: (), self.clock, self.writer)
        self.writer_thread = self.queue._thread


def table(*, quick: bool = False) -> Table:
    """Measure both stores round after round."""
    callers, rounds = (CALLERS[:2], 1) if quick else (CALLERS, 3)
    with _beds() as (sqlite, postgres):
        rows = [row for count in callers for row in _rows(sqlite, postgres, count, rounds, quick=quick)]
    return Table(
        "PostgreSQL beside SQLite",
        ("callers", "what", "store", "a second", "p50 ms", "p99 ms", "batch", "writer's CPU µs", "rate to SQLite"),
        tuple(rows),
        f"One process; asyncio tasks, each in a run of its own; every commit durable; medians of {rounds} rounds."
        " The server runs on the same cores.",
    )


@contextmanager
def _beds() -> Iterator[tuple[Bed, Bed]]:
    server = Server()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="remit-bench-") as folder,
            Bed(Path(folder) / "remit.db") as sqlite,
            PostgresBed(Path(folder), server.fresh()) as postgres,
        ):
            yield sqlite, postgres
    finally:
        server.stop()


def _rows(sqlite: Bed, postgres: Bed, callers: int, rounds: int, *, quick: bool) -> Iterator[tuple[Cell, ...]]:
    each = 4 if quick else max(16, min(200, 3_200 // callers))
    measured: dict[str, list[tuple[Load, Load]]] = {"SQLite": [], "PostgreSQL": []}
    for _ in range(rounds):
        for name, bed in (("SQLite", sqlite), ("PostgreSQL", postgres)):
            measured[name].append(_both(bed, callers, each, bed.rules))
    for number, what in enumerate(("admission", "settlement")):
        rates: dict[str, float] = {}
        for name, loads in measured.items():
            figures = medians([_figures(pair[number]) for pair in loads])
            rates[name] = figures[0]
            yield (callers, what, name, *figures, figures[0] / rates["SQLite"])


def _figures(load: Load) -> tuple[float, ...]:
    return (load.rate, load.p50_ms, load.p99_ms, load.batch, load.writer_us)


if __name__ == "__main__":
    print(table().text())
