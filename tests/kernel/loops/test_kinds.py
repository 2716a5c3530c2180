"""Loops are caught and honest work is not, on our own kinds and on the measuring stick, for many seeds."""

from pathlib import Path

import pytest

from bench.honest_kinds import HONEST
from bench.loop_kinds import LOOPS, Kind
from bench.loops import own_traces, polling, recorded_rows, row, stick_traces, undeclared

SEEDS = range(100, 103)


@pytest.mark.parametrize("kind", LOOPS, ids=lambda kind: kind.__name__)
def test_loops_are_caught_early(kind: Kind) -> None:
    figures = row(kind.__name__, [own_traces(kind, seed, runs=6) for seed in SEEDS], undeclared)
    assert figures.worst_permille >= 990
    assert figures.slowest_steps <= 24


@pytest.mark.parametrize("kind", HONEST, ids=lambda kind: kind.__name__)
def test_honest_work_is_left_alone(kind: Kind) -> None:
    figures = row(kind.__name__, [own_traces(kind, seed, runs=6) for seed in SEEDS], undeclared)
    assert figures.worst_permille == 0


def test_recorded_runs_that_succeeded_are_left_alone(shared_dir: Path) -> None:
    assert recorded_rows(shared_dir)[0].worst_permille <= 20


@pytest.mark.slow
@pytest.mark.parametrize("factory", [undeclared, polling])
def test_the_measuring_stick(shared_dir: Path, factory: type) -> None:
    for kind, traces in stick_traces(shared_dir, [7, *SEEDS]).items():
        figures = row(kind, traces, factory)
        if figures.loop:
            assert figures.worst_permille >= 990, kind
            assert figures.wasted_steps < 8, kind
        else:
            assert figures.worst_permille == 0, kind
