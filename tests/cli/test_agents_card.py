"""`remit agents card`: the card of an agent elsewhere, as the official SDK's server shows it, and its digest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.gateways.agents.test_elsewhere import Elsewhere, asks, over, scout, until, working
from tests.gateways.agents.test_elsewhere import process as process
from tests.workflows.shop import agent

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, process: Elsewhere) -> Path:
    """A workspace with an agent that is elsewhere, and one that is not."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "clerk.yaml").write_text(agent("clerk"), "utf-8")
    written(tmp_path, process)
    return tmp_path


def written(folder: Path, process: Elsewhere, kind: str = "a2a", **endpoint: object) -> None:
    text = scout(process, kind, **endpoint)["agents/scout.yaml"]
    (folder / "agents" / "scout.yaml").write_text(text, "utf-8")


def test_the_digest_that_is_shown_is_the_pin_under_which_work_is_handed_on(
    folder: Path, process: Elsewhere, command: Command
) -> None:
    said = command("agents", "card", "scout", "--dir", folder)
    assert said.code == 0
    *told, pin = said.out.splitlines()
    assert [" ".join(each.split()) for each in told] == [
        "name elsewhere",
        "description Does what it is told.",
        "version 1",
        f"speaks JSONRPC 1.0 at http://127.0.0.1:{process.port}/a2a/",
        "skill do: Does.",
    ]
    assert said.err == "No card is pinned: write this line under `endpoint`, or any card will do.\n"
    digest = pin.removeprefix("pin: ")
    (folder / "till").mkdir()
    with working(folder / "till", asks("quick"), scout(process, "a2a", pin=digest)) as it:
        run = it.start(n=1)
        until(it, run, over(it, run))
        assert it.output(run) == {"said": "did: quick"}, it.run(run).error


def test_check_says_whether_it_is_still_the_card_that_was_looked_at(
    folder: Path, process: Elsewhere, command: Command
) -> None:
    unpinned = command("agents", "card", "scout", "--dir", folder, "--check", "-o", "json")
    assert (unpinned.code, unpinned.json["standing"], unpinned.json["pin"]) == (1, "not pinned", "")
    written(folder, process, pin=unpinned.json["digest"])
    pinned = command("agents", "card", "scout", "--dir", folder, "--check")
    assert (pinned.code, pinned.err) == (0, "")
    written(folder, process, pin="0" * 64)
    changed = command("agents", "card", "scout", "--dir", folder, "--check")
    assert changed.code == 1
    assert "This is not the card that is pinned: work is not handed to the agent." in changed.err
    assert command("agents", "card", "scout", "--dir", folder).code == 0, "without --check it is only told"
    assert unpinned.json["card"]["skills"][0]["name"] == "do"
    assert unpinned.json["url"] == json.loads((folder / "agents" / "scout.yaml").read_text())["endpoint"]["url"]


def test_who_shows_no_card_is_told(folder: Path, process: Elsewhere, command: Command) -> None:
    def error(name: str) -> str:
        said = command("agents", "card", name, "--dir", folder)
        assert (said.code, said.out) == (2, "")
        return said.err.strip()

    assert error("nobody") == f"Error: {folder} has no Agent `nobody` that can be read: it has clerk, scout."
    assert error("clerk") == "Error: clerk has no endpoint: the built-in agent works for it, and shows no card."
    written(folder, process, "http")
    assert error("scout") == "Error: scout is spoken to by http: only an agent with `kind: a2a` shows a card."
    written(folder, process, private=False)
    assert error("scout").startswith("Error: scout could not be asked for its card:")
    written(folder, process, url=f"http://127.0.0.1:{process.port}/nowhere")
    assert error("scout") == "Error: scout could not be asked for its card: the agent shows no card."
