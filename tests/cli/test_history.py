"""`remit backtest` over our own history, and outcomes pinned from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.cli.main import run
from remit.domain.record import RecordKind
from tests.cli.conftest import Command
from tests.worlds import BIG_PAYMENTS, World, files, world

STRICTER = BIG_PAYMENTS.replace("> 500", "> 5")


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{tmp_path / 'remit.db'}")
    monkeypatch.setenv("REMIT_USER", "user:omar")
    with world(tmp_path) as opened:
        started = opened.start()
        for amount in (3, 7, 600):
            opened.door.admit(opened.door.attempt_tool(started, "erp.pay", {"amount": amount}))
        yield opened


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    folder = tmp_path / "candidate"
    for name, content in files({"policies/pay.cedar": STRICTER}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_folder_is_compared_with_history(it: World, candidate: Path, command: Command) -> None:
    said = command("backtest", candidate, "--history", "3650d", "-o", "json")
    assert said.code == 0, said.err
    (flips,) = said.json["flips"]
    assert (flips["kind"], flips["cause"], flips["target"], flips["count"]) == ("allow->hold", "big", "erp.pay", 1)
    assert flips["words"] == {"en": "allowed becomes held", "ar": "مسموح يصبح معلّق"}
    assert "policy big asks" in flips["examples"][0]["words"]["en"]["after"]
    shown = command("backtest", candidate, "--history", "3650d", "--language", "ar").out
    assert "3 decided again, 1 came out otherwise." in shown
    assert flips["id"] in shown
    assert command("backtest", candidate, "--history", "3650d", "--fail-on", "flip").code == 1
    assert command("backtest", candidate, "--history", "3650d", "--fail-on", "flip", "--expect", flips["id"]).code == 0


def test_a_stored_release_is_compared_with_history(it: World, command: Command) -> None:
    release = it.store.active("tiny", "production")
    said = command("backtest", release[:12], "--history", "3650d", "-o", "json")
    assert said.json["flips"] == []
    assert said.json["active"] == release
    assert command("backtest", "rel_none", "--history", "30d").code == 2


@pytest.mark.parametrize("days", ["30", "0d", "-1d", "99999d", "monthd", "30h"])
def test_days_are_days(days: str, candidate: Path, command: Command) -> None:
    said = command("backtest", candidate, "--history", days)
    assert said.code == 2
    assert "is no number of days" in said.err


def test_one_source_must_be_said(candidate: Path, command: Command) -> None:
    assert "Say one of --history, --runs and --pin" in command("backtest", candidate).err


def test_an_outcome_is_pinned_and_its_reading_is_on_record(
    it: World, candidate: Path, command: Command, capsys: Any
) -> None:
    action = it.records(RecordKind.DECISION_MADE)[1]["action"]
    said = command("backtest", candidate, "--pin", action)
    assert said.code == 0, said.err
    assert "expects hold" in said.out
    assert run(["policy", "test", str(candidate)]) == 0
    (reading,) = it.records(RecordKind.PAYLOAD_READ)
    assert (reading["action"], reading["by"], reading["reason"]) == (action, "user:omar", "pinned as a test")
    assert command("backtest", candidate, "--pin", f"{action}=allow").code == 0
    assert run(["policy", "test", str(candidate)]) == 1
    assert "expected allow, decided hold" in capsys.readouterr().out


def test_what_can_not_be_pinned_is_said(it: World, candidate: Path, command: Command) -> None:
    assert "There is no decision on act_none" in command("backtest", candidate, "--pin", "act_none").err
    assert "is no decision" in command("backtest", candidate, "--pin", "act_none=maybe").err
    assert "is no folder" in command("backtest", "rel_1", "--pin", "act_none").err
