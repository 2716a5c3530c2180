"""What must be done to arguments before dispatch. Pure: the same decision and arguments give the same call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remit.domain.decision import Duty
from remit.domain.release import Cap

MASKED = "[masked]"


def applied(arguments: Mapping[str, Any], duties: Sequence[Duty]) -> dict[str, Any]:
    """Return the arguments with every duty carried out; the ones handed in are not changed.

    A field is a dotted path, and an argument that is not there needs nothing. A masked text becomes `[masked]`,
    anything else null.
    """
    result: dict[str, Any] = dict(arguments)
    for duty in duties:
        result = _at(result, duty.field.split("."), duty)
    return result


def _at(values: Mapping[str, Any], path: Sequence[str], duty: Duty) -> dict[str, Any]:
    name, rest = path[0], path[1:]
    if name not in values:
        return dict(values)
    if rest:
        part = values[name]
        return {**values, name: _at(part, rest, duty)} if isinstance(part, Mapping) else dict(values)
    return {**values, name: _changed(values[name], duty)}


def _changed(value: object, duty: Duty) -> object:
    if isinstance(duty, Cap):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return min(value, duty.maximum) if is_number else value  # type: ignore[call-overload]
    return MASKED if isinstance(value, str) else None
