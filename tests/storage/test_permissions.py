"""What is stored is for who runs Remit; a file that somebody made for others stays as it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.storage.port import Writes
from remit.storage.sqlite import SqliteStore
from tests.storage.rows_made import put, record

OF_EVERYBODY = 0o022
"""The umask of most machines: new files can be read by everybody."""


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(OF_EVERYBODY)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {path.name: f"{stat.S_IMODE(path.stat().st_mode):04o}" for path in sorted(folder.iterdir())}


def test_a_new_database_and_the_files_beside_it_can_be_read_by_nobody_else(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "remit.db")
    put(store, Writes(records=[record("a")]))
    assert modes(tmp_path) == {"remit.db": "0600", "remit.db-shm": "0600", "remit.db-wal": "0600"}
    store.close()


def test_a_database_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "remit.db"
    SqliteStore(path).close()
    path.chmod(0o640)
    SqliteStore(path).close()
    assert modes(tmp_path)["remit.db"] == "0640"
