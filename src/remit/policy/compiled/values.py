"""The values Cedar expressions have, and when two of them are equal.

Booleans, integers of 64 bits and strings are Python's own; a record is a dict. Python takes `True` for `1` where Cedar
does not, so equality goes by `equal` and membership by `key`, never by `==` on values of unknown type.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Union

I64_MIN = -(2**63)
I64_MAX = 2**63 - 1


class EvaluationError(Exception):
    """An expression has no value. `code` is one of the constants below; `name` the attribute, where one is missing."""

    def __init__(self, code: str, name: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.name = name


OVERFLOW = "overflow"
MISSING_ATTRIBUTE = "missing_attribute"
MISSING_ENTITY = "missing_entity"
TYPE = "type"
EVALUATION = "evaluation"
"""What an extension function refused, and a tag that is missing."""


class Ref(NamedTuple):
    """An entity, by type (with its namespace) and id. No other value is a tuple."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class DecimalNumber:
    """A decimal, in ten-thousandths."""

    units: int


@dataclass(frozen=True, slots=True)
class Datetime:
    """An instant, in milliseconds since 1970-01-01T00:00:00Z."""

    epoch_ms: int


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in milliseconds, possibly negative."""

    length_ms: int


@dataclass(frozen=True, slots=True)
class IpRange:
    """An address of `bits` (32 or 128) and the length of its prefix; a single address has the whole length."""

    bits: int
    address: int
    prefix: int


class SetValue:
    """A Cedar set. `keys` tells its elements apart; `items` may hold one twice, which makes no difference."""

    __slots__ = ("items", "keys")

    def __init__(self, items: Iterable[Value]) -> None:
        self.items = tuple(items)
        self.keys = frozenset(map(key, self.items))

    def __repr__(self) -> str:
        return f"SetValue({list(self.items)!r})"


Value = Union[bool, int, str, Ref, SetValue, DecimalNumber, Datetime, Duration, IpRange, "dict[str, Value]"]


def key(value: Value) -> object:
    """Return something hashable that is equal for equal values and different for different ones."""
    kind = type(value)
    if kind is bool:
        return (bool, value)
    if kind is SetValue:
        return (SetValue, value.keys)  # type: ignore[union-attr]
    if kind is dict:
        return (dict, frozenset((name, key(part)) for name, part in value.items()))  # type: ignore[union-attr,operator]
    return value


def equal(left: Value, right: Value) -> bool:
    """Return what `left == right` is in Cedar: values of different types are never equal."""
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is dict or kind is SetValue:
        return key(left) == key(right)
    return left == right
