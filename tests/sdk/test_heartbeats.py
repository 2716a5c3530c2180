"""An agent over HTTP speaks for its runs and for the actions that go on, and for nothing that is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.domain.ids import RunId
from remit.sdk.client import Client
from remit.sdk.errors import Unavailable
from remit.sdk.heartbeats import Heartbeats
from remit.sdk.http import HttpDoor
from remit.sdk.wire import Reach
from tests.served import Served, served
from tests.worlds import VISITOR, WORKSPACE, World, agent, world

LEASE_S = 900


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, {"agents/seller.yaml": agent("seller")}) as opened:
        yield opened


@pytest.fixture
def server(it: World) -> Iterator[Served]:
    with served(it) as opened:
        yield opened


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_long_call_is_spoken_for_and_one_whose_agent_vanished_becomes_unknown(it: World, server: Served) -> None:
    door = HttpDoor(Reach(server.url, server.key(), timeout_s=20))
    with Client(door) as client, client.run("buyer", on_behalf_of=VISITOR) as run:

        def long(page: int) -> str:
            (before,) = it.store.open_actions(WORKSPACE)
            assert before.lease_until == it.clock.now() + LEASE_S * 1_000_000
            it.clock.advance(LEASE_S - 1)
            door._heartbeats.beat()
            (after,) = it.store.open_actions(WORKSPACE)
            assert after.lease_until == before.lease_until + (LEASE_S - 1) * 1_000_000
            it.clock.advance(LEASE_S + 1)
            until(lambda: it.store.open_actions(WORKSPACE)[0].unknown)  # the server's own house-keeping
            return "done after all"

        assert run.call("erp.scan", {"page": 1}, using=long) == "done after all"
        assert it.store.open_actions(WORKSPACE) == [], "the late outcome has reconciled it"
        assert not door._heartbeats._runs[run.id]
    assert door._heartbeats._runs == {}


def test_a_heartbeat_is_of_ones_own_runs(server: Served) -> None:
    run = server.start()
    path = f"/api/v1/runs/{run['run']}/heartbeat"
    assert server.ask("POST", path, {}).document == {"run": run["run"], "actions": [], "action_lease_s": LEASE_S}
    assert server.ask("POST", path, {"actions": []}, key=run["token"]).status == 200
    assert server.ask("POST", path, {}, key=server.key("seller")).status == 404
    assert server.ask("POST", path, {"actions": ["x"] * 257}).document["field"] == "actions"
    assert server.ask("POST", path, {"actions": [1]}).document["field"] == "actions"


def test_a_run_of_which_nothing_is_heard_ends_though_the_server_lives(it: World, server: Served) -> None:
    run = server.start()["run"]
    it.clock.advance(86_401)
    until(lambda: it.store.run(RunId(run)) is not None and _state(server, run) == "ended")
    denied = server.ask("POST", f"/api/v1/runs/{run}/end", {"status": "ok"})
    assert (denied.status, denied.document["repeated"]) == (200, True)


def _state(server: Served, run: str) -> Any:
    return server.ask("GET", f"/api/v1/runs/{run}").document["state"]


def test_a_server_that_is_gone_for_the_moment_harms_nobody() -> None:
    said: list[tuple[str, list[str]]] = []

    def send(run: RunId, actions: list[Any]) -> None:
        said.append((run, actions))
        raise Unavailable("gone")

    heartbeats = Heartbeats(send)
    heartbeats.opened(RunId("run_1"), LEASE_S)
    heartbeats.admitted(RunId("run_1"), "act_1")  # type: ignore[arg-type]
    heartbeats.admitted(RunId("run_2"), "act_2")  # type: ignore[arg-type]
    heartbeats.opened(RunId("run_3"), 0)
    heartbeats.beat()
    heartbeats.settled(RunId("run_1"), "act_1")  # type: ignore[arg-type]
    heartbeats.beat()
    heartbeats.ended(RunId("run_1"))
    heartbeats.beat()
    heartbeats.close()
    assert said == [("run_1", ["act_1"]), ("run_1", [])]
