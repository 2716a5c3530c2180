"""The short form of bench/faults.py on several servers and one database, which crashes as well."""

from pathlib import Path

import pytest

from bench import faults
from remit.settings import Settings
from tests.postgres.server import Server

SHORT = faults.Plan(effects=1_500, servers=2, kills=3, crashes=1, payments=8, frozen_s=0.5)


@pytest.mark.slow
def test_servers_that_are_killed_and_a_database_that_crashes_break_no_promise(tmp_path: Path, postgres: Server) -> None:
    settings = Settings(database_url=postgres.fresh(), key_file=tmp_path / "remit.key")
    found = faults.examined(settings, tmp_path, SHORT, postgres.crash, postgres.start)
    assert found.broken == {}
    assert (found.servers_killed, found.database_crashes) == (SHORT.kills, SHORT.crashes)
    assert found.approvals_executed == SHORT.payments
    assert found.attempts_while_frozen >= SHORT.processes
    assert found.calls_told_unavailable
