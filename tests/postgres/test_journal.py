"""The journal's guarantees, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.storage.journal import Journal
from remit.storage.journal_rows import journal_of
from remit.storage.postgres import PostgresStore
from tests.postgres.server import Server
from tests.storage.test_journal import *  # noqa: F403 - the same tests, with the fixtures below


@pytest.fixture  # type: ignore[no-redef] # in place of the imported one
def store(postgres: Server, tmp_path: Path) -> Iterator[Any]:
    it = PostgresStore(postgres.fresh())
    yield it
    it.close()


@pytest.fixture  # type: ignore[no-redef]
def journal(store: Any) -> Journal:
    return journal_of(store)
