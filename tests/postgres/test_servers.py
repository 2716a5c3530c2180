"""The short form of bench/faults.py on several servers and one database, which crashes as well."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import faults
from remit.settings import Settings
from tests.faults.callers import CALLERS, calling, expect_all_on_record, expect_clear_503s
from tests.postgres.server import Server

SHORT = faults.Plan(effects=700, servers=2, kills=3, crashes=1, payments=8, frozen_s=0.5)
COMMIT_DELAY_S = 0.1


@pytest.mark.slow
def test_servers_that_are_killed_and_a_database_that_crashes_break_no_promise(tmp_path: Path, postgres: Server) -> None:
    settings = Settings(database_url=postgres.fresh(), key_file=tmp_path / "remit.key")
    found = faults.examined(settings, tmp_path, SHORT, postgres.crash, postgres.start)
    assert found.broken == {}
    assert (found.servers_killed, found.database_crashes) == (SHORT.kills, SHORT.crashes)
    assert found.approvals_executed == SHORT.payments
    assert found.attempts_while_frozen >= SHORT.processes
    assert found.calls_told_unavailable


@pytest.mark.slow
def test_a_database_that_crashes_under_load_is_told_clearly_and_gone_on_with(tmp_path: Path, postgres: Server) -> None:
    settings = Settings(database_url=postgres.fresh(), key_file=tmp_path / "remit.key")
    with calling(settings, tmp_path) as callers:
        callers.until_answered(200, CALLERS)
        postgres.crash()
        try:
            callers.until_answered(503, 2 * CALLERS)
        finally:
            postgres.start()  # else every test after this one would fail with it
        callers.until_answered(200, 5 * CALLERS)
        callers.end()
        expect_clear_503s(callers, "store_failed")
        expect_all_on_record(callers, settings)


@pytest.mark.slow
def test_a_disk_on_which_every_commit_takes_long(tmp_path: Path, postgres: Server) -> None:
    """PostgreSQL waits so long by itself before it flushes its log; else a slow disk would."""
    settings = Settings(database_url=postgres.fresh(), key_file=tmp_path / "remit.key")
    with calling(settings, tmp_path) as callers, slow_commits(postgres):
        callers.until_answered(200, 5 * CALLERS)
        callers.end()
        assert {reply.status for reply in callers.replies} == {200}
        assert callers.slowest_s > COMMIT_DELAY_S, "it was slow"
        expect_all_on_record(callers, settings)


@contextmanager
def slow_commits(postgres: Server) -> Iterator[None]:
    values = {"commit_delay": int(COMMIT_DELAY_S * 1_000_000), "commit_siblings": 0}
    for name, value in values.items():
        postgres.execute(f"alter system set {name} = {value}")
    postgres.execute("select pg_reload_conf()")
    try:
        yield
    finally:
        for name in values:
            postgres.execute(f"alter system reset {name}")
        postgres.execute("select pg_reload_conf()")
