"""Files beside a SQLite database that belong to it and are somebody else's."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from remit.storage.port import StoreError


def queue_file(database: Path) -> Path:
    """Return the file of the queue of workflows, with a write-ahead log: whoever opens it later keeps that.

    Raises StoreError where it can not be made.
    """
    path = database.with_name(f"{database.stem}.queue.db")
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        db = sqlite3.connect(path, timeout=30)
        try:
            db.execute("pragma journal_mode = wal")
        finally:
            db.close()
        path.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: the file of the queue can not be made: {error}") from None
    return path
