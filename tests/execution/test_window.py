"""Windows tile time: every instant is in exactly one, also where clocks change."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.release import BudgetWindow
from remit.kernel.window import bounds

ZONES = [
    "UTC",
    "Asia/Dubai",
    "Asia/Riyadh",
    "Asia/Kolkata",  # half an hour
    "Asia/Kathmandu",  # three quarters
    "America/New_York",
    "Africa/Cairo",  # clocks change at midnight
    "Atlantic/Azores",  # midnight comes twice
    "Pacific/Apia",  # once left out a whole day
]
HOUR_S, DAY_S = 3600, 86_400
LENGTHS = {
    BudgetWindow.HOUR: (HOUR_S, HOUR_S),
    BudgetWindow.DAY: (DAY_S - HOUR_S, DAY_S + HOUR_S),
    BudgetWindow.MONTH: (27 * DAY_S, 31 * DAY_S + HOUR_S),
}

windows = st.sampled_from(sorted(LENGTHS))
zones = st.sampled_from(ZONES).map(ZoneInfo)
instants = st.integers(1_230_768_000 * MICROS_PER_SECOND, 2_240_611_200 * MICROS_PER_SECOND).map(Instant)


def at(text: str, zone: str, fold: int = 0) -> Instant:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return Instant(int(moment.timestamp()) * MICROS_PER_SECOND)


def length_s(window: BudgetWindow, zone: str, now: Instant) -> int:
    start, end = bounds(window, ZoneInfo(zone), now)
    return (end - start) // MICROS_PER_SECOND


@given(windows, zones, instants)
def test_an_instant_is_in_its_window(window: BudgetWindow, zone: ZoneInfo, now: Instant) -> None:
    start, end = bounds(window, zone, now)
    assert start <= now < end


@given(windows, zones, instants)
def test_windows_follow_each_other_without_gap_or_overlap(window: BudgetWindow, zone: ZoneInfo, now: Instant) -> None:
    start, end = bounds(window, zone, now)
    assert bounds(window, zone, Instant(start)) == (start, end)
    assert bounds(window, zone, Instant(end - 1)) == (start, end)
    assert bounds(window, zone, Instant(end))[0] == end
    assert bounds(window, zone, Instant(start - 1))[1] == start


@given(windows, zones, instants, instants)
def test_two_instants_share_a_window_or_their_windows_are_apart(
    window: BudgetWindow, zone: ZoneInfo, one: Instant, other: Instant
) -> None:
    (start, end), (other_start, other_end) = sorted((bounds(window, zone, one), bounds(window, zone, other)))
    assert (start, end) == (other_start, other_end) or end <= other_start


@given(windows, zones, instants)
def test_a_window_has_a_length_that_its_name_allows(window: BudgetWindow, zone: ZoneInfo, now: Instant) -> None:
    start, end = bounds(window, zone, now)
    shortest, longest = LENGTHS[window]
    if zone.key == "Pacific/Apia":  # December 2011 had thirty days there
        shortest -= DAY_S if window is BudgetWindow.MONTH else 0
    assert shortest <= (end - start) // MICROS_PER_SECOND <= longest


@given(st.sampled_from([BudgetWindow.DAY, BudgetWindow.MONTH]), zones, instants)
def test_days_and_months_begin_where_the_local_date_changes(window: BudgetWindow, zone: ZoneInfo, now: Instant) -> None:
    start, _ = bounds(window, zone, now)
    first = datetime.fromtimestamp(start // MICROS_PER_SECOND, zone)
    before = datetime.fromtimestamp(start // MICROS_PER_SECOND - 1, zone)
    assert first.date() != before.date()
    if window is BudgetWindow.MONTH:
        assert (first.year, first.month) != (before.year, before.month)


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-07T12:00", 24), ("2026-03-08T12:00", 23), ("2026-11-01T12:00", 25), ("2026-11-02T12:00", 24)],
)
def test_a_day_in_new_york_may_have_23_or_25_hours(day: str, hours: int) -> None:
    assert length_s(BudgetWindow.DAY, "America/New_York", at(day, "America/New_York")) == hours * HOUR_S


def test_an_hour_that_comes_twice_is_two_windows() -> None:
    zone = "America/New_York"
    summer, winter = (at("2026-11-01T01:30", zone, fold) for fold in (0, 1))
    first, second = (bounds(BudgetWindow.HOUR, ZoneInfo(zone), now) for now in (summer, winter))
    assert first[1] == second[0]
    assert winter - summer == HOUR_S * MICROS_PER_SECOND


@pytest.mark.parametrize(
    ("day", "days"),
    [("2026-02-28T23:59", 28), ("2028-02-29T00:00", 29), ("2026-04-30T12:00", 30), ("2026-12-31T23:59", 31)],
)
def test_a_month_lasts_as_long_as_the_calendar_says(day: str, days: int) -> None:
    assert length_s(BudgetWindow.MONTH, "Asia/Riyadh", at(day, "Asia/Riyadh")) == days * DAY_S


def test_a_month_with_a_change_of_clocks_is_an_hour_short() -> None:
    assert length_s(BudgetWindow.MONTH, "America/New_York", at("2026-03-31T23:59", "America/New_York")) == (
        31 * DAY_S - HOUR_S
    )


def test_a_day_in_dubai_begins_four_hours_before_that_of_greenwich() -> None:
    now = at("2026-01-05T12:00", "UTC")
    start, _ = bounds(BudgetWindow.DAY, ZoneInfo("Asia/Dubai"), now)
    assert start == at("2026-01-04T20:00", "UTC")


def test_a_runs_window_never_ends() -> None:
    assert bounds(BudgetWindow.RUN, ZoneInfo("UTC"), Instant(1)) == (0, 0)


def test_a_year_of_windows_in_new_york_has_as_many_hours_as_the_year() -> None:
    zone, now = ZoneInfo("America/New_York"), at("2026-01-01T00:00", "America/New_York")
    starts = [now]
    while datetime.fromtimestamp(starts[-1] // MICROS_PER_SECOND, zone).year == 2026:
        starts.append(Instant(bounds(BudgetWindow.HOUR, zone, starts[-1])[1]))
    assert len(starts) - 1 == 365 * 24
    assert {later - earlier for earlier, later in pairwise(starts)} == {timedelta(hours=1) // timedelta(microseconds=1)}
