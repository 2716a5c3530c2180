"""The overview: what needs a person, most urgent first, and a day's sums that are read once and then go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.api.day import HOUR, HOURS, Day
from remit.domain.action import Cost, Outcome, OutcomeStatus
from remit.domain.identity import Role
from remit.domain.ids import WorkspaceName
from remit.domain.money import Micros
from remit.storage.outbox import outbox_of
from tests.api.office import PREFIX, Office, Shows, office
from tests.worlds import VISITOR, WORKSPACE, budget, documents

DAY = budget("company-day", "workspace", "day", usd=10)
CALLS = budget("agent-day", "agent", "day", calls=10)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, {"budgets.yaml": documents(DAY, CALLS)}) as opened:
        yield opened


@pytest.fixture
def viewer(it: Office) -> Shows:
    return it.token(Role.VIEWER)


def shown(it: Office, who: Shows) -> dict[str, Any]:
    answer = it.ask("GET", f"{PREFIX}/overview", who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def call(it: Office, run: Any, id: str, status: OutcomeStatus = OutcomeStatus.OK, micros: int | None = None) -> str:
    attempt = it.world.door.attempt_tool(run, "erp.get", {"id": id})
    assert it.world.door.admit(attempt).state == "admitted"
    cost = None if micros is None else Cost(micros=Micros(micros))
    it.world.door.settle(attempt, Outcome(attempt.action, status, cost), b"{}")
    return str(attempt.action)


def test_an_empty_workspace_needs_nobody_and_has_24_hours_of_nothing(it: Office, viewer: Shows) -> None:
    found = shown(it, viewer)
    assert (found["attention"], found["agents"], found["runs"]) == ([], [], {"open": 0, "stopped": 0})
    assert len(found["hours"]) == HOURS
    assert found["hours"][-1]["start"] <= found["at"] < found["hours"][-1]["start"] + HOUR
    assert found["since"] == found["hours"][0]["start"]
    assert (found["budget"]["name"], found["budget"]["spent"]) == ("company-day", 0)


def test_decisions_errors_and_cost_are_summed_by_hour_and_agent(it: Office, viewer: Shows) -> None:
    buyer = it.world.start("buyer", VISITOR)
    call(it, buyer, "1", micros=700)
    call(it, buyer, "2", OutcomeStatus.ERROR, micros=300)
    assert shown(it, viewer)["hours"][-1]["cost"] == 1_000
    it.world.clock.advance(3_600)
    seller = it.world.start("seller", VISITOR)
    call(it, seller, "3", micros=50)
    it.world.door.admit(it.world.door.attempt_tool(seller, "erp.nothing", {}))
    it.world.door.end_run(seller, "ok")
    it.world.stops.freeze(WORKSPACE, f"run:{buyer.id}", "user:test", "odd")
    found = shown(it, it.token(Role.VIEWER))  # the first one's hour is over
    earlier, now = found["hours"][-2:]
    assert {name: earlier[name] for name in ("allow", "deny", "errors", "cost")} == {
        "allow": 2,
        "deny": 0,
        "errors": 1,
        "cost": 1_000,
    }
    assert (now["allow"], now["deny"], now["errors"], now["cost"]) == (1, 1, 0, 50)
    assert [(each["agent"], each["runs"], each["open"], each["cost"]) for each in found["agents"]] == [
        ("buyer", 1, 1, 1_000),
        ("seller", 1, 0, 50),
    ]
    assert found["runs"] == {"open": 1, "stopped": 1}


def test_one_agents_hours_are_its_own(it: Office, viewer: Shows) -> None:
    call(it, it.world.start("buyer", VISITOR), "1", micros=700)
    call(it, it.world.start("seller", VISITOR), "2", micros=50)
    found = it.ask("GET", f"{PREFIX}/overview/agents/seller", viewer).json()
    assert len(found["hours"]) == HOURS
    assert (found["hours"][-1]["allow"], found["hours"][-1]["cost"]) == (1, 50)
    assert it.ask("GET", f"{PREFIX}/overview/agents/nobody", viewer).status_code == 404


def test_what_is_older_than_a_day_is_forgotten(it: Office, viewer: Shows) -> None:
    call(it, it.world.start("buyer", VISITOR), "1", micros=700)
    assert shown(it, viewer)["agents"] != []
    it.world.clock.advance(24 * 3_600)
    call(it, it.world.start("seller", VISITOR), "2", micros=5)
    found = shown(it, it.token(Role.VIEWER))
    assert sum(hour["cost"] for hour in found["hours"]) == 5
    assert [each["agent"] for each in found["agents"] if each["runs"]] == ["seller"]


def day(it: Office, first: int = 20_000) -> Day:
    return Day(WORKSPACE, it.world.store, outbox_of(it.world.store), first)


def test_where_too_much_happened_the_sums_say_since_when_they_are(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    for number in range(3):
        call(it, run, str(number), micros=100)
        it.world.clock.advance(600)
    now = it.world.clock.now()
    assert sum(sums.cost for sums in day(it).at(now).hours.values()) == 300
    found = day(it, first=2).at(now)
    ends = [(seq, orjson.loads(body)) for seq, body in it.world.store.records(WORKSPACE, 0, 1_000)][-2:]
    assert found.since == ends[0][1]["at"]
    assert sum(sums.cost for sums in found.hours.values()) == 100


def test_a_call_that_began_before_the_sums_costs_what_was_reserved_for_it(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    attempt = it.world.door.attempt_tool(run, "erp.scan", {"page": 1})
    it.world.door.admit(attempt)
    it.world.door.settle(attempt, Outcome(attempt.action, OutcomeStatus.OK), b"{}")
    whole, late = day(it).at(it.world.clock.now()), day(it, first=1).at(it.world.clock.now())
    costs = [sum(sums.cost for sums in each.hours.values()) for each in (whole, late)]
    assert costs == [100_000, 100_000]


def test_an_unknown_outcome_costs_nothing_until_somebody_knows(it: Office, viewer: Shows) -> None:
    run = it.world.start("buyer", VISITOR)
    call(it, run, "1", OutcomeStatus.UNKNOWN)
    found = shown(it, viewer)
    assert sum(hour["cost"] for hour in found["hours"]) == 0
    assert [(each["code"], each["run"]) for each in found["attention"]] == [("action_unknown", run.id)]


def test_no_other_workspaces_figures_are_told(it: Office) -> None:
    call(it, it.world.start("buyer", VISITOR), "1", micros=700)
    other = Day(WorkspaceName("another"), it.world.store, outbox_of(it.world.store)).at(it.world.clock.now())
    assert (other.agents, sum(sums.allow for sums in other.hours.values())) == ({}, 0)
