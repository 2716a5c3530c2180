"""Requests near what conditions compare with: those where an answer turns."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cedarpy import pst

from remit.policy.compiled.expressions import ref
from remit.policy.compiled.values import I64_MAX, I64_MIN, Ref, SetValue, Value
from remit.policy.conditions import Path, parts, path_of
from remit.policy.knowledge import Knowledge
from remit.policy.shapes import EntityOf, Many, Record, Shape, Text, Truth, Whole

_JOINING = {"and", "or"}
_MOST_ELEMENTS = 3
_QUIET: Mapping[Path, int] = {
    ("context", "call", "now_s"): 1_767_603_600,
    ("context", "call", "hour"): 9,
    ("context", "call", "weekday"): 1,
}
"""What a quiet first call has, on a Monday morning."""


class Near:
    """Makes values for the attributes that some conditions read; the same for the same seed.

    An attribute is given what it is compared with, a little less and a little more, within what is known of it.
    """

    def __init__(self, conditions: Iterable[pst.Expr], choice: random.Random) -> None:
        self._choice = choice
        self._near: dict[Path, dict[object, Value]] = defaultdict(dict)
        self.read: set[Path] = set()
        for condition in conditions:
            for part in parts(condition):
                self._note(part)

    def _note(self, part: pst.Expr) -> None:
        if isinstance(part, pst.GetAttr) and (path := path_of(part)) is not None and path[0] == "context":
            self.read.add(path)
        elif isinstance(part, pst.HasAttr) and (path := path_of(part.base)) is not None and path[0] == "context":
            self.read.update((*path, *part.attrs[: end + 1]) for end in range(len(part.attrs)))
        elif isinstance(part, pst.Like):
            self._compared(part.base, [_example(part)])
        elif isinstance(part, pst.BinaryOp) and part.op not in _JOINING:
            constants = [value for each in parts(part) for value in _constants(each)]
            for each in parts(part):
                self._compared(each, constants)

    def _compared(self, expression: pst.Expr, constants: Sequence[Value]) -> None:
        path = path_of(expression)
        if path is not None and path[0] == "context":
            self._near[path].update({(type(value), value): value for value in constants})

    def record(self, shape: Record, path: Path, known: Knowledge) -> dict[str, Value]:
        """Return a record for the requests that are `known`; of what may be absent, only what is read is there."""
        made: dict[str, Value] = {}
        for name, member in shape.members.items():
            here = (*path, name)
            wanted = known.has(here)
            if wanted is None:
                wanted = self._is_read(here) and self._choice.random() < 0.6
            if wanted:
                made[name] = self._value(member.shape, here, known)
        return made

    def _is_read(self, path: Path) -> bool:
        return any(read[: len(path)] == path for read in self.read)

    def _value(self, shape: Shape, path: Path, known: Knowledge) -> Value:
        near = list(self._near.get(path, {}).values())
        match shape:
            case Whole():
                return self._whole(near, path, known)
            case Text():
                return self._text(near, path, known)
            case Truth():
                settled = known.truth(path)
                return self._choice.random() < 0.5 if settled is None else settled
            case Many(element=element):
                return SetValue(self._elements(near, element))
            case EntityOf(type=kind):
                named = [each for each in near if isinstance(each, Ref) and each.type == kind]
                return self._choice.choice([*named, Ref(kind, "user:test")])
            case Record():
                return self.record(shape, path, known)

    def _whole(self, near: Sequence[Value], path: Path, known: Knowledge) -> int:
        within = known.number(path)
        low, high = (I64_MIN, I64_MAX) if within is None else (within.low, within.high)
        found = [each for each in near if type(each) is int and low <= each <= high]
        ends = [end for end in (low, high) if abs(end) < 2**53 and self._is_read(path)]
        if found and self._choice.random() < 0.8:
            return self._choice.choice(found)
        return self._choice.choice(ends or [min(max(_QUIET.get(path, 1), low), high)])

    def _text(self, near: Sequence[Value], path: Path, known: Knowledge) -> str:
        within = known.text(path)
        excluded = frozenset[str]() if within is None else within.excluded
        if within is not None and within.allowed is not None:
            return self._choice.choice(sorted(within.allowed - excluded) or [""])
        found = [each for each in near if isinstance(each, str) and each not in excluded]
        return self._choice.choice([*found, "x"])

    def _elements(self, near: Sequence[Value], element: Shape) -> Iterator[Value]:
        kinds: Mapping[type, type] = {Whole: int, Text: str, Truth: bool, EntityOf: Ref}
        listed = getattr(element, "choices", None) or ()
        found = [*(each for each in near if type(each) is kinds.get(type(element))), *sorted(listed)]
        for _ in range(self._choice.randint(0, _MOST_ELEMENTS) if found else 0):
            yield self._choice.choice(found)


def _constants(part: pst.Expr) -> Iterator[Value]:
    match part:
        case pst.LongLit(value=number):
            yield from (near for near in (number, number + 1, number - 1) if I64_MIN <= near <= I64_MAX)
        case pst.StringLit(value=text):
            yield text
        case pst.EntityLit(value=entity):
            yield ref(entity)


def _example(like: pst.Like) -> str:
    return "".join("x" if isinstance(part, pst.Wildcard) else part.value for part in like.pattern)
