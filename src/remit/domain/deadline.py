"""When something ends, as a person writes it: for how long from now, or an instant with its zone."""

from __future__ import annotations

import re
from datetime import datetime

from remit.domain.clock import MICROS_PER_SECOND, Instant

LONGEST_S = 366 * 86_400
"""What ends later than in a year and a day was mistyped, or should end when somebody says so."""
FORMS = "write how long, as 30m, 2h or 1d12h, or when, as 2026-03-01T18:00:00+04:00"

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPAN = re.compile("".join(rf"(?:(\d{{1,9}}){unit})?" for unit in _UNITS))


class BadTime(ValueError):
    """A text that says no end that can be kept. The message says why and what would be right."""


def deadline(text: str, now: Instant) -> Instant:
    """Return the instant that `text` names, seen from `now`. Raises BadTime.

    A span is of days, hours, minutes and seconds (`1d12h`, `90s`), an instant is ISO 8601 and says its zone: a server
    and a person may live in different ones.
    """
    shown = text[:60].encode("unicode_escape").decode()
    span = _SPAN.fullmatch(text)
    if text and span is not None:
        seconds = sum(int(number or 0) * each for number, each in zip(span.groups(), _UNITS.values(), strict=True))
        if not seconds:
            raise BadTime(f"{shown} is no time at all: {FORMS}")
        at = now + seconds * MICROS_PER_SECOND
    else:
        at = _instant(text, shown)
    if at <= now:
        raise BadTime(f"{shown} has passed already: {FORMS}")
    if at - now > LONGEST_S * MICROS_PER_SECOND:
        raise BadTime(f"{shown} is more than {LONGEST_S // 86_400} days away: {FORMS}; or leave it out for no end")
    return Instant(at)


def _instant(text: str, shown: str) -> int:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise BadTime(f"{shown!r} is no time: {FORMS}") from None
    if read.tzinfo is None:
        raise BadTime(f"{shown} does not say its zone: end it with Z for UTC, or with one as +04:00")
    return int(read.timestamp() * 1_000) * 1_000
