"""When workflows start by themselves, and who is there to carry them out. A part of the storage port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Update, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from remit.domain.clock import Instant
from remit.domain.ids import OwnerId, WorkflowName, WorkspaceName
from remit.storage.asking import carried_out
from remit.storage.journal import Asking
from remit.storage.journal_tables import workflow_schedules, workflow_workers
from remit.storage.port import Store, StoreError
from remit.storage.queries import Queries


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """How far a schedule has come.

    Attributes:
        last_at: the last fire time that was seen to; nothing before it is started any more.
        paused_at: 0 while it is not paused.
        problem: why it could not start what was due, in words; empty: it could.
    """

    id: str
    workspace: WorkspaceName
    workflow: WorkflowName
    last_at: Instant
    paused_at: int = 0
    paused_by: str = ""
    problem: str = ""


class Timetable(Protocol):
    """Schedules and workers of one database. Safe to use from any thread."""

    def schedules(self, workspace: WorkspaceName) -> Mapping[str, ScheduleRow]: ...

    def begin(self, row: ScheduleRow) -> None:
        """Write a schedule that is not there yet."""

    def seen_to(self, id: str, before: Instant, after: Instant, problem: str = "") -> bool:
        """Move a schedule on; False where somebody else has."""

    def pause(self, id: str, at: Instant, by: str, asking: Asking | None = None) -> bool:
        """Pause a schedule, and put on record who asked for it; False where it is not there, or is paused already."""

    def resume(self, id: str, at: Instant, asking: Asking | None = None) -> bool:
        """Let a schedule go on, which is put on record: what it missed while it was paused is not started.

        False where it is not there, or is not paused.
        """

    def beat(self, worker: OwnerId, now: Instant) -> None:
        """Say that a worker is there."""

    def gone(self, worker: OwnerId) -> None:
        """Say that a worker leaves."""

    def workers(self, fresh: Instant) -> Sequence[OwnerId]:
        """Return the workers seen since `fresh`."""

    def forget(self, before: Instant) -> None:
        """Forget workers not seen since."""


def timetable_of(store: Store) -> Timetable:
    """Return the timetable of a database."""
    if not isinstance(store, Queries):
        raise StoreError(f"{type(store).__name__} keeps no timetable")
    return SqlTimetable(store)


_FIELDS = "id workspace workflow last_at paused_at paused_by problem".split()
_BEGIN = text(
    f"insert into workflow_schedules ({', '.join(_FIELDS)}) values ({', '.join(f':{name}' for name in _FIELDS)})"
    " on conflict (id) do nothing"
)
_BEAT = text(
    "insert into workflow_workers (id, seen_at) values (:id, :at)"
    " on conflict (id) do update set seen_at = excluded.seen_at"
)


class SqlTimetable:
    """The timetable by SQLAlchemy Core, over the connections of a store."""

    def __init__(self, store: Queries) -> None:
        self._store = store
        self._engine = store._engine

    def schedules(self, workspace: WorkspaceName) -> Mapping[str, ScheduleRow]:
        """Return the schedules of a workspace that were ever looked at, by id."""
        c = workflow_schedules.c
        found = self._all(select(*(c[name] for name in _FIELDS)).where(c.workspace == workspace))
        return {row[0]: ScheduleRow(*row) for row in found}

    def begin(self, row: ScheduleRow) -> None:
        """See Timetable."""
        with self._writing() as connection:
            connection.execute(_BEGIN, {name: getattr(row, name) for name in _FIELDS})

    def seen_to(self, id: str, before: Instant, after: Instant, problem: str = "") -> bool:
        """See Timetable."""
        c = workflow_schedules.c
        moved = update(workflow_schedules).where(c.id == id, c.last_at == before)
        with self._writing() as connection:
            return connection.execute(moved.values(last_at=after, problem=problem)).rowcount == 1

    def pause(self, id: str, at: Instant, by: str, asking: Asking | None = None) -> bool:
        """See Timetable."""
        c = workflow_schedules.c
        paused = update(workflow_schedules).where(c.id == id, c.paused_at == 0)
        return self._carried_out(paused.values(paused_at=at, paused_by=by), at, asking)

    def resume(self, id: str, at: Instant, asking: Asking | None = None) -> bool:
        """See Timetable."""
        c = workflow_schedules.c
        resumed = update(workflow_schedules).where(c.id == id, c.paused_at != 0)
        return self._carried_out(resumed.values(paused_at=0, paused_by="", last_at=at), at, asking)

    def _carried_out(self, changed: Update, now: Instant, asking: Asking | None) -> bool:
        with _explained():
            return carried_out(self._store, asking, now, lambda connection: connection.execute(changed).rowcount == 1)

    def beat(self, worker: OwnerId, now: Instant) -> None:
        """See Timetable."""
        with self._writing() as connection:
            connection.execute(_BEAT, {"id": worker, "at": now})

    def gone(self, worker: OwnerId) -> None:
        """See Timetable."""
        with self._writing() as connection:
            connection.execute(delete(workflow_workers).where(workflow_workers.c.id == worker))

    def workers(self, fresh: Instant) -> Sequence[OwnerId]:
        """See Timetable."""
        found = self._all(select(workflow_workers.c.id).where(workflow_workers.c.seen_at >= fresh))
        return [OwnerId(row[0]) for row in found]

    def forget(self, before: Instant) -> None:
        """See Timetable."""
        with self._writing() as connection:
            connection.execute(delete(workflow_workers).where(workflow_workers.c.seen_at < before))

    def _all(self, query: Any) -> Sequence[Any]:
        with _explained(), self._engine.connect() as connection:
            return connection.execute(query).all()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _explained(), self._engine.begin() as connection:
            yield connection


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the timetable can not be read or written: {error.orig}") from error
