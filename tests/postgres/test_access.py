"""docs/how-to/postgresql.md as it stands: its roles suffice and can do no more. And no password is shown."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from pydantic import ValidationError

import remit
from remit import compose
from remit.cli.main import run as remit_command
from remit.control.stops import Stops
from remit.domain.action import ActionState
from remit.settings import Settings
from remit.storage.port import StoreError
from remit.storage.postgres import PostgresStore
from tests.postgres.conftest import SettingsOf
from tests.postgres.server import Server
from tests.worlds import SARA, VISITOR, WORKSPACE, World, world

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "postgresql.md"
SECRET = "tell/no:one@all"
QUOTED = "tell%2Fno%3Aone%40all"


def sql_blocks() -> list[str]:
    return re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def run_sql(url: str, block: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        for statement in block.split(";"):
            if statement.strip():
                db.execute(statement)


@pytest.fixture(scope="module")
def by_the_page(postgres: Server) -> Server:
    """A database with roles, made as the page says."""
    as_superuser, as_owner_before, as_owner_after = sql_blocks()
    run_sql(postgres.url("postgres"), as_superuser)
    run_sql(postgres.url("remit", "remit_owner"), as_owner_before)
    PostgresStore(postgres.url("remit", "remit_owner")).close()
    run_sql(postgres.url("remit", "remit_owner"), as_owner_after)
    return postgres


def test_the_roles_of_the_page_suffice_for_everything(
    by_the_page: Server,
    tmp_path: Path,
    settings_of: SettingsOf,
    worlds_on_postgres: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(database_url=by_the_page.url("remit", "remit"), key_file=tmp_path / "remit.key")
    monkeypatch.setattr("tests.worlds.open_parts", lambda _, *rest: compose.open_parts(settings, *rest))
    with world(tmp_path) as it:
        run = it.start()
        paid = it.queue.submit(it.action(run, "erp.pay", {"amount": 900}))
        assert paid.state is ActionState.HELD  # type: ignore[union-attr]
        answer(it)
        paid = it.queue.submit(it.action(run, "erp.pay", {"amount": 900}, "act_1"))
        assert paid.state is ActionState.ADMITTED  # type: ignore[union-attr]
        it.queue.submit(it.outcome(run, "act_1"))
        Stops(it.store, it.clock, it.ids).freeze(WORKSPACE, "agent:buyer", SARA, "enough")
        it.door.end_run(run, "ok")
    with psycopg.connect(settings.database_url, autocommit=True) as db:
        for statement in ("update records set at = 1", "delete from records", "truncate records", "drop table records"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(statement)


def answer(it: World) -> None:
    (waiting,) = it.store.approvals(WORKSPACE)
    it.approvals.answer(waiting.id, SARA, waiting.digest, approve=True)


def test_a_role_that_may_not_write_is_told_so(by_the_page: Server) -> None:
    by_the_page.execute("create role stranger login", "remit")
    with pytest.raises(StoreError, match=r"permission denied for database|the role may not do this"):
        PostgresStore(by_the_page.url("remit", "stranger"))


# -- embedded and on the command line


def test_an_agent_and_the_command_line_work_on_it(
    settings_of: SettingsOf,
    worlds_on_postgres: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with world(tmp_path):
        pass
    settings = settings_of(tmp_path / "remit.db")
    monkeypatch.setenv("REMIT_KEY_FILE", str(settings.key_file))
    client = remit.connect(settings.database_url)
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        assert run.call("erp.get", {"id": "1"}, using=lambda id: f"order {id}") == "order 1"
    client.close()
    monkeypatch.setenv("REMIT_DATABASE_URL", settings.database_url)
    assert [remit_command([command, "ls"]) for command in ("runs", "approvals")] == [0, 0]
    assert remit_command(["replay"]) == 0
    assert run.id in capsys.readouterr().out


def test_without_a_key_file_nothing_is_opened(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REMIT_KEY_FILE", raising=False)
    with pytest.raises(remit.Unavailable, match=r"^REMIT_KEY_FILE is not set: a PostgreSQL database has no folder"):
        remit.connect(postgres.url("remit_template"))


# -- passwords


def guarded(postgres: Server) -> str:
    database = postgres.fresh().partition("@/")[2].partition("?")[0]
    postgres.execute(
        f"do $$ begin if not exists (select from pg_roles where rolname = 'guarded') then"
        f" create role guarded login password '{SECRET}'; end if; end $$"
    )
    postgres.execute(f'alter database "{database}" owner to guarded')
    postgres.execute(
        "grant all on schema public to guarded; grant all on all tables in schema public to guarded", database
    )
    return f"postgresql://guarded:PASSWORD@/{database}?host={postgres.folder}"


def shown(error: BaseException) -> str:
    """Everything somebody could print of an error: its causes too."""
    texts = []
    found: BaseException | None = error
    while found is not None:
        texts += [str(found), repr(found)]
        found = found.__cause__ or found.__context__
    return "\n".join(texts)


def test_a_password_opens_the_database_and_is_shown_nowhere(postgres: Server, tmp_path: Path) -> None:
    url = guarded(postgres).replace("PASSWORD", QUOTED)
    settings = Settings(database_url=url, key_file=tmp_path / "remit.key")
    parts = compose.open_parts(settings)
    store = parts.store
    assert isinstance(store, PostgresStore)
    transactions = store.transactions()
    texts = (parts, settings, store.address, str(store.address), store._engine, store._engine.url, transactions)
    said = " ".join(map(repr, texts))
    transactions.close()
    store.close()
    assert "guarded@" in said
    assert SECRET not in said
    assert QUOTED not in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace("PASSWORD", f"{QUOTED}x"), "password authentication failed"),
        (lambda url: url.replace("PASSWORD", SECRET), "REMIT_DATABASE_URL is no PostgreSQL URL"),
        (lambda _: "postgresql://guarded:one@all@127.0.0.1/db", "REMIT_DATABASE_URL is no PostgreSQL URL"),
        (lambda url: url.replace("PASSWORD", QUOTED) + "&nonsense=1", "REMIT_DATABASE_URL is no PostgreSQL URL"),
        (lambda url: url.replace("PASSWORD", QUOTED).replace("host=", "host=/nowhere"), "can not be reached"),
    ],
    ids=["wrong", "unquoted", "only its @ unquoted", "an unknown option", "no server"],
)
def test_an_error_shows_no_password(postgres: Server, change, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        PostgresStore(change(guarded(postgres)))
    said = shown(caught.value)
    assert SECRET not in said
    assert QUOTED not in said
    assert "one@all" not in said


def test_a_url_of_another_kind_is_not_repeated() -> None:
    with pytest.raises(ValidationError, match="this is no database Remit can open") as caught:
        Settings(database_url=f"mysql://me:{SECRET}@host/db")
    assert SECRET not in shown(caught.value)


# -- one key file for all processes of a database


def test_a_second_machine_needs_the_same_key_file(
    settings_of: SettingsOf, worlds_on_postgres: None, tmp_path: Path
) -> None:
    with world(tmp_path) as it:
        it.start()
    url = settings_of(tmp_path / "remit.db").database_url
    elsewhere = tmp_path / "elsewhere.key"
    with pytest.raises(StoreError, match=r"elsewhere\.key: the key file is not there.*Nothing was changed"):
        compose.open_parts(Settings(database_url=url, key_file=elsewhere))
    assert not elsewhere.exists(), "none is made"
    elsewhere.write_text("ab" * 32)
    elsewhere.chmod(0o600)
    with pytest.raises(StoreError, match=r"elsewhere\.key: this is not the key file that this database is used with"):
        compose.open_parts(Settings(database_url=url, key_file=elsewhere))
    compose.open_parts(Settings(database_url=url, key_file=tmp_path / "remit.key")).close()
