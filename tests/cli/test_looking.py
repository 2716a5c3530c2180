"""What people look at: budgets, agents, tools, why an action was decided as it was, and whether all is in order.

The golden files are what a terminal of 80 columns shows; `REMIT_UPDATE_GOLDEN=1` writes them anew.
"""

import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import remit
from remit.cli.amounts import amount, bar
from remit.cli.main import run as run_command
from remit.cli.places import Contexts, Server, write_contexts
from remit.domain.record import RecordKind
from tests.cli.conftest import Command
from tests.cli.desk import token_of
from tests.cli.test_output import Terminal
from tests.served import Served
from tests.worlds import LINA, OWNER, VISITOR, WORKSPACE, World, agent, budget, documents, world

GOLDEN = Path(__file__).parent / "golden" / "terminal"
WIDTH = 80
BUDGETS = documents(
    budget("day-money", "agent", "day", usd=1), budget("month-calls", "workspace", "month", calls=20, hard=False)
)


@pytest.fixture
def shown_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose ids and instants are always the same, and commands on its database."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("REMIT_WORKSPACE", "REMIT_CONTEXT", "REMIT_URL", "REMIT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with world(tmp_path, {"budgets.yaml": BUDGETS}) as it:
        monkeypatch.setenv("REMIT_DATABASE_URL", it.url)
        monkeypatch.setenv("REMIT_USER", OWNER)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(WIDTH))
        it.clock.advance(3_600)
        with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            run.call("erp.scan", {"page": 1}, using=lambda page: "text")
            it.clock.advance(60)
            with pytest.raises(remit.Held):
                run.call("erp.pay", {"amount": 700}, using=lambda amount: "paid")
            it.clock.advance(60)
            with pytest.raises(remit.Denied):
                run.call("erp.drop", {}, using=lambda: "dropped")
            it.clock.advance(60)
        yield it


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    shown = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", shown)
        run_command(arguments)
    return re.sub(r"\x1b\[[01]m", "", shown.getvalue())  # headings are bold; NO_COLOR is about colour


LOOKS = [
    "runs ls",
    "runs show run_00000000000000000002",
    "runs show run_00000000000000000002 --lang ar",
    "runs logs run_00000000000000000002",
    "runs logs run_00000000000000000002 --lang ar",
    "agents",
    "agents buyer",
    "tools",
    "tools erp.pay",
    "explain act_00000000000000000003",
    "explain act_00000000000000000004",
    "explain act_00000000000000000004 --lang ar",
    "approvals ls --all",
    "stops",
    "context show",
]


@pytest.mark.parametrize("words", LOOKS)
def test_what_a_terminal_shows(words: str, shown_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    if words == "stops":
        shown_world.stops.freeze(WORKSPACE, "tool:erp.pay", OWNER, "prices look wrong")
    shown = on_a_terminal(monkeypatch, *words.split()).replace(str(shown_world.path.parent), "FOLDER")
    golden = GOLDEN / f"{words.replace(' --lang ', '-').replace(' --all', '').replace(' ', '-')}.txt"
    if os.environ.get("REMIT_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown, "utf-8")
    assert shown == golden.read_text("utf-8")
    quoted = ("forbid", "@", "{", "run_")  # policies and remits as they were written; a heading of ids
    assert [line for line in shown.splitlines() if len(line) > WIDTH and not line.strip().startswith(quoted)] == []


def test_piped_it_is_lines_of_values_in_every_form(
    shown_world: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = shown_world.clock.now()
    monkeypatch.setattr("remit.domain.clock.SystemClock.now", lambda _: now)
    workspace, agent = command("budgets").rows
    assert workspace[:9] == ["workspace", "tiny", "month-calls", "month", "calls", "1", "0", "19", "20"]
    assert agent[:9] == ["agent", "buyer", "day-money", "day", "micro_usd", "100000", "0", "900000", "1000000"]
    assert command("agents").rows == [["buyer", "active", "procurement", OWNER, "4", "0"]]
    assert [row[0] for row in command("tools").rows][:2] == ["erp.drop", "erp.get"]
    for words in ("budgets", "agents", "tools", "runs ls", "approvals ls --all", "releases", "people ls", "context ls"):
        as_json = command(*words.split(), "-o", "json").json
        as_yaml = YAML(typ="safe").load(command(*words.split(), "-o", "yaml").out)
        assert as_yaml == as_json, words


def test_budgets_are_a_tree_with_bars(shown_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told = shown_world.clock.now()
    monkeypatch.setattr("remit.domain.clock.SystemClock.now", lambda _: told)
    shown = on_a_terminal(monkeypatch, "budgets").splitlines()
    assert shown[0] == "workspace tiny"
    assert shown[1] == f"  █{'░' * 9}   5 %  month-calls: 20 calls a month, soft"
    assert shown[2] == "    1 spent, 0 set aside, 19 left"
    assert "agent buyer" in shown[4]
    assert shown[5] == f"      █{'░' * 9}  10 %  day-money: $1.00 a day"
    assert shown[6] == "        $0.10 spent, $0.00 set aside, $0.90 left"
    assert re.fullmatch(r"        \$0\.\d+ an hour, \$0\.\d+ by 20\d\d-\d\d-\d\d 20:00:00Z", shown[7])


def test_budgets_per_run_and_user_are_told_where_none_is_named(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is no other, so that nobody believes there was none."""
    apart = documents(
        budget("run-calls", "run", "run", calls=5),
        budget("user-day", "user", "day", usd=2, hard=False),
        budget("lina-day", "user", "day", usd=9, subject=LINA),
    )
    own = agent(budgets=[{"name": "own", "per": "run", "calls": 3}])
    with world(tmp_path, {"budgets.yaml": apart, "agents/buyer.yaml": own}) as it:
        monkeypatch.setenv("REMIT_DATABASE_URL", it.url)
        run = it.start()
        assert on_a_terminal(monkeypatch, "budgets").splitlines() == [
            "per user: name one with --user",
            "  user-day: $2.00 a day, soft",
            "  lina-day: $9.00 a day, of user:lina",
            "per run: name one with --run",
            "  run-calls: 5 calls a run",
            "  own: 3 calls a run, of buyer",
        ]
        user, lina, *_ = command("budgets").rows
        assert user == ["user", "", "user-day", "day", "micro_usd", "", "", "", "2000000", "", "", ""]
        assert lina[1] == LINA
        named = command("budgets", "--run", run.id, "--user", VISITOR, "-o", "json").json
        assert {each["name"] for each in named["budgets"]} == {"run-calls", "own", "user-day"}
        assert named["apart"] == []
    (tmp_path / "none").mkdir()
    with world(tmp_path / "none") as it:
        monkeypatch.setenv("REMIT_DATABASE_URL", it.url)
        assert on_a_terminal(monkeypatch, "budgets").strip() == "No budget applies."
        assert command("budgets").out == ""


def test_bars_and_amounts() -> None:
    assert bar(0, 0, 10) == "░" * 10
    assert bar(1, 1, 1_000) == "█▒" + "░" * 8, "what little there is can be seen"
    assert bar(5, 5, 10) == "█" * 5 + "▒" * 5
    assert bar(20, 5, 10) == "█" * 10
    assert bar(0, 0, 0) == "█" * 10
    assert (amount(-1_500_000, "micro_usd"), amount(1_234, "calls"), amount(None, "calls")) == ("-$1.50", "1,234", "")


def test_explain_shows_every_clause_on_demand_and_that_is_on_record(shown_world: World, command: Command) -> None:
    said = command("explain", "act_00000000000000000004", "--why").out
    assert "context.input.amount > 500: true (context.input.amount =" in said
    assert "policies/pay.cedar:3" in said
    marked = said[said.index("   2 | ") - 8 :].splitlines()[:2]
    assert marked[0].strip() == '2 | @id("big") @hold("finance") @reason("over 500")'
    assert marked[1].startswith('    yes    3 | forbid(principal, action == Action::"erp.pay"')
    assert "    نعم    3 | forbid(" in command("explain", "act_00000000000000000004", "--why", "--lang", "ar").out
    told = command("explain", "act_00000000000000000004", "--why", "-o", "json").json["why"][0]
    assert (told["came"], told["line"], told["text"].splitlines()[0][:10]) == ("matched", 2, '@id("big")')
    assert shown_world.records(RecordKind.PAYLOAD_READ)


def test_explain_says_where_the_policies_stand(shown_world: World, command: Command) -> None:
    told = command("explain", "act_00000000000000000004", "-o", "json").json
    texts = {text["policy"]: text for text in told["policy_texts"]}
    assert (texts["big"]["file"], texts["big"]["line"]) == ("policies/pay.cedar", 2)
    assert texts["big"]["text"].splitlines()[0].startswith('@id("big")')
    assert texts["big"]["text"].endswith("context.input.amount > 500 };")
    assert texts["agents/buyer#erp.pay"]["file"] == "agents/buyer.yaml"
    assert told["approval_now"]["state"] == "voided", "the run has ended"
    said = command("explain", "act_none")
    assert (said.code, said.err) == (
        2, "Error: there is no action act_none. `remit runs show RUN` lists those of a run.\n"
    )  # fmt: skip


# -- doctor


def levels(command: Command, *arguments: str) -> tuple[int, dict[str, str]]:
    said = command("doctor", *arguments, "-o", "json")
    found = {each["what"]: each["level"] for each in said.json}
    in_yaml = YAML(typ="safe").load(command("doctor", *arguments, "-o", "yaml").out)
    assert {each["what"]: each["level"] for each in in_yaml} == found
    return said.code, found


def test_a_database_in_order(shown_world: World, command: Command) -> None:
    assert command("audit", "seal").code == 0
    code, found = levels(command)
    assert (code, set(found.values())) == (0, {"ok"})
    looked = (
        "contexts context settings disk database workspace clock outcomes release ledger stops approvals keys".split()
    )
    assert {*looked, "keys", "key file", "database file"} <= set(found)


def test_each_thing_that_is_wrong_is_told_with_what_to_do(
    shown_world: World, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert levels(command)[1]["ledger"] == "warn"
    shown_world.stops.freeze(WORKSPACE, "agent:buyer", OWNER, "why")
    code, found = levels(command)
    assert (code, found["stops"]) == (1, "warn")
    assert "`remit unfreeze TARGET`" in command("doctor").out
    (tmp_path / "remit.key").chmod(0o644)
    code, found = levels(command)
    assert (code, found["key file"]) == (2, "fail")
    assert f"chmod 600 {tmp_path / 'remit.key'}" in command("doctor").out
    (tmp_path / "remit.key").chmod(0o600)
    (tmp_path / "remit.db").chmod(0o644)
    (tmp_path / "remit.db-wal").chmod(0o640)
    assert levels(command)[1]["database file"] == "warn"
    told = {each["what"]: each for each in command("doctor", "-o", "json").json}["database file"]
    files = f"{tmp_path / 'remit.db'} {tmp_path / 'remit.db-wal'}"
    assert (told["text"], told["remedy"]) == (f"{files} can be read by others", f"Run `chmod 600 {files}`")
    (tmp_path / "remit.db").chmod(0o600)
    (tmp_path / "remit.db-wal").chmod(0o600)
    assert levels(command)[1]["database file"] == "ok"
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1_000_000})())
    assert levels(command)[1]["disk"] == "fail"
    monkeypatch.setattr("remit.domain.clock.SystemClock.now", lambda _: 1)
    assert levels(command)[1]["clock"] == "fail"
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    assert levels(command) == (2, {**levels(command)[1], "database": "fail"})
    monkeypatch.setenv("REMIT_MAX_BATCH", "many")
    assert levels(command)[1]["settings"] == "fail"


def test_a_server_is_looked_at_as_the_token_may(
    desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REMIT_URL", desk.url)
    monkeypatch.setenv("REMIT_TOKEN", token_of(desk))
    code, found = levels(command)
    assert code == 0, found
    assert {"server", "database", "version", "person", "release", "ledger", "stops", "approvals"} <= set(found)
    monkeypatch.setattr("remit.cli.checkup_server.__version__", "9.9")
    assert levels(command)[1]["version"] == "warn"
    monkeypatch.setenv("REMIT_URL", "http://127.0.0.1:1")
    assert levels(command) == (2, {"contexts": "ok", "context": "ok", "server": "fail"})
    write_contexts(Contexts("x", {"x": Server(desk.url)}))
    (tmp_path / "config/remit/contexts.json").chmod(0o644)
    assert levels(command) == (2, {"contexts": "fail"})


def test_yaml_is_harmless_and_comes_back_as_it_was() -> None:
    from remit.cli import output

    value = {"a\x1b[2J": ["\u202eevil", "line\nline", "\x85\u2028x", "no", "1", 1, None, True, "ليس", "\x07: #", ""]}
    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", written)
        output.document(value, "yaml")
    said = written.getvalue()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said)
    assert "ليس" in said
    assert YAML(typ="safe").load(said) == value
