"""What the ledger stores: how far it is sealed, its keys, tiles and checkpoints. The same for every dialect.

Guarantees every implementation keeps:
- `sealable` returns a workspace's records in the order of their numbers, and never one before which another can still
  appear. Records are numbered and written while the workspace's row is locked, so they become visible in that order.
- `seal`, `rotate` and `begin` write everything or nothing, durably, and only where the ledger still is as the caller
  saw it: two sealers can not both succeed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.exc import DBAPIError

from remit.domain.clock import Instant
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.ids import OwnerId, WorkspaceName
from remit.storage.port import Store, StoreError
from remit.storage.queries import Queries
from remit.storage.tables import checkpoints, ledger_keys, ledger_tiles, ledgers, records, scopes


@dataclass(frozen=True, slots=True)
class SealedUpTo:
    """How far a ledger is sealed: `size` records, the last of which is row `last_seq`. `alarm` says what is wrong."""

    workspace: WorkspaceName
    origin: str
    size: int = 0
    last_seq: int = 0
    alarm: str = ""
    alarm_at: Instant = Instant(0)
    lease_owner: OwnerId = OwnerId("")
    lease_until: Instant = Instant(0)


@dataclass(frozen=True, slots=True)
class LedgerKey:
    """A signing key: `key` is public, `seed` sealed, `rotation` the note in which the key before names this one."""

    position: int
    key: str
    seed: bytes = field(repr=False)
    rotation: str
    created_at: Instant


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record's row, with the columns that repeat what its body says."""

    seq: int
    key: str
    kind: str
    run: str | None
    at: int
    leaf: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class RecordsHead:
    """At one instant: how many records the workspace's row counts, and the last record's row and number."""

    counted: int
    last_seq: int
    last_no: int


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed checkpoint. One that is not `kept` gives way to the next."""

    size: int
    at: Instant
    note: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Seal:
    """What sealing some records writes. `tiles` are (level, position, hashes)."""

    before: SealedUpTo
    after: SealedUpTo
    tiles: Sequence[tuple[int, int, bytes]]
    checkpoint: StoredCheckpoint


_MOVING = ("size", "last_seq", "lease_owner", "lease_until")
_PUT_TILE = text(
    "insert into ledger_tiles (workspace, level, position, hashes) values (:w, :l, :p, :h)"
    " on conflict (workspace, level, position) do update set hashes = excluded.hashes"
)


class Seals(Protocol):
    """The ledger's rows."""

    def ledger(self, workspace: WorkspaceName) -> SealedUpTo | None: ...

    def begin(self, ledger: SealedUpTo, key: LedgerKey) -> None: ...

    def head(self, workspace: WorkspaceName) -> RecordsHead: ...

    def sealable(self, workspace: WorkspaceName, after: int, limit: int) -> Sequence[StoredRecord]: ...

    def tile(self, workspace: WorkspaceName, level: int, position: int) -> bytes | None: ...

    def seal(self, seal: Seal) -> bool: ...

    def set_alarm(self, workspace: WorkspaceName, alarm: str, at: Instant) -> None: ...

    def keys(self, workspace: WorkspaceName) -> Sequence[LedgerKey]: ...

    def rotate(self, seal: Seal, key: LedgerKey) -> bool: ...

    def checkpoints(self, workspace: WorkspaceName) -> Sequence[StoredCheckpoint]: ...

    def newest(self, workspace: WorkspaceName) -> StoredCheckpoint | None: ...

    def kept_at(self, workspace: WorkspaceName) -> Instant: ...


def seals_of(store: Store) -> Seals:
    """Return the ledger's rows of a database."""
    if not isinstance(store, Queries):
        raise StoreError(f"{type(store).__name__} keeps no ledger")
    return SqlSeals(store)


class SqlSeals:
    """The ledger's rows by SQLAlchemy Core, over the connections of a store."""

    def __init__(self, store: Queries) -> None:
        self._engine = store._engine

    def ledger(self, workspace: WorkspaceName) -> SealedUpTo | None:
        """Return how far a workspace is sealed; None where it never was."""
        found = self._all(select(ledgers).where(ledgers.c.workspace == workspace))
        return SealedUpTo(**found[0]._mapping) if found else None

    def begin(self, ledger: SealedUpTo, key: LedgerKey) -> None:
        """Begin a ledger with its first key; nothing happens where there is one."""
        names = "workspace, origin, size, last_seq, alarm, alarm_at, lease_owner, lease_until"
        row = {name: getattr(ledger, name) for name in names.split(", ")}
        values = ", ".join(f":{name}" for name in row)
        statement = text(f"insert into ledgers ({names}) values ({values}) on conflict (workspace) do nothing")
        with self._writing() as connection:
            if connection.execute(statement, row).rowcount:
                connection.execute(insert(ledger_keys), _key_row(ledger.workspace, key))

    def head(self, workspace: WorkspaceName) -> RecordsHead:
        """Return count and last record as one statement sees them, so that nothing is written in between."""
        state = select(scopes.c.state).where(scopes.c.id == scope_id(ScopeKind.WORKSPACE, workspace))
        of_it = records.c.workspace == workspace
        seq = select(records.c.seq).where(of_it).order_by(records.c.seq.desc()).limit(1)
        body = select(records.c.body).where(of_it).order_by(records.c.seq.desc()).limit(1)
        found = self._all(select(state.scalar_subquery(), seq.scalar_subquery(), body.scalar_subquery()))[0]
        counted = 0 if found[0] is None else orjson.loads(found[0]).get("records", 0)
        return RecordsHead(counted, found[1] or 0, 0 if found[2] is None else number_of(_raw(found[2])))

    def sealable(self, workspace: WorkspaceName, after: int, limit: int) -> Sequence[StoredRecord]:
        """Return records behind row `after`, in order."""
        c = records.c
        columns = (c.seq, c.key, c.kind, c.run, c.at, c.leaf, c.body)
        query = select(*columns).where(c.workspace == workspace, c.seq > after).order_by(c.seq).limit(limit)
        found = self._all(query)
        return [StoredRecord(r[0], r[1], r[2], r[3], r[4], _raw(r[5]), _raw(r[6])) for r in found]

    def tile(self, workspace: WorkspaceName, level: int, position: int) -> bytes | None:
        """Return the hashes of a tile, as wide as it is by now."""
        c = ledger_tiles.c
        where = and_(c.workspace == workspace, c.level == level, c.position == position)
        found = self._all(select(c.hashes).where(where))
        return _raw(found[0][0]) if found else None

    def seal(self, seal: Seal) -> bool:
        """Write tiles and checkpoint and move the ledger on; False where it is not as it was before any more."""
        with self._writing() as connection:
            return _moved_on(connection, seal)

    def set_alarm(self, workspace: WorkspaceName, alarm: str, at: Instant) -> None:
        """Say what keeps the ledger from being sealed, or with an empty text that nothing does; the first one stays."""
        c = ledgers.c
        changing = and_(c.workspace == workspace, c.alarm != "" if not alarm else c.alarm == "")
        with self._writing() as connection:
            connection.execute(update(ledgers).where(changing).values(alarm=alarm, alarm_at=at))

    def keys(self, workspace: WorkspaceName) -> Sequence[LedgerKey]:
        """Return the signing keys, oldest first: the last one signs."""
        c = ledger_keys.c
        query = select(c.position, c.key, c.seed, c.rotation, c.created_at).where(c.workspace == workspace)
        return [LedgerKey(*row) for row in self._all(query.order_by(c.position))]

    def rotate(self, seal: Seal, key: LedgerKey) -> bool:
        """Add the next key, with the checkpoint that both keys signed; False as for `seal`."""
        with self._writing() as connection:
            moved = _moved_on(connection, seal)
            if moved:
                connection.execute(insert(ledger_keys), _key_row(seal.after.workspace, key))
            return moved

    def checkpoints(self, workspace: WorkspaceName) -> Sequence[StoredCheckpoint]:
        """Return the checkpoints that were kept and the newest, by size."""
        c = checkpoints.c
        query = select(c.size, c.at, c.note, c.kept).where(c.workspace == workspace).order_by(c.size)
        return [StoredCheckpoint(row[0], row[1], row[2], bool(row[3])) for row in self._all(query)]

    def newest(self, workspace: WorkspaceName) -> StoredCheckpoint | None:
        """Return the checkpoint of the most records."""
        c = checkpoints.c
        query = select(c.size, c.at, c.note, c.kept).where(c.workspace == workspace).order_by(c.size.desc()).limit(1)
        found = self._all(query)
        return StoredCheckpoint(found[0][0], found[0][1], found[0][2], bool(found[0][3])) if found else None

    def kept_at(self, workspace: WorkspaceName) -> Instant:
        """Return when the last checkpoint was made that is kept; 0 where none is."""
        c = checkpoints.c
        found = self._all(select(func.max(c.at)).where(c.workspace == workspace, c.kept == 1))
        return Instant(found[0][0] or 0)

    def _all(self, query: Any) -> Sequence[Any]:
        with _explained(), self._engine.connect() as connection:
            return connection.execute(query).all()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _explained(), self._engine.begin() as connection:
            yield connection


def _raw(value: object) -> bytes:
    """Return what is stored as bytes, even where somebody has put a text in its place: SQLite lets them."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def number_of(body: bytes) -> int:
    """Return the number a record gives itself; -1 where what is stored is no record any more."""
    try:
        no = orjson.loads(body)["no"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return -1
    return no if isinstance(no, int) else -1


def _moved_on(connection: Connection, seal: Seal) -> bool:
    """Write a seal. Its first statement takes the row, and with it the right to the rest."""
    before, after = seal.before, seal.after
    unmoved = [ledgers.c[name] == getattr(before, name) for name in ("workspace", *_MOVING)]
    moved = update(ledgers).where(*unmoved).values({name: getattr(after, name) for name in _MOVING})
    if not connection.execute(moved.values(alarm="", alarm_at=0)).rowcount:
        return False
    rows = [{"w": after.workspace, "l": level, "p": at, "h": hashes} for level, at, hashes in seal.tiles]
    if rows:
        connection.execute(_PUT_TILE, rows)
    _replace_newest(connection, after.workspace, seal.checkpoint)
    return True


def _key_row(workspace: WorkspaceName, key: LedgerKey) -> dict[str, Any]:
    return {
        "workspace": workspace,
        "position": key.position,
        "key": key.key,
        "seed": key.seed,
        "rotation": key.rotation,
        "created_at": key.created_at,
    }


def _replace_newest(connection: Connection, workspace: WorkspaceName, checkpoint: StoredCheckpoint) -> None:
    c = checkpoints.c
    passing = or_(c.kept == 0, c.size == checkpoint.size)
    connection.execute(delete(checkpoints).where(c.workspace == workspace, passing))
    row = {"size": checkpoint.size, "at": checkpoint.at, "note": checkpoint.note, "kept": int(checkpoint.kept)}
    connection.execute(insert(checkpoints), {"workspace": workspace, **row})


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the ledger's rows can not be read or written: {error.orig}") from error
