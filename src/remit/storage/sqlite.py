"""SQLite: one file, write-ahead log, every commit on disk before it counts.

Raw SQL on the admission path: a batch is a handful of set-based statements, and SQLAlchemy's layer costs 1.6 to 3
times as much there. Everything else goes through queries.py.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from remit.domain.release import Release
from remit.storage import candidate_rows, identity_rows, liveness_rows, rows, waking
from remit.storage.changes import Signals
from remit.storage.migrate import migrate
from remit.storage.port import Loaded, StoreError, Transactions, Wanted, Writes
from remit.storage.queries import Queries

BUSY_TIMEOUT_S = 30
"""How long a transaction waits for another process's."""

READERS = 4
"""Connections that are kept for questions: opening one reads the whole schema. Whoever finds none opens another."""

_MANY = "(select value from json_each(?))"

_SCOPES = f"select {rows.SCOPE_COLUMNS}, history from scopes left join histories on scope = id where id in {_MANY}"
_APPROVALS = " union all ".join(
    f"select {rows.APPROVAL_COLUMNS} from approvals where (run, {digest}) in"
    " (select value ->> 0, value ->> 1 from json_each(?)) and state != 'used'"
    for digest in ("digest", "first_digest")
)
_UPSERT_SCOPE = (
    "insert into scopes (id, kind, stops, state) values (?, ?, '{}', ?)"
    " on conflict (id) do update set state = excluded.state"
)
_UPSERT_STOPS = (
    "insert into scopes (id, kind, stops, state, lapses_at) values (?, ?, ?, ?, ?)"
    " on conflict (id) do update set stops = excluded.stops, lapses_at = excluded.lapses_at"
)
_DESTROY_KEY = (
    "insert into payload_keys (id, wrapped, created_at) values (?, x'', ?)"
    " on conflict (id) do update set wrapped = x'', created_at = excluded.created_at"
)
_FORGET_HISTORIES = "delete from histories where scope in (select workspace || '/run/' || id from runs where key = ?)"


class SqliteStore(Queries):
    """A database file. Every thread that writes opens its own `transactions()`."""

    poll_s = 0.15  # a freeze from the command line is another process's, and nothing else tells of it

    def __init__(self, path: Path) -> None:
        """Open or create the file and bring it to the current schema.

        Raises StoreError where the folder does not exist, is not writable, or the file is no database or from the
        future.
        """
        self.path = path
        _made_private(path)
        with _explained(path):
            engine = _connections(path)
            migrate(engine)
        super().__init__(engine)

    def transactions(self) -> Transactions:
        """Open a connection for the calling thread."""
        with _explained(self.path):
            return SqliteTransactions(self.path, self._signals)


class SqliteTransactions:
    """The admission path's connection. Owned by one thread."""

    def __init__(self, path: Path, signals: Signals | None = None) -> None:
        self._path = path
        self._signals = signals
        self._db = sqlite3.connect(
            path, isolation_level=None, timeout=BUSY_TIMEOUT_S, check_same_thread=False, cached_statements=64
        )
        _durable(self._db)

    def begin(self, wanted: Wanted) -> Loaded:
        """Take the write lock, then read.

        The lock comes first, so no reader has to be turned away for a stale snapshot.
        """
        with _explained(self._path):
            run = self._db.execute
            run("begin immediate")
            loaded = Loaded()
            found = run(_SCOPES, _array(wanted.scopes))
            loaded.scopes = {row[0]: rows.scope_from(row) for row in found}
            if wanted.record_keys:
                loaded.records = dict(
                    run(
                        f"select key, body from records where workspace = ? and key in {_MANY}",
                        (wanted.workspace, *_array(wanted.record_keys)),
                    )
                )
            if wanted.open_actions:
                found = run(
                    f"select {rows.OPEN_COLUMNS} from open_actions where id in {_MANY}",
                    _array(wanted.open_actions),
                )
                loaded.open_actions = {row[0]: rows.open_from(row) for row in found}
            self._load_approvals(wanted, loaded)
            found = run(
                f"select id from releases where withdrawn_at is not null and workspace = ? and id in {_MANY}",
                (wanted.workspace, *_array(wanted.releases)),
            )
            loaded.withdrawn = {row[0] for row in found}
            return loaded

    def _load_approvals(self, wanted: Wanted, loaded: Loaded) -> None:
        if wanted.approvals:
            pairs = orjson.dumps([[run, digest] for run, digest in wanted.approvals]).decode()
            found = self._db.execute(_APPROVALS, (pairs, pairs))
            loaded.approvals = rows.approvals_by_digest(map(rows.approval_from, found), wanted.approvals)
        if wanted.approval_ids:
            found = self._db.execute(
                f"select {rows.APPROVAL_COLUMNS} from approvals where id in {_MANY}",
                _array(wanted.approval_ids),
            )
            loaded.approvals_by_id = {row[0]: rows.approval_from(row) for row in found}

    def commit(self, writes: Writes) -> None:
        """Write everything and make it durable."""
        with _explained(self._path):
            if writes.destroyed:
                self._db.execute("pragma secure_delete = on")
            for statement, values in _statements(writes):
                self._db.executemany(statement, values)
            self._db.execute("commit")
            if writes.destroyed:
                # The log still holds the page as it was. Whoever reads it now keeps it for the next checkpoint.
                self._db.execute("pragma wal_checkpoint(truncate)")
        if self._signals is not None and writes.records:
            self._signals.tell({record.workspace for record in writes.records})

    def rollback(self) -> None:
        """Give up what was begun."""
        if self._db.in_transaction:
            self._db.execute("rollback")

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        self._db.close()


def _statements(writes: Writes) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Say what a transaction writes, a statement for every kind that has anything."""
    if writes.scopes:
        yield _UPSERT_SCOPE, [(s.id, s.kind.value, rows.state_bytes(s)) for s in writes.scopes.values()]
    if writes.histories:
        yield (
            "insert or replace into histories (scope, history) values (?, ?)",
            [(s.id, s.history) for s in writes.histories.values()],
        )
    if writes.stops:
        yield (
            _UPSERT_STOPS,
            [
                (s.id, s.kind.value, rows.stops_text(s), rows.state_bytes(s), rows.lapses_at(s))
                for s in writes.stops.values()
            ],
        )
    if writes.records:
        yield (
            "insert into records (workspace, key, kind, run, at, leaf, body) values (?, ?, ?, ?, ?, ?, ?)",
            [(r.workspace, r.key, r.kind.value, r.run, r.at, r.leaf, r.body) for r in writes.records],
        )
    if writes.opened:
        yield (
            f"insert into open_actions ({rows.OPEN_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [rows.open_row(action) for action in writes.opened],
        )
    if writes.closed:
        yield "delete from open_actions where id = ?", [(action,) for action in writes.closed]
    if writes.unknown:
        yield "update open_actions set unknown = 1 where id = ?", [(action,) for action in writes.unknown]
    if writes.payloads:
        yield (
            "insert or replace into payloads (owner, part, key, sealed) values (?, ?, ?, ?)",
            [(p.owner, p.part, p.key, p.sealed) for p in writes.payloads],
        )
    yield from _rare_statements(writes)


def _rare_statements(writes: Writes) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    if writes.runs:
        columns = rows.RUN_COLUMNS
        yield (
            f"insert into runs ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [rows.run_row(run) for run in writes.runs],
        )
    if writes.keys:
        # A subject's key may be made by two runs at once: the first stays, and both read it back before sealing
        # with it.
        yield (
            "insert or ignore into payload_keys (id, wrapped, created_at) values (?, ?, ?)",
            [(key.id, key.wrapped, key.created_at) for key in writes.keys],
        )
    if writes.destroyed:
        yield _DESTROY_KEY, [(key, at) for key, at in writes.destroyed]
        yield _FORGET_HISTORIES, [(key,) for key, _ in writes.destroyed]
    if writes.approvals:
        yield (
            (
                f"insert or replace into approvals ({rows.APPROVAL_COLUMNS})"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ),
            [rows.approval_row(approval) for approval in writes.approvals.values()],
        )
    if writes.voided:
        yield (
            "update approvals set state = 'voided', due_at = null where run = ? and state in ('pending', 'approved')",
            [(run,) for run in writes.voided],
        )
    if writes.heartbeat:
        yield "insert or replace into owners (id, seen_at) values (?, ?)", [writes.heartbeat]
    for release in writes.releases:
        yield from _release_statements(release)
    if writes.activations:
        yield (
            "insert into activations (workspace, channel, release, author, at, message) values (?, ?, ?, ?, ?, ?)",
            [(a.workspace, a.channel, a.release, a.by, a.at, a.message) for a in writes.activations],
        )
    if writes.proposals:
        yield rows.PUT_PROPOSAL, [rows.proposal_row(proposal) for proposal in writes.proposals]
    if writes.withdrawn:
        yield (
            "update releases set withdrawn_at = ? where workspace = ? and id = ?",
            [(at, workspace, release) for workspace, release, at in writes.withdrawn],
        )
    if writes.delegations:
        yield rows.PUT_DELEGATION, [rows.delegation_row(each) for each in writes.delegations]
    yield from identity_rows.statements(writes.identity)
    yield from liveness_rows.statements(writes.liveness)
    yield from candidate_rows.statements(writes.candidates)
    yield from waking.statements(writes)


def _release_statements(release: Release) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    manifest, contents = rows.manifest_of(release)
    yield "insert or ignore into contents (digest, content) values (?, ?)", list(contents.items())
    yield (
        (
            "insert or ignore into releases (workspace, id, author, message, created_at, manifest)"
            " values (?, ?, ?, ?, ?, ?)"
        ),
        [(release.workspace, release.id, release.author, release.message, release.created_at, manifest)],
    )


def _array(values: Iterable[str]) -> tuple[str]:
    return (orjson.dumps(list(values)).decode(),)


def _made_private(path: Path) -> None:
    """Make a new file that nobody else can read; SQLite gives those beside it the same mode."""
    # SQLite would make it by the umask. Where this can not, it opens what is there or says what is in the way.
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _durable(db: sqlite3.Connection) -> None:
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    db.execute("pragma foreign_keys = on")


def _connections(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=READERS,
        max_overflow=-1,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    inherited: list[object] = []

    @event.listens_for(engine, "connect")
    def _on_connect(db: sqlite3.Connection, kept: ConnectionPoolEntry) -> None:
        _durable(db)
        kept.info["process"] = os.getpid()

    @event.listens_for(engine, "checkout")
    def _on_checkout(_: object, kept: ConnectionPoolEntry, lent: PoolProxiedConnection) -> None:
        # SQLite forbids a connection to be used, or closed, in a process that was forked off the one that opened it.
        if kept.info["process"] != os.getpid():
            inherited.append(lent.dbapi_connection)
            kept.dbapi_connection = lent.dbapi_connection = None  # type: ignore[misc]
            raise DisconnectionError("opened by the process that this one was forked off")

    return engine


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says into what was wrong and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_explanation(path, str(error))) from error
    except DBAPIError as error:  # the same, met by SQLAlchemy
        raise StoreError(_explanation(path, str(error.orig))) from error


def _explanation(path: Path, said: str) -> str:
    remedies = {
        "disk is full": "the disk is full: free some space and try again",
        "readonly": "the database is read-only: check the permissions of the file and its folder",
        "unable to open": "the database can not be opened: check that its folder exists and may be written",
        "not a database": "the file is no SQLite database: point REMIT_DATABASE_URL at another one",
        "malformed": "the database is damaged: restore it from a copy",
        "locked": f"another process has held the database for {BUSY_TIMEOUT_S} s: find it, or use PostgreSQL",
    }
    remedy = next((text for sign, text in remedies.items() if sign in said), f"the database refused: {said}")
    return f"{path}: {remedy}. Nothing was admitted."
