"""A clock that goes back: a little is tolerated, more denies, and nothing on record goes back with it."""

from pathlib import Path

import pytest

import remit
from remit.domain.clock import MICROS_PER_SECOND, ManualClock
from remit.domain.finding import Code
from remit.domain.record import RecordKind
from tests.faults.ground import Ground, ground
from tests.faults.told import expect_told
from tests.worlds import reopened

HOURS = 3 * 3600


def test_two_seconds_back_are_held_at_the_last_instant_on_record(tmp_path: Path) -> None:
    with ground(tmp_path) as it:
        with it.run() as run:
            it.call(run)
            it.world.clock.advance(-2)
            it.call(run)
        it.works()
        times = [record["at"] for record in it.world.records()]
        assert times == sorted(times)
        assert len(it.ran) == 3


def test_hours_back_deny_until_the_clock_is_right_again(tmp_path: Path) -> None:
    with ground(tmp_path) as it, it.run() as run:
        it.call(run)
        it.world.clock.advance(-HOURS)
        with pytest.raises(remit.Denied) as caught:
            it.call(run)
        assert [finding.code for finding in caught.value.reasons] == [Code.CLOCK_WENT_BACK]
        assert len(it.ran) == 1, "nothing ran"
        expect_told("clock three hours back", str(caught.value))
        it.world.clock.advance(HOURS)
        it.call(run)
        assert len(it.ran) == 2


def test_hours_back_across_a_reconnect(tmp_path: Path) -> None:
    """The process that held the clock back is gone; what is on record still is not."""
    with ground(tmp_path) as it:
        it.works()
        path, now, records = it.world.path, it.world.clock.at, it.world.records()
    with reopened(path, ManualClock(now - HOURS * MICROS_PER_SECOND)) as world:
        later = Ground(world)
        with later.run() as run, pytest.raises(remit.Denied) as caught:
            later.call(run)
        assert later.ran == []
        expect_told("clock three hours back", str(caught.value))
        assert world.records()[: len(records)] == records
    with reopened(path, ManualClock(now + 1)) as world:
        Ground(world).works()
        assert world.records()[: len(records)] == records


def test_a_budget_window_is_not_opened_again_by_a_clock_that_goes_back(tmp_path: Path) -> None:
    with ground(tmp_path) as it:
        it.world.apply(
            {"budgets.yaml": '{"kind": "Budget", "name": "day", "level": "agent", "window": "day", "calls": 1}'}
        )
        it.works()
        for step in (-2, 0, 1):
            it.world.clock.advance(step)
            with it.run() as run, pytest.raises(remit.Denied):
                it.call(run)
        it.world.clock.advance(24 * 3600)
        it.works()
        assert [record["state"] for record in it.world.records(RecordKind.DECISION_MADE)] == [
            *("admitted", "denied", "denied", "denied", "admitted"),
        ]
