"""Masking the texts of a JSON value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.domain.upstream import DataClass
from remit.screens.mark import MarkKind
from remit.screens.masking import Placeholders, mask

DEEPEST = 200
"""How deep a value may be: more than any model's interface needs, and less than Python's stack."""

_FEWEST_DIGITS = 8
"""A number with fewer digits is nobody's."""


class TooDeep(ValueError):
    """A value of more levels than are looked at. It must not be sent: nobody knows what it holds."""


@dataclass(frozen=True, slots=True)
class MaskedJson:
    """A masked JSON value, and how many of each kind are masked in it."""

    value: object
    counts: Mapping[MarkKind, int]


@dataclass(slots=True)
class _Walk:
    sees: frozenset[DataClass]
    placeholders: Placeholders
    counts: Counter[MarkKind] = field(default_factory=Counter)

    def text(self, text: str, before: str) -> str:
        masked = mask(text, self.sees, self.placeholders, before)
        self.counts.update(masked.counts)
        return masked.text

    def value(self, value: object, before: str, depth: int) -> object:
        if depth > DEEPEST:
            raise TooDeep(f"a value of more than {DEEPEST} levels can not be searched: make it flatter")
        if isinstance(value, str):
            return self.text(value, before)
        if isinstance(value, Mapping):
            return self._object(value, depth)
        if isinstance(value, list | tuple):
            return [self.value(each, before, depth + 1) for each in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return self._number(value, before)
        return value

    def _object(self, value: Mapping[str, object], depth: int) -> dict[str, object]:
        """Mask keys and values. Keys that become alike, as one address in two spellings, get a number."""
        found: dict[str, object] = {}
        for key, each in value.items():
            shown = self.text(key, "")
            name, again = shown, 1
            while name in found:
                again += 1
                name = f"{shown}#{again}"
            found[name] = self.value(each, f"{key}: ", depth + 1)
        return found

    def _number(self, value: int, before: str) -> object:
        if -(10 ** (_FEWEST_DIGITS - 1)) < value < 10 ** (_FEWEST_DIGITS - 1):
            return value
        written = str(value)
        shown = self.text(written, before)
        return value if shown == written else shown


def mask_json(value: object, sees: frozenset[DataClass], placeholders: Placeholders | None = None) -> MaskedJson:
    """Mask the texts of a JSON value, its keys and its long whole numbers too; the value handed in is not changed.

    The name of a member says what its value may be: `{"password": ...}`. A number that is masked becomes text.
    Raises TooDeep.
    """
    walk = _Walk(sees, Placeholders() if placeholders is None else placeholders)
    shown = walk.value(value, "", 0)
    return MaskedJson(shown, walk.counts)
