"""`remit prompts`, on a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.worlds import OWNER, World, world

PROMPT = """---
kind: Prompt
name: order-status
description: Answers where an order is.
model: openai/gpt-5-mini
max_output_tokens: 400
variables:
  order: string
  tone: {type: string, default: courteous, description: How to speak.}
  parcels: {type: integer, required: false}
  urgent: {type: boolean, default: false}
---
## System
Be {{tone}}. Urgent: {{urgent}}.
## User
Where is {{order}}? ({{parcels}})
"""


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{tmp_path / 'remit.db'}")
    monkeypatch.setenv("REMIT_USER", OWNER)
    with world(tmp_path, {"prompts/order-status.md": PROMPT}) as opened:
        yield opened


def test_prompts_are_listed(it: World, command: Command) -> None:
    ((name, version, model, variables, about),) = command("prompts", "ls").rows
    assert (name, model, about) == ("order-status", "openai/gpt-5-mini", "Answers where an order is.")
    assert version.startswith("sha256:")
    assert variables == "order, [tone], [parcels], [urgent]"
    (told,) = command("prompts", "ls", "-o", "json").json
    assert told["version"].startswith(version)


def test_a_prompt_is_shown_with_what_it_takes(it: World, command: Command) -> None:
    said = command("prompts", "show", "order-status")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert "order: string, required" in lines
    assert "tone: string, optional, else courteous. How to speak." in lines
    assert "urgent: boolean, optional, else false" in lines
    assert lines[-2:] == ["user", "Where is {{order}}? ({{parcels}})"]
    assert command("prompts", "show", "order-status", "-o", "json").json["max_output_tokens"] == 400


def test_a_prompt_is_filled_in_with_values_of_the_types_it_takes(it: World, command: Command, tmp_path: Path) -> None:
    (tmp_path / "order.txt").write_text("PO-1", "utf-8")
    given = ("--var", f"order=@{tmp_path / 'order.txt'}", "--var", "parcels=2", "--var", "urgent=true")
    said = command("prompts", "render", "order-status", *given)
    assert said.code == 0, said.err
    assert said.out.splitlines()[-5:] == ["system", "Be courteous. Urgent: true.", "", "user", "Where is PO-1? (2)"]
    told = command("prompts", "render", "order-status", *given, "-o", "json").json
    assert told["messages"][1] == {"role": "user", "content": "Where is PO-1? (2)"}
    assert told["version"] == command("prompts", "show", "order-status", "-o", "json").json["version"]


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ((), 2, "order (string) is missing"),
        (("--var", "order=x", "--var", "parcels=two"), 2, "parcels must be of type integer, not str"),
        (("--var", "order=x", "--var", "colour=red"), 2, "there is no variable 'colour'"),
        (("--var", "order"), 2, "'order' is no NAME=VALUE"),
        (("--var", "order=@/nowhere"), 2, "/nowhere can not be read"),
    ],
)
def test_what_does_not_fit_is_said(it: World, command: Command, given: tuple[str, ...], code: int, words: str) -> None:
    said = command("prompts", "render", "order-status", *given)
    assert (said.code, said.out) == (code, "")
    assert words in said.err


def test_a_prompt_that_is_not_there(it: World, command: Command) -> None:
    said = command("prompts", "show", "nothing")
    assert (said.code, said.out) == (2, "")
    assert "there is no prompt nothing" in said.err
