"""The writer: one batch after the other through the transaction itself, without a queue or callers."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench import floor
from bench.bed import Bed
from bench.deciding import answered
from bench.measure import Table
from bench.world import WORKSPACE
from remit.domain.action import ActionState
from remit.domain.admission import Admission
from remit.execution.commands import Batch, Command, Settled
from remit.execution.transaction import process
from remit.kernel.ruleset import Ruleset

T = TypeVar("T")

BATCHES = (1, 8, 64, 256)


def table(*, quick: bool = False) -> Table:
    """Measure batches of each size."""
    sizes, batches = (BATCHES[:2], 4) if quick else (BATCHES, 40)
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder, Bed(Path(folder) / "remit.db") as bed:
        rows = tuple(_row(bed, size, batches if size > 8 else batches * 4) for size in sizes)
    return Table(
        "The transaction: µs of the writer's CPU for one command",
        (
            "batch",
            "admit",
            "admit besides policy",
            "settle",
            "floor: one INSERT",
            "admit besides policy to floor",
            "settle to floor",
        ),
        rows,
        "Each command of another run, on a file with synchronous=FULL; medians over batches.",
    )


def _row(bed: Bed, size: int, batches: int) -> tuple[int | float, ...]:
    admit_us, settle_us = _worked(bed, size, batches, bed.rules)
    besides_us, _ = _worked(bed, size, batches, answered(bed.rules))
    floor_us = _inserted(bed, size, batches)
    return (size, admit_us, besides_us, settle_us, floor_us, besides_us / floor_us, settle_us / floor_us)


def _worked(bed: Bed, size: int, batches: int, rules: Ruleset) -> tuple[float, float]:
    """Admit a batch, settle it, and so on, as runs do: each row is as long as it is in the middle of a run."""
    by_run = [bed.admits(run, batches, rules) for run in bed.runs(size)]
    admits = [list(batch) for batch in zip(*by_run, strict=True)]
    settles = [bed.settles(batch) for batch in admits]
    transactions = bed.store.transactions()

    def carry_out(commands: list[Command]) -> None:
        for answer in process(transactions, Batch(WORKSPACE, commands), bed.clock.now(), bed.writer):
            assert isinstance(answer, Settled) or _admitted(answer), answer

    try:
        pairs = [(_once_us(carry_out, a), _once_us(carry_out, s)) for a, s in zip(admits, settles, strict=True)]
    finally:
        transactions.close()
    return statistics.median(a for a, _ in pairs), statistics.median(s for _, s in pairs)


def _admitted(answer: object) -> bool:
    return isinstance(answer, Admission) and answer.state is ActionState.ADMITTED


def _inserted(bed: Bed, size: int, batches: int) -> float:
    records = [(str(seq), body) for seq, body in bed.store.records(WORKSPACE, limit=10_000)]
    bodies = [body for _, body in records if b'"decision_made"' in body]
    database = floor.opened(bed.store.path.with_name(f"floor-{size}.db"))
    rows = [[(f"{batch}-{n}", bodies[(batch + n) % len(bodies)]) for n in range(size)] for batch in range(batches)]
    try:
        return statistics.median(_once_us(lambda batch: floor.insert(database, batch), batch) for batch in rows)
    finally:
        database.close()


def _once_us(work: Callable[[list[T]], object], batch: list[T]) -> float:
    begin = time.thread_time_ns()
    work(batch)
    return (time.thread_time_ns() - begin) / len(batch) / 1000
