"""The worker within `remit serve`: real servers from the command line, with no other worker beside them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.servers import ServerProcess, running
from remit.domain.clock import Instant
from remit.domain.ids import RunId
from remit.storage.timetable import timetable_of
from tests.workflows.shop import Shop, shop, workflow

LONG_ENOUGH_S = 4.0
"""In which a server that carries workflows out has begun to: it looks when it starts."""


def flow(tool: str, pause: float = 0) -> str:
    """Three orders, of which the second takes a while; its effect comes about in the middle of that."""
    pauses = {1: 0.0, 2: pause, 3: 0.0}
    orders = [{"id": f"s{n}", "tool": tool, "arguments": {"n": n, "pause": p}} for n, p in pauses.items()]
    return workflow(*orders)


def orders(it: Shop) -> list[int]:
    return [given["n"] for _, _, given in it.effects()]


def within_the_second(it: Shop) -> RunId:
    """Start a run and return in the middle of its second step, whose effect has not come about."""
    run = it.start()
    it.until(lambda: orders(it) == [1])
    time.sleep(0.5)
    assert orders(it) == [1]
    return run


@pytest.mark.slow
def test_a_server_carries_out_what_is_due_with_no_worker_beside_it(tmp_path: Path) -> None:
    with shop(tmp_path, flow("till.order")) as it, running(ServerProcess.of_remit(it.settings)):
        assert it.ended(it.start()).state == "succeeded"
        assert orders(it) == [1, 2, 3]


@pytest.mark.slow
def test_a_server_begins_to_carry_out_once_a_workspace_has_workflows(tmp_path: Path) -> None:
    with shop(tmp_path, changes={"workflows/all.yaml": None}) as it, running(ServerProcess.of_remit(it.settings)):
        assert timetable_of(it.parts.store).workers(Instant(0)) == []
        it.apply(flow("till.order"))
        assert it.ended(it.start()).state == "succeeded"


@pytest.mark.slow
def test_a_server_that_is_told_to_leave_workflows_alone_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_WORKER", "false")
    with shop(tmp_path, flow("till.order")) as it, running(ServerProcess.of_remit(it.settings)):
        run = it.start()
        time.sleep(LONG_ENOUGH_S)
        assert (it.run(run).state, it.run(run).turn, orders(it)) == ("queued", 0, [])
        assert timetable_of(it.parts.store).workers(Instant(0)) == []
        with it.worker():
            assert it.ended(run).state == "succeeded"


@pytest.mark.slow
def test_a_server_that_is_shut_down_finishes_the_step_it_is_in_and_the_next_one_goes_on(tmp_path: Path) -> None:
    # Nobody can be asked what became of this tool's calls: one that was cut off would have to wait for a person.
    with shop(tmp_path, flow("till.order", pause=4)) as it:
        with running(ServerProcess.of_remit(it.settings)):
            run = within_the_second(it)
        assert orders(it) == [1, 2]
        assert not it.run(run).is_over
        assert it.run(run).owner == ""
        with running(ServerProcess.of_remit(it.settings)):
            assert it.ended(run).state == "succeeded"
        assert orders(it) == [1, 2, 3]


@pytest.mark.slow
def test_a_server_that_is_killed_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_WORKER_LEASE_S", "2")
    monkeypatch.setenv("REMIT_ABSENT_AFTER_S", "1")
    with shop(tmp_path, flow("till.order_told", pause=4)) as it:
        server = ServerProcess.of_remit(it.settings)
        server.start()
        run = within_the_second(it)
        server.kill()
        with running(server):
            assert it.ended(run).state == "succeeded"
        assert orders(it) == [1, 2, 3]
