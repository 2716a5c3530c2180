"""Amounts, times and names as a reviewer reads them in a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from remit.domain.money import micros_to_usd
from remit.domain.release import Budget, BudgetLevel, BudgetUnit, Rate
from remit.domain.said import Part, Said

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def said(code: str, **parts: Part) -> Said:
    """Return something to be said."""
    return Said(code, parts)


def amount(budget: Budget) -> Part:
    """Return what a budget allows, in its unit: `$40.00` or `2,000 calls`."""
    if budget.unit is BudgetUnit.MICRO_USD:
        return micros_to_usd(budget.amount)
    return said(f"amount.{budget.unit.value}", n=f"{budget.amount:,}")


def amount_per(budget: Budget) -> Said:
    """Return what a budget allows in its window, as in `$40.00 a day`."""
    return said(f"per.{budget.window.value}", amount=amount(budget))


def whose(budget: Budget) -> Said:
    """Return whose spend a budget counts: `the team dispatch`, `every run of buyer`."""
    if budget.level is BudgetLevel.WORKSPACE:
        return said("whose.workspace")
    if not budget.subject:
        return said(f"whose.every_{budget.level.value}")
    name = budget.subject
    return said("whose.run_of" if budget.level is BudgetLevel.RUN else f"whose.{budget.level.value}", name=name)


def seconds(value: int) -> Said:
    """Return a length of time in its largest exact unit: 5400 is `90 minutes`."""
    size, name = next((size, name) for size, name in _UNITS if value % size == 0)
    return Said(name, count=value // size)


def rate(value: Rate) -> Said:
    """Return a rate: `60 calls a minute`."""
    name = dict(_UNITS).get(value.seconds)
    if name is None:
        return said("rate.in", calls=f"{value.calls:,}", time=seconds(value.seconds))
    return said(f"rate.{name}", calls=f"{value.calls:,}")


def shown(value: object) -> Part:
    """Return any value of a configuration in one line."""
    match value:
        case None | "" | () | []:
            return said("nothing")
        case Mapping() if not value:
            return said("nothing")
        case bool():
            return said("yes" if value else "no")
        case Enum():
            return str(value.value)
        case Rate():
            return rate(value)
        case int():
            return f"{value:,}"
        case tuple() | list():
            return tuple(shown(item) for item in value)
        case Mapping():
            return tuple(said("pair", name=str(key), value=shown(item)) for key, item in value.items())
        case _ if is_dataclass(value):
            return tuple(
                said("field", name=each.name, value=shown(getattr(value, each.name))) for each in fields(value)
            )
        case _:
            return str(value)


def changed_from(what: Part, field: str, before: Part, after: Part) -> Said:
    """Say of a field that has no words of its own what it was and what it becomes."""
    return said("changed", what=what, field=field, old=before, new=after)


def differing_fields(before: object, after: object) -> Iterator[str]:
    """Yield the names of the fields in which two values of one dataclass differ."""
    assert is_dataclass(before)
    for each in fields(before):
        if not same(getattr(before, each.name), getattr(after, each.name)):
            yield each.name


def same(before: object, after: object) -> bool:
    """Tell whether two values are the same to the last bit: in Python alone, `true` equals 1 and 1 equals 1.0."""
    return repr(before) == repr(after)
