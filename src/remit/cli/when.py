"""Instants for people."""

from __future__ import annotations

from datetime import UTC, datetime

import click

MAX_DAYS = 3_660
MICROS_PER_SECOND = 1_000_000


def moment(at: int) -> str:
    """Write an instant: UTC, to the second."""
    return datetime.fromtimestamp(at / MICROS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def lasting(seconds: float) -> str:
    """Write a duration in its two largest units, as `2 d 3 h` or `40 s`."""
    left, found = int(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            found.append(f"{number} {unit}")
    return " ".join(found[:2]) or "0 s"


def days_of(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Read a number of days, as `30d`."""
    if value is None:
        return None
    days = int(value[:-1]) if value.endswith("d") and value[:-1].isdecimal() and len(value) < 6 else 0
    if not 1 <= days <= MAX_DAYS:
        raise click.BadParameter(f"{value!r} is no number of days from 1d to {MAX_DAYS}d", ctx, param)
    return days
