"""What people do about approvals on the command line. docs/how-to/approvals.md goes through it in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from remit.cli.main import cli
from remit.domain.clock import ManualClock, SystemClock
from tests.worlds import LINA, SARA, World, world


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    with world(tmp_path, clock=ManualClock(SystemClock().now())) as opened:
        monkeypatch.setenv("REMIT_DATABASE_URL", opened.url)
        monkeypatch.setenv("REMIT_USER", SARA)
        yield opened


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, ["approvals", *words])
    assert done.exit_code == code, done.output
    return done.output


def held(it: World) -> tuple[str, str]:
    admission = it.door.admit(it.door.attempt_tool(it.start(), "erp.pay", {"amount": 900}))
    assert admission.approval is not None
    return admission.approval, admission.digest


def test_an_edit_from_a_file(it: World, tmp_path: Path) -> None:
    id, digest = held(it)
    (tmp_path / "new.json").write_text('{"amount": 600}')
    shown = said("edit", id, "--digest", digest, "--arguments", "@new.json")
    edited = it.store.approval(id)
    assert shown == f"{id} is for other arguments now; their digest is {edited.digest}.\nIt is approved.\n"
    assert edited.state.value == "approved"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("{", "--arguments is no JSON"),
        ("[1]", "--arguments is no JSON object"),
        ("@nowhere.json", "nowhere.json: No such file"),
        ('{"amount": 0}', "with these arguments erp.pay would be denied: argument amount of erp.pay does not fit"),
    ],
    ids=["broken", "a list", "no file", "denied"],
)
def test_what_can_not_be_is_one_clear_line(it: World, arguments: str, why: str) -> None:
    id, digest = held(it)
    shown = said("edit", id, "--digest", digest, "--arguments", arguments, code=2)
    assert why in shown
    assert it.store.approval(id).edition == 0


def test_a_question_and_what_the_agent_says(it: World) -> None:
    id, _ = held(it)
    assert said("ask", id, "Why today?") == f"Asked; `remit approvals questions {id}` shows what the agent says.\n"
    run = it.parts.keys.salted(it.store.run(it.store.approval(id).run))
    it.door.reply(run, it.store.approval(id).id, "The discount ends.")
    assert "Why today?\tThe discount ends." in said("questions", id)
    (told,) = json.loads(said("questions", id, "-o", "json"))
    assert told["agent_says"] == "The discount ends."


def test_a_delegation_is_made_listed_used_and_ended(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(said("delegate", LINA, "--until", "8h", "-o", "json"))
    assert (made["person"], made["delegate"]) == (SARA, LINA)
    assert 0 <= made["ends_at"] - made["begins_at"] - 8 * 3_600_000_000 < 5_000_000
    assert said("delegate").startswith(f"{made['id']}\t{SARA}\t{LINA}\t")
    monkeypatch.setenv("REMIT_USER", LINA)
    id, digest = held(it)
    said("approve", id, "--digest", digest, "--for", SARA)
    assert it.store.approval(id).answers[0]["for"] == SARA
    assert "does not answer for user:sara any more" in said("delegate", "--end", made["id"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((LINA,), "--until is missing"),
        ((LINA, "--until", "soon"), "`soon` is no moment"),
        ((LINA, "--until", "2020-01-01T00:00"), "the time must end after it begins"),
        ((LINA, "--until", "1h", "--end", "dlg_1"), "--end goes alone"),
    ],
    ids=["no end", "no moment", "over", "both"],
)
def test_a_delegation_that_can_not_be(it: World, words: tuple[str, ...], why: str) -> None:
    assert why in said("delegate", *words, code=2)
    assert it.delegations.all(it.start().workspace) == []
