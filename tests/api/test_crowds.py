"""Many people who ask at once keep nobody waiting who stops something."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from remit.api.route import HEAVY_THREADS
from remit.control.releases import Releases
from remit.domain.identity import Role
from remit.execution import rulesets
from remit.execution.rulesets import MAX_LOADING
from tests.api.office import PREFIX, Office, office
from tests.loads import WAIT_S, counted, old_ones
from tests.worlds import files

THREADS = 40
"""How many requests of the control plane are carried out at a time, as anyio has it."""


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        yield opened


def test_a_release_that_has_to_wait_is_asked_for_again(it: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulesets, "PATIENCE_S", 0.05)
    *slow, third = old_ones(it.world, MAX_LOADING + 1)
    loads, viewer = counted(monkeypatch), it.token(Role.VIEWER)

    def shown(release: str) -> Any:
        return it.ask("GET", f"{PREFIX}/policies?release={release}", viewer)

    with ThreadPoolExecutor() as threads, loads.held_up(*slow):
        waiting = [threads.submit(shown, each) for each in slow]
        loads.wait_for(*slow)
        refused = shown(third)
        assert (refused.status_code, refused.json()["code"]) == (503, "releases_loading")
        assert refused.headers["Retry-After"] == "1"
        assert shown("").status_code == 200
    assert [each.result(WAIT_S).json()["release"] for each in waiting] == slow
    assert shown(third).status_code == 200


def test_of_those_who_plan_two_at_a_time_take_the_processor(it: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    author, begun, over, seen = it.token(Role.AUTHOR), threading.Semaphore(0), threading.Event(), list[int]()
    at_once, plan = threading.Semaphore(HEAVY_THREADS), Releases.plan

    def slow(*told: Any) -> Any:
        seen.append(int(at_once.acquire(blocking=False)))
        begun.release()
        assert over.wait(WAIT_S)
        try:
            return plan(*told)
        finally:
            at_once.release()

    monkeypatch.setattr(Releases, "plan", slow)
    upload = {"files": {path: content.decode() for path, content in files().items()}}
    with ThreadPoolExecutor(8) as threads:
        try:
            crowd = [threads.submit(it.ask, "POST", f"{PREFIX}/releases/plan", author, upload) for _ in range(6)]
            for _ in range(HEAVY_THREADS):
                assert begun.acquire(timeout=WAIT_S)
            assert threads.submit(it.ask, "GET", f"{PREFIX}/releases", author).result(WAIT_S).status_code == 200
        finally:
            over.set()
        assert {each.result(WAIT_S).status_code for each in crowd} == {200}
    assert seen == [1] * 6, "none began while two were under way"


def test_a_stop_does_not_wait_for_those_who_look(it: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, operator, looking, over = (
        it.token(Role.VIEWER),
        it.token(Role.OPERATOR),
        threading.Semaphore(0),
        threading.Event(),
    )

    def slow(*_: object, **__: object) -> list[object]:
        looking.release()
        assert over.wait(WAIT_S)
        return []

    monkeypatch.setattr(it.world.store, "releases", slow)
    with ThreadPoolExecutor(THREADS + 10) as threads:
        try:
            crowd = [threads.submit(it.ask, "GET", f"{PREFIX}/releases", viewer) for _ in range(THREADS + 5)]
            for _ in range(THREADS):
                assert looking.acquire(timeout=WAIT_S)
            sent = {"target": "agent:buyer"}
            asked = threads.submit(it.ask, "POST", f"{PREFIX}/stops", operator, sent, Idempotency_Key="k-1")
            assert asked.result(WAIT_S).status_code == 201
            assert not looking.acquire(blocking=False), "all threads are taken, and those who came late wait"
            for path in ("lift", "terminate", "reactivate"):
                asked = threads.submit(it.ask, "POST", f"{PREFIX}/stops/{path}", operator, sent)
                assert asked.result(WAIT_S).status_code in (200, 403)
        finally:
            over.set()
        assert {each.result(WAIT_S).status_code for each in crowd} == {200}
