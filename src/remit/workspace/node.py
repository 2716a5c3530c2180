"""A YAML value that knows where it stands, so that a mistake found late can still be shown at its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from remit.domain.canonical import JsonValue

NodeValue: TypeAlias = "bool | int | float | str | tuple[Node, ...] | Mapping[str, Node] | None"

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]|\[\"([^\"]*)\"\]")


class Place(NamedTuple):
    """Line and column, both from 1; (0, 0) is the file as a whole."""

    line: int
    column: int


WHOLE_FILE = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document.

    Attributes:
        text: how a scalar is written, from which amounts of money are read without passing through a float.
        keys: of a mapping: where each key stands.
    """

    value: NodeValue
    place: Place
    text: str = ""
    keys: Mapping[str, Place] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """What kind of value it is, in words for people."""
        match self.value:
            case None:
                return "nothing"
            case bool():
                return "true or false"
            case int():
                return "a whole number"
            case float():
                return "a number with a fraction"
            case str():
                return "text"
            case tuple():
                return "a list"
            case _:
                return "a mapping"

    def plain(self) -> JsonValue:
        """Return the value as plain JSON."""
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        if isinstance(self.value, Mapping):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value

    def place_of(self, path: str) -> Place:
        """Return where the field `path`, such as `remit.tools[2].when`, or else its key stands.

        Where the path leads nowhere, the nearest part of it that exists is returned.
        """
        place, node = self.place, self
        for step in _steps(path):
            if isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                place = node.place
            elif isinstance(node.value, Mapping) and step in node.value:
                place = node.keys[str(step)]
                node = node.value[str(step)]
            else:
                break
        return place


def key_path(parent: str, key: str) -> str:
    """Return the path of `key` below `parent`; one with dots or brackets is quoted, what is invisible is escaped."""
    if not key.isprintable():
        key = key.encode("unicode_escape").decode()
    if re.search(r"[.\[\]\"]", key) or not key:
        return f'{parent}["{key}"]'
    return f"{parent}.{key}" if parent else key


def _steps(path: str) -> Iterator[int | str]:
    for name, index, quoted in _STEP.findall(path):
        yield int(index) if index else name or quoted
