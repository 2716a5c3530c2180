"""When a budget's window begins and ends, in the zone of the budget."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.clock import Instant
from remit.domain.release import BudgetWindow
from remit.kernel.window import bounds

DUBAI, BERLIN = ZoneInfo("Asia/Dubai"), ZoneInfo("Europe/Berlin")


def at(text: str) -> Instant:
    return Instant(int(datetime.fromisoformat(text).timestamp()) * 1_000_000)


CASES = {
    "a day in Dubai begins at eight in the evening in London": (
        *(BudgetWindow.DAY, DUBAI, "2026-01-05T20:00:00+00:00"),
        ("2026-01-06T00:00:00+04:00", "2026-01-07T00:00:00+04:00"),
    ),
    "a second earlier it is still yesterday": (
        *(BudgetWindow.DAY, DUBAI, "2026-01-05T19:59:59+00:00"),
        ("2026-01-05T00:00:00+04:00", "2026-01-06T00:00:00+04:00"),
    ),
    "a month ends with its last day": (
        *(BudgetWindow.MONTH, DUBAI, "2026-02-28T23:59:59+04:00"),
        ("2026-02-01T00:00:00+04:00", "2026-03-01T00:00:00+04:00"),
    ),
    "a year ends too": (
        *(BudgetWindow.MONTH, DUBAI, "2026-12-31T23:59:59+04:00"),
        ("2026-12-01T00:00:00+04:00", "2027-01-01T00:00:00+04:00"),
    ),
    "the day on which clocks go forward has 23 hours": (
        *(BudgetWindow.DAY, BERLIN, "2026-03-29T12:00:00+02:00"),
        ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
    ),
    "the day on which they go back has 25": (
        *(BudgetWindow.DAY, BERLIN, "2026-10-25T12:00:00+01:00"),
        ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
    ),
    "the hour that comes twice, the first time": (
        *(BudgetWindow.HOUR, BERLIN, "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+02:00"),
    ),
    "the hour that comes twice, the second time": (
        *(BudgetWindow.HOUR, BERLIN, "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_window(case: str) -> None:
    window, zone, now, (start, end) = CASES[case]
    assert bounds(window, zone, at(now)) == (at(start), at(end))


def test_a_runs_window_never_ends() -> None:
    assert bounds(BudgetWindow.RUN, DUBAI, at("2026-01-05T20:00:00+00:00")) == (0, 0)


# Clocks change at midnight in Cairo and Havana. In zones that change by half an hour (Lord Howe) two hours overlap.
zones = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Asia/Dubai", "Europe/Berlin", "Africa/Cairo", "America/Havana")]
)
windows = st.sampled_from([BudgetWindow.HOUR, BudgetWindow.DAY, BudgetWindow.MONTH])
moments = st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001 - given a zone below
    lambda moment: Instant(int(moment.replace(tzinfo=UTC).timestamp() * 1_000_000))
)


@given(windows, zones, moments)
def test_every_instant_lies_in_its_window_and_windows_meet(window: BudgetWindow, zone: ZoneInfo, now: Instant) -> None:
    start, end = bounds(window, zone, now)
    assert start <= now < end
    assert bounds(window, zone, Instant(start)) == (start, end), "the first instant is in it"
    assert bounds(window, zone, Instant(end - 1)) == (start, end), "the last instant is in it"
    assert bounds(window, zone, Instant(end))[0] == end, "the next begins where it ends"
