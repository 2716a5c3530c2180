"""Two processes use one approval at the same instant, on both databases: one execution, of what was approved."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.domain.clock import ManualClock
from remit.domain.record import RecordKind
from remit.settings import Settings
from tests.postgres.conftest import SettingsOf
from tests.postgres.racer import TRIES
from tests.worlds import LINA, SARA, World, world

RACER = Path(__file__).with_name("racer.py")
PROCESSES = 2


def on_sqlite(path: Path) -> Settings:
    return Settings(database_url=f"sqlite:///{path}", key_file=path.with_name("remit.key"))


@pytest.fixture(params=["sqlite", "postgres"])
def settings_here(request: pytest.FixtureRequest) -> Callable[[Path], Settings]:
    if request.param == "sqlite":
        return on_sqlite
    request.getfixturevalue("worlds_on_postgres")
    found: SettingsOf = request.getfixturevalue("settings_of")
    return found


def race(it: World, settings: Settings, folder: Path, run: str, approval: str) -> Counter[str]:
    """Let the processes loose at once, and count how their tries came out."""
    go = folder / "go"
    command = [sys.executable, str(RACER), settings.database_url, run, approval, str(go)]
    environment = {**os.environ, "REMIT_KEY_FILE": str(settings.key_path)}
    racers = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n", racer.communicate()[1]
        go.touch()
        came = [racer.communicate(timeout=60) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    assert [racer.returncode for racer in racers] == [0] * PROCESSES, came
    return Counter(line for said, _ in came for line in said.split())


@pytest.mark.parametrize("amount", [900, 700, 10], ids=["as asked", "edited", "edited to need nobody"])
def test_an_approval_admits_one_execution(
    tmp_path: Path, settings_here: Callable[[Path], Settings], amount: int
) -> None:
    now = ManualClock(_now())
    with world(tmp_path, clock=now) as it:
        run = it.start()
        admission = it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900}))
        assert admission.approval is not None
        if amount == 900:
            approved = it.approvals.answer(admission.approval, SARA, admission.digest, approve=True)
        else:
            approved = it.edits.edit(admission.approval, LINA, admission.digest, {"amount": amount})
        assert approved.state.value == "approved"
        settings = settings_here(tmp_path / "remit.db")
        came = race(it, settings, tmp_path, run.id, admission.approval)
        assert came["admitted"] == 1
        assert came.total() == PROCESSES * TRIES
        admitted = [each for each in it.records(RecordKind.DECISION_MADE) if each["state"] == "admitted"]
        assert [each["arguments_digest"] for each in admitted] == [approved.digest]


def _now() -> int:
    from remit.domain.clock import SystemClock

    return SystemClock().now()
