"""Migrations on PostgreSQL, and forward from every version ever released on both dialects."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, create_engine, insert, text
from sqlalchemy.pool import NullPool

from remit.domain.facts import ScopeKind
from remit.domain.ids import RunId, WorkspaceName
from remit.storage import journal_tables, migrate, tables
from remit.storage.opening import open_store
from remit.storage.port import StoreError
from remit.storage.postgres import PostgresStore
from tests.postgres.server import Server

RELEASED = migrate.KNOWN
ROWS: tuple[tuple[str, dict[str, bytes]], ...] = (
    (
        "insert into scopes (id, kind, stops, state) values ('w/', 'workspace', '{}', :state)",
        {"state": b'{"spends":{},"records":1}'},
    ),
    (
        "insert into records (workspace, key, kind, at, leaf, body) values ('w', 'k', 'run_ended', 1, :leaf, :body)",
        {"leaf": b"l", "body": b'{"no":1}'},
    ),
    ("insert into owners (id, seen_at) values ('own_1', 5)", {}),
)
UrlOf = Callable[[Server, Path], str]


def sqlite_url(_: Server, folder: Path) -> str:
    return f"sqlite:///{folder / 'old.db'}"


def postgres_url(postgres: Server, _: Path) -> str:
    return postgres.fresh("template1")


def connection_to(url: str) -> Connection:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool).connect()


def make_as_of(url: str, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    with connection_to(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        for row, values in ROWS:
            connection.execute(text(row), values)
        connection.commit()


RUN = (
    "insert into runs (id, workspace, agent, release, on_behalf_of, purpose, started_at, key, parent, depth)"
    " values (:id, 'w', 'a', 'rel', 'user:x', '', 1, 'k', :parent, :depth)"
)
RUN_SCOPE = "insert into scopes (id, kind, stops, state) values (:id, 'run', '{}', :state)"


@pytest.mark.parametrize("url_of", [sqlite_url, postgres_url], ids=["sqlite", "postgres"])
def test_ends_and_ancestors_of_runs_are_found_out(postgres: Server, tmp_path: Path, url_of: UrlOf) -> None:
    url = url_of(postgres, tmp_path)
    make_as_of(url, "0005")
    with connection_to(url) as connection:
        for depth, (run, parent, ended_at) in enumerate([("top", None, 0), ("mid", "top", 7), ("low", "mid", 0)]):
            connection.execute(text(RUN), {"id": run, "parent": parent, "depth": depth})
            state = b'{"spends":{},"progress":{"ended_at":%d}}' % ended_at
            connection.execute(text(RUN_SCOPE), {"id": f"w/run/{run}", "state": state})
        connection.commit()
    store = open_store(url)
    try:
        assert [store.run(RunId(run)).ancestors for run in ("top", "mid", "low")] == [(), ("top",), ("top", "mid")]  # type: ignore[union-attr]
        within = [store.runs_within(WorkspaceName("w"), ScopeKind.RUN, run, 9) for run in ("top", "mid", "low")]
        assert [[run.id for run in found] for found in within] == [["low", "top"], ["low"], ["low"]]
    finally:
        store.close()


@pytest.mark.parametrize("url_of", [sqlite_url, postgres_url], ids=["sqlite", "postgres"])
def test_who_asked_for_a_run_of_a_workflow_and_which_it_follows_are_found_out(
    postgres: Server, tmp_path: Path, url_of: UrlOf
) -> None:
    url = url_of(postgres, tmp_path)
    make_as_of(url, "0010")
    with connection_to(url) as connection:
        for run in ("first", "again", "undoing", "own"):
            connection.execute(text(RUN), {"id": run, "parent": None, "depth": 0})
        table = Table("workflow_runs", MetaData(), autoload_with=connection)
        for run, by, shares, undo_run in (("first", "user:a", "", "undoing"), ("again", "user:b", "first", "")):
            told = {"run": run, "started_by": by, "shares": shares, "undo_run": undo_run, "outputs": b""}
            columns = [each for each in table.c if not each.nullable and each.name not in told]
            rest = {each.name: 0 if each.type.python_type is int else "" for each in columns}
            connection.execute(insert(table), {**told, **rest})
        connection.commit()
    store = open_store(url)
    try:
        found = [store.run(RunId(run)) for run in ("first", "again", "undoing", "own")]
        told_now = [(run.started_by, run.follows) for run in found if run is not None]
        assert told_now == [("user:a", None), ("user:b", "first"), ("", "first"), ("", None)]
    finally:
        store.close()


@pytest.mark.parametrize("url_of", [sqlite_url, postgres_url], ids=["sqlite", "postgres"])
@pytest.mark.parametrize("version", RELEASED)
def test_a_database_of_any_release_is_brought_forward_with_what_it_holds(
    postgres: Server, tmp_path: Path, url_of: UrlOf, version: str
) -> None:
    url = url_of(postgres, tmp_path)
    make_as_of(url, version)
    store = open_store(url)
    try:
        assert [body for _, body in store.records("w")] == [b'{"no":1}']  # type: ignore[arg-type]
        assert store.scope("w/").records == 1  # type: ignore[arg-type,union-attr]
    finally:
        store.close()
    with connection_to(url) as connection:
        assert connection.execute(text("select version_num from alembic_version")).scalar() == migrate.HEAD


def test_migrations_make_exactly_the_tables_that_the_code_describes(postgres: Server) -> None:
    with connection_to(postgres.fresh()) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    assert journal_tables.workflow_runs.name in tables.metadata.tables  # else theirs would have been left out


def test_a_database_from_the_future_is_refused_and_left_alone(postgres: Server) -> None:
    url = postgres.fresh()
    with psycopg.connect(url) as db:
        db.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(StoreError, match=r"has schema 9999.*use the newer Remit"):
        PostgresStore(url)
    with psycopg.connect(url) as db:
        assert db.execute("select version_num from alembic_version").fetchone() == ("9999",)


OPEN = """
import sys, time
from pathlib import Path
from remit.storage.postgres import PostgresStore

go = Path(sys.argv[2])
while not go.exists():
    time.sleep(0.001)
PostgresStore(sys.argv[1]).close()
"""


@pytest.mark.slow
def test_processes_that_open_an_empty_database_at_once_all_find_it_migrated(postgres: Server, tmp_path: Path) -> None:
    url, go = postgres.fresh("template1"), tmp_path / "go"
    openers = [subprocess.Popen([sys.executable, "-c", OPEN, url, str(go)], stderr=subprocess.PIPE) for _ in range(4)]
    go.touch()
    ends = [opener.communicate(timeout=60)[1].decode() for opener in openers]
    assert ends == [""] * 4
    assert [opener.returncode for opener in openers] == [0] * 4
    with psycopg.connect(url) as db:
        assert db.execute("select version_num from alembic_version").fetchall() == [(migrate.HEAD,)]
