"""When a budget's window begins and ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.release import BudgetWindow

HOUR = timedelta(hours=1)


def bounds(window: BudgetWindow, zone: ZoneInfo, now: Instant) -> tuple[int, int]:
    """Return [start, end) in microseconds of the window that holds `now`; (0, 0) for a run's, which never ends.

    Days and months begin at local midnight, so a day may last 23 or 25 hours where clocks change. Where midnight
    does not exist, the first instant after the gap is taken (PEP 495, fold=0).
    """
    if window is BudgetWindow.RUN:
        return 0, 0
    local = datetime.fromtimestamp(now // MICROS_PER_SECOND, zone)
    if window is BudgetWindow.HOUR:
        # By elapsed time: an hour that occurs twice is two windows.
        start = local.astimezone(UTC) - timedelta(minutes=local.minute, seconds=local.second)
        return _micros(start), _micros(start + HOUR)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if window is BudgetWindow.DAY:
        return _micros(day), _micros((day + timedelta(days=1)).replace(fold=0))
    first = day.replace(day=1)
    return _micros(first), _micros((first + timedelta(days=32)).replace(day=1))


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * MICROS_PER_SECOND
