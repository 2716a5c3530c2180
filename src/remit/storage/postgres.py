"""PostgreSQL: many processes on one database, kept honest by row locks in one order (docs/adr/0007).

Raw SQL on the admission path, pipelined: a transaction is two round trips, one to begin it and one to commit it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
from psycopg import Cursor
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from remit.domain.facts import Scope, ScopeKind
from remit.domain.ids import ScopeId, WorkspaceName
from remit.storage import postgres_sql as sql
from remit.storage import rows
from remit.storage.migrate import migrate
from remit.storage.port import Changes, Loaded, StoreError, Transactions, Wanted, Writes
from remit.storage.postgres_address import OLDEST_VERSION, UNKNOWN, Address, explained, is_lost
from remit.storage.postgres_listener import Listener
from remit.storage.queries import Queries

READERS = 5
"""Connections a process keeps for reading; as many again are opened while they are needed."""

BEGIN_ATTEMPTS = 3
"""How often a transaction is begun before its failure is told: nothing has been written by then."""

_WORTH_ANOTHER = ("40001", "40P01")  # serialization failure, deadlock


class PostgresStore(Queries):
    """A database on a server. Every thread that writes opens its own `transactions()`."""

    poll_s = 5.0  # NOTIFY wakes; this is for what it could not

    def __init__(self, url: str) -> None:
        """Connect and bring the database to the current schema.

        Raises StoreError where it can not be reached, is not durable, too old, or from the future.
        """
        self.address = Address(url)
        engine = _connections(self.address, pool_size=READERS, max_overflow=READERS)
        try:
            with explained(self.address):
                _check_fit(self.address, engine)
                migrate(engine)
        except StoreError:
            engine.dispose()
            raise
        super().__init__(engine)
        self._writers = _connections(self.address, poolclass=NullPool)
        self._listener = Listener(self.address, self._signals)

    def transactions(self) -> Transactions:
        """Open a connection for the calling thread."""
        return PostgresTransactions(self.address)

    def writing(self) -> AbstractContextManager[Connection]:
        """See Queries; on a connection opened for it.

        Who waits for a workspace's row may wait long. With a reader's connection, several of them would keep all from
        whoever has the row and reads before it commits, and each would wait for the other.
        """
        return self._writers.begin()

    def listen(self, workspace: WorkspaceName) -> Changes:
        """Wake whoever iterates when records were committed, by whichever process."""
        self._listener.start()
        return super().listen(workspace)

    def tell(self, workspace: WorkspaceName) -> None:
        """Wake who waits for them in any process; one that could not be told looks by itself."""
        with contextlib.suppress(DBAPIError), self._engine.begin() as connection:
            connection.execute(text(f"select pg_notify('{sql.CHANNEL}', :workspace)"), {"workspace": workspace})

    def close(self) -> None:
        """Let go of every connection."""
        self._listener.close()
        super().close()


class PostgresTransactions:
    """The admission path's connection. Owned by one thread."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connect()

    def _connect(self) -> None:
        # One pipeline for the life of the connection: psycopg ends each with a message after which PostgreSQL does not
        # count how long the transaction is idle, and a process that stands still would hold its locks for ever.
        self._db = self._address.connect()
        self._pipelining = contextlib.ExitStack()
        self._pipeline = self._pipelining.enter_context(self._db.pipeline())

    def begin(self, wanted: Wanted) -> Loaded:
        """Lock the workspace, then the other scopes in the order of their ids, then read.

        A connection that was lost since the last transaction is opened again, and a deadlock is tried again: nothing
        was written yet.
        """
        with explained(self._address):
            for _ in range(BEGIN_ATTEMPTS - 1):
                try:
                    return self._begin(wanted)
                except psycopg.Error as error:
                    if not is_lost(error) and error.sqlstate not in _WORTH_ANOTHER:
                        raise
                    self._start_over()
            return self._begin(wanted)

    def _begin(self, wanted: Wanted) -> Loaded:
        """Load once more where a workspace had no row yet: what has no row can not be locked."""
        workspaces = _workspaces(wanted)
        loaded, missing = self._load(wanted, workspaces)
        if missing:
            self._db.rollback()
            empty = Scope(ScopeId(""), ScopeKind.WORKSPACE)
            self._send(sql.MAKE_WORKSPACES, rows.state_bytes(empty), missing)
            self._pipeline.sync()
            loaded, _ = self._load(wanted, workspaces)
        return loaded

    def _load(self, wanted: Wanted, workspaces: list[str]) -> tuple[Loaded, list[str]]:
        """Begin, lock and read in one round trip. Each statement sees what was committed before it began."""
        self._send(sql.BEGIN)
        locked = self._send(sql.LOCK_WORKSPACES, workspaces) if workspaces else None
        scopes = self._found(sql.SCOPES, list(wanted.scopes))
        records = self._found(sql.RECORDS, wanted.workspace, list(wanted.record_keys))
        open_actions = self._found(sql.OPEN_ACTIONS, list(wanted.open_actions))
        runs, digests = [run for run, _ in wanted.approvals], [digest for _, digest in wanted.approvals]
        approvals = self._found(sql.APPROVALS, runs, digests, runs, digests)
        approvals_by_id = self._found(sql.APPROVALS_BY_ID, list(wanted.approval_ids))
        withdrawn = self._found(sql.WITHDRAWN, wanted.workspace, list(wanted.releases))
        self._pipeline.sync()
        loaded = Loaded(
            scopes={row[0]: rows.scope_from(row) for row in _rows(scopes)},
            records=dict(_rows(records)),
            open_actions={row[0]: rows.open_from(row) for row in _rows(open_actions)},
            approvals_by_id={row[0]: rows.approval_from(row) for row in _rows(approvals_by_id)},
            withdrawn={row[0] for row in _rows(withdrawn)},
            approvals=rows.approvals_by_digest(map(rows.approval_from, _rows(approvals)), wanted.approvals),
        )
        there = {row[0] for row in _rows(locked)}
        return loaded, [workspace for workspace in workspaces if workspace not in there]

    def commit(self, writes: Writes) -> None:
        """Write everything and make it durable, then wake who listens, all in one round trip.

        Who listens is told behind the commit and not in it: a NOTIFY within a transaction takes a lock of the whole
        server and keeps it until the disk has the commit, so that no two workspaces could commit together.
        """
        with explained(self._address, UNKNOWN):
            for statement, values in sql.statements(writes):
                self._send(statement, *values)
            self._send(sql.COMMIT)
            for workspace in sorted({record.workspace for record in writes.records}):
                self._send(sql.NOTIFY, workspace)
            self._pipeline.sync()
            if writes.destroyed:
                self._sweep()

    def _sweep(self) -> None:
        """Have the destroyed key's old row cleared away soon. It is gone for every query already."""
        with contextlib.suppress(psycopg.Error):
            self._db.execute("vacuum payload_keys")
            self._pipeline.sync()

    def rollback(self) -> None:
        """Give up what was begun. A lost connection has given it up already."""
        with contextlib.suppress(psycopg.Error):
            self._db.rollback()

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        self._db.close()
        with contextlib.suppress(psycopg.Error):
            self._pipelining.close()

    def _start_over(self) -> None:
        self.rollback()
        if self._db.closed:
            self.close()
            self._connect()

    def _found(self, statement: str, *values: Any) -> Cursor[Any] | None:
        """Ask, unless the last value is an empty list: then there is nothing to find."""
        return self._send(statement, *values) if values[-1] else None

    def _send(self, statement: str, *values: Any) -> Cursor[Any]:
        cursor = self._db.cursor(binary=True)
        return cursor.execute(statement, values, prepare=True)


def _rows(cursor: Cursor[Any] | None) -> Iterable[Any]:
    return () if cursor is None else cursor.fetchall()


def _workspaces(wanted: Wanted) -> list[str]:
    """Return the ids of the rows that stand for whole workspaces, to be locked before all others."""
    found = {scope.partition("/")[0] for scope in wanted.scopes}
    if wanted.workspace:
        found.add(wanted.workspace)
    return [f"{workspace}/" for workspace in sorted(found)]


def _connections(address: Address, **pool: Any) -> Engine:
    def connect() -> psycopg.Connection[Any]:
        db = address.connect()
        db.autocommit = False  # as SQLAlchemy expects it
        return db

    # The connections are made here, so that SQLAlchemy knows no password that it could show.
    return create_engine("postgresql+psycopg://", creator=connect, use_native_hstore=False, **pool)


def _check_fit(address: Address, engine: Engine) -> None:
    """Refuse a server on which the promises would not hold."""
    with engine.connect() as connection:
        asked = "select current_setting('server_version_num')::int / 10000, current_setting('fsync')"
        version, fsync, encoding = connection.execute(text(f"{asked}, current_setting('server_encoding')")).one()
    if version < OLDEST_VERSION:
        raise StoreError(f"{address}: it is PostgreSQL {version}, and Remit needs {OLDEST_VERSION} or newer")
    if fsync != "on":
        raise StoreError(f"{address}: it runs with fsync = off, so that a commit may be lost: set fsync = on")
    if encoding != "UTF8":
        raise StoreError(f"{address}: its encoding is {encoding}: create the database with encoding 'UTF8'")
