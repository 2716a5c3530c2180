"""The simulation of the admission path once more, on PostgreSQL: processes die between statements there too."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from psycopg import Cursor

from remit.domain.ids import OwnerId
from remit.storage.port import Loaded, Transactions, Wanted, Writes
from remit.storage.postgres import PostgresStore, PostgresTransactions
from remit.storage.postgres_address import Address
from tests.postgres.conftest import SettingsOf
from tests.postgres.server import Server
from tests.simulation import story as stories
from tests.simulation.company import CHANGES
from tests.simulation.crashes import Crashed, Fuse
from tests.simulation.invariants import Ledger, expect_counters_as_recorded
from tests.simulation.story import Failed, Story, Template, Worker
from tests.worlds import WORKSPACE, world

SEEDS = 500 if os.environ.get("REMIT_NIGHTLY") else 24
CHUNKS = 2
USUAL_DEATHS = {"begin", "insert into scopes", "insert into records", "commit"}


class FragileTransactions(PostgresTransactions):
    """Transactions whose process may die before every statement, and before the answer is heard."""

    def __init__(self, address: Address, fuse: Fuse) -> None:
        super().__init__(address)
        self._fuse = fuse

    def begin(self, wanted: Wanted) -> Loaded:
        loaded: Loaded = self._survive("after begin", lambda: super(FragileTransactions, self).begin(wanted))
        return loaded

    def commit(self, writes: Writes) -> None:
        self._survive("after commit", lambda: super(FragileTransactions, self).commit(writes))

    def _survive(self, end: str, work: Any) -> Any:
        try:
            done = work()
            self._fuse.point(end)
        except Crashed:
            self.close()  # as the kernel does for a killed process
            raise
        return done

    def _send(self, statement: str, *values: Any) -> Cursor[Any]:
        self._fuse.point(statement)
        return super()._send(statement, *values)


class FragileStore(PostgresStore):
    """A database whose transactions are fragile."""

    def __init__(self, url: str, fuse: Fuse) -> None:
        super().__init__(url)
        self._fuse = fuse

    def transactions(self) -> Transactions:
        return FragileTransactions(self.address, self._fuse)


class PostgresStory(Story):
    """A story whose processes share a database on a server."""

    def _worker(self) -> Worker:
        return Worker(OwnerId(self.ids.new("own")), self.store.transactions())


def expect_sound(url: str) -> Ledger:
    """Read a whole database and hold it to every promise."""
    ledger = Ledger()
    with psycopg.connect(url) as db:
        for (body,) in db.execute("select body from records order by seq"):
            ledger.read(orjson.loads(body))
        states = {id: orjson.loads(state) for id, state in db.execute("select id, state from scopes")}
    expect_counters_as_recorded(ledger, states, WORKSPACE)
    return ledger


@dataclass(frozen=True, slots=True)
class Stage:
    """An applied workspace, and the database it is in: every story begins with a copy."""

    postgres: Server
    template: Template
    database: str

    def story(self, seed: int, folder: Path, patch: pytest.MonkeyPatch) -> Story:
        url = self.postgres.fresh(self.database)
        folder.mkdir()
        shutil.copy(self.template.folder / "remit.key", folder / "remit.key")
        patch.setattr(stories, "expect_sound", lambda *_: expect_sound(url))
        rules = self.template.rulesets.of(WORKSPACE, self.template.release)
        open_store: Any = lambda _, fuse: FragileStore(url, fuse)  # noqa: E731
        return PostgresStory(seed, folder / "remit.db", rules, self.template.rulesets, open_store)


@pytest.fixture
def stage(postgres: Server, tmp_path: Path, settings_of: SettingsOf, worlds_on_postgres: None) -> Stage:
    folder = tmp_path / "template"
    folder.mkdir()
    with world(folder, CHANGES) as it:
        found = Template(folder, it.rules().release, it.parts.rulesets)
        return Stage(postgres, found, postgres.name_of(it.store))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_promise_holds_in_every_story(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    crashes: set[str] = set()
    for seed in range(chunk, SEEDS, CHUNKS):
        story = stage.story(seed, tmp_path / str(seed), monkeypatch)
        story.tell()
        crashes.update(crash.partition(" (")[0].partition(" isolation")[0] for crash in story.crashes)
    assert crashes >= USUAL_DEATHS, "processes died where it matters"


def tell_all(told: Iterator[Story]) -> None:
    for story in told:
        story.tell()


def drop_counters(writes: Writes) -> None:
    writes.scopes = {id: scope for id, scope in writes.scopes.items() if "/agent/" not in id}


def drop_refusals(writes: Writes) -> None:
    writes.records = [record for record in writes.records if b'"state":"denied"' not in record.body]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "said"),
    [(drop_counters, r"stands at|in flight"), (drop_refusals, "was answered, so it is on record")],
    ids=["counters are not written", "a refusal is not recorded"],
)
def test_a_break_is_noticed(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Callable[[Writes], None], said: str
) -> None:
    original = FragileTransactions.commit

    def commit(self: FragileTransactions, writes: Writes) -> None:
        broken(writes)
        original(self, writes)

    monkeypatch.setattr(FragileTransactions, "commit", commit)
    made = (stage.story(seed, tmp_path / str(seed), monkeypatch) for seed in range(20))
    with pytest.raises(Failed, match=said):
        tell_all(made)
