"""As tests/workflows/test_kills.py, with the queue and the journal in one PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.postgres.server import Server
from tests.workflows.kills import FLOWS, kill_and_count
from tests.workflows.shop import shop


@pytest.mark.slow
def test_killed_workers_leave_every_effect_done_once(tmp_path: Path, postgres: Server) -> None:
    with shop(tmp_path, *FLOWS, url=postgres.fresh()) as it:
        found = kill_and_count(it, seed=2, kills=2, runs=2)
        assert (found.twice, found.missing, found.wrong) == ([], [], [])
