"""`python -m bench [--quick] [name ...]`: print the tables. Never a pass or a fail: machines differ, ratios less."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import (
    admitting,
    calling,
    console,
    deciding,
    gateways,
    growing,
    history,
    http,
    loops,
    screens,
    sealing,
    starting,
    workflows,
    writing,
)
from bench.measure import Table

SHARED = Path(os.environ.get("REMIT_SHARED_DIR") or Path(__file__).resolve().parent.parent.parent / "shared")


def looped(*, quick: bool) -> Table:
    """Say how well loops are told from honest work, where the recorded data is there."""
    rows = loops.table(SHARED, seeds=2 if quick else loops.SEEDS)
    return Table(
        "Loops",
        ("kind", "a loop", "runs", "worst seed, per mille", "wasted steps, median", "wasted steps, most"),
        tuple(
            (row.kind, "yes" if row.loop else "no", row.runs, row.worst_permille, row.wasted_steps, row.slowest_steps)
            for row in rows
        ),
        "Share caught of a loop, share stopped of honest work.",
    )


def tables(
    name: str, *, quick: bool, calls: int = gateways.MEMORY_POINTS[-1], waiting: int = workflows.WAITING
) -> Iterator[Table]:
    """Measure what a name stands for."""
    if name == "admission":
        yield from admitting.tables(quick=quick)
    elif name == "loops" and not SHARED.is_dir():
        yield Table("Loops", (), (), f"Left out: the recorded data is not at {SHARED}; set REMIT_SHARED_DIR.")
    elif name == "screens":
        yield screens.table(quick=quick)
        yield _identified(quick=quick)
    elif name == "gateways":
        yield from gateways.tables(quick=quick)
    elif name == "gateways-memory":
        yield gateways.memory(quick=quick, calls=calls)
    elif name == "memory":
        yield growing.table(quick=quick)
        yield growing.served(quick=quick)
    elif name == "workflows":
        yield from workflows.table(quick=quick, waiting=waiting)
    elif name == "postgres":
        yield _on_postgres(quick=quick)
    else:
        measure: Callable[..., Table] = {
            "decide": deciding.table,
            "writer": writing.table,
            "call": calling.table,
            "http": http.table,
            "sealing": sealing.table,
            "start": starting.table,
            "backtest": history.table,
            "console": console.table,
            "loops": looped,
        }[name]
        yield measure(quick=quick)


def _identified(*, quick: bool) -> Table:
    """Measure recall and false alarms, where the measuring stick is there."""
    if not SHARED.is_dir():
        return Table("Identifiers", (), (), f"Left out: the measuring stick is not at {SHARED}; set REMIT_SHARED_DIR.")
    return screens.identifiers(SHARED, quick=quick)


def _on_postgres(*, quick: bool) -> Table:
    """Measure PostgreSQL with the server of the tests, where there is one."""
    try:
        from bench import postgres
        from tests.postgres.server import Unstartable
    except ImportError as error:
        return Table("PostgreSQL beside SQLite", (), (), f"Left out: {error}; pip install 'remit[dev]' has it.")
    try:
        return postgres.table(quick=quick)
    except Unstartable as error:
        return Table("PostgreSQL beside SQLite", (), (), f"Left out: {error}.")


NAMES = (
    "decide",
    "writer",
    "admission",
    "call",
    "http",
    "postgres",
    "sealing",
    "memory",
    "start",
    "backtest",
    "loops",
    "console",
    "screens",
    "workflows",
    "gateways",
    "gateways-memory",
)


def main() -> None:
    """Print each table as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, not how fast")
    parser.add_argument(
        "--calls",
        type=int,
        default=gateways.MEMORY_POINTS[-1],
        help="up to how many model calls gateways-memory goes (default: %(default)s)",
    )
    parser.add_argument(
        "--waiting",
        type=int,
        default=workflows.WAITING,
        help="how many runs of workflows wait for nothing (default: %(default)s)",
    )
    parser.add_argument("name", nargs="*", help=f"what to measure: {', '.join(NAMES)}; all by default")
    options = parser.parse_args()
    unknown = set(options.name) - set(NAMES)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores\n")
    for name in options.name or NAMES:
        for table in tables(name, quick=options.quick, calls=options.calls, waiting=options.waiting):
            print(table.text(), flush=True)


if __name__ == "__main__":
    main()
