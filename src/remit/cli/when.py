"""Instants for people."""

from __future__ import annotations

from datetime import UTC, datetime

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
