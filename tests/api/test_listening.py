"""Agents hear at once of what stops them, of nothing else, and say so; what they say is counted and decides nothing."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.api.listening import ListenLimits, ListenRoute
from remit.control.credentials import Credentials
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.control.stops import Stops
from remit.control.terminations import Terminations
from remit.domain.identity import Role
from remit.domain.ids import AgentName, UserId
from tests.served import Served, route_of, served
from tests.worlds import OWNER, SARA, VISITOR, WORKSPACE, agent, reopened, world

PATH = "/api/v1/agent/stops"
TWO_AGENTS = {"agents/buyer.yaml": agent(agents=["seller"]), "agents/seller.yaml": agent("seller", team="sales")}
FAR_BELOW_A_MINUTE_S = 10


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Served]:
    with world(tmp_path, TWO_AGENTS) as opened, served(opened) as server:
        yield server


def route(it: Served) -> Any:
    return route_of(it, ListenRoute)


class Ear:
    """One open stream."""

    def __init__(self, it: Served, key: str, name: str = "") -> None:
        self.connection = http.client.HTTPConnection(it.host, it.port, timeout=FAR_BELOW_A_MINUTE_S)
        query = f"?listener={name}" if name else ""
        self.connection.request("GET", PATH + query, headers={"Authorization": f"Bearer {key}"})
        self.answer = self.connection.getresponse()

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        event = ""
        while line := self.answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                yield event, json.loads(value)

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@contextmanager
def listening(it: Served, key: str, name: str = "") -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
    """The events of an open stream, behind the first, which says that it is open."""
    ear = Ear(it, key, name)
    try:
        assert ear.answer.status == 200, ear.answer.read()
        events = ear.events()
        assert next(events) == ("listening", {})
        yield events
    finally:
        ear.close()


def told(it: Served, stop: str) -> list[tuple[str, bool]]:
    found = it.world.store.listeners(WORKSPACE, stop, 100)
    return [(each.listener, each.acknowledged_at is not None) for each in found]


def with_patience(holds: Any) -> None:
    until = time.monotonic() + FAR_BELOW_A_MINUTE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_an_agent_hears_of_what_stops_its_runs_and_of_nothing_else(it: Served) -> None:
    run = it.start()["run"]
    below = it.start(agent="seller", parent=run)["run"]
    stops = it.world.stops
    with listening(it, it.key()) as buyer, listening(it, it.key("seller")) as seller:
        for target in ("agent:seller", "team:sales", "agent:buyer", "team:procurement", f"run:{run}", "tool:erp.get"):
            stops.freeze(WORKSPACE, target, SARA, f"why {target}")
        stops.unfreeze(WORKSPACE, "agent:buyer", SARA, "fine")
        stops.freeze(WORKSPACE, f"run:{below}", SARA, "why below")
        stops.freeze(WORKSPACE, "workspace", SARA, "fire")
        heard: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for name, events in (("buyer", buyer), ("seller", seller)):
            heard[name] = []
            while not heard[name] or heard[name][-1][1]["target"] != "workspace":
                heard[name].append(next(events))
    assert [(event, data["target"]) for event, data in heard["buyer"]] == [
        ("stopped", "agent:buyer"),
        ("stopped", "team:procurement"),
        ("stopped", f"run:{run}"),
        ("stopped", "tool:erp.get"),
        ("lifted", "agent:buyer"),
        ("stopped", "workspace"),
    ]
    assert [data["target"] for _, data in heard["seller"]] == [
        "agent:seller",
        "team:sales",
        f"run:{run}",
        "tool:erp.get",
        f"run:{below}",
        "workspace",
    ], "a stop of the run above touches it as well"
    stop = heard["buyer"][0][1]["stop"]
    assert (stop["kind"], stop["by"], stop["reason"], stop["until"]) == ("freeze", SARA, "why agent:buyer", None)


def test_a_termination_is_heard_of_though_it_ends_the_runs_it_touches(it: Served) -> None:
    it.start()
    with listening(it, it.key()) as buyer:
        Terminations(it.world.store, it.world.clock, it.world.ids).terminate(WORKSPACE, VISITOR, SARA, "gone")
        assert next(buyer)[1]["target"] == VISITOR


def test_what_was_stopped_before_is_told_first(it: Served) -> None:
    run = it.start()["run"]
    for target in ("agent:buyer", "team:procurement", f"run:{run}", VISITOR):
        it.world.stops.freeze(WORKSPACE, target, SARA, "odd")
    it.world.stops.freeze(WORKSPACE, "tool:erp.get", SARA, "odd", until="1s")
    it.world.stops.freeze(WORKSPACE, "agent:seller", SARA, "odd")
    it.world.clock.advance(1)
    with listening(it, it.key()) as events:
        found = [next(events)[1] for _ in range(4)]
    assert {each["target"] for each in found} == {"agent:buyer", "team:procurement", f"run:{run}", VISITOR}
    assert all(each["before"] for each in found)


def test_a_runs_token_hears_of_what_holds_that_run(it: Served) -> None:
    first, second = it.start(), it.start()
    with listening(it, first["token"]) as events:
        it.world.stops.freeze(WORKSPACE, f"run:{second['run']}", SARA, "odd")
        it.world.stops.freeze(WORKSPACE, f"run:{first['run']}", SARA, "odd")
        assert next(events)[1]["target"] == f"run:{first['run']}"


def test_acknowledgements_are_counted_by_listener(it: Served) -> None:
    it.start()
    with (
        listening(it, it.key(), "one") as first,
        listening(it, it.key(), "two"),
        listening(it, it.key("seller"), "far"),
    ):
        it.world.stops.freeze(WORKSPACE, "agent:buyer", SARA, "odd")
        stop = next(first)[1]["id"]
        done = it.ask("POST", f"{PATH}/{stop}/ack", {"listener": "one"})
        assert (done.status, done.document["stop"]) == (200, stop)
        with_patience(lambda: told(it, stop) == [("one", True), ("two", False)])
        (shown,) = it.world.stops.in_force(WORKSPACE)
        assert (shown.id, shown.acknowledged, shown.told) == (stop, 1, 2)
        again = it.ask("POST", f"{PATH}/{stop}/ack", {"listener": "one"})
        assert again.document == done.document


@pytest.mark.parametrize(
    ("agent", "listener"), [("seller", "one"), ("buyer", "other")], ids=["another agent", "another listener"]
)
def test_nobody_acknowledges_what_they_were_not_told(it: Served, agent: str, listener: str) -> None:
    it.start()
    with listening(it, it.key(), "one") as events:
        it.world.stops.freeze(WORKSPACE, "agent:buyer", SARA, "odd")
        stop = next(events)[1]["id"]
        refused = it.ask("POST", f"{PATH}/{stop}/ack", {"listener": listener}, key=it.key(agent))
        assert (refused.status, refused.document["code"]) == (404, "no_stop")
        with_patience(lambda: told(it, stop) == [("one", False)])


def test_a_freeze_by_another_process_is_heard_of(it: Served) -> None:
    it.start()
    with listening(it, it.key()) as events, reopened(it.world.path, it.world.clock) as other:
        begun = time.perf_counter()
        Stops(other.store, other.clock, other.ids).freeze(WORKSPACE, "agent:buyer", SARA, "odd")
        committed = time.perf_counter()
        assert next(events)[1]["target"] == "agent:buyer"
        heard = time.perf_counter()
    sys.stdout.write(f"from the commit to the event: {(heard - committed) * 1000:.0f} ms\n")  # pytest -s shows it
    assert heard - begun < FAR_BELOW_A_MINUTE_S


def test_who_is_revoked_hears_no_more(it: Served) -> None:
    route(it)._limits = ListenLimits(heartbeat_s=0.2)
    credentials = Credentials(it.world.store, it.world.clock, it.world.ids)
    made = credentials.make_agent_key(WORKSPACE, AgentName("buyer"), OWNER)
    with listening(it, made.secret) as events:
        credentials.revoke(WORKSPACE, made.credential.id, OWNER)
        it.world.clock.advance(2)  # the server takes an agent's key for good for a second
        assert list(events) == []


def test_there_are_only_so_many_streams(it: Served) -> None:
    route(it)._limits = replace(ListenLimits(), streams_each=2)
    ears = [Ear(it, it.key()) for _ in range(3)]
    assert [ear.answer.status for ear in ears] == [200, 200, 429]
    for ear in ears:
        ear.close()
    with_patience(lambda: route(it)._open.total() == 0)
    assert route(it)._tails == {}


def test_it_is_for_agents(it: Served) -> None:
    people = People(it.world.store, it.world.clock, it.world.ids, Passwords())
    people.add(WORKSPACE, UserId("user:admin"), frozenset({Role.ADMIN}), OWNER)
    credentials = Credentials(it.world.store, it.world.clock, it.world.ids)
    token = credentials.make_person_token(WORKSPACE, UserId("user:admin"), OWNER, "", 3_600).secret
    assert it.ask("GET", PATH, key="rmt_a_wrong").status == 401
    assert it.ask("GET", PATH, key=token).document["code"] == "agents_only"
    refused = it.ask("GET", f"{PATH}?listener=a%20b")
    assert (refused.status, refused.document["field"]) == (422, "listener")
    assert it.ask("GET", f"{PATH}/x/ack").status == 404


def test_what_is_named_alike_is_not_touched(it: Served) -> None:
    run = it.start()["run"]
    wild = run.replace("_", "%")
    with listening(it, it.key()) as events:
        it.world.stops.freeze(WORKSPACE, "agent:buye", SARA, "odd", anyway=True)
        it.world.stops.freeze(WORKSPACE, "team:procuremen", SARA, "odd", anyway=True)
        it.world.stops.freeze(WORKSPACE, "user:visito", SARA, "odd", anyway=True)
        it.world.stops.freeze(WORKSPACE, "workspace", SARA, "fire")
        assert next(events)[1]["target"] == "workspace"
    assert it.world.store.runs_within(WORKSPACE, "run", wild, 10) == []
