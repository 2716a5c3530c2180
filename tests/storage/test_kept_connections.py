"""SQLite's connections for questions are kept, and are of the process that opened them."""

import multiprocessing
import os
import sqlite3
from pathlib import Path

import pytest

from remit.storage import sqlite
from remit.storage.sqlite import SqliteStore


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process of each connection, in the order in which they were opened."""
    processes: list[int] = []
    durable = sqlite._durable

    def told(db: sqlite3.Connection) -> None:
        processes.append(os.getpid())
        durable(db)

    monkeypatch.setattr(sqlite, "_durable", told)
    return processes


def test_the_next_question_opens_no_connection(tmp_path: Path, opened: list[int]) -> None:
    store = SqliteStore(tmp_path / "remit.db")
    before = len(opened)
    for _ in range(10):
        store.workspaces()
    assert len(opened) == before
    store.close()


def test_a_kept_connection_sees_what_was_committed_since(tmp_path: Path) -> None:
    asks, writes = SqliteStore(tmp_path / "remit.db"), sqlite3.connect(tmp_path / "remit.db")
    assert list(asks.workspaces()) == []
    release = ("souq", "rel", "user:omar", "", 1, b"{}")
    columns = "workspace, id, author, message, created_at, manifest"
    writes.execute(f"insert into releases ({columns}) values (?, ?, ?, ?, ?, ?)", release)
    writes.commit()
    assert list(asks.workspaces()) == ["souq"]
    writes.close()
    asks.close()


def test_a_forked_process_opens_its_own(tmp_path: Path, opened: list[int]) -> None:
    store = SqliteStore(tmp_path / "remit.db")
    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()

    def ask() -> None:
        told.put((list(store.workspaces()), opened[-1] == os.getpid()))

    child = context.Process(target=ask)
    child.start()
    child.join()
    assert told.get() == ([], True)
    before = len(opened)
    assert list(store.workspaces()) == []
    assert len(opened) == before, "the one that was there before is used again"
    store.close()
