"""kill -9 of real workers: another goes on within seconds, and nothing that was done is done again."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.workflows.kills import FLOWS, kill_and_count
from tests.workflows.shop import shop, workflow


@pytest.mark.slow
def test_killed_workers_leave_every_effect_done_once(tmp_path: Path) -> None:
    with shop(tmp_path, *FLOWS) as it:
        found = kill_and_count(it, seed=1, kills=3, runs=3)
        assert (found.twice, found.missing, found.wrong) == ([], [], [])


@pytest.mark.slow
def test_another_worker_takes_over_within_seconds(tmp_path: Path) -> None:
    slow = {"id": "a", "tool": "till.order_told", "arguments": {"n": 1, "pause": 3}}
    with shop(tmp_path, workflow(slow, {"id": "b", "tool": "till.order", "arguments": {"n": 2}})) as it:
        first, _second = it.begin_worker(), None
        run = it.start()
        it.until(it.effects)
        other = it.begin_worker()
        first.send_signal(signal.SIGKILL)
        first.wait()
        began = time.monotonic()
        assert it.ended(run, 30).state == "succeeded"
        assert time.monotonic() - began < 20
        assert [given["n"] for _, _, given in it.effects()] == [1, 2]
        other.send_signal(signal.SIGTERM)
        assert other.wait(30) == 0
