"""Sets of values that an attribute may still have at some point of a condition."""

from __future__ import annotations

from dataclasses import dataclass

from remit.policy.shapes import I64_MAX, I64_MIN


@dataclass(frozen=True, slots=True)
class Interval:
    """The integers from `low` to `high`, both included; none where `low` exceeds `high`."""

    low: int = I64_MIN
    high: int = I64_MAX

    @property
    def empty(self) -> bool:
        """Whether no integer is left."""
        return self.low > self.high

    def meet(self, other: Interval) -> Interval:
        """Return the integers in both."""
        return Interval(max(self.low, other.low), min(self.high, other.high))

    def hull(self, other: Interval) -> Interval:
        """Return an interval that holds both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def without(self, value: int) -> Interval:
        """Leave out `value` where it is at an end; an interval can not have a hole."""
        return Interval(self.low + (value == self.low), self.high - (value == self.high))

    def add(self, other: Interval) -> Interval:
        """Return where sums lie. Cedar's arithmetic fails beyond 64 bits, so what lies there never is a value."""
        return Interval(self.low + other.low, self.high + other.high).meet(Interval())

    def subtract(self, other: Interval) -> Interval:
        """Return where differences lie."""
        return Interval(self.low - other.high, self.high - other.low).meet(Interval())

    def multiply(self, other: Interval) -> Interval:
        """Return where products lie."""
        corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(corners), max(corners)).meet(Interval())


@dataclass(frozen=True, slots=True)
class Choices:
    """Strings: those of `allowed`, or where that is None all strings, without those `excluded`."""

    allowed: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether no string is left."""
        return self.allowed is not None and not self.allowed - self.excluded

    @property
    def only(self) -> str | None:
        """The one string that is left, or None."""
        left = frozenset() if self.allowed is None else self.allowed - self.excluded
        return next(iter(left)) if len(left) == 1 else None

    def meet(self, other: Choices) -> Choices:
        """Return the strings in both."""
        excluded = self.excluded | other.excluded
        if self.allowed is None or other.allowed is None:
            return Choices(self.allowed if other.allowed is None else other.allowed, excluded)
        return Choices(self.allowed & other.allowed, excluded)

    def without(self, values: frozenset[str]) -> Choices:
        """Leave out `values`."""
        return Choices(self.allowed, self.excluded | values)
