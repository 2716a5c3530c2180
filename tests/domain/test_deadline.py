"""Ends as people write them: how long, or an instant with its zone; what is past, without zone or absurd is refused."""

from __future__ import annotations

import pytest

from remit.domain.clock import Instant
from remit.domain.deadline import BadTime, deadline

NOON = Instant(1_772_366_400_000_000)
"""2026-03-01T12:00:00Z."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1_800),
        ("2h", 7_200),
        ("1d12h", 129_600),
        ("1d2h3m4s", 93_784),
        ("2026-03-01T12:00:01Z", 1),
        ("2026-03-01T18:00:00+04:00", 7_200),
        ("2026-03-01T12:00:00.250+00:00", 0.25),
    ],
)
def test_how_long_or_when(text: str, seconds: float) -> None:
    assert deadline(text, NOON) - NOON == seconds * 1_000_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no time: write how long, as 30m, 2h or 1d12h, or when, as 2026-03-01T18:00:00+04:00"),
        ("0h", "0h is no time at all: write how long"),
        ("soon", "'soon' is no time"),
        ("-2h", "'-2h' is no time"),
        ("2h30", "'2h30' is no time"),
        ("1.5h", "'1.5h' is no time"),
        ("3m2h", "'3m2h' is no time"),
        ("2026-03-01T18:00:00", "2026-03-01T18:00:00 does not say its zone: end it with Z for UTC"),
        ("2026-03-01", "2026-03-01 does not say its zone"),
        ("2026-03-01T15:59:59+04:00", "has passed already"),
        ("2026-03-01T12:00:00Z", "has passed already"),
        ("0001-01-01T00:00:00Z", "has passed already"),
        ("367d", "367d is more than 366 days away: .*; or leave it out for no end"),
        ("999999999d", "is more than 366 days away"),
        ("9999-12-31T23:59:59Z", "is more than 366 days away"),
        ("\u202e2h", r"u202e2h' is no time"),
    ],
)
def test_what_is_no_end(text: str, said: str) -> None:
    with pytest.raises(BadTime, match=said.replace("+", r"\+")):
        deadline(text, NOON)
