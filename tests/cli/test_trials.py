"""`remit observe` and `remit canary` on a database: begun, listed, shown, promoted, stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.worlds import BIG_PAYMENTS, World, files, world


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{tmp_path / 'remit.db'}")
    monkeypatch.setenv("REMIT_USER", "user:omar")
    with world(tmp_path) as opened:
        yield opened


@pytest.fixture
def candidate(it: World) -> str:
    changed = files({"policies/pay.cedar": BIG_PAYMENTS.replace("> 500", "> 5")})
    return it.releases.apply(it.plan(changed, "staging"), "staging").id


def test_a_release_is_observed_shown_and_stopped(candidate: str, command: Command) -> None:
    begun = command("observe", candidate[:12], "--share", "12.5%", "-o", "json")
    assert begun.code == 0, begun.err
    assert (begun.json["kind"], begun.json["share"], begun.json["release"]) == ("observe", 1_250, candidate)
    trial = begun.json["id"]
    assert "12.5%" in command("observe", "ls").out
    shown = command("observe", "show", trial).out
    assert "0 decided again, 0 came out otherwise" in shown
    assert "is stopped" in command("observe", "stop", trial).out
    assert "was stopped by user:omar already" in command("observe", "stop", trial).err


def test_a_canary_is_begun_and_promoted(it: World, candidate: str, command: Command) -> None:
    assert "say --share 5% or --agent NAME" in command("canary", candidate).err
    begun = command("canary", candidate, "--share", "5%")
    assert begun.code == 0, begun.err
    assert "new runs of 5% on production" in begun.out
    trial = begun.out.split(":")[0]
    promoted = command("canary", "promote", trial, "-m", "for all")
    assert "is promoted" in promoted.out, promoted.err
    assert it.store.active("tiny", "production") == candidate


def test_a_canary_is_weakened(candidate: str, command: Command) -> None:
    trial = command("canary", candidate, "--agent", "buyer", "-o", "json").json["id"]
    weakened = command("canary", "demote", trial, "-o", "json")
    assert (weakened.json["kind"], weakened.json["agents"]) == ("observe", ["buyer"])


@pytest.mark.parametrize("share", ["5", "0%", "101%", "0.001%", "x%"])
def test_a_share_is_a_share(share: str, candidate: str, command: Command) -> None:
    assert "is no share" in command("canary", candidate, "--share", share).err


def test_what_is_not_there_is_said(it: World, command: Command) -> None:
    assert "no release begins with" in command("observe", "rel_none").err
    assert "there is no trial try_none" in command("observe", "show", "try_none").err
