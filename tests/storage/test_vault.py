"""Secrets are found by reference, at once, and never told."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from remit.settings import Settings
from remit.storage.vault import ForbiddenSecret, MachineVault, NoSecret, spelled_out


def test_what_a_reference_leads_to(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" s3cret\n")
    vault = MachineVault({"TOKEN": "t0ken "})
    assert vault.secret("env:TOKEN") == "t0ken"
    assert vault.secret(f"file:{tmp_path / 'token'}") == "s3cret"
    assert spelled_out(vault, "production") == "production"
    assert spelled_out(vault, "env:TOKEN") == "t0ken"


@pytest.mark.parametrize("reference", ["env:NOTHING", "env:EMPTY", "file:/nowhere/at/all", "file:/", "plain text"])
def test_a_reference_that_leads_nowhere_is_named_and_nothing_else(reference: str) -> None:
    with pytest.raises(NoSecret) as caught:
        MachineVault({"EMPTY": "  "}).secret(reference)
    assert ("plain text" in str(caught.value)) is False
    assert "leads to no secret" in str(caught.value)


def forbidden(vault: MachineVault, reference: str) -> str:
    with pytest.raises(ForbiddenSecret) as caught:
        vault.secret(reference)
    return str(caught.value)


def test_what_is_remits_own_is_never_read_by_whatever_name(tmp_path: Path) -> None:
    """The master key opens every payload, and a workspace's author may have a header carry a secret anywhere."""
    key = tmp_path / "remit.key"
    key.write_text("the master key")
    vault = MachineVault({"REMIT_TOKEN": "t"}, own=Settings(key_file=key).own_files)
    (tmp_path / "deep").mkdir()
    (tmp_path / "link").symlink_to(key)
    (tmp_path / "folder").symlink_to(tmp_path)
    os.link(key, tmp_path / "second")
    own = "it is a file of Remit's own"
    for name in ("remit.key", "link", "deep/../remit.key", "folder/remit.key", "folder/link", "second"):
        reference = f"file:{tmp_path / name}"
        assert forbidden(vault, reference) == f"{reference} may not be read: {own}"
    for name in ("REMIT_TOKEN", "remit_token"):
        assert forbidden(vault, f"env:{name}") == f"env:{name} may not be read: it is a setting of Remit"


def test_neither_is_the_database(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'remit.db'}")
    vault = MachineVault({}, own=settings.own_files)
    for name in ("remit.db", "remit.db-wal", "remit.queue.db", "remit.queue.db-wal", "remit.key"):
        (tmp_path / name).write_text("x")
        assert "a file of Remit's own" in forbidden(vault, f"file:{tmp_path / name}")


@pytest.mark.parametrize(
    "path", ["/proc/self/environ", "/proc/1/environ", "/dev/stdin", "/dev/zero", "/sys/kernel/notes", "/dev/fd/0"]
)
def test_what_processes_and_devices_are_made_of_is_no_secret(path: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    for reference in (f"file:{path}", f"file:/usr/..{path}", f"file:{tmp_path / 'link'}"):
        said = forbidden(MachineVault({}), reference)
        assert said.startswith(f"{reference} may not be read: it is ")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "it is no ordinary file" in forbidden(MachineVault({}), f"file:{tmp_path / 'pipe'}")


def test_files_may_be_kept_to_folders(tmp_path: Path) -> None:
    for name in ("secrets/erp", "secrets/deep/erp", "secrets-too/erp", "erp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("s3cret")
    (tmp_path / "secrets" / "out").symlink_to(tmp_path / "erp")
    (tmp_path / "in").symlink_to(tmp_path / "secrets" / "erp")
    (tmp_path / "run").symlink_to(tmp_path / "secrets")
    for folder in ("secrets", "run"):
        vault = MachineVault({}, folders=[tmp_path / folder])
        for name in ("secrets/erp", "secrets/deep/erp", "in", "run/erp"):
            assert vault.secret(f"file:{tmp_path / name}") == "s3cret"
        for name in ("erp", "secrets-too/erp", "secrets/out", "secrets/../erp", "nothing"):
            assert "in none of the folders of REMIT_SECRET_FOLDERS" in forbidden(vault, f"file:{tmp_path / name}")
        with pytest.raises(NoSecret, match="leads to no secret"):
            vault.secret(f"file:{tmp_path / 'secrets' / 'nothing'}")


def test_links_in_a_circle_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(NoSecret):
        MachineVault({}).secret(f"file:{tmp_path / 'a'}")


def test_the_settings_say_what_would_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_SECRET_FOLDERS", '["/run/secrets"]')
    monkeypatch.setenv("REMIT_TOOL_COMMANDS", '[["/opt/erp/serve", "--mcp"]]')
    settings = Settings()
    assert (settings.secret_folders, settings.tool_commands) == ([Path("/run/secrets")], [["/opt/erp/serve", "--mcp"]])
    monkeypatch.setenv("REMIT_SECRET_FOLDERS", '["secrets"]')
    with pytest.raises(ValidationError, match="a path from the root"):
        Settings()
    monkeypatch.setenv("REMIT_SECRET_FOLDERS", "[]")
    monkeypatch.setenv("REMIT_TOOL_COMMANDS", "[[]]")
    with pytest.raises(ValidationError, match="begins with a program"):
        Settings()
