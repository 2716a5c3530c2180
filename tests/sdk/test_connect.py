"""Connecting: what can be wrong is said in one clear error, of the sdk's own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.compose import open_parts
from remit.control.releases import Move, Releases
from remit.domain.ids import ReleaseId
from remit.settings import Settings
from remit.storage.opening import open_store
from remit.storage.port import StoreError
from remit.workspace.files import Folder
from tests.worlds import OWNER, VISITOR, World, files, reopened, world


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path) as opened:
        yield opened


def test_an_agent_needs_three_lines(it: World) -> None:
    with remit.connect(it.url) as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        assert run.call("erp.get", {"id": "1"}, using=lambda id: id) == "1"
    assert run.release == it.rules().release
    assert run.id.startswith("run_")


def test_the_database_of_the_environment_is_the_default(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_DATABASE_URL", it.url)
    with remit.connect() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        assert run.call("erp.get", {"id": "1"}, using=lambda id: id) == "1"


def test_a_database_without_a_workspace_is_refused_with_what_to_do(tmp_path: Path) -> None:
    open_parts(Settings(database_url=f"sqlite:///{tmp_path / 'remit.db'}")).close()
    with pytest.raises(remit.Refused, match=r"database \S+/remit\.db holds no workspace yet: run `remit apply DIR`"):
        remit.connect(f"sqlite:///{tmp_path / 'remit.db'}")


def test_a_database_that_is_not_there_is_refused_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a wrong folder: an empty database there would only hide the mistake."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REMIT_DATABASE_URL", raising=False)
    for url, path in ((None, ".remit/remit.db"), (f"sqlite:///{tmp_path}/new/remit.db", "new/remit.db")):
        with pytest.raises(remit.Refused) as caught:
            remit.connect(url)
        assert str(caught.value) == f"there is no database at {tmp_path}/{path}: run `remit apply DIR` first"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [":memory:", ".", "..", "", "folder/"])
def test_a_url_without_a_file_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(remit.Refused, match=r"^database_url: .*as sqlite:///\.remit/remit\.db"):
        remit.connect(f"sqlite:///{path}")
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{path}")
    with pytest.raises(remit.Refused, match=r"^REMIT_DATABASE_URL: "):
        remit.connect()
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_that_is_not_there_is_refused_with_those_that_are(it: World) -> None:
    with pytest.raises(remit.Refused, match=r"there is no workspace other in \S+/remit\.db; known: tiny"):
        remit.connect(it.url, "other")


def test_of_several_workspaces_one_must_be_named(it: World) -> None:
    plan = it.releases.plan(Folder("second", files({"workspace.yaml": None}), ()), OWNER, "", "production")
    it.releases.apply(plan, "production")
    with pytest.raises(remit.Refused, match="several: second, tiny; name one"):
        remit.connect(it.url)
    with remit.connect(it.url, "second") as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        assert run.id


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="the folder of the database can not be made"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'folder' / 'remit.db'}")
    with pytest.raises(StoreError, match="check that its folder exists and may be written"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'remit.db'}")


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "remit.db").write_bytes(b"a long letter" * 500)
    with pytest.raises(remit.Unavailable, match="the file is no SQLite database"):
        remit.connect(f"sqlite:///{tmp_path / 'remit.db'}")


def test_a_key_that_others_may_read_is_said(it: World) -> None:
    it.path.with_name("remit.key").chmod(0o644)
    with pytest.raises(remit.Unavailable, match="run chmod 600 on it"):
        remit.connect(it.url)


AS_SOMEBODY_ELSE = """
import os, sys, remit
remit.connect(sys.argv[1]).close()  # so that everything is imported while it may still be read
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    remit.connect(sys.argv[2])
except (remit.Refused, remit.Unavailable) as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("inside", ["remit.db", "folder/remit.db"], ids=["in it", "in a folder of it"])
@pytest.mark.parametrize("mode", [0o000, 0o555], ids=["may not be entered", "may not be written"])
def test_a_folder_without_permission_is_said(it: World, mode: int, inside: str) -> None:
    """Permissions do not hold the superuser back, so a process without such powers tries."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own may be entered by nobody else
        Path(folder).chmod(mode)
        ran = subprocess.run(
            [sys.executable, "-c", AS_SOMEBODY_ELSE, it.url, f"sqlite:///{folder}/{inside}"],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )
        Path(folder).chmod(0o700)
    assert ran.stderr == ""
    assert ran.stdout.startswith("refused:")
    assert "can not be opened" in ran.stdout or "there is no database" in ran.stdout


def test_a_closed_connection_admits_nothing(it: World) -> None:
    client = remit.connect(it.url)
    run = client.run("buyer", on_behalf_of=VISITOR)
    run.__enter__()
    client.close()
    with pytest.raises(remit.Unavailable, match="the connection is closed: nothing was admitted; connect again"):
        run.call("erp.get", {"id": "1"}, using=lambda id: pytest.fail("dispatched"))
    client.close()


def test_an_agent_that_is_not_there_is_refused_with_those_that_are(it: World) -> None:
    with pytest.raises(remit.Refused, match="knows no agent seller; it knows buyer"):
        it.client.run("seller", on_behalf_of=VISITOR).__enter__()


def test_a_release_that_can_not_be_read_admits_nothing(tmp_path: Path) -> None:
    """A newer Remit may have written what this one can not read."""
    with world(tmp_path) as it:
        run = it.start()
    with reopened(it.path) as later:
        broken = {"agents/buyer.yaml": b"kind: FromTheFuture\n"}
        releases = Releases(later.store, later.clock, later.ids)
        known = later.store.release("tiny", run.release)
        assert known is not None
        future = replace(known, id=ReleaseId("rel_future"), files=broken)
        releases._activate(Move(future, "production", OWNER, "", known))
        with pytest.raises(remit.Refused, match="release rel_future can not be read by this version of Remit"):
            later.client.run("buyer", on_behalf_of=VISITOR).__enter__()
