"""An agent over HTTP hears of a stop while its run is open, is denied without asking, and says that it has heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import remit
from remit.api.listening import ListenRoute
from remit.control.terminations import Terminations
from remit.domain.ids import RunId
from remit.domain.record import RecordKind
from remit.sdk import listening
from remit.sdk.client import Client
from remit.sdk.http import HttpDoor
from remit.sdk.wire import Reach
from tests.served import Served, route_of, served
from tests.worlds import SARA, VISITOR, WORKSPACE, World, agent, world

PATIENCE_S = 60.0


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, {"agents/seller.yaml": agent("seller", team="sales")}) as opened:
        yield opened


@pytest.fixture
def server(it: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(listening, "BEGIN_S", 0.0)
    monkeypatch.setattr(listening, "FIRST_PAUSE_S", 0.05)
    with served(it) as opened:
        yield opened


def client(server: Served, *, listens: bool = True, agent: str = "buyer") -> Client:
    return Client(HttpDoor(Reach(server.url, server.key(agent), timeout_s=20), listens=listens))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def listeners(server: Served) -> int:
    route = route_of(server, ListenRoute)
    return sum(len(tail.listeners) for tail in route._tails.values())


def get(run: object) -> object:
    return run.call("erp.get", {"id": "1"}, using=lambda id: "an order")  # type: ignore[attr-defined]


@pytest.mark.parametrize("target", ["agent:buyer", "team:procurement", VISITOR, "workspace", "run:", "parent"])
def test_the_next_call_is_denied_without_asking(it: World, server: Served, target: str) -> None:
    top = it.start("buyer", VISITOR)
    with client(server) as connected, connected.run("buyer", on_behalf_of=VISITOR, parent=top.id) as run:
        until(lambda: listeners(server) == 1)
        assert not run.stopped
        aim = {"run:": f"run:{run.id}", "parent": f"run:{top.id}"}.get(target, target)
        it.stops.freeze(WORKSPACE, aim, SARA, "smells")
        until(lambda: run.stopped)
        decided = len(it.records(RecordKind.DECISION_MADE))
        with pytest.raises(remit.Stopped, match="frozen by user:sara: smells") as local:
            get(run)
        assert len(it.records(RecordKind.DECISION_MADE)) == decided, "nobody was asked"
        unheard = client(server, listens=False)
        asked = unheard._door.admit(unheard._door.attempt_tool(run._started, "erp.get", {"id": "1"}))
        unheard.close()
        assert local.value.reasons == asked.decision.reasons, "the server says the same"
        (shown,) = it.stops.in_force(WORKSPACE)
        until(lambda: [each.acknowledged for each in it.stops.in_force(WORKSPACE)] == [1])
        assert shown.target == aim
        it.stops.unfreeze(WORKSPACE, aim, SARA, "fine")
        until(lambda: not run.stopped)
        assert get(run) == "an order"


def test_a_stopped_tool_stops_its_calls_only(it: World, server: Served) -> None:
    with client(server) as connected, connected.run("buyer", on_behalf_of=VISITOR) as run:
        until(lambda: listeners(server) == 1)
        it.stops.freeze(WORKSPACE, "tool:erp.get", SARA, "smells")
        until(lambda: bool(connected._door._listening._stops))  # type: ignore[attr-defined]
        assert not run.stopped
        with pytest.raises(remit.Stopped):
            get(run)
        assert run.call("erp.status", {}, using=lambda: "on its way") == "on its way"


def test_a_function_that_takes_long_hears_of_it_while_it_runs(it: World, server: Served) -> None:
    with client(server) as connected, connected.run("buyer", on_behalf_of=VISITOR) as run:
        until(lambda: listeners(server) == 1)

        def long(id: str) -> str:
            it.stops.freeze(WORKSPACE, f"run:{run.id}", SARA, "smells")
            until(lambda: run.stopped)
            return "left off"

        assert run.call("erp.get", {"id": "1"}, using=long) == "left off"


def test_without_a_stream_the_server_is_asked(it: World, server: Served) -> None:
    with client(server, listens=False) as connected, connected.run("buyer", on_behalf_of=VISITOR) as run:
        it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "smells")
        decided = len(it.records(RecordKind.DECISION_MADE))
        with pytest.raises(remit.Stopped):
            get(run)
        assert len(it.records(RecordKind.DECISION_MADE)) == decided + 1
        assert listeners(server) == 0


def test_what_was_heard_before_a_stream_broke_is_forgotten_and_heard_again(it: World, server: Served) -> None:
    route = route_of(server, ListenRoute)
    with client(server) as connected, connected.run("buyer", on_behalf_of=VISITOR) as run:
        until(lambda: listeners(server) == 1)
        it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "smells")
        until(lambda: run.stopped)
        (tail,) = route._tails.values()
        it.stops.freeze(WORKSPACE, f"run:{run.id}", SARA, "too")
        tail.cut()
        it.stops.unfreeze(WORKSPACE, "agent:buyer", SARA, "fine")
        until(lambda: set(connected._door._listening._stops) == {f"run:{run.id}"})  # type: ignore[attr-defined]


def test_nobody_listens_before_a_run_or_long_behind_it(
    it: World, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "LINGER_S", 0.0)
    connected = client(server)
    with connected, connected.run("buyer", on_behalf_of=VISITOR):
        until(lambda: listeners(server) == 1)
    until(lambda: listeners(server) == 0)
    until(lambda: not any(thread.name == "remit-listening" for thread in threading.enumerate()))


def test_a_run_that_others_ended_is_left_without_an_error(it: World, server: Served) -> None:
    with client(server) as connected, connected.run("buyer", on_behalf_of=VISITOR) as run:
        Terminations(it.store, it.clock, it.ids).terminate(WORKSPACE, f"run:{run.id}", SARA, "stolen")
        with pytest.raises(remit.Stopped, match="terminated by user:sara: stolen"):
            get(run)
    ended = it.records(RecordKind.RUN_ENDED, RunId(run.id))
    assert [record["status"] for record in ended] == ["terminated"]


def test_embedded_the_database_is_looked_at(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        assert not run.stopped
        it.stops.freeze(WORKSPACE, "team:procurement", SARA, "smells")
        assert run.stopped
