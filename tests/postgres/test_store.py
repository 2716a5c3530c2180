"""What PostgreSQL needs beyond the suite of every store: locks between processes, lost connections, a fit server."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import psycopg
import pytest

from remit.domain.clock import Instant
from remit.domain.facts import Scope, ScopeKind, scope_id
from remit.domain.ids import KeyId, ScopeId
from remit.domain.record import Record, RecordKind
from remit.storage import postgres, postgres_address, postgres_sql
from remit.storage.port import Store, StoreError, Wanted, WrappedKey, Writes
from remit.storage.postgres import PostgresStore, PostgresTransactions
from tests.postgres.server import Server
from tests.storage.rows_made import HERE, NOON, agent_scope, put, record, transactions

WHOLE = scope_id(ScopeKind.WORKSPACE, HERE)
BUYER = scope_id(ScopeKind.AGENT, HERE, "buyer")
WRITERS, TURNS = 4, 25


@pytest.fixture
def store(postgres: Server) -> Iterator[PostgresStore]:
    opened = PostgresStore(postgres.fresh())
    yield opened
    opened.close()


def count_up(store: Store, writer: int) -> None:
    """Number records by the workspace's row, as admission does."""
    with transactions(store) as writing:
        for turn in range(TURNS):
            loaded = writing.begin(Wanted(scopes=[WHOLE, BUYER], workspace=HERE))
            scope = loaded.scopes.get(WHOLE) or Scope(WHOLE, ScopeKind.WORKSPACE)
            scope.records += 1
            made = Record.of(HERE, scope.records, f"{writer}/{turn}", RecordKind.RUN_ENDED, NOON, None, {})
            writing.commit(Writes(scopes={WHOLE: scope}, records=[made]))


def numbers_after_a_race(store: Store) -> list[int]:
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(lambda writer: count_up(store, writer), range(WRITERS)))
    return [orjson.loads(body)["no"] for _, body in store.records(HERE)]


ALL = list(range(1, WRITERS * TURNS + 1))


def test_writers_at_once_lose_no_update_from_the_very_first_row_on(store: PostgresStore) -> None:
    assert store.scope(WHOLE) is None
    assert numbers_after_a_race(store) == ALL


def test_without_row_locks_updates_are_lost(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail."""
    for name in ("LOCK_WORKSPACES", "SCOPES"):
        unlocked = getattr(postgres_sql, name).partition(" for update")[0]
        monkeypatch.setattr(postgres_sql, name, unlocked)
    assert numbers_after_a_race(store) != ALL


def test_a_workspace_without_a_row_can_not_be_locked(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """So its row must be made first: this is what would happen otherwise."""
    monkeypatch.setattr(postgres, "_workspaces", lambda wanted: [])
    monkeypatch.setattr(postgres_sql, "SCOPES", postgres_sql.SCOPES.replace(" for update of scopes", ""))
    assert numbers_after_a_race(store) != ALL


def test_scopes_asked_for_in_any_order_never_deadlock(store: PostgresStore) -> None:
    names = [f"agent-{number}" for number in range(12)]
    ids = [scope_id(ScopeKind.AGENT, HERE, name) for name in names]
    put(store, Writes(scopes={id: agent_scope(name) for id, name in zip(ids, names, strict=True)}))

    def take(seed: int) -> None:
        chance = random.Random(seed)
        with transactions(store) as writing:
            for _ in range(25):
                wanted = chance.sample(ids, 6)
                scopes = writing.begin(Wanted(scopes=wanted)).scopes
                for scope in scopes.values():
                    scope.in_flight += 1
                writing.commit(Writes(scopes=scopes))

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(take, range(WRITERS)))
    assert sum(in_flight(store, id) for id in ids) == WRITERS * 25 * 6


def in_flight(store: Store, id: ScopeId) -> int:
    scope = store.scope(id)
    return 0 if scope is None else scope.in_flight


def backend_of(opened: object) -> int:
    assert isinstance(opened, PostgresTransactions)
    return opened._db.info.backend_pid


def end_backend(postgres: Server, pid: int) -> None:
    postgres.execute(f"select pg_terminate_backend({pid}, 5000)")


def test_a_connection_lost_between_transactions_is_opened_again(postgres: Server, store: PostgresStore) -> None:
    with transactions(store) as writing:
        end_backend(postgres, backend_of(writing))
        writing.begin(Wanted(scopes=[BUYER]))
        writing.commit(Writes(records=[record("after")]))
    assert store.record(HERE, "after") is not None


def test_a_read_on_a_lost_connection_is_tried_again(postgres: Server, store: PostgresStore) -> None:
    put(store, Writes(records=[record("there")]))
    assert store.record(HERE, "there") is not None
    name = postgres.name_of(store)
    postgres.execute(f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}'")
    assert store.record(HERE, "there") is not None


def test_a_connection_lost_before_the_commit_leaves_nothing_and_says_that_it_is_not_known(
    postgres: Server, store: PostgresStore
) -> None:
    with transactions(store) as writing:
        writing.begin(Wanted(scopes=[BUYER]))
        end_backend(postgres, backend_of(writing))
        with pytest.raises(StoreError, match=r"Nobody knows whether it was recorded: the same again finds out\.$"):
            writing.commit(Writes(scopes={BUYER: agent_scope(spent=1)}, records=[record("lost")]))
        writing.rollback()
        assert BUYER not in writing.begin(Wanted(scopes=[BUYER], workspace=HERE)).scopes
        writing.commit(Writes(records=[record("next")]))
    assert [store.record(HERE, key) is not None for key in ("lost", "next")] == [False, True]


def test_a_deadlock_while_beginning_is_tried_again(postgres: Server, store: PostgresStore) -> None:
    """Somebody with SQL of their own may take locks in another order."""
    other = scope_id(ScopeKind.WORKSPACE, HERE)
    put(store, Writes(scopes={BUYER: agent_scope(), other: Scope(other, ScopeKind.WORKSPACE)}))
    with psycopg.connect(postgres.url(postgres.name_of(store))) as stranger, transactions(store) as writing:
        stranger.execute("set deadlock_timeout = '60s'")  # so that it is ours that is ended
        stranger.execute("select 1 from scopes where id = %s for update", (BUYER,))
        done: list[Scope] = []
        begin = threading.Thread(target=lambda: done.extend(writing.begin(Wanted(scopes=[BUYER])).scopes.values()))
        begin.start()
        begin.join(0.3)
        stranger.execute("select 1 from scopes where id = %s for update", (other,))
        stranger.rollback()
        begin.join(10)
        writing.rollback()
    assert [scope.id for scope in done] == [BUYER]


def test_a_lock_is_waited_for_only_so_long(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = postgres_address._SESSION.replace("'lock_timeout', '10s'", "'lock_timeout', '100ms'")
    assert quick != postgres_address._SESSION
    monkeypatch.setattr(postgres_address, "_SESSION", quick)
    with transactions(store) as first, transactions(store) as second:
        first.begin(Wanted(scopes=[BUYER]))
        with pytest.raises(StoreError, match=r"another process has held its locks for 10 s.* Nothing was admitted\.$"):
            second.begin(Wanted(scopes=[BUYER]))
        first.commit(Writes(scopes={BUYER: agent_scope()}))
        second.rollback()
        assert BUYER in second.begin(Wanted(scopes=[BUYER])).scopes


def test_who_stands_still_in_a_transaction_is_put_out_of_it(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = postgres_address._SESSION.replace("session_timeout', '15s'", "session_timeout', '100ms'")
    assert quick != postgres_address._SESSION
    monkeypatch.setattr(postgres_address, "_SESSION", quick)
    with transactions(store) as still, transactions(store) as other:
        still.begin(Wanted(scopes=[BUYER]))
        other.begin(Wanted(scopes=[BUYER]))
        other.commit(Writes(scopes={BUYER: agent_scope(spent=1)}))
        with pytest.raises(StoreError):
            still.commit(Writes(scopes={BUYER: agent_scope(spent=2)}))
    assert store.scope(BUYER) == agent_scope(spent=1)


# -- a server that would not keep what is promised


def test_a_commit_is_durable_whatever_the_database_is_set_to(postgres: Server) -> None:
    url = postgres.fresh()
    database = url.partition("@/")[2].partition("?")[0]
    postgres.execute(f'alter database "{database}" set synchronous_commit = off')
    store = PostgresStore(url)
    with transactions(store) as writing:
        assert isinstance(writing, PostgresTransactions)
        assert writing._db.execute("show synchronous_commit").fetchone() == ("on",)
    store.close()


def test_a_server_that_may_lose_commits_is_refused(postgres: Server) -> None:
    url = postgres.fresh()
    database = url.partition("@/")[2].partition("?")[0]
    with psycopg.connect(postgres.url(database), autocommit=True) as db:
        db.execute("alter system set fsync = off")
        try:
            db.execute("select pg_reload_conf()")
            while db.execute("show fsync").fetchone() != ("off",):
                pass
            with pytest.raises(StoreError, match="it runs with fsync = off"):
                PostgresStore(url)
        finally:
            db.execute("alter system reset fsync")
            db.execute("select pg_reload_conf()")
        while db.execute("show fsync").fetchone() != ("on",):
            pass


def test_a_database_without_unicode_is_refused(postgres: Server) -> None:
    postgres.execute("create database ascii encoding 'SQL_ASCII' template template0")
    with pytest.raises(
        StoreError, match=r"/ascii: its encoding is SQL_ASCII: create the database with encoding 'UTF8'"
    ):
        PostgresStore(postgres.url("ascii"))


def test_an_old_server_is_refused(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.storage.postgres.OLDEST_VERSION", 99)
    with pytest.raises(StoreError, match=r"it is PostgreSQL \d+, and Remit needs 99 or newer"):
        PostgresStore(postgres.fresh())


def test_a_database_that_is_not_there_is_named(postgres: Server, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r'postgresql://postgres@/nowhere: .*database "nowhere" does not exist'):
        PostgresStore(postgres.url("nowhere"))
    with pytest.raises(StoreError, match="gone or can not be reached"):
        PostgresStore(f"postgresql://someone@/db?host={tmp_path}")


# -- erasure


def test_a_destroyed_key_leaves_a_tombstone_and_none_is_made_in_its_place(store: PostgresStore) -> None:
    id = KeyId("here/subject/x")
    put(store, Writes(keys=[WrappedKey(id, b"wrapped", NOON)]))
    put(store, Writes(destroyed=[(id, Instant(NOON + 1))]))
    put(store, Writes(keys=[WrappedKey(id, b"again", NOON)]))
    assert store.key(id) == WrappedKey(id, b"", Instant(NOON + 1))
    assert store.some_key() is None
