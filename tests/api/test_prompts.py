"""Prompts over HTTP: what the active release has, and what one says once it is filled in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.domain.identity import Role
from tests.api.office import PREFIX, TWO_AGENTS, Office, office
from tests.worlds import OWNER, WORKSPACE

PROMPT = """---
kind: Prompt
name: order-status
model: openai/gpt-5-mini
variables:
  order: string
  parcels: {type: integer, required: false}
---
## System
Never guess.
## User
Where is {{order}}? ({{parcels}})
"""
WITH_PROMPT = {**TWO_AGENTS, "prompts/order-status.md": PROMPT}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        opened.world.apply(WITH_PROMPT)
        yield opened


def test_prompts_are_listed_and_shown_with_their_version(it: Office) -> None:
    listing = it.ask("GET", f"{PREFIX}/prompts", it.token(Role.VIEWER)).json()
    one = it.ask("GET", f"{PREFIX}/prompts/order-status", it.token(Role.VIEWER)).json()
    assert listing["prompts"] == [one]
    assert one["version"].startswith("sha256:")
    assert [(each["name"], each["required"]) for each in one["variables"]] == [("order", True), ("parcels", False)]
    assert one["messages"][1] == {"role": "user", "content": "Where is {{order}}? ({{parcels}})"}


def test_a_prompt_is_filled_in(it: Office) -> None:
    path = f"{PREFIX}/prompts/order-status/render"
    answer = it.ask("POST", path, it.token(Role.VIEWER), {"variables": {"order": "PO-1", "parcels": 2}})
    assert answer.status_code == 200
    assert answer.json()["messages"] == [
        {"role": "system", "content": "Never guess."},
        {"role": "user", "content": "Where is PO-1? (2)"},
    ]


def test_values_that_do_not_fit_are_refused_each_by_name(it: Office) -> None:
    path = f"{PREFIX}/prompts/order-status/render"
    answer = it.ask("POST", path, it.token(Role.VIEWER), {"variables": {"parcels": "two", "colour": "red"}})
    assert answer.status_code == 422
    refused = answer.json()
    assert refused["code"] == "prompt.variable_unknown"
    assert [(each["code"], each["field"]) for each in refused["problems"]] == [
        ("prompt.variable_unknown", "variables.colour"),
        ("prompt.variable_missing", "variables.order"),
        ("prompt.variable_mistyped", "variables.parcels"),
    ]


def test_a_prompt_that_is_not_there_is_not_found(it: Office) -> None:
    assert it.ask("GET", f"{PREFIX}/prompts/nothing", it.token(Role.VIEWER)).json()["code"] == "no_prompt"
    assert it.ask("POST", f"{PREFIX}/prompts/nothing/render", it.token(Role.VIEWER), {}).status_code == 404


def test_a_prompt_comes_and_goes_with_its_release(it: Office) -> None:
    def version() -> str:
        return str(it.ask("GET", f"{PREFIX}/prompts/order-status", it.token(Role.VIEWER)).json()["version"])

    first, before = version(), it.world.store.active(WORKSPACE, "production")
    it.world.apply({**WITH_PROMPT, "prompts/order-status.md": PROMPT.replace("guess", "ever guess")})
    assert version() != first
    assert before is not None
    it.world.releases.activate(WORKSPACE, before, OWNER, "back", "production")
    assert version() == first
