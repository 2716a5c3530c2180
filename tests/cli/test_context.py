"""Contexts, signing in and out: what is kept, who may read it, and what chooses where a command works."""

import io
import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from remit.cli.places import Contexts, Database, PlaceUnusable, Server, chosen, read_contexts, write_contexts
from remit.control.attempts import Attempts
from remit.control.signing_in import SigningIn
from tests.api.office import QUICK
from tests.cli.conftest import Command
from tests.cli.desk import PASSWORD, at_the_keyboard, token_of
from tests.served import Served
from tests.worlds import OWNER, SARA, WORKSPACE

PROD = Server("https://remit.example.com", "tiny", SARA, "rmt_p_secret", 1_800_000_000_000_000)
BOOKS = Database("postgresql://sara:hidden@db/books", "books", "/srv/key")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "remit" / "contexts.json"
    write_contexts(Contexts("prod", {"prod": PROD, "books": BOOKS}), path)
    return path


@pytest.fixture
def lonely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing set, nothing kept."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("REMIT_CONTEXT", "REMIT_URL", "REMIT_TOKEN", "REMIT_DATABASE_URL", "REMIT_WORKSPACE", "REMIT_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config" / "remit" / "contexts.json"


def test_what_is_kept_comes_back_and_only_its_owner_reads_it(kept: Path) -> None:
    assert read_contexts(kept) == Contexts("prod", {"prod": PROD, "books": BOOKS})
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert [path.name for path in kept.parent.iterdir()] == [kept.name], "no half-written file is left"
    assert "rmt_p_secret" not in repr(PROD)
    assert "hidden" not in repr(BOOKS)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_that_others_may_touch_is_refused(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    with pytest.raises(PlaceUnusable, match=f"can be read by others, and holds tokens: run `chmod 600 {kept}`"):
        read_contexts(kept)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"current": "x", "contexts": {"x": {"kind": "ship"}}}',
        '{"current": "x", "contexts": []}',
        '{"current": "x", "contexts": {"x": {"kind": "server", "url": 7}}}',
        '{"current": "x", "contexts": {"x": {"kind": "server", "uri": "rmt_p_secret"}}}',
    ],
    ids=str,
)
def test_a_file_of_something_else_is_refused_and_not_quoted(kept: Path, text: str) -> None:
    kept.write_text(text)
    with pytest.raises(PlaceUnusable, match="is not as `remit context` writes it") as refused:
        read_contexts(kept)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("option", "environment", "name", "place"),
    [
        ("books", {"REMIT_CONTEXT": "prod", "REMIT_TOKEN": "t"}, "books", BOOKS),
        ("", {"REMIT_CONTEXT": "books", "REMIT_URL": "https://a", "REMIT_TOKEN": "t"}, "books", BOOKS),
        (
            "",
            {"REMIT_URL": "https://a", "REMIT_TOKEN": "t", "REMIT_DATABASE_URL": "x"},
            "",
            Server("https://a", token="t"),
        ),
        ("", {"REMIT_URL": "https://a", "REMIT_API_KEY": "of an agent"}, "prod", PROD),
        ("", {"REMIT_DATABASE_URL": "sqlite:///here.db"}, "local", Database()),
        ("local", {"REMIT_CONTEXT": "prod"}, "local", Database()),
        ("", {}, "prod", PROD),
    ],
    ids=["option", "REMIT_CONTEXT", "REMIT_TOKEN", "an-agents-key-is-nobodys", "database", "local", "in-use"],
)
def test_what_chooses_where_a_command_works(
    option: str, environment: Mapping[str, str], name: str, place: object, kept: Path
) -> None:
    found = chosen(option, environment, kept)
    assert (found.name, found.place) == (name, place)


def test_nothing_kept_and_nothing_set_is_the_database_of_the_settings(tmp_path: Path) -> None:
    assert chosen("", {}, tmp_path / "none").place == Database()
    with pytest.raises(PlaceUnusable, match="there is no context prod; `remit context ls` lists them"):
        chosen("prod", {}, tmp_path / "none")
    with pytest.raises(PlaceUnusable, match="REMIT_TOKEN is set and REMIT_URL is not"):
        chosen("", {"REMIT_TOKEN": "t"}, tmp_path / "none")


def test_contexts_are_added_used_listed_and_forgotten(lonely: Path, command: Command) -> None:
    assert command("context", "add", "books", "--database", "postgresql://sara:hidden@db/books").code == 0
    assert command("context", "add", "here", "--database", "sqlite:///here.db", "-w", "tiny").code == 0
    rows = command("context", "ls").rows
    assert rows == [
        ["local", "", "database", ".remit/remit.db", "", ""],
        ["books", "", "database", "db/books", "", ""],
        ["here", "*", "database", "here.db", "tiny", ""],
    ]
    shown = command("context", "show").out
    assert "here.db" in shown
    assert "`remit context use`" in shown
    assert "here.db: run `remit apply DIR` first" in command("runs", "ls").err
    assert ".remit/remit.db: run" in command("--context", "local", "runs", "ls").err
    assert command("context", "use", "books").code == 0
    assert command("context", "rm", "books").code == 0
    assert command("context", "show", "-o", "json").json["name"] == "local"
    assert command("context", "use", "books").err == "Error: there is no context books; `remit context ls` lists them\n"
    for name in ("local", "../x", "", "-x", "a b"):
        assert command("context", "add", "--database", "sqlite:///x.db", "--", name).code == 2
    assert command("context", "add", "x", "--database", "mysql://x").code == 2
    assert command("context", "add", "x").code == 2
    assert command("context", "rm", "local").code == 2


def test_what_is_done_with_contexts_is_told_to_programs(lonely: Path, command: Command) -> None:
    added = command("context", "add", "here", "--database", "sqlite:///here.db", "-w", "tiny", "-o", "json").json
    assert added == command("context", "ls", "-o", "json").json[1]
    used = command("context", "use", "local", "-o", "json").json
    assert (used["name"], used["in_use"]) == ("local", True)
    assert command("context", "rm", "here", "-o", "json").json == {"name": "here", "forgotten": True}


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_token_is_piped_in_and_revoked(
    desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = token_of(desk, SARA)
    piped(monkeypatch, token + "\n")
    said = command("login", desk.url, "--token-stdin", "--name", "desk")
    assert said.code == 0, said.err
    assert said.out.startswith(f"{SARA} is signed in at {desk.url}, workspace tiny.\n")
    assert command("context", "ls").rows[1] == ["desk", "*", "server", desk.url, "tiny", SARA]
    assert command("approvals", "ls").rows[0][1] == "erp.pay"
    shown = [command("context", "ls", "-o", output).out for output in ("json", "yaml")]
    assert token not in "".join(shown) + command("context", "show", "-o", "json").out + said.out + said.err
    assert command("logout").out == "The token of desk is revoked.\n"
    assert token not in (tmp_path / "config/remit/contexts.json").read_text()
    assert desk.ask("GET", "/api/v1/me", key=token).status == 401
    assert command("runs", "ls").err.startswith("Error: no credential was shown. Run `remit login URL`")
    piped(monkeypatch, token_of(desk, SARA))
    told = command("login", desk.url, "--token-stdin", "--name", "desk", "-o", "json").json
    assert told == {"context": "desk", "address": desk.url, "person": SARA, "workspace": "tiny", "expires_at": None}
    left = command("logout", "-o", "json").json
    assert left == {"context": "desk", "address": desk.url, "revoked": True}
    assert command("logout").code == 2


def test_a_password_makes_a_token_and_ends_its_session(
    desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = at_the_keyboard(monkeypatch, SARA, PASSWORD)
    said = command("login", desk.url, "--days", "7")
    assert said.code == 0, said.err
    assert asked == ["Person, as user:name", f"Password of {SARA} at {desk.url}"]
    held = desk.world.store.credentials(WORKSPACE, SARA)
    assert sorted((c.kind.value, c.revoked_at is None) for c in held) == [("person_token", True), ("session", False)]
    (token,) = (c for c in held if c.kind.value == "person_token")
    assert token.label.startswith("remit login on ")
    assert token.expires_at is not None
    assert token.expires_at - token.created_at == 7 * 86_400 * 1_000_000
    at_the_keyboard(monkeypatch, PASSWORD)
    assert command("login", "--person", SARA).code == 0, "the server of the context in use"
    before = desk.world.store.credential(token.id)
    assert before is not None
    assert before.revoked_at is not None, "the token that was replaced holds no more"


def test_a_sign_in_link_makes_a_token_once(
    desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    it = desk.world
    signing_in = SigningIn(it.store, it.clock, it.ids, QUICK, Attempts(it.store, it.clock), 43_200)
    link = f"{desk.url}/sign-in#{signing_in.one_time_link(WORKSPACE, OWNER, OWNER).secret}"
    piped(monkeypatch, f"http://elsewhere/sign-in#{link.rpartition('#')[2]}\n")
    assert "the link is of another server" in command("login", desk.url, "--token-stdin").err
    piped(monkeypatch, link + "\n")
    assert command("login", desk.url, "--token-stdin").code == 0
    piped(monkeypatch, link + "\n")
    again = command("login", desk.url, "--token-stdin")
    assert (again.code, again.out) == (2, "")
    assert "it works once" in again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("login",), "name the server, as `remit login https://remit.example.com`"),
        (("login", "https://remit.example.com"), "nobody can be asked for a password here"),
        (("login", "ftp://x"), "the server's address must be https://HOST"),
        (("login", "http://remit.example.com", "--token-stdin"), "would send your token in the clear"),
        (("login", "https://a:b@remit.example.com", "--token-stdin"), "without name and password"),
        (
            ("login", "http://127.0.0.1:1", "--token-stdin"),
            "http://127.0.0.1:1 can not be reached: Connection refused.",
        ),
    ],
    ids=["no-url", "no-terminal", "not-http", "in-the-clear", "password-in-it", "nobody-there"],
)
def test_a_login_that_can_not_be_says_what_would(
    arguments: tuple[str, ...],
    said: str,
    lonely: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    piped(monkeypatch, "rmt_p_x\n")
    answer = command(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert not lonely.exists()


def test_an_agents_key_is_no_login(
    desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REMIT_URL", desk.url)
    monkeypatch.setenv("REMIT_TOKEN", desk.key())
    refused = command("approvals", "ls")
    assert (refused.code, refused.out) == (2, "")
    assert "this is not for an agent's key" in refused.err
    monkeypatch.delenv("REMIT_TOKEN")
    piped(monkeypatch, desk.key() + "\n")
    said = command("context", "add", "x", "--url", desk.url, "--token-stdin")
    assert (said.code, said.out) == (2, "")
    assert "this is no token of a person: it is agent key" in said.err


def test_a_logout_from_a_server_that_is_gone_keeps_the_token_unless_told_to_forget(
    lonely: Path, command: Command
) -> None:
    write_contexts(Contexts("gone", {"gone": Server("http://127.0.0.1:1", "tiny", SARA, "rmt_p_x")}))
    said = command("logout")
    assert said.code == 2
    assert "The token still holds; --forget drops it here all the same." in said.err
    assert "rmt_p_x" in lonely.read_text()
    assert command("logout", "--forget").out == "The token of gone is dropped.\n"
    assert json.loads(lonely.read_text())["contexts"]["gone"]["token"] == ""


def test_a_server_that_is_no_remit_is_named(lonely: Path, command: Command) -> None:
    write_contexts(Contexts("gone", {"gone": Server("http://127.0.0.1:1", "tiny", SARA, "rmt_p_x")}))
    said = command("runs", "ls")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "Error: http://127.0.0.1:1 can not be reached: Connection refused. Check the address, and that the server"
        " runs\n"
    )
    assert command("runs", "ls", "-w", "other").err.startswith("Error: you are signed in to workspace tiny of http")
