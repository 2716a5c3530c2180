"""A real SQLite file whose processes may die before and after every single statement."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from remit.storage.port import Transactions
from remit.storage.queries import Queries
from remit.storage.sqlite import SqliteTransactions


class Crashed(BaseException):
    """The process is gone: nobody catches this, and nobody hears an answer."""


@dataclass(slots=True)
class Fuse:
    """Burns down by one at every point where a process may die; at 0 it dies there. None never burns."""

    left: int | None = None
    burnt_at: str = ""

    def point(self, name: str) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            self.burnt_at = name
            raise Crashed(name)


class FragileConnection:
    """What a transaction uses of sqlite3's connection, with a point to die before and after every statement.

    On a crash the connection is dropped as the kernel drops it for a killed process: what was not committed is gone.
    """

    def __init__(self, db: sqlite3.Connection, fuse: Fuse) -> None:
        self._db = db
        self._fuse = fuse
        self._dead = False

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._survive(statement, lambda: self._db.execute(statement, *values))

    def executemany(self, statement: str, values: Any) -> sqlite3.Cursor:
        return self._survive(statement, lambda: self._db.executemany(statement, values))

    def _survive(self, statement: str, carry_out: Any) -> sqlite3.Cursor:
        try:
            self._fuse.point(f"before {statement}")
            cursor: sqlite3.Cursor = carry_out()
            self._fuse.point(f"after {statement}")
        except Crashed:
            self._dead = True
            self._db.close()
            raise
        return cursor

    @property
    def in_transaction(self) -> bool:
        return not self._dead and self._db.in_transaction

    def close(self) -> None:
        self._db.close()


class FragileTransactions(SqliteTransactions):
    """SqliteTransactions on a fragile connection.

    A crash here is the end of a process, not of the machine, so the disk need not be waited for.
    """

    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(path)
        self._db.execute("pragma synchronous = off")
        self._db = FragileConnection(self._db, fuse)  # type: ignore[assignment]


class FragileStore(Queries):
    """A store on an existing file that opens fragile transactions. It reads on one connection, to be quick."""

    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(create_engine(f"sqlite:///{path}", poolclass=StaticPool))
        self._path = path
        self._fuse = fuse

    def transactions(self) -> Transactions:
        return FragileTransactions(self._path, self._fuse)
