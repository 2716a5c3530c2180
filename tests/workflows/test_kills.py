"""kill -9 of real workers: another goes on within seconds, and nothing that was done is done again."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench import workflow_kills
from bench.workflow_kills import FLOWS, LATE_S, Findings, Plan, compared, examined
from tests.workflows.shop import shop, workflow

KILLS = 200 if os.environ.get("REMIT_NIGHTLY") else 4


@pytest.mark.slow
def test_killed_workers_leave_every_effect_done_once(tmp_path: Path) -> None:
    with shop(tmp_path, *FLOWS) as it:
        found = examined(it, Plan(kills=KILLS, seed=1))
        assert found.broken == {}
        assert found.kills == KILLS
        assert found.effects_seen == found.effects_expected > 0


def test_an_effect_done_twice_and_one_lost_do_not_make_up_for_each_other() -> None:
    assert compared([101, 102], [("a", 101), ("b", 102)]) == (0, 0, 0)
    assert compared([101, 102], [("a", 101), ("b", 101)]) == (1, 1, 0)
    assert compared([101, 102], [("a", 101), ("a", 101), ("b", 102)]) == (1, 0, 0)
    assert compared([101, 102], [("a", 101), ("b", 102), ("c", 103)]) == (0, 0, 1)
    assert compared([101, 102], [("a", 101), ("a", 102)]) == (1, 0, 0)


@pytest.mark.parametrize(("lost", "code"), [(0, 0), (1, 1)])
def test_the_command_prints_what_it_found_and_fails_where_a_promise_was_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lost: int, code: int
) -> None:
    plans: list[tuple[str, Plan]] = []

    def found(kind: str, plan: Plan) -> Findings:
        plans.append((kind, plan))
        return Findings(0, lost, 0, 0, 0, 0, plan.kills, 9, 66, 66 - lost, 2, 5, 3.5, 20.0, 60.0)

    monkeypatch.setattr(workflow_kills, "found", found)
    monkeypatch.setattr("sys.argv", ["workflow_kills", "sqlite", "--kills", "40", "--seed", "3"])
    with pytest.raises(SystemExit) as ended:
        workflow_kills.main()
    assert ended.value.code == code
    assert plans == [("sqlite", Plan(kills=40, seed=3))]
    printed = capsys.readouterr().out
    assert "## Workers killed: sqlite" in printed
    assert f"| effects lost              | {lost} " in printed


@pytest.mark.slow
def test_another_worker_takes_over_within_seconds(tmp_path: Path) -> None:
    slow = {"id": "a", "tool": "till.order_told", "arguments": {"n": 1, "pause": 3}}
    with shop(tmp_path, workflow(slow, {"id": "b", "tool": "till.order", "arguments": {"n": 2}})) as it:
        first = it.begin_worker()
        run = it.start()
        it.until(it.effects)
        other = it.begin_worker()
        first.send_signal(signal.SIGKILL)
        first.wait()
        began = time.monotonic()
        assert it.ended(run, 30).state == "succeeded"
        assert time.monotonic() - began < LATE_S
        assert [given["n"] for _, _, given in it.effects()] == [1, 2]
        other.send_signal(signal.SIGTERM)
        assert other.wait(30) == 0


@pytest.mark.slow
def test_a_killed_worker_is_taken_over_from_though_the_queue_knows_nothing_of_its_segment(tmp_path: Path) -> None:
    slow = {"id": "a", "tool": "till.order_told", "arguments": {"n": 1, "pause": 3}}
    with shop(tmp_path, workflow(slow, {"id": "b", "tool": "till.order", "arguments": {"n": 2}})) as it:
        first = it.begin_worker()
        run = it.start()
        it.until(lambda: it.run(run).owner)
        first.kill()
        first.wait()
        with closing(sqlite3.connect(tmp_path / "remit.queue.db", isolation_level=None)) as queue:
            assert queue.execute("delete from workflow_status where queue_name = 'remit.segments'").rowcount == 1
        with it.worker():
            assert it.ended(run, 30).state == "succeeded"
        assert [given["n"] for _, _, given in it.effects()] == [1, 2]
