"""The operators of Cedar expressions (Cedar reference, "Operators and functions"). Each raises EvaluationError."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from remit.policy.compiled.values import (
    EVALUATION,
    I64_MAX,
    I64_MIN,
    MISSING_ATTRIBUTE,
    MISSING_ENTITY,
    OVERFLOW,
    TYPE,
    Datetime,
    Duration,
    EvaluationError,
    Ref,
    SetValue,
    Value,
    key,
)

_NOTHING: Mapping[str, Value] = {}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one entity. `ancestors` is everything it is in, over any number of steps, without itself."""

    attributes: Mapping[str, Value] = field(default_factory=dict)
    ancestors: frozenset[Ref] = frozenset()
    tags: Mapping[str, Value] = field(default_factory=dict)


Entities = Mapping[Ref, Known]


# --- types ---


def truth(value: Value) -> bool:
    """Return a value that must be a boolean."""
    if value is True or value is False:
        return value
    raise EvaluationError(TYPE)


def whole(value: Value) -> int:
    """Return a value that must be an integer; a boolean is none."""
    if type(value) is int:
        return value
    raise EvaluationError(TYPE)


def text(value: Value) -> str:
    """Return a value that must be a string."""
    if type(value) is str:
        return value
    raise EvaluationError(TYPE)


def entity(value: Value) -> Ref:
    """Return a value that must be an entity."""
    if type(value) is Ref:
        return value
    raise EvaluationError(TYPE)


def elements(value: Value) -> SetValue:
    """Return a value that must be a set."""
    if type(value) is SetValue:
        return value
    raise EvaluationError(TYPE)


# --- order and arithmetic ---


def less(left: Value, right: Value) -> bool:
    """Return `left < right` of two integers, two datetimes or two durations."""
    if type(left) is int and type(right) is int:
        return left < right
    if type(left) is Datetime and type(right) is Datetime:
        return left.epoch_ms < right.epoch_ms
    if type(left) is Duration and type(right) is Duration:
        return left.length_ms < right.length_ms
    raise EvaluationError(TYPE)


def less_or_equal(left: Value, right: Value) -> bool:
    """Return `left <= right`, with the types of `less`."""
    if type(left) is int and type(right) is int:
        return left <= right
    return not less(right, left)


def add(left: Value, right: Value) -> int:
    """Return the sum."""
    return _within_64_bits(whole(left) + whole(right))


def subtract(left: Value, right: Value) -> int:
    """Return the difference."""
    return _within_64_bits(whole(left) - whole(right))


def multiply(left: Value, right: Value) -> int:
    """Return the product."""
    return _within_64_bits(whole(left) * whole(right))


def negate(value: Value) -> int:
    """Return the negative."""
    return _within_64_bits(-whole(value))


def _within_64_bits(value: int) -> int:
    if I64_MIN <= value <= I64_MAX:
        return value
    raise EvaluationError(OVERFLOW)


# --- records, entities and tags ---


def attribute(known: Entities, owner: Value, name: str) -> Value:
    """Return `owner.name` of a record or an entity."""
    kind = type(owner)
    if kind is dict:
        attributes: Mapping[str, Value] = owner  # type: ignore[assignment]
    elif kind is Ref:
        attributes = _facts(known, owner).attributes  # type: ignore[arg-type]
    else:
        raise EvaluationError(TYPE, name)
    try:
        return attributes[name]
    except KeyError:
        raise EvaluationError(MISSING_ATTRIBUTE, name) from None


def has(known: Entities, owner: Value, names: tuple[str, ...]) -> bool:
    """Return `owner has a.b.c`: whether each is there, in turn. An unknown entity has nothing."""
    for name in names:
        kind = type(owner)
        if kind is dict:
            attributes: Mapping[str, Value] = owner  # type: ignore[assignment]
        elif kind is Ref:
            found = known.get(owner)  # type: ignore[arg-type]
            attributes = _NOTHING if found is None else found.attributes
        else:
            raise EvaluationError(TYPE, name)
        if name not in attributes:
            return False
        owner = attributes[name]
    return True


def tag(known: Entities, owner: Value, name: Value) -> Value:
    """Return `owner.getTag(name)`."""
    whose, which = entity(owner), text(name)
    tags = _facts(known, whose).tags
    if which not in tags:
        raise EvaluationError(EVALUATION, which)
    return tags[which]


def has_tag(known: Entities, owner: Value, name: Value) -> bool:
    """Return `owner.hasTag(name)`; an unknown entity has none."""
    found, which = known.get(entity(owner)), text(name)
    return found is not None and which in found.tags


def _facts(known: Entities, owner: Ref) -> Known:
    found = known.get(owner)
    if found is None:
        raise EvaluationError(MISSING_ENTITY)
    return found


def within(known: Entities, member: Value, group: Value) -> bool:
    """Return `member in group`, where the group is an entity or a set of them; an entity is in itself."""
    one = entity(member)
    if type(group) is Ref:
        return one == group or group in _above(known, one)
    groups = [entity(other) for other in elements(group).items]
    above = _above(known, one)
    return any(other == one or other in above for other in groups)


def _above(known: Entities, member: Ref) -> frozenset[Ref]:
    found = known.get(member)
    return frozenset() if found is None else found.ancestors


def is_of(value: Value, kind: str) -> bool:
    """Return `value is kind`."""
    return entity(value).type == kind


# --- sets and strings ---


def contains(all_of: Value, one: Value) -> bool:
    """Return `all_of.contains(one)`."""
    return key(one) in elements(all_of).keys


def contains_all(all_of: Value, others: Value) -> bool:
    """Return `all_of.containsAll(others)`."""
    held, wanted = elements(all_of).keys, elements(others).keys
    return wanted <= held


def contains_any(one_of: Value, others: Value) -> bool:
    """Return `one_of.containsAny(others)`."""
    held, wanted = elements(one_of).keys, elements(others).keys
    return not held.isdisjoint(wanted)


def is_empty(value: Value) -> bool:
    """Return `value.isEmpty()`."""
    return not elements(value).items


def matcher(parts: tuple[str, ...]) -> Callable[[str], bool]:
    """Return the test of `like` for a pattern cut at its wildcards: `a*b*c` is `("a", "b", "c")`.

    What stands between two wildcards is looked for from left to right, once: a pattern of many wildcards takes no
    longer on a text made to mislead it.
    """
    if len(parts) == 1:
        return parts[0].__eq__
    first, *middle, last = parts
    shortest = sum(map(len, parts))

    def matches(value: str) -> bool:
        if len(value) < shortest or not value.startswith(first) or not value.endswith(last):
            return False
        place, end = len(first), len(value) - len(last)
        for part in middle:
            found = value.find(part, place, end)
            if found < 0:
                return False
            place = found + len(part)
        return True

    return matches
