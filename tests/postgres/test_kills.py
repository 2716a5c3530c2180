"""As tests/workflows/test_kills.py, with the queue and the journal in one PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.workflow_kills import FLOWS, Plan, examined
from tests.postgres.server import Server
from tests.workflows.shop import shop
from tests.workflows.test_kills import KILLS


@pytest.mark.slow
def test_killed_workers_leave_every_effect_done_once(tmp_path: Path, postgres: Server) -> None:
    with shop(tmp_path, *FLOWS, url=postgres.fresh()) as it:
        found = examined(it, Plan(kills=KILLS, seed=2))
        assert found.broken == {}
        assert found.kills == KILLS
        assert found.effects_seen == found.effects_expected > 0
