"""Workspaces share real workers: one that floods them keeps no other waiting, and each is held to its own bounds.

tests/postgres/test_queues.py runs the same with the queue in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from remit.domain.ids import RunId, WorkspaceName
from tests.workflows.shop import WORKSPACE, Shop, shop, workflow

FLOOD, FEW = 300, 4
OTHER = WorkspaceName("kiosk")
SECOND = 1_000_000


@pytest.fixture
def url() -> str:
    """Of the database: nothing stands for a file."""
    return ""


def one_order(pause: float = 0, **fields: Any) -> str:
    return workflow({"id": "a", "tool": "till.order", "arguments": {"n": "${inputs.n}", "pause": pause}}, **fields)


def over(it: Shop, runs: Sequence[RunId]) -> int:
    found = it.journal.runs_of(runs)
    return sum(found[run].is_over for run in runs)


def had_by_workers(it: Shop) -> int:
    return sum(row.owner != "" for row in it.journal.runs(WORKSPACE, 1_000))


@pytest.mark.slow
def test_a_workspace_that_floods_the_workers_keeps_no_other_waiting(tmp_path: Path, url: str) -> None:
    with shop(tmp_path, one_order(), url=url) as it:
        it.apply(one_order(), workspace=OTHER)
        flood = [it.start(n=number) for number in range(FLOOD)]
        places = {"REMIT_WORKER_SEGMENTS": "4"}  # the flood alone could fill them
        with it.worker(**places), it.worker(**places):
            it.until(lambda: over(it, flood) > 0)
            few = [it.start(workspace=OTHER, n=FLOOD + number) for number in range(FEW)]
            it.until(lambda: over(it, few) == FEW)
            assert over(it, flood) < FLOOD // 2, "the few have waited for the flood"


@pytest.mark.slow
def test_all_workers_together_have_no_more_of_a_workspace_than_it_may_have(tmp_path: Path, url: str) -> None:
    with shop(tmp_path, one_order(pause=0.3), url=url) as it:
        bound = {"REMIT_WORKSPACE_SEGMENTS": "2"}
        with it.worker(**bound), it.worker(**bound):
            runs = [it.start(n=number) for number in range(16)]
            had = set()
            while over(it, runs) < len(runs):
                had.add(had_by_workers(it))
        assert max(had) == 2


@pytest.mark.slow
def test_all_workers_together_begin_no_more_of_a_workspace_in_a_second_than_they_may(tmp_path: Path, url: str) -> None:
    with shop(tmp_path, one_order(), url=url) as it:
        runs = [it.start(n=number) for number in range(6)]
        bound = {"REMIT_WORKSPACE_SEGMENT_RATE": "1"}
        with it.worker(**bound), it.worker(**bound):
            it.until(lambda: over(it, runs) == len(runs))
        begun = sorted(row.turn_at for row in it.journal.runs_of(runs).values())
        # Six of them take five seconds. One may be seen late, by the time it takes to begin it.
        assert begun[-1] - begun[0] > 3 * SECOND


@pytest.mark.slow
def test_what_is_urgent_goes_before_what_has_waited_for_longer(tmp_path: Path, url: str) -> None:
    flows = (one_order(pause=0.1), one_order(pause=0.1, name="urgent", priority=1))
    with shop(tmp_path, *flows, url=url) as it:
        patient = [it.start(n=number) for number in range(60)]
        with it.worker(REMIT_WORKSPACE_SEGMENTS="1"):
            it.until(lambda: over(it, patient) > 0)
            urgent = [it.start("urgent", n=100 + number) for number in range(3)]
            it.until(lambda: over(it, urgent) == 3)
            assert over(it, patient) < 30
