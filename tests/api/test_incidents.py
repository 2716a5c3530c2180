"""What went wrong lately, as the page shows it: derived from records, the same thing told of once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.api.incidents import Lately
from remit.domain.identity import Role
from remit.domain.ids import UserId, WorkspaceName
from remit.storage.outbox import outbox_of
from tests.api.office import PREFIX, Office, Shows, office
from tests.worlds import VISITOR, WORKSPACE, agent, budget

CALLS = budget("few", "agent", "day", calls=2)
PIN = f"sha256:{'a' * 64}"
PINNED = {
    "tools/far.yaml": '{"kind": "Tool", "name": "far.get", "effect": "read", "description": "Far.", "input": '
    '{"type": "object", "properties": {}}, "upstream": "get", "pin": "' + PIN + '"}',
    "servers/far.yaml": '{"kind": "ToolServer", "name": "far", "url": "https://far.example/mcp?key=hush"}',
    "models/tiny.yaml": '{"kind": "Model", "name": "far/tiny", "input_price": 1, "output_price": 2, '
    '"routes": [{"dialect": "openai", "url": "https://far.example/v1", "upstream": "tiny", '
    '"credential": "env:FAR_KEY", "region": "ae"}]}',
}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, {"budgets.yaml": CALLS, "agents/buyer.yaml": agent(limits={"denials": 1_000})}) as opened:
        yield opened


@pytest.fixture
def viewer(it: Office) -> Shows:
    return it.token(Role.VIEWER)


def listed(it: Office, who: Shows, query: str = "") -> list[dict[str, Any]]:
    answer = it.ask("GET", f"{PREFIX}/incidents{query}", who)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["incidents"])


def exhausted(it: Office, calls: int = 5) -> Any:
    run = it.world.start("buyer", VISITOR)
    for number in range(calls):
        it.world.door.admit(it.world.door.attempt_tool(run, "erp.get", {"id": f"{number}"}))
    return run


def test_where_nothing_went_wrong_there_is_nothing(it: Office, viewer: Shows) -> None:
    exhausted(it, calls=2)
    assert listed(it, viewer) == []


def test_the_same_thing_again_is_one_incident_that_counts(it: Office, viewer: Shows) -> None:
    run = exhausted(it)
    (found,) = listed(it, viewer)
    assert (found["kind"], found["subject"], found["count"]) == ("budget", "few", 3)
    assert (found["agent"], found["run"]) == ("buyer", run.id)
    assert found["at"] < found["last_at"] or found["count"] == 3
    it.world.clock.advance(2 * 3_600)
    exhausted(it, calls=1)
    again = it.token(Role.VIEWER)
    assert [each["count"] for each in listed(it, again)] == [1, 3]  # not the same one any more


def test_a_stop_is_told_of_with_who_and_why_and_its_lifting_is_none(it: Office, viewer: Shows) -> None:
    exhausted(it, calls=3)
    it.world.stops.freeze(WorkspaceName(WORKSPACE), "agent:buyer", UserId("user:lina"), "prices look wrong")
    stop, budget = listed(it, viewer)
    assert (stop["kind"], stop["subject"], stop["by"], stop["reason"]) == (
        "stop",
        "agent:buyer",
        "user:lina",
        "prices look wrong",
    )
    assert budget["kind"] == "budget"
    assert [each["kind"] for each in listed(it, viewer, "?kind=stop")] == ["stop"]
    first = it.ask("GET", f"{PREFIX}/incidents?limit=1", viewer).json()
    assert [each["kind"] for each in first["incidents"]] == ["stop"]
    second = it.ask("GET", f"{PREFIX}/incidents?limit=1&cursor={first['next']}", viewer).json()
    assert ([each["kind"] for each in second["incidents"]], second["next"]) == (["budget"], None)


def test_what_is_long_past_is_not_read(it: Office) -> None:
    store = it.world.store
    exhausted(it)
    lately = Lately(WorkspaceName(WORKSPACE), store, outbox_of(store), first=2)
    since, found = lately.all()
    assert since > 0
    assert sum(each.count for each in found) < 3


def test_lines_that_decided_are_shown_without_the_arguments_and_nothing_is_put_on_record(
    it: Office, viewer: Shows
) -> None:
    run = it.world.start("buyer", VISITOR)
    held = it.world.door.admit(it.world.door.attempt_tool(run, "erp.pay", {"amount": 987_654_321}))
    before = len(it.world.records())
    answer = it.ask("GET", f"{PREFIX}/policies/deciding/{held.action}", viewer)
    found = {each["policy"]: each for each in answer.json()["policies"]}
    assert [found["big"]["text"].splitlines()[no - found["big"]["line"]] for no in found["big"]["lines"]] == [
        'forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount > 500 };'
    ]
    assert "987654321" not in answer.text
    assert len(it.world.records()) == before
    assert it.ask("GET", f"{PREFIX}/policies/deciding/act_gone", viewer).status_code == 404


def test_runs_are_found_by_the_run_that_began_them(it: Office, viewer: Shows) -> None:
    top = it.world.start("buyer", VISITOR)
    child = it.world.start("buyer", VISITOR, parent=top.id)
    it.world.start("buyer", VISITOR, parent=child.id)
    found = it.ask("GET", f"{PREFIX}/runs?parent={top.id}", viewer).json()["runs"]
    assert [each["id"] for each in found] == [child.id]
    assert it.ask("GET", f"{PREFIX}/runs?parent=run_gone", viewer).status_code == 404


def test_servers_and_models_are_shown_without_what_they_are_given(tmp_path: Path) -> None:
    with office(tmp_path, PINNED) as it:
        who = it.token(Role.VIEWER)
        (server,) = it.ask("GET", f"{PREFIX}/servers", who).json()["servers"]
        assert (server["name"], server["url"], server["tools"]) == ("far", "https://far.example/mcp", 1)
        models = it.ask("GET", f"{PREFIX}/models", who)
        (model,) = models.json()["models"]
        assert (model["name"], model["routes"][0]["region"], model["routes"][0]["has_key"]) == ("far/tiny", "ae", True)
        assert "FAR_KEY" not in models.text
        tool = it.ask("GET", f"{PREFIX}/tools/far.get", who).json()
        assert (tool["upstream"], tool["via"], tool["pin"]) == ("get", "tool", PIN)
