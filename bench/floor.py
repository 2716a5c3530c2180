"""The floor of admission: a writer of the same make that decides nothing and inserts one row per action.

Natural batches, one durable transaction each, one wake-up per batch: what is left when nothing is left out that a
durable log must do.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import queue
import sqlite3
import threading
from pathlib import Path

MAX_BATCH = 256

Waiting = tuple[str, bytes, "asyncio.Future[None]"]


class InsertQueue:
    """Takes records from one event loop and has one thread insert them."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._path = path
        self._loop = loop
        self._inbox: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self.batches = 0
        self.thread = threading.Thread(target=self._write, name="floor", daemon=True)
        self.thread.start()

    async def asubmit(self, key: str, record: bytes) -> None:
        """Insert a record; it is durable when this returns."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._inbox.put((key, record, future))
        await future

    def close(self) -> None:
        """Stop the thread."""
        self._inbox.put(None)
        self.thread.join()

    def _write(self) -> None:
        db = opened(self._path)
        more = True
        while more:
            taken, more = self._take()
            if taken:
                insert(db, [(key, record) for key, record, _ in taken])
                self.batches += 1
                self._loop.call_soon_threadsafe(_resolve, [future for _, _, future in taken])
        db.close()

    def _take(self) -> tuple[list[Waiting], bool]:
        taken: list[Waiting] = []
        item = self._inbox.get()
        with contextlib.suppress(queue.Empty):
            while item is not None:
                taken.append(item)
                if len(taken) == MAX_BATCH:
                    return taken, True
                item = self._inbox.get_nowait()
            return taken, False
        return taken, True


def opened(path: Path) -> sqlite3.Connection:
    """Open a file as durable as Remit's, with one table."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    db.execute(
        "create table if not exists records (seq integer primary key, key text not null unique, leaf blob, body blob)"
    )
    return db


def insert(db: sqlite3.Connection, records: list[tuple[str, bytes]]) -> None:
    """Insert records with their hashes in one durable transaction."""
    db.execute("begin immediate")
    db.executemany(
        "insert into records (key, leaf, body) values (?, ?, ?)",
        [(key, hashlib.sha256(body).digest(), body) for key, body in records],
    )
    db.execute("commit")


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
