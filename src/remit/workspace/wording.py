"""Amounts, times and names as a reviewer reads them in a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from remit.domain.money import micros_to_usd
from remit.domain.release import Budget, BudgetLevel, BudgetUnit, BudgetWindow, Rate

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def amount(budget: Budget, value: int | None = None) -> str:
    """Return an amount in the budget's unit, its own where none is given: `$40.00` or `2,000 calls`."""
    shown = budget.amount if value is None else value
    return micros_to_usd(shown) if budget.unit is BudgetUnit.MICRO_USD else f"{shown:,} {budget.unit.value}"


def per(window: BudgetWindow) -> str:
    """Return a window as in `$40.00 a day`."""
    return "an hour" if window is BudgetWindow.HOUR else f"a {window.value}"


def whose(budget: Budget) -> str:
    """Return whose spend a budget counts: `the team dispatch`, `every run of buyer`."""
    if budget.level is BudgetLevel.WORKSPACE:
        return "the whole workspace"
    if budget.level is BudgetLevel.RUN:
        return f"every run of {budget.subject}" if budget.subject else "every run"
    return f"the {budget.level.value} {budget.subject}" if budget.subject else f"every {budget.level.value}"


def seconds(value: int) -> str:
    """Return a length of time in its largest exact unit: 5400 is `90 minutes`."""
    size, name = next((size, name) for size, name in _UNITS if value % size == 0)
    count = value // size
    return f"{count:,} {name}" + ("" if count == 1 else "s")


def rate(value: Rate) -> str:
    """Return a rate: `60 calls a minute`."""
    name = dict(_UNITS).get(value.seconds)
    return f"{value.calls:,} calls in {seconds(value.seconds)}" if name is None else f"{value.calls:,} calls {_a(name)}"


def _a(name: str) -> str:
    return f"an {name}" if name == "hour" else f"a {name}"


def shown(value: object) -> str:
    """Return any value of a configuration in one line."""
    match value:
        case None | "":
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case Rate():
            return rate(value)
        case int():
            return f"{value:,}"
        case tuple() | list():
            return ", ".join(shown(item) for item in value) or "nothing"
        case Mapping():
            return ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) or "nothing"
        case _ if is_dataclass(value):
            return ", ".join(f"{each.name} {shown(getattr(value, each.name))}" for each in fields(value))
        case _:
            return str(value)


def differing_fields(before: object, after: object) -> Iterator[str]:
    """Yield the names of the fields in which two values of one dataclass differ."""
    assert is_dataclass(before)
    for each in fields(before):
        if not same(getattr(before, each.name), getattr(after, each.name)):
            yield each.name


def same(before: object, after: object) -> bool:
    """Tell whether two values are the same to the last bit: in Python alone, `true` equals 1 and 1 equals 1.0."""
    return repr(before) == repr(after)
