"""From a folder to a release and back: validate, schema, policy test, diff, apply, rollback, export, releases."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.worlds import LINA, SARA, TWO_PEOPLE, agent, yaml

TESTS = """
kind: Tests
tests:
  - {name: small payments pass, agent: buyer, tool: erp.pay, arguments: {amount: 5}, expect: allow}
  - {name: large ones wait, agent: buyer, tool: erp.pay, arguments: {amount: 501}, expect: hold, approvers: [finance]}
"""


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def active(command: Command) -> str:
    return next(row[0] for row in command("releases").rows if row[1] == "active")


def test_a_folder_without_mistakes(shop: Path, command: Command) -> None:
    said = command("validate", shop)
    assert (said.code, said.err) == (0, "")
    assert said.out == "No problems in 5 files: 1 agent, 5 tools, 1 policy file, 0 tests.\n"
    assert command("validate", shop, "-o", "json").json == {"errors": 0, "warnings": 0, "problems": []}


def test_every_mistake_is_shown_at_once(shop: Path, command: Command) -> None:
    write(shop, "agents/buyer.yaml", "kind: Agent\nname: buyer\npurpse: Buys.\n")
    write(shop, "budgets.yaml", "kind: Budget\nname: b\n")
    said = command("validate", shop)
    assert said.code == 1
    assert "agents/buyer.yaml:3:1: error: purpse:" in said.out
    assert "budgets.yaml:1:1: error:" in said.out
    problems = command("validate", shop, "-o", "json").json
    assert problems["errors"] == len(problems["problems"]) > 3
    assert {"file", "line", "column", "field", "message", "remedy", "severity"} == set(problems["problems"][0])


def test_a_folder_that_is_not_there(shop: Path, command: Command) -> None:
    for arguments in (
        ("validate", "nowhere"),
        ("diff", "nowhere"),
        ("apply", "nowhere"),
        ("policy", "test", "nowhere"),
    ):
        said = command(*arguments)
        assert (said.code, said.out) == (2, "")
        assert said.err == "Error: nowhere does not exist. Name the folder that holds agents/, tools/ and policies/.\n"


def test_schemas_for_editors(shop: Path, command: Command) -> None:
    said = command("schema", shop)
    assert said.code == 0
    assert (shop / ".schemas" / "agent.json").is_file()
    assert command("validate", shop).code == 0, "they are no part of the workspace"
    assert command("schema", "--kind", "Agent").json["type"] == "object"
    assert command("schema", shop / "people.yaml").code == 2


def test_the_workspaces_own_tests(shop: Path, command: Command) -> None:
    write(shop, "tests/pay.yaml", TESTS)
    said = command("policy", "test", shop)
    assert said.code == 0
    assert said.out == "ok    small payments pass\nok    large ones wait\n2 passed, 0 failed.\n"
    assert command("policy", "test", shop, "-k", "LARGE").out == "ok    large ones wait\n1 passed, 0 failed.\n"
    write(shop, "tests/pay.yaml", TESTS.replace("expect: allow", "expect: deny"))
    failed = command("policy", "test", shop)
    assert failed.code == 1
    assert "FAIL  small payments pass (tests/pay.yaml:4)\n      expected deny, decided allow" in failed.out
    first, second = command("policy", "test", shop, "-o", "json").json
    assert (first["passed"], second["passed"]) == (False, True)
    assert second["reasons"][0]["code"] == "policy.hold"


def test_diff_says_what_would_change_and_exits_by_it(shop: Path, command: Command) -> None:
    assert command("diff", shop).code == 1, "nothing is active yet"
    assert command("apply", shop).code == 0
    same = command("diff", shop)
    assert same.code == 0
    assert same.out.startswith("No change: the channel points at rel_")
    write(shop, "agents/buyer.yaml", agent(tools=["erp.get", "erp.pay", "erp.drop"]))
    differs = command("diff", shop)
    assert differs.code == 1
    assert "~ buyer may now call erp.drop" in differs.out
    assert "~ buyer may no longer call erp.scan" in differs.out
    changes = command("diff", shop, "-o", "json").json
    assert changes["same"] is False
    assert {"kind", "resource", "words"} == set(changes["changes"][0])
    write(shop, "agents/buyer.yaml", "kind: [")
    assert command("diff", shop).code == 2


def test_apply_makes_a_release_and_activates_it(shop: Path, command: Command) -> None:
    write(shop, "tests/pay.yaml", TESTS)
    said = command("apply", shop, "-m", "first")
    assert said.code == 0
    assert "2 tests passed. Channel production now points at rel_" in said.out
    ((id, state, _, by, message),) = command("releases").rows
    assert (state, by, message) == ("active", "user:omar", "first")
    again = command("apply", shop, "-o", "json").json
    assert again == {"release": id, "channel": "production", "changed": False, "proposed": False}
    assert len(command("releases").rows) == 1


def test_apply_makes_nothing_when_a_test_fails(shop: Path, command: Command) -> None:
    write(shop, "tests/pay.yaml", TESTS.replace("expect: hold", "expect: allow"))
    said = command("apply", shop)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Error: 1 of the workspace's tests fail. First: large ones wait: expected allow")
    assert command("releases").code == 2, "no workspace came to be"


def test_a_channel_of_its_own(applied: Path, command: Command) -> None:
    production = active(command)
    write(applied, "agents/buyer.yaml", agent(limits={"steps": 5}))
    assert command("apply", applied, "--channel", "staging").code == 0
    assert active(command) == production
    staging = next(row[0] for row in command("releases", "--channel", "staging").rows if row[1] == "active")
    assert staging != production


def test_apply_only_one_file(applied: Path, command: Command) -> None:
    write(applied, "agents/buyer.yaml", agent(limits={"steps": 5}))
    write(applied, "agents/seller.yaml", agent("seller"))
    said = command("apply", applied, "--only", "agents/seller.yaml")
    assert said.code == 0
    assert "seller" in said.out
    assert "buyer" not in said.out
    left = command("diff", applied)
    assert left.code == 1
    assert "buyer" in left.out
    assert "seller" not in left.out
    wrong = command("apply", applied, "--only", "agents/nobody.yaml")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("Error: agents/nobody.yaml is neither in the active release nor in what is applied")


def test_rollback_goes_back_and_only_one_file_back(applied: Path, command: Command) -> None:
    first = active(command)
    assert command("rollback").code == 2, "there is nothing before the first"
    write(applied, "agents/buyer.yaml", agent(limits={"steps": 5}))
    write(applied, "agents/seller.yaml", agent("seller"))
    command("apply", applied, "-m", "second")
    second = active(command)

    back = command("rollback", "-m", "too strict", "-o", "json").json
    assert back == {"release": first, "channel": "production", "proposed": False}
    assert active(command) == first
    assert command("rollback", "--to", second[:12]).code == 0
    assert active(command) == second

    only = command("rollback", "--to", first, "--only", "agents/buyer.yaml")
    assert only.code == 0
    assert command("diff", applied).out.count("seller") == 0
    assert "buyer" in command("diff", applied).out
    assert active(command) not in (first, second)
    assert command("rollback", "--to", "rel_nothing").err == (
        "Error: no release begins with 'rel_nothing' in workspace tiny; `remit releases` lists them\n"
    )


def test_export_is_byte_identical(applied: Path, command: Command, tmp_path: Path) -> None:
    (applied / "README.md").write_text("not a part of the workspace")
    write(applied, "agents/odd.yaml", agent("odd") + "  \r\n\r\n# كلمة\n\n")
    command("apply", applied)
    said = command("export", tmp_path / "out")
    assert said.code == 0
    expected = {
        path.relative_to(applied): path.read_bytes()
        for path in applied.rglob("*")
        if path.suffix in (".yaml", ".cedar")
    }
    found = {p.relative_to(tmp_path / "out"): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == expected
    assert command("diff", tmp_path / "out").code == 0

    again = command("export", tmp_path / "out")
    assert (again.code, again.out) == (2, "")
    assert "exists and is not an empty folder" in again.err
    assert command("export", tmp_path / "other", "--release", "rel_").code == 2


def test_a_withdrawn_release_is_marked_and_can_not_come_back(applied: Path, command: Command) -> None:
    first = active(command)
    refused = command("releases", "withdraw", first)
    assert refused.code == 2
    assert refused.err == f"Error: release {first} is active on production: activate another one first\n"
    write(applied, "agents/seller.yaml", agent("seller"))
    command("apply", applied)
    assert command("releases", "withdraw", first, "-m", "granted too much").code == 0
    assert {row[0]: row[1] for row in command("releases").rows}[first] == "withdrawn"
    assert (
        command("rollback", "--to", first).err
        == f"Error: release {first} was withdrawn and can not be activated again\n"
    )
    listed = command("releases", "-o", "json").json
    assert {"id", "author", "message", "active_on", "withdrawn_at", "created_at", "proposed"} == set(listed[0])


def test_a_release_that_any_channel_points_at_is_marked_and_not_withdrawn(applied: Path, command: Command) -> None:
    first = active(command)
    for channel in ("staging", "berlin"):
        assert command("releases", "activate", first, "--channel", channel).code == 0
    write(applied, "agents/seller.yaml", agent("seller"))
    command("apply", applied)
    states = {row[0]: row[1] for row in command("releases").rows}
    assert states == {first: "active on berlin, active on staging", active(command): "active"}
    assert {row[0]: row[1] for row in command("releases", "--channel", "staging").rows} == {
        first: "active, active on berlin",
        active(command): "active on production",
    }
    refused = command("releases", "withdraw", first)
    assert refused.code == 2
    assert refused.err == f"Error: release {first} is active on berlin, staging: activate another one first\n"


def test_a_database_with_two_workspaces_wants_one_named(applied: Path, command: Command, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(other, "workspace.yaml", yaml("Workspace", name="other"))
    write(other, "people.yaml", yaml("Person", id="user:omar"))
    assert command("apply", other).code == 0
    said, database = command("runs", "ls"), tmp_path / "remit.db"
    assert (said.code, said.err) == (2, f"Error: the database {database} holds several: other, tiny; name one\n")
    assert command("runs", "ls", "-w", "tiny").code == 0
    assert (
        f"there is no workspace nowhere in {database}; known: other, tiny" in command("runs", "ls", "-w", "nowhere").err
    )


@pytest.mark.parametrize("url", ["mysql://localhost/remit", "sqlite://", "remit.db", ""])
def test_a_database_that_is_none(url: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_DATABASE_URL", url)
    said = command("releases")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Error: REMIT_DATABASE_URL: ")
    assert said.err.count("\n") == 1
    assert "sqlite:/// and a path" in said.err


def test_two_people_on_the_command_line(applied: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    (applied / "workspace.yaml").write_text(TWO_PEOPLE, "utf-8")
    assert "now points at" in command("apply", applied).out
    (applied / "policies" / "pay.cedar").unlink()
    monkeypatch.setenv("REMIT_USER", SARA)
    said = command("apply", applied)
    assert said.code == 0
    assert "Proposed by user:sara; channel production has not moved" in said.out
    release = said.out.split("remit releases activate ")[1].split("`")[0]
    assert "proposed by user:sara" in command("releases").out
    assert "it takes another person" in command("releases", "activate", release).err
    monkeypatch.setenv("REMIT_USER", LINA)
    assert command("releases", "activate", release[:12], "-o", "json").json == {
        "release": release,
        "channel": "production",
        "proposed": False,
    }
