"""Every test here gets the server, and databases on it."""

from __future__ import annotations

from tests.postgres.server import postgres as postgres
