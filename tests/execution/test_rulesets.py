"""Making a release ready takes its time; nobody else is kept waiting by it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from remit.domain.arguments import PayloadLimits
from remit.execution import rulesets
from remit.execution.rulesets import MAX_LOADING, ReleaseUnusable, TooManyLoading
from remit.execution.served import ServedDoor
from tests.loads import WAIT_S, Loads, counted, old_ones, release
from tests.worlds import WORKSPACE, World, world


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as found:
        yield found


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    return counted(monkeypatch)


def test_a_ready_release_is_there_while_another_one_is_loaded(it: World, loads: Loads) -> None:
    ready, slow = it.rules().release, release(it, 1)
    with ThreadPoolExecutor() as threads, loads.held_up(slow):
        waits = threads.submit(it.rules, slow)
        loads.wait_for(slow)
        there = threads.submit(it.rules, ready)
        assert there.result(WAIT_S).release == ready
        assert not waits.done()
        assert it.parts.rulesets.is_ready(WORKSPACE, ready)
        assert not it.parts.rulesets.is_ready(WORKSPACE, slow)
    assert waits.result(WAIT_S).release == slow


def test_two_who_ask_for_one_release_share_one_load(it: World, loads: Loads) -> None:
    slow = release(it, 1)
    with ThreadPoolExecutor() as threads:
        with loads.held_up(slow):
            first, second = (threads.submit(it.rules, slow) for _ in range(2))
            loads.wait_for(slow)
        assert first.result(WAIT_S) is second.result(WAIT_S)
    assert loads.begun.count(slow) == 1


def test_a_load_that_fails_leaves_nothing_behind(it: World, loads: Loads) -> None:
    broken = release(it, 1)
    loads.failing.add(broken)
    for _ in range(2):
        with pytest.raises(ReleaseUnusable, match="not this time"):
            it.rules(broken)
    loads.failing.clear()
    assert it.rules(broken).release == broken
    assert loads.begun.count(broken) == 3


def test_active_releases_stay_however_many_there_are(it: World, loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulesets, "MAX_READY", 2)
    active = [release(it, number, f"channel-{number}") for number in range(4)]
    for each in active:
        it.rules(each)
    for old in old_ones(it, 3):
        it.rules(old)
    for each in active:
        it.rules(each)
    assert [loads.begun.count(each) for each in active] == [1] * len(active)


def test_of_those_that_no_channel_points_at_the_ones_used_least_lately_go(
    it: World, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulesets, "MAX_READY", 2)
    first, second, third = old_ones(it, 3)
    for each in (first, second, first, third):
        it.rules(each)
    assert it.parts.rulesets.is_ready(WORKSPACE, first)
    assert not it.parts.rulesets.is_ready(WORKSPACE, second)


def test_what_people_look_at_puts_nothing_out_that_agents_work_under(
    it: World, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulesets, "MAX_LOOKED_AT", 4)
    people, (pinned, *looked_at) = it.parts.rulesets.for_people(), old_ones(it, 6)
    it.rules(pinned)
    for each in looked_at:
        people.of(WORKSPACE, each)
    it.rules(pinned)
    assert loads.begun.count(pinned) == 1
    assert not people.is_ready(WORKSPACE, looked_at[0])
    assert people.is_ready(WORKSPACE, looked_at[-1])


def test_people_wait_their_turn_for_releases_that_are_not_active_and_agents_do_not(
    it: World, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulesets, "PATIENCE_S", 0.05)
    people, old = it.parts.rulesets.for_people(), old_ones(it, MAX_LOADING + 2)
    slow, refused, pinned = old[:MAX_LOADING], old[MAX_LOADING], old[MAX_LOADING + 1]
    active = release(it, 99, "canary")
    with ThreadPoolExecutor() as threads, loads.held_up(*slow):
        waiting = [threads.submit(people.of, WORKSPACE, each) for each in slow]
        loads.wait_for(*slow)
        with pytest.raises(TooManyLoading, match=f"{MAX_LOADING} releases that are not active are being made ready"):
            people.of(WORKSPACE, refused)
        with pytest.raises(TooManyLoading, match="is being made ready"):
            people.of(WORKSPACE, slow[0])
        assert people.of(WORKSPACE, active).release == active
        assert it.rules(pinned).release == pinned
        shared = threads.submit(it.rules, slow[1])
    assert [each.result(WAIT_S).release for each in waiting] == slow
    assert shared.result(WAIT_S) is waiting[1].result()
    assert people.of(WORKSPACE, refused).release == refused


def test_the_event_loop_goes_on_while_a_release_that_was_put_out_is_loaded_anew(it: World, loads: Loads) -> None:
    parts = it.parts
    door = ServedDoor(WORKSPACE, it.store, it.queue, parts.rulesets, parts.keys, it.clock, it.ids, PayloadLimits(), 900)
    run, pinned = it.start(), it.rules().release
    parts.rulesets._kept.ready.clear()
    loads.begun.clear()

    async def asked() -> None:
        assert await door.run_of(run.id) is not None
        parts.rulesets._kept.ready.clear()
        with loads.held_up(pinned):
            both = [asyncio.create_task(door.run_of(run.id)) for _ in range(2)]
            while loads.begun.count(pinned) < 2:
                assert await asyncio.to_thread(loads.one_more.acquire, timeout=WAIT_S)
            assert not any(each.done() for each in both)
        async with asyncio.timeout(WAIT_S):
            assert await asyncio.gather(*both) == [run, run]

    asyncio.run(asked())
    assert loads.begun.count(pinned) == 2
