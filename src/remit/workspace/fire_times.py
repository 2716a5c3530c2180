"""When a schedule fires: what its five fields say, in a zone. The same whoever asks, and however often."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from remit.domain.clock import MICROS_PER_SECOND, Instant

BEGIN = Instant(946_684_800 * MICROS_PER_SECOND)
"""The year 2000: from when on a schedule must come at all. Whatever comes every 50 years comes after it."""
LETTERS = frozenset("jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat l".split())
"""Names of months and of days of the week, and the last day. `R` and `H` would be drawn anew by whoever looks."""


class NeverComes(Exception):
    """A schedule that fires at no time."""


def mistake(cron: str) -> str:
    """Say what is wrong with a schedule's five fields; nothing where they are right."""
    odd = sorted({word for word in re.findall(r"[A-Za-z]+", cron) if word.lower() not in LETTERS})
    if odd:
        return f"`{odd[0]}` in `{cron}` is no month, no day of the week and not `L`"
    if not croniter.is_valid(cron):
        return f"`{cron}` is no time"
    try:
        next_after(cron, "UTC", BEGIN)
    except NeverComes as error:
        return str(error)
    return ""


def next_after(cron: str, timezone: str, at: Instant) -> Instant:
    """Return the first fire time after an instant. Raises NeverComes."""
    zone = ZoneInfo(timezone)
    # An hour that is named counts once on the day on which clocks are set back.
    names_hours = not cron.split()[1].startswith("*")
    try:
        times = croniter(cron, dt.datetime.fromtimestamp(at / MICROS_PER_SECOND, zone))
        found = times.get_next(dt.datetime)
        while names_hours and dt.datetime.fromtimestamp(found.timestamp(), zone).fold == 1:
            found = times.get_next(dt.datetime)
    except CroniterError:
        raise NeverComes(f"`{cron}` never comes") from None
    return Instant(int(found.timestamp() * MICROS_PER_SECOND))
