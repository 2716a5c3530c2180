"""People, keys and sign-in links from the command line, on the database itself."""

import os
from pathlib import Path

import pytest

from remit.api.sole_server import SoleServer
from remit.compose import open_parts
from remit.control.proof import Proof
from remit.control.tokens import RunTokens
from remit.settings import Settings
from remit.storage.sealed import KeyFile, Keyring
from tests.cli.conftest import Command


@pytest.fixture
def applied(shop: Path, command: Command) -> Path:
    assert command("apply", shop).code == 0
    return shop


def agent_of(secret: str) -> str | None:
    """Whose key a server on this database takes a secret for."""
    parts = open_parts(Settings())
    try:
        path = parts.settings.key_path
        assert path is not None
        tokens = RunTokens(parts.store, Keyring(KeyFile(path)), parts.clock, parts.ids)
        caller = Proof(parts.store, tokens, parts.clock, 3_600).of(secret)
        return None if caller is None else caller.agent
    finally:
        parts.close()


def test_people_come_change_and_go(applied: Path, command: Command) -> None:
    added = command("people", "add", "user:sara", "--role", "approver", "--role", "viewer", "--name", "Sara")
    assert added.out == "user:sara is in workspace tiny: approver, viewer.\n"
    assert command("people", "roles", "user:sara", "--role", "auditor").out == "user:sara: auditor.\n"
    assert command("people", "disable", "user:sara", "-m", "left").code == 0
    (row,) = command("people", "ls", "-o", "json").json
    assert (row["id"], row["roles"], row["name"]) == ("user:sara", ["auditor"], "Sara")
    assert command("people", "ls").rows[0][2] == "disabled"
    assert command("people", "enable", "user:sara").code == 0
    assert command("people", "ls", "-o", "json").json[0]["disabled_at"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("people", "add", "sara"), "a person's id is `user:` and a name"),
        (("people", "disable", "user:nobody"), "there is no person user:nobody. `remit people ls`"),
        (("keys", "make", "buyerr"), "the active release of channel production knows no agent buyerr; it knows buyer"),
        (("keys", "revoke", "key_none"), "there is no key key_none. `remit keys ls`"),
    ],
)
def test_what_can_not_be_is_one_line(applied: Path, command: Command, arguments: tuple[str, ...], said: str) -> None:
    answer = command(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"Error: {said}")
    assert answer.err.count("\n") == 1


def test_a_password_is_read_from_standard_input(
    applied: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("people", "add", "user:sara")
    read, write = os.pipe()
    with os.fdopen(write, "w") as end:
        end.write("short\n")
    with os.fdopen(read) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        refused = command("people", "password", "user:sara")
    assert (refused.code, refused.err) == (2, "Error: a password has at least 12 characters\n")


def test_a_key_is_written_once_and_works_until_it_is_revoked(applied: Path, command: Command) -> None:
    made = command("keys", "make", "buyer", "--label", "desk", "--days", "30")
    secret = made.out.strip()
    assert secret.startswith("rmt_a_")
    assert agent_of(secret) == "buyer"
    (row,) = command("keys", "ls", "-o", "json").json
    assert (row["holder"], row["holds"], row["label"], row["seen_at"] is None) == ("buyer", True, "desk", False)
    assert secret not in str(row)
    new = command("keys", "rotate", row["id"], "--overlap", "0", "-o", "json").json
    assert (agent_of(secret), agent_of(new["secret"])) == (None, "buyer")
    assert command("keys", "revoke", new["key"], "-m", "leaked").code == 0
    assert agent_of(new["secret"]) is None


def test_a_sign_in_link_leads_to_the_server_that_serves_the_database(
    applied: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link() -> str:
        return command("people", "link", "user:admin").out.partition("/sign-in#")[0]

    command("people", "link")
    with SoleServer(tmp_path / "remit.db", "https://127.0.0.1:7443"):
        assert link() == "https://127.0.0.1:7443"
        monkeypatch.setenv("REMIT_PUBLIC_URL", "https://remit.example.com/")
        assert link() == "https://remit.example.com"
        monkeypatch.delenv("REMIT_PUBLIC_URL")
    assert link() == "http://127.0.0.1:7070", "no server serves it now"


def test_a_sign_in_link_is_written_and_makes_the_first_admin(applied: Path, command: Command) -> None:
    first = command("people", "link", "--url", "https://remit.example.com/")
    assert first.out.startswith("https://remit.example.com/sign-in#rmt_l_")
    assert "user:admin" in first.err
    assert (
        command("people", "ls", "-o", "json").json[0]["roles"]
        == "admin approver auditor author operator viewer".split()
    )
    assert command("people", "link", "user:admin").out.startswith("http://127.0.0.1:7070/sign-in#rmt_l_")
    nobody = command("people", "link", "user:nobody")
    assert (nobody.code, nobody.out) == (2, "")
