"""What annotations say beside permit and forbid: who is asked, why, and what is done to the arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable

from remit.domain.release import Cap, Mask

MEANINGS = {
    "id": "the policy's name in decisions and tests; unique in the workspace",
    "hold": "on a forbid: the group that may approve what it would deny",
    "reason": "why, in a sentence for the person who is refused or asked",
    "control": "the requirement this policy meets, such as `ISO27001:A.5.15`",
    "mask": "on a permit: arguments replaced before the call, separated by commas",
    "cap": "on a permit: integer arguments lowered to a maximum before the call, as `amount=500`",
}
"""Every annotation there is; any other is a mistake."""

_CAP = re.compile(r"\s*(?P<field>[^=,]+?)\s*=\s*(?P<maximum>-?[0-9]{1,18})\s*")


class BadAnnotation(ValueError):
    """An annotation whose text says nothing. Its text is the message of a problem."""


def masks(text: str) -> tuple[Mask, ...]:
    """Read `@mask("iban, note")`. Raises BadAnnotation."""
    fields = [part.strip() for part in text.split(",")]
    if not all(fields):
        raise BadAnnotation("@mask must name arguments, separated by commas")
    return tuple(Mask(field) for field in fields)


def caps(text: str) -> tuple[Cap, ...]:
    """Read `@cap("amount=500, quantity=3")`. Raises BadAnnotation."""
    found = [_CAP.fullmatch(part) for part in text.split(",")]
    if not all(found):
        raise BadAnnotation("@cap must give arguments their maxima, such as `amount=500`, separated by commas")
    return tuple(Cap(match["field"], int(match["maximum"])) for match in found if match)


def duties(annotations: Iterable[tuple[str, str]]) -> tuple[Mask | Cap, ...]:
    """Return the duties that a policy's annotations lay down. Raises BadAnnotation."""
    found: list[Mask | Cap] = []
    for name, text in annotations:
        if name == "mask":
            found += masks(text)
        elif name == "cap":
            found += caps(text)
    return tuple(found)


def joined(found: Iterable[Mask | Cap]) -> tuple[Mask | Cap, ...]:
    """Return each duty once: masks first, then the lowest cap of each argument, by name."""
    masked: set[str] = set()
    lowest: dict[str, int] = {}
    for duty in found:
        if isinstance(duty, Mask):
            masked.add(duty.field)
        else:
            lowest[duty.field] = min(duty.maximum, lowest.get(duty.field, duty.maximum))
    return (
        *(Mask(field) for field in sorted(masked)),
        *(Cap(field, maximum) for field, maximum in sorted(lowest.items())),
    )
