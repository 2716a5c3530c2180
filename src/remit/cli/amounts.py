"""Amounts of budgets and costs for people."""

from __future__ import annotations

from remit.domain.money import micros_to_usd

FULL, HELD, FREE = "█", "▒", "░"
WIDE = 10


def amount(number: int | None, unit: str) -> str:
    """Write an amount of a budget's unit: micro-USD as dollars; empty where there is none."""
    if number is None:
        return ""
    if unit == "micro_usd":
        return micros_to_usd(number)
    return f"{number:,}"


def bar(spent: int, reserved: int, whole: int) -> str:
    """Draw how much of a whole is spent and set aside, in ten characters; what little there is shows as one."""
    if whole <= 0:
        return FULL * WIDE

    def cells(part: int) -> int:
        return min(WIDE, max(1, part * WIDE // whole)) if part > 0 else 0

    full = cells(spent)
    held = min(WIDE - full, cells(reserved))
    return FULL * full + HELD * held + FREE * (WIDE - full - held)
