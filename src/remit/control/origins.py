"""Where the arguments of an action came from, as far as that shows: in which earlier result a value stands verbatim.

It is a trace, not a proof. What an agent has used before any result held it is taken for the agent's own: a tool that
gives back what it was given can not make it look as if it came from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import orjson

from remit.domain.ids import ActionId

MAX_VALUES = 200
"""Values of one action that are traced."""
MAX_BYTES = 4 * 1_048_576
"""Bytes of earlier arguments and results that are looked through."""
SHORTEST_PART = 4
"""Characters a text has at least to be looked for within a longer one."""
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w)")
"""A number that stands in a text by itself."""


class OriginKind(StrEnum):
    """Where a value was first seen."""

    TASK = "task"
    """In the task text, which the agent was started with."""
    RESULT = "result"
    """In the result of an earlier action of the run."""
    PERSON = "person"
    """A person's edit put it there, in the place of what the agent had asked for."""
    AGENT = "agent"
    """Nowhere: the agent made it, or changed it on the way."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value at a path came from; `action` and `target` are those of the result, else empty."""

    path: str
    kind: OriginKind
    action: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier action of the run, with what it was given and what it gave back, as canonical bytes."""

    action: ActionId
    target: str
    arguments: bytes
    result: bytes


def origins(arguments: Mapping[str, object], task: str, earlier: Iterable[Earlier]) -> tuple[Origin, ...]:
    """Trace every value of `arguments`, through `earlier` in the order it happened."""
    traced = list(islice(_leaves(arguments), MAX_VALUES))
    wanted = dict(traced)
    found: dict[str, Origin] = {}
    _settle(wanted, found, _Text(task), OriginKind.TASK)
    left = MAX_BYTES
    for action in earlier:
        left -= len(action.arguments) + len(action.result)
        if left < 0 or not wanted:
            break
        _settle(wanted, found, _Text(_parsed(action.arguments)), OriginKind.AGENT)
        _settle(wanted, found, _Text(_parsed(action.result)), OriginKind.RESULT, action)
    found.update({path: Origin(path, OriginKind.AGENT) for path in wanted})
    return tuple(found[path] for path, _ in traced)


def edited(
    traced: Iterable[Origin], arguments: Mapping[str, object], asked: Mapping[str, object]
) -> tuple[Origin, ...]:
    """Say of what a person has changed that a person did; `asked` is what the agent had asked for."""
    before = dict(_leaves(asked))
    now = dict(_leaves(arguments))

    def is_changed(path: str) -> bool:
        # 1, 1.0 and true are equal in Python, and not the same argument.
        return path not in before or repr(before[path]) != repr(now[path])

    return tuple(Origin(each.path, OriginKind.PERSON) if is_changed(each.path) else each for each in traced)


def _settle(
    wanted: dict[str, object], found: dict[str, Origin], text: _Text, kind: OriginKind, action: Earlier | None = None
) -> None:
    """Move what stands in `text` from `wanted` to `found`."""
    for path in [path for path, value in wanted.items() if text.holds(value)]:
        del wanted[path]
        found[path] = Origin(path, kind, action.action, action.target) if action else Origin(path, kind)


class _Text:
    """What was written somewhere: its texts and numbers."""

    def __init__(self, value: object) -> None:
        leaves = list(_values(value))
        self._texts = {leaf for leaf in leaves if isinstance(leaf, str)}
        self._numbers = {leaf for leaf in leaves if isinstance(leaf, int | float) and not isinstance(leaf, bool)}
        self._whole = "\x00".join(self._texts)
        self._written = frozenset(_NUMBER.findall(self._whole))

    def holds(self, value: object) -> bool:
        """Tell whether a value stands here verbatim. A truth value or nothing stands everywhere, so nowhere."""
        match value:
            case bool() | None:
                return False
            case str():
                return value in self._texts or (len(value) >= SHORTEST_PART and value in self._whole)
            case int() | float():
                return value in self._numbers or str(value) in self._written
        return False


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every value within arguments, with its path as `lines[0].sku`; they are not nested deeper than allowed."""
    match value:
        case Mapping():
            for name, part in value.items():
                yield from _leaves(part, f"{path}.{name}" if path else str(name))
        case list():
            for index, part in enumerate(value):
                yield from _leaves(part, f"{path}[{index}]")
        case _:
            yield path, value


def _values(value: object) -> Iterator[object]:
    """Yield every value within a result, which may be nested as deep as it likes."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        match found:
            case Mapping():
                waiting += found.values()
            case list():
                waiting += found
            case _:
                yield found


def _parsed(raw: bytes) -> object:
    """Read JSON; what is none is a text."""
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")
