"""The short form of bench/faults.py: real servers and agents' processes over HTTP, and SIGKILL in the middle."""

from pathlib import Path

import pytest

from bench import faults
from remit.settings import Settings

SHORT = faults.Plan(effects=1_500, kills=3, payments=6, frozen_s=0.5)


@pytest.mark.slow
def test_a_server_that_is_killed_overspends_nothing_and_loses_no_record(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/remit.db")
    found = faults.examined(settings, tmp_path, SHORT)
    assert found.broken == {}
    assert found.servers_killed == SHORT.kills
    assert found.approvals_executed == SHORT.payments
    assert found.effects > SHORT.effects - SHORT.kills * SHORT.processes * SHORT.threads
    assert found.attempts_while_frozen >= SHORT.processes
    assert found.calls_told_unavailable
