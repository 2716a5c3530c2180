"""What people ask of workflows is carried out and put on record in one transaction, on whichever database."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, insert, select, update

from remit.domain.clock import Instant
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.ids import ScopeId, WorkspaceName
from remit.domain.record import Record, RecordKind
from remit.storage import rows, tables
from remit.storage.journal import Asking
from remit.storage.port import StoreError
from remit.storage.queries import Queries


def carried_out(store: Queries, asking: Asking | None, now: Instant, change: Callable[[Connection], bool]) -> bool:
    """Carry out a change, and put on record who has asked for it; nothing is where it comes to nothing.

    The workspace's row is locked before any other, as admissions lock it, so that no two wait for each other.
    """
    with store.writing() as connection:
        if asking is not None:
            _lock(connection, asking.workspace)
        is_changed = change(connection)
        if is_changed and asking is not None:
            _record(connection, asking, now)
    if is_changed and asking is not None:
        store.tell(asking.workspace)
    return is_changed


def _lock(connection: Connection, workspace: WorkspaceName) -> None:
    c = tables.scopes.c
    # SQLite locks what is written, and only that: so this writes what is there already.
    if connection.execute(update(tables.scopes).where(c.id == _row(workspace)).values(kind=c.kind)).rowcount != 1:
        raise StoreError(f"workspace {workspace} has no row, though something of it was to be changed")


def _record(connection: Connection, asking: Asking, now: Instant) -> None:
    c, id = tables.scopes.c, _row(asking.workspace)
    found = connection.execute(select(c.id, c.kind, c.stops, c.state).where(c.id == id)).one()
    scope = rows.scope_from((*found, None))
    scope.records += 1
    scope.last_at = max(scope.last_at, now)
    kind, content = RecordKind.WORKFLOW_ASKED, asking.asked.content()
    record = Record.of(asking.workspace, scope.records, asking.key, kind, now, asking.run, content)
    values = {name: getattr(record, name) for name in ("workspace", "key", "run", "at", "leaf", "body")}
    connection.execute(insert(tables.records).values(kind=kind.value, **values))
    connection.execute(update(tables.scopes).where(c.id == id).values(state=rows.state_bytes(scope)))


def _row(workspace: WorkspaceName) -> ScopeId:
    return scope_id(ScopeKind.WORKSPACE, workspace)
