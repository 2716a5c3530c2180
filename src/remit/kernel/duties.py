"""What must be done to arguments before dispatch. Pure: the same decision and arguments give the same call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remit.domain.decision import Duty
from remit.domain.release import Cap

MASKED = "[masked]"


class DutyNotApplied(Exception):
    """A duty that can not be carried out on the arguments there are: the call must not be dispatched."""


def applied(arguments: Mapping[str, Any], duties: Sequence[Duty]) -> dict[str, Any]:
    """Return the arguments with every duty carried out; the ones handed in are not changed.

    A field is the whole name of an argument, dots included, and an argument that is not there needs nothing. A masked
    text becomes `[masked]`, anything else null. Raises DutyNotApplied.
    """
    result: dict[str, Any] = dict(arguments)
    for duty in duties:
        if duty.field in result:
            result[duty.field] = _changed(result[duty.field], duty)
    return result


def impossible(arguments: Mapping[str, Any], duties: Sequence[Duty]) -> Duty | None:
    """Return the first duty that `applied` could not carry out; None where it can carry out all."""
    for duty in duties:
        try:
            applied(arguments, (duty,))
        except DutyNotApplied:
            return duty
    return None


def _changed(value: object, duty: Duty) -> object:
    if isinstance(duty, Cap):
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise DutyNotApplied(f"{duty.field} is capped at {duty.maximum}, but is no number")
        return min(value, duty.maximum)
    return MASKED if isinstance(value, str) else None
