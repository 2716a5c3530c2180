"""The journal's guarantees, on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.control.transaction import changing
from remit.domain.ids import RunId, WorkspaceName
from remit.domain.record import RecordKind
from remit.storage import postgres_address
from remit.storage.journal import Journal
from remit.storage.journal_rows import journal_of
from remit.storage.port import StoreError, Wanted
from remit.storage.postgres import READERS, PostgresStore
from tests.postgres.server import Server
from tests.storage.test_journal import *  # noqa: F403 - the same tests, with the fixtures below
from tests.storage.test_journal import NOW, asking, run

HERE = Wanted(workspace=WorkspaceName("a"))
PATIENCE_S = 25


@pytest.fixture  # type: ignore[no-redef] # in place of the imported one
def store(postgres: Server, tmp_path: Path) -> Iterator[Any]:
    it = PostgresStore(postgres.fresh())
    yield it
    it.close()


@pytest.fixture  # type: ignore[no-redef]
def journal(store: Any) -> Journal:
    return journal_of(store)


def begin(journal: Journal, store: PostgresStore, ids: list[str]) -> None:
    """Begin runs in a workspace that has a row."""
    with changing(store, HERE, NOW) as change:
        change.record("first", RecordKind.PAYLOAD_READ, {})
    for id in ids:
        journal.add(run(id))


def waiting_for(monkeypatch: pytest.MonkeyPatch, lock: str) -> None:
    """Have the connections that are opened from now on wait that long for locks, and stand still for longer."""
    session = postgres_address._SESSION
    for name, mine in (("'lock_timeout', '10s'", f"'lock_timeout', '{lock}'"), ("timeout', '15s'", "timeout', '60s'")):
        assert name in session
        session = session.replace(name, mine)
    monkeypatch.setattr(postgres_address, "_SESSION", session)


def keys(store: PostgresStore) -> list[str]:
    return [orjson.loads(body)["key"] for _, body in store.records(HERE.workspace)]


def until_as_many_wait(postgres: Server, store: PostgresStore, many: int) -> None:
    waiting = f"select count(*) from pg_stat_activity where datname = '{postgres.name_of(store)}'"
    last = time.monotonic() + PATIENCE_S
    while postgres.execute(f"{waiting} and wait_event_type = 'Lock'")[0][0] < many:
        assert time.monotonic() < last, "those who ask do not wait for the workspace's row"
        time.sleep(0.02)


def test_whoever_holds_the_workspace_can_read_however_many_ask_something_of_workflows(
    postgres: Server, journal: Journal, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for the row keeps no connection from who has it: that circle PostgreSQL could not see."""
    waiting_for(monkeypatch, "29s")
    ids = [f"run_{number:02}" for number in range(2 * READERS + 2)]
    begin(journal, store, ids)
    with ThreadPoolExecutor(len(ids)) as people:
        with changing(store, HERE, NOW):
            asked = [people.submit(journal.cancel, RunId(id), "cancel", "user:sara", NOW, asking(id, id)) for id in ids]
            until_as_many_wait(postgres, store, 2 * READERS)
            assert keys(store) == ["first"]
        assert [each.result(60) for each in asked] == [True] * len(ids)
    assert sorted(keys(store)) == ["first", *ids]


def test_whoever_asks_and_waits_too_long_hears_why_and_nothing_has_changed(
    journal: Journal, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting_for(monkeypatch, "100ms")
    begin(journal, store, ["run_1"])
    ask = partial(journal.cancel, RunId("run_1"), "cancel", "user:sara", NOW, asking("run_1", "asked"))
    with (
        changing(store, HERE, NOW),
        pytest.raises(StoreError, match=r"the journal of workflows can not be .* lock timeout"),
    ):
        ask()
    assert journal.run(RunId("run_1")) == run("run_1")
    assert keys(store) == ["first"]
    assert ask()
