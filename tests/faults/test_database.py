"""A database that can not be used: said clearly, nothing admitted, nothing lost, all well once the fault is gone."""

import sqlite3
from pathlib import Path

import pytest

import remit
from remit.cli.main import run as command
from remit.compose import open_parts
from remit.control.stops import Stops
from remit.domain.record import RecordKind
from remit.sdk.run import ActiveRun
from remit.settings import Settings
from remit.storage import sqlite
from remit.storage.port import StoreError
from remit.storage.sealed import KeyFile
from tests.faults.disks import held_by_another_process, of_nobody, small_disk
from tests.faults.ground import Ground, ground
from tests.faults.told import expect_told
from tests.worlds import VISITOR, WORKSPACE, World, reopened

MOST = 5_000
"""Calls after which a disk of a megabyte must have been full."""


def told_by_command(path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command line says of this database: one line on standard error, and exit code 2."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REMIT_DATABASE_URL", f"sqlite:///{path}")
        code = command(arguments or ("runs", "ls"))
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    return err.removeprefix("Error: ").rstrip("\n")


def unavailable(path: Path) -> str:
    """What an agent is told that connects to this database."""
    with pytest.raises(remit.Unavailable) as caught:
        remit.connect(f"sqlite:///{path}")
    return str(caught.value)


# -- a disk that fills up while an agent works


def call_without_end(it: Ground, run: ActiveRun) -> None:
    for _ in range(MOST):
        it.call(run, {"id": "x" * 500})


@pytest.mark.parametrize("kind", ["file system", "limit of pages"])
def test_a_disk_that_fills_up(kind: str, tmp_path: Path) -> None:
    with small_disk(kind, tmp_path) as disk, ground(disk.folder) as it:
        before = it.world.records()
        with pytest.raises(remit.Unavailable) as caught, it.run() as run:
            call_without_end(it, run)
        root = caught.value.__cause__ if isinstance(caught.value, remit.Unrecorded) else caught.value
        expect_told("full disk", str(root), database=it.world.path)
        assert it.ran, "it worked until then"
        assert it.world.records()[: len(before)] == before, "nothing on record is lost"
        assert len(it.admitted()) in (len(it.ran), len(it.ran) + 1), "at most one was admitted and not dispatched"
        it.expect_recorded_before_run()

        ran = len(it.ran)
        for _ in range(3):
            with pytest.raises(remit.Unavailable), it.run() as run:
                it.call(run, {"id": "x" * 500})
        assert len(it.ran) == ran, "nothing runs while it is full"

        disk.grow()
        it.works()  # the same client
        assert all(replayed.agreement.value == "same" for replayed in it.world.replay.all(WORKSPACE))


# -- a database that may not be written


def test_a_database_in_a_folder_that_may_not_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ground(tmp_path) as it:  # whatever is imported on first use is imported while we may
        it.works()
    with of_nobody() as folder:
        with ground(folder) as it:
            it.works()
            path, records = it.world.path, it.world.records()
        for file in folder.iterdir():
            file.chmod(0o400)
        folder.chmod(0o500)
        said = unavailable(path)
        assert told_by_command(path, capsys) == said
        folder.chmod(0o700)
        for file in folder.iterdir():
            file.chmod(0o600)
        with reopened(path) as world:
            assert world.records() == records
            world.clock.advance(1)
            Ground(world).works()
    expect_told("read-only database", said, database=path)


def test_a_folder_that_can_not_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "remit.db"
    said = told_by_command(path, capsys, "people", "ls")
    expect_told("folder that can not be made", said, folder=path.parent)


# -- a database somebody else holds


@pytest.mark.slow  # it waits until the time is up
def test_a_database_that_another_process_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 1)
    with ground(tmp_path) as it, it.run() as run:
        it.call(run)
        records = it.world.records()
        with held_by_another_process(it.world.path):
            with pytest.raises(remit.Unavailable) as caught:
                it.call(run)
            stops = Stops(it.world.store, it.world.clock, it.world.ids)
            with pytest.raises(StoreError):
                stops.freeze(WORKSPACE, "agent:buyer", VISITOR, "")
            assert len(it.ran) == 1, "nothing ran"
        expect_told("locked database", str(caught.value), database=it.world.path)
        assert it.world.records() == records
        it.call(run)
        assert len(it.ran) == 2


def test_a_short_wait_is_no_fault(tmp_path: Path) -> None:
    with ground(tmp_path) as it:
        with held_by_another_process(it.world.path):
            assert it.ran == []
        it.works()
        assert len(it.ran) == 1


# -- what is no database, or no longer one


def test_a_text_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Buy milk.\n" * 1000)
    said = unavailable(path)
    assert told_by_command(path, capsys) == said
    expect_told("no database", said, database=path)
    assert path.read_text() == "Buy milk.\n" * 1000, "it is not touched"


def test_a_folder_for_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = unavailable(tmp_path)
    assert told_by_command(tmp_path, capsys) == said
    expect_told("folder for a database", said, database=tmp_path)


def test_a_damaged_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ground(tmp_path) as it:
        it.works()
        path = it.world.path
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\x5a" * (len(content) - 4096))  # the header is whole, all else is not
    said = unavailable(path)
    assert told_by_command(path, capsys) == said
    expect_told("damaged database", said, database=path)
    path.write_bytes(content)
    with reopened(path) as world:
        world.clock.advance(1)
        Ground(world).works()


def test_a_database_that_is_damaged_while_an_agent_works(tmp_path: Path) -> None:
    with ground(tmp_path) as it:
        it.works()
        path = it.world.path
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("pragma wal_checkpoint(truncate)")
        page = db.execute("select rootpage from sqlite_master where name = 'scopes'").fetchone()[0]
        size = db.execute("pragma page_size").fetchone()[0]
        db.close()
        whole = path.read_bytes()
        path.write_bytes(whole[: (page - 1) * size] + b"\x5a" * size + whole[page * size :])
        with reopened(path) as world:
            world.clock.advance(1)
            other = Ground(world)
            with pytest.raises(remit.Unavailable) as caught, other.run() as run:
                other.call(run)
            assert other.ran == []
        expect_told("damaged while at work", str(caught.value), database=path)


def test_a_database_of_a_later_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ground(tmp_path) as it:
        it.works()
        path = it.world.path
    with sqlite3.connect(path) as db:
        (was,) = db.execute("select version_num from alembic_version").fetchone()
        db.execute("update alembic_version set version_num = '9999'")
    db.close()
    said = unavailable(path)
    assert told_by_command(path, capsys) == said
    expect_told("later schema", said, database=path, known=was)
    with sqlite3.connect(path) as db:
        db.execute("update alembic_version set version_num = ?", (was,))
    db.close()
    with reopened(path) as world:
        world.clock.advance(1)
        Ground(world).works()


def test_an_empty_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "remit.db"
    path.touch()
    with pytest.raises(remit.Refused) as caught:
        remit.connect(f"sqlite:///{path}")
    assert told_by_command(path, capsys) == str(caught.value)
    expect_told("empty database", str(caught.value), database=path)


# -- the key file


KEYS = {
    "a key file that others may read": (lambda path: path.chmod(0o644)),
    "a key file that the group may write": (lambda path: path.chmod(0o620)),
    "a key file with garbage": (lambda path: path.write_bytes(b"\xff\x00" * 32)),
    "a key file with half a key": (lambda path: path.write_text("00" * 16)),
    "an empty key file": (lambda path: path.write_text("")),
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_file(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ground(tmp_path) as it:
        it.works()
        path, records = it.world.path, it.world.records()
    file = path.with_name("remit.key")
    content = file.read_bytes()
    KEYS[case](file)
    said = unavailable(path)
    assert told_by_command(path, capsys) == said
    expect_told(case, said, key=file)
    file.write_bytes(content)
    file.chmod(0o600)
    with reopened(path) as world:
        assert world.records() == records
        world.clock.advance(1)
        Ground(world).works()


def test_another_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database is not gone on with under another key: half of it could be read by nobody."""
    with ground(tmp_path) as it:
        it.works()
        path, records = it.world.path, it.world.records()
    file = path.with_name("remit.key")
    content = file.read_bytes()
    file.write_text("00" * 32 + "\n")
    said = unavailable(path)
    assert told_by_command(path, capsys) == said
    expect_told("another key", said, key=file)
    file.unlink()
    expect_told("a key file that is gone", unavailable(path), key=file)
    assert not file.exists(), "none is made in its place"
    file.write_bytes(content)
    file.chmod(0o600)
    with reopened(path) as world:
        assert world.records() == records


def test_another_key_beside_a_database_in_which_nothing_is_sealed_yet(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'remit.db'}")
    open_parts(settings).close()
    (tmp_path / "remit.key").unlink()
    with pytest.raises(StoreError, match="the key file is not there"):
        open_parts(settings)
    KeyFile(tmp_path / "remit.key")
    with pytest.raises(StoreError, match="not the key file that this database is used with: restore it from"):
        open_parts(settings)


def test_the_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    parts = open_parts(Settings(database_url=f"sqlite:///{tmp_path / 'new' / 'remit.db'}"))
    parts.close()
    assert (tmp_path / "new" / "remit.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_freeze_that_could_not_be_stored_is_no_freeze(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 1)
    with ground(tmp_path) as it:
        world: World = it.world
        with held_by_another_process(world.path), pytest.raises(StoreError):
            world.stops.freeze(WORKSPACE, "workspace", VISITOR, "")
        assert world.records(RecordKind.STOP_CHANGED) == []
        it.works()
