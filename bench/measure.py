"""CPU and time of an operation, and the tables they are printed in."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of one run. `note` says how they were measured; a cell that is None was not measured."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def text(self) -> str:
        """Return the table as Markdown, so that what is printed can be pasted."""
        written = [self.columns, *([_shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[n]) for row in written) for n in range(len(self.columns))]
        lines = [_line([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]) for row in written]
        lines.insert(1, _line(["-" * width for width in widths]))
        return "\n".join([f"## {self.title}", "", *([self.note, ""] if self.note else []), *lines, ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 1000 else f"{cell:.1f}" if cell >= 10 else f"{cell:.2f}"
    return cell


def cpu_us(work: Callable[[T], object], items: Sequence[T]) -> list[float]:
    """Return the CPU of this thread for each call of `work`, in microseconds, less what the measuring costs."""
    empty = min(_once_ns(_nothing, None) for _ in range(1000))
    return [(_once_ns(work, item) - empty) / 1000 for item in items]


def _once_ns(work: Callable[[T], object], item: T) -> int:
    begin = time.thread_time_ns()
    work(item)
    return time.thread_time_ns() - begin


def _nothing(_: object) -> None:
    return None


def mean_cpu_us(work: Callable[[], object], count: int) -> float:
    """Return the CPU of this thread for one call of `work`, on average over `count`: for what takes nanoseconds."""
    begin = time.thread_time_ns()
    for _ in range(count):
        work()
    return (time.thread_time_ns() - begin) / count / 1000


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def medians(rounds: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the median of each figure over the rounds."""
    return tuple(statistics.median(figures) for figures in zip(*rounds, strict=True))


def thread_cpu_s(thread: threading.Thread) -> float:
    """Return the CPU another thread has used since it began: nothing has to be built into it to know that."""
    assert thread.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the least-squares line through the points."""
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope
