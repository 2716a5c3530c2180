"""Admission and settlement through the queue, by so many callers at once, on a real file."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.bed import Bed
from bench.deciding import answered
from bench.floor import InsertQueue
from bench.measure import Cell, Table, medians, percentile, thread_cpu_s
from bench.world import WORKSPACE
from remit.domain.action import ActionState
from remit.domain.admission import Admission
from remit.execution.commands import Command, Settled
from remit.kernel.ruleset import Ruleset

T = TypeVar("T")

CALLERS = (1, 16, 64, 256)
COLUMNS = (
    "callers",
    "a second",
    "p50 ms",
    "p99 ms",
    "batch",
    "writer's CPU µs",
    "CPU besides policy µs",
    "a second besides policy",
    "floor: INSERTs a second",
    "floor: writer's CPU µs",
    "rate to floor",
)


FIGURES = len(COLUMNS) - 1


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one round: a rate a second, latencies in ms, commands in a batch, the writer's CPU of each in µs."""

    rate: float
    p50_ms: float
    p99_ms: float
    batch: float
    writer_us: float


def tables(*, quick: bool = False) -> tuple[Table, Table]:
    """Measure admission, then settlement of the same actions, then the floor, round after round."""
    callers, rounds = (CALLERS[:2], 1) if quick else (CALLERS, 3)
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder, Bed(Path(folder) / "remit.db") as bed:
        measured = [(count, _rounds(bed, count, rounds, quick=quick)) for count in callers]
    note = (
        f"asyncio tasks, each in a run of its own, on a file with synchronous=FULL; medians of {rounds} rounds. Callers"
        " and writer share one interpreter. The writer's CPU is that of its whole thread."
    )
    return (
        Table("Admission", COLUMNS, tuple(_row(count, figures[:FIGURES]) for count, figures in measured), note),
        Table("Settlement", COLUMNS, tuple(_row(count, figures[FIGURES:]) for count, figures in measured), note),
    )


def _row(callers: int, figures: Sequence[float]) -> tuple[Cell, ...]:
    return (callers, *figures)


def _rounds(bed: Bed, callers: int, rounds: int, *, quick: bool) -> tuple[float, ...]:
    each = 4 if quick else max(16, min(200, 3_200 // callers))
    return medians([_round(bed, callers, each, f"{callers}-{number}") for number in range(rounds)])


def _round(bed: Bed, callers: int, each: int, name: str) -> tuple[float, ...]:
    admitted, settled = _both(bed, callers, each, bed.rules)
    besides_admit, besides_settle = _both(bed, callers, each, answered(bed.rules))
    floor = asyncio.run(_floor(bed, callers, each, name))
    figures: list[float] = []
    for ours, besides in ((admitted, besides_admit), (settled, besides_settle)):
        figures += [ours.rate, ours.p50_ms, ours.p99_ms, ours.batch, ours.writer_us, besides.writer_us, besides.rate]
        figures += [floor.rate, floor.writer_us, ours.rate / floor.rate]
    return tuple(figures)


def _both(bed: Bed, callers: int, each: int, rules: Ruleset) -> tuple[Load, Load]:
    admits = [bed.admits(run, each, rules) for run in bed.runs(callers)]
    admitted = asyncio.run(_submitted(bed, admits))
    return admitted, asyncio.run(_submitted(bed, [bed.settles(commands) for commands in admits]))


async def _submitted(bed: Bed, commands: Sequence[Sequence[Command]]) -> Load:
    async def submit(command: Command) -> None:
        answer = await bed.queue.asubmit(command)
        assert isinstance(answer, Settled) or _admitted(answer), answer

    def writer() -> tuple[int, float]:
        return bed.queue.counters.batches, thread_cpu_s(bed.writer_thread)

    return await _loaded(commands, submit, writer)


def _admitted(answer: object) -> bool:
    return isinstance(answer, Admission) and answer.state is ActionState.ADMITTED


async def _floor(bed: Bed, callers: int, each: int, name: str) -> Load:
    bodies = [body for _, body in bed.store.records(WORKSPACE, limit=1_000, kind="decision_made")]
    queue = InsertQueue(bed.store.path.with_name(f"floor-{name}.db"), asyncio.get_running_loop())
    records = [
        [(f"{caller}-{number}", bodies[(caller + number) % len(bodies)]) for number in range(each)]
        for caller in range(callers)
    ]

    async def submit(record: tuple[str, bytes]) -> None:
        await queue.asubmit(*record)

    try:
        return await _loaded(records, submit, lambda: (queue.batches, thread_cpu_s(queue.thread)))
    finally:
        queue.close()


async def _loaded(
    items: Sequence[Sequence[T]], submit: Callable[[T], Awaitable[None]], writer: Callable[[], tuple[int, float]]
) -> Load:
    """Have one task a caller submit its items one after the other."""
    latencies: list[float] = []

    async def call(own: Sequence[T]) -> None:
        for item in own:
            begin = time.perf_counter()
            await submit(item)
            latencies.append((time.perf_counter() - begin) * 1000)

    batches, cpu_s = writer()
    begin = time.perf_counter()
    await asyncio.gather(*(call(own) for own in items))
    seconds = time.perf_counter() - begin
    batches_after, cpu_after_s = writer()
    count = len(latencies)
    return Load(
        count / seconds,
        percentile(latencies, 0.5),
        percentile(latencies, 0.99),
        count / max(1, batches_after - batches),
        (cpu_after_s - cpu_s) * 1e6 / count,
    )
