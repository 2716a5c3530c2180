"""Files beside a SQLite database that belong to it and are somebody else's."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from remit.storage.port import StoreError

BUSY_S = 30
"""How long a lock on the queue's file is waited for."""


def queue_file(database: Path) -> Path:
    """Return the file of the queue of workflows, with a write-ahead log: whoever opens it later keeps that.

    Raises StoreError where it can not be made.
    """
    path = database.with_name(f"{database.stem}.queue.db")
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        db = sqlite3.connect(path, timeout=BUSY_S)
        try:
            db.execute("pragma journal_mode = wal")
        finally:
            db.close()
        path.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: the file of the queue can not be made: {error}") from None
    return path


def queue_connections(url: str) -> Engine:
    """Return how the queue's file is opened: every transaction has the write lock from its beginning.

    Left to itself, sqlite3 takes it at the first write. Two workers that count what is under way, and then take as much
    as there is room for, would both find the same room.
    """
    engine = create_engine(url, connect_args={"timeout": BUSY_S, "isolation_level": None}, pool_size=20)
    event.listen(engine, "connect", _with_foreign_keys)
    event.listen(engine, "begin", _locked)
    return engine


def _with_foreign_keys(connection: Any, _: object) -> None:
    connection.execute("pragma foreign_keys = on")


def _locked(connection: Connection) -> None:
    connection.exec_driver_sql("begin immediate")
