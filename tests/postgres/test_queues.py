"""How workspaces share real workers, with the queue in a PostgreSQL database."""

from __future__ import annotations

import pytest

from tests.postgres.server import Server
from tests.workflows.test_queues import *  # noqa: F403 - the same tests, with the fixture below


@pytest.fixture  # type: ignore[no-redef] # in place of the imported one
def url(postgres: Server) -> str:
    return postgres.fresh()
