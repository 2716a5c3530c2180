"""A database is brought to today's schema once, by whoever comes first, and never from the future."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from remit.storage import journal_tables, migrate, tables
from remit.storage.port import StoreError
from remit.storage.sqlite import SqliteStore


def version_of(path: Path) -> str:
    db = sqlite3.connect(path)
    try:
        (version,) = db.execute("select version_num from alembic_version").fetchone()
    finally:
        db.close()
    return str(version)


def test_the_head_named_in_the_code_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == migrate.HEAD
    assert {script.revision for script in scripts.walk_revisions()} == set(migrate.KNOWN)


def test_a_new_file_gets_the_newest_schema(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "new.db").close()
    assert version_of(tmp_path / "new.db") == migrate.HEAD


def test_migrations_make_exactly_the_tables_that_the_code_describes(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "new.db").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'new.db'}", poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        difference = compare_metadata(context, tables.metadata)
    assert difference == []
    assert journal_tables.workflow_runs.name in tables.metadata.tables


def test_the_comparison_would_see_a_missing_column(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "new.db").close()
    db = sqlite3.connect(tmp_path / "new.db")
    db.execute("alter table runs drop column purpose")
    db.close()
    engine = create_engine(f"sqlite:///{tmp_path / 'new.db'}", poolclass=NullPool)
    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    assert [change[0] for change in difference] == ["add_column"]


def test_a_database_from_the_future_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    SqliteStore(path).close()
    db = sqlite3.connect(path)
    db.execute("update alembic_version set version_num = '9999'")
    db.commit()
    db.close()
    with pytest.raises(StoreError, match=r"has schema 9999.*use the newer Remit"):
        SqliteStore(path)
    assert version_of(path) == "9999"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda path: path.mkdir(), "can not be opened"),
        (lambda path: path.write_bytes(b"PDF-1.7 and other things, at some length" * 50), "no SQLite database"),
    ],
    ids=["a folder", "another file"],
)
def test_what_is_no_database_is_refused_in_words(tmp_path: Path, made, said: str) -> None:
    made(tmp_path / "remit.db")
    with pytest.raises(StoreError, match=said):
        SqliteStore(tmp_path / "remit.db")


def test_a_missing_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check that its folder exists"):
        SqliteStore(tmp_path / "nowhere" / "remit.db")


OPEN = """
import sys, time
from pathlib import Path
from remit.storage.sqlite import SqliteStore

go = Path(sys.argv[2])
while not go.exists():
    time.sleep(0.001)
SqliteStore(Path(sys.argv[1])).close()
"""


@pytest.mark.slow
def test_processes_that_open_a_new_file_at_once_all_find_it_migrated(tmp_path: Path) -> None:
    path, go = tmp_path / "new.db", tmp_path / "go"
    openers = [
        subprocess.Popen([sys.executable, "-c", OPEN, str(path), str(go)], stderr=subprocess.PIPE) for _ in range(4)
    ]
    go.touch()
    ends = [opener.communicate(timeout=60)[1].decode() for opener in openers]
    assert ends == [""] * 4
    assert [opener.returncode for opener in openers] == [0] * 4
    assert version_of(path) == migrate.HEAD
