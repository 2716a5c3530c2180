"""A full and a slow disk under a server that many call over HTTP."""

import time
from pathlib import Path

import pytest

from remit.settings import Settings
from tests.faults.callers import CALLERS, calling, expect_all_on_record, expect_clear_503s
from tests.faults.disks import held_by_another_process, small_server_disk

HOLDS = 4
HELD_S = 0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file system", "limit of file sizes"])
def test_a_disk_that_fills_up_under_load(kind: str, tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/remit.db")
    with small_server_disk(kind, tmp_path) as disk, calling(settings, tmp_path) as callers:
        disk.shrink(callers.pid)
        callers.until_answered(503, 5 * CALLERS)
        disk.grow(callers.pid)
        callers.until_answered(200, 5 * CALLERS)
        callers.end()
        expect_clear_503s(callers, "store_failed")
        expect_all_on_record(callers, settings)


@pytest.mark.slow
def test_a_database_that_answers_late_is_waited_for(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/remit.db")
    with calling(settings, tmp_path) as callers:
        for _ in range(HOLDS):
            with held_by_another_process(tmp_path / "remit.db"):
                time.sleep(HELD_S)
            callers.until_answered(200, CALLERS)
        callers.end()
        assert {reply.status for reply in callers.replies} == {200}
        assert callers.slowest_s > HELD_S / 2, "it was slow"
        expect_all_on_record(callers, settings)


@pytest.mark.slow
def test_a_database_that_answers_late_turns_away_what_can_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_MAX_WAITING", "2")
    settings = Settings(database_url=f"sqlite:///{tmp_path}/remit.db")
    with calling(settings, tmp_path) as callers:
        with held_by_another_process(tmp_path / "remit.db"):
            callers.until_answered(503, 5 * CALLERS)
        callers.until_answered(200, 5 * CALLERS)
        callers.end()
        expect_clear_503s(callers, "overloaded")
        expect_all_on_record(callers, settings)
