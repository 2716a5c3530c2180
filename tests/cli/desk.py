"""A server with people, asked from the command line, and a person at a terminal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import remit
from remit.control.credentials import Credentials
from remit.control.people import People
from remit.domain.clock import ManualClock, SystemClock
from remit.domain.identity import Role
from remit.domain.ids import UserId
from tests.api.office import QUICK
from tests.served import Served, served
from tests.worlds import OWNER, SARA, VISITOR, WORKSPACE, world

PASSWORD = "correct horse battery staple"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server with people, in whose workspace something has happened; commands begin without any place."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("REMIT_WORKSPACE", "REMIT_CONTEXT", "REMIT_URL", "REMIT_TOKEN", "REMIT_DATABASE_URL", "REMIT_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with world(tmp_path, clock=ManualClock(SystemClock().now())) as it, served(it) as server:
        people = People(it.store, it.clock, it.ids, QUICK)
        for person, roles in ((OWNER, Role), (SARA, (Role.APPROVER, Role.VIEWER))):
            people.add(WORKSPACE, person, frozenset(roles), "user:test", password=PASSWORD)
        with it.client.run("buyer", on_behalf_of=VISITOR, task="Pay the bill") as run:
            run.call("erp.get", {"id": "1"}, using=lambda id: "an order")
            with pytest.raises(remit.Held):
                run.call("erp.pay", {"amount": 700}, using=lambda **_: "paid")
            with pytest.raises(remit.Denied):
                run.call("erp.drop", {}, using=lambda: "dropped")
            yield server


def token_of(server: Served, person: UserId = OWNER) -> str:
    it = server.world
    return Credentials(it.store, it.clock, it.ids).make_person_token(WORKSPACE, person, person, "", 86_400).secret


def at_the_keyboard(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """A person at a terminal who types these; returns what they are asked."""
    asked: list[str] = []
    left = list(answers)

    def prompt(text: str, **_: object) -> str:
        asked.append(text)
        return left.pop(0)

    monkeypatch.setattr("click.prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    return asked
