"""Who listens to a workspace is woken by every commit of records, of this process or another, and by nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from remit.domain.facts import Scope, ScopeKind, scope_id
from remit.domain.ids import WorkspaceName
from remit.storage.port import Changes, Store, Writes
from remit.storage.postgres import PostgresStore
from remit.storage.queries import Queries
from remit.storage.sqlite import SqliteStore
from tests.storage.rows_made import HERE, THERE, put, record

PATIENCE_S = 20


class Woken:
    """A thread that listens, and how often it was woken."""

    def __init__(self, changes: Changes) -> None:
        self.changes = changes
        self.times = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        for _ in self.changes:
            self.times.release()


@contextmanager
def listening(store: Store, workspace: WorkspaceName) -> Iterator[Woken]:
    woken = Woken(store.listen(workspace))
    try:
        yield woken
    finally:
        woken.changes.close()
        woken.thread.join(PATIENCE_S)
        assert not woken.thread.is_alive(), "close ends the iteration"


def counted(number: int, workspace: WorkspaceName = HERE) -> Writes:
    """A record and the count of it, as every transaction writes them."""
    scope = Scope(scope_id(ScopeKind.WORKSPACE, workspace), ScopeKind.WORKSPACE, records=number)
    return Writes(scopes={scope.id: scope}, records=[record(f"k{number}", workspace)])


@contextmanager
def another(store: Store) -> Iterator[Store]:
    """The same database as another process would open it."""
    opened: Store
    if isinstance(store, SqliteStore):
        opened = SqliteStore(store.path)
    else:
        assert isinstance(store, PostgresStore)
        opened = PostgresStore(_url_of(store))
    try:
        yield opened
    finally:
        opened.close()


def _url_of(store: PostgresStore) -> str:
    parts = store.address._parts
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}"


def test_a_commit_in_this_process_wakes(store: Store) -> None:
    with listening(store, HERE) as woken:
        put(store, counted(1))
        assert woken.times.acquire(timeout=PATIENCE_S)
        put(store, counted(2))
        assert woken.times.acquire(timeout=PATIENCE_S)


def test_a_commit_of_another_process_wakes(store: Store) -> None:
    with listening(store, HERE) as woken, another(store) as other:
        put(other, counted(1))
        assert woken.times.acquire(timeout=PATIENCE_S)


def test_what_was_not_signalled_is_found_by_looking(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(store, Queries)
    monkeypatch.setattr(type(store), "poll_s", 0.05)
    monkeypatch.setattr(store._signals, "tell", lambda workspaces: None)
    monkeypatch.setattr(store._signals, "tell_everybody", lambda: None)
    with listening(store, HERE) as woken:
        put(store, counted(1))
        assert woken.times.acquire(timeout=PATIENCE_S)


def test_two_who_listen_are_both_woken(store: Store) -> None:
    with listening(store, HERE) as one, listening(store, HERE) as two:
        put(store, counted(1))
        assert one.times.acquire(timeout=PATIENCE_S)
        assert two.times.acquire(timeout=PATIENCE_S)


def test_a_commit_elsewhere_wakes_nobody_here(store: Store) -> None:
    with listening(store, THERE) as there, listening(store, HERE) as here:
        put(store, counted(1, THERE))
        assert there.times.acquire(timeout=PATIENCE_S)
        while here.times.acquire(blocking=False):
            pass  # the connection that began to listen wakes everybody once
        put(store, counted(2, THERE))
        assert there.times.acquire(timeout=PATIENCE_S)
        assert not here.times.acquire(timeout=0.1)
