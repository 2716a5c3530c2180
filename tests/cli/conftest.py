"""The command line as a person or a script calls it, in a folder of its own."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.cli.main import run
from remit.sdk.client import Client
from tests.cli.desk import desk as desk
from tests.worlds import OWNER, files


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """The tab-separated rows of piped output."""
        return [line.split("\t") for line in self.out.splitlines()]


Command = Callable[..., Said]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """`command("diff", "shop")`: through the real entry point, piped."""

    def call(*arguments: str | Path) -> Said:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace folder, an empty database to come, and a person at the keyboard."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{tmp_path / 'remit.db'}")
    monkeypatch.setenv("REMIT_USER", OWNER)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("REMIT_WORKSPACE", "REMIT_CONTEXT", "REMIT_URL", "REMIT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "tiny"
    for name, content in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def applied(shop: Path, command: Command) -> Path:
    """The folder, applied."""
    assert command("apply", shop, "-m", "first").code == 0
    return shop


@pytest.fixture
def client(applied: Path) -> Iterator[Client]:
    """An agent's connection to the database that the commands work on."""
    with remit.connect() as connection:
        yield connection
