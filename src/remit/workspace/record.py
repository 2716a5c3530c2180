"""Forms made of forms: lists, maps, and mappings with a fixed set of keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from remit.domain.canonical import JsonValue
from remit.domain.text import hidden_character
from remit.workspace.form import Form
from remit.workspace.node import Node
from remit.workspace.report import At, listed, meant

T = TypeVar("T")
K = TypeVar("K")

MAX_ITEMS = 10_000
"""Most items of a list and keys of a map."""


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list whose items have one form. `unique` refuses an item that is there already."""

    item: Form[T]
    at_least: int = 0
    unique: bool = False

    def read(self, node: Node, at: At) -> tuple[T, ...] | None:
        """Read every item, reporting each bad one."""
        remedy = "Write a list, for example `[first, second]`"
        if not isinstance(node.value, tuple):
            said = "has no value" if node.value is None else f"must be a list, not {node.word}"
            at.wrong(node, said, remedy)
            return None
        if not self.at_least <= len(node.value) <= MAX_ITEMS:
            at.wrong(node, f"has {len(node.value)} items", f"Write {self.at_least} to {MAX_ITEMS} items")
            return None
        items = [self.item.read(child, at.item(index)) for index, child in enumerate(node.value)]
        if any(item is None for item in items):
            return None
        found = cast("list[T]", items)
        if self.unique and not self._all_differ(found, node, at):
            return None
        return tuple(found)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        result: dict[str, object] = {"type": "array", "items": self.item.schema()}
        if self.at_least:
            result["minItems"] = self.at_least
        if self.unique:
            result["uniqueItems"] = True
        return result

    def _all_differ(self, items: list[T], node: Node, at: At) -> bool:
        assert isinstance(node.value, tuple)
        seen: set[T] = set()
        for index, item in enumerate(items):
            if item in seen:
                at.item(index).wrong(node.value[index], f"`{item}` is listed twice", "Remove one of the two")
            seen.add(item)
        return len(seen) == len(items)


@dataclass(frozen=True, slots=True)
class MapOf(Generic[T]):
    """A mapping from names of the writer's choosing to values of one form."""

    item: Form[T]
    key: Form[str] | None = None

    def read(self, node: Node, at: At) -> Mapping[str, T] | None:
        """Read every value, reporting each bad one."""
        if not isinstance(node.value, Mapping):
            said = "has no value" if node.value is None else f"must be a mapping, not {node.word}"
            at.wrong(node, said, "Write `name: value` lines below it")
            return None
        result: dict[str, T] = {}
        for name, child in node.value.items():
            inside = at.key(name)
            named = _key_is_fine(name, node, inside, self.key)
            value = self.item.read(child, inside)
            if named and value is not None:
                result[name] = value
        return result if len(result) == len(node.value) else None

    def schema(self) -> dict[str, object]:
        """Describe it."""
        result: dict[str, object] = {"type": "object", "additionalProperties": self.item.schema()}
        if self.key is not None:
            result["propertyNames"] = self.key.schema()
        return result


def _key_is_fine(name: str, node: Node, at: At, form: Form[str] | None) -> bool:
    place = node.keys[name]
    hidden = hidden_character(name)
    if hidden is not None:
        at.wrong(place, f"the key holds the invisible character {hidden}", "Type the key anew")
        return False
    return form is None or form.read(Node(name, place, name), at) is not None


@dataclass(frozen=True, slots=True)
class JsonMapping:
    """Any JSON object, such as the arguments of a call. Invisible characters in its keys are refused."""

    def read(self, node: Node, at: At) -> Mapping[str, JsonValue] | None:
        """Read a mapping of anything."""
        if not isinstance(node.value, Mapping):
            said = "has no value" if node.value is None else f"must be a mapping, not {node.word}"
            at.wrong(node, said, "Write a mapping, for example `{invoice: INV-1}`")
            return None
        return cast("Mapping[str, JsonValue]", node.plain()) if _keys_are_fine(node, at) else None

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "object"}


def _keys_are_fine(node: Node, at: At) -> bool:
    fine = True
    if isinstance(node.value, tuple):
        for index, child in enumerate(node.value):
            fine = _keys_are_fine(child, at.item(index)) and fine
    elif isinstance(node.value, Mapping):
        for name, child in node.value.items():
            fine = _key_is_fine(name, node, at.key(name), None) and fine
            fine = _keys_are_fine(child, at.key(name)) and fine
    return fine


@dataclass(frozen=True, slots=True)
class OneOf(Generic[T]):
    """Text for the short form of a value, a mapping for the long one."""

    short: Form[T]
    long: Form[T]

    def read(self, node: Node, at: At) -> T | None:
        """Read whichever of the two it is."""
        return (self.long if isinstance(node.value, Mapping) else self.short).read(node, at)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"anyOf": [self.short.schema(), self.long.schema()]}


@dataclass(frozen=True)  # no slots: `Field[int](...)` does not work with them before Python 3.12
class Field(Generic[T]):
    """A key of a record: what it takes, what it means, and what holds where it is left out."""

    name: str
    form: Form[Any]
    words: str
    default: T | None = None
    required: bool = False

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {**self.form.schema(), "description": self.words}


@dataclass(frozen=True, slots=True)
class Values:
    """The fields of one record, read and free of mistakes."""

    node: Node
    written: Mapping[str, object] = field(default_factory=dict)

    def __getitem__(self, wanted: Field[T]) -> T:
        return cast("T", self.written.get(wanted.name, wanted.default))

    def __contains__(self, wanted: Field[Any]) -> bool:
        return wanted.name in self.written

    def place_of(self, wanted: Field[Any]) -> Node:
        """Return the node of a field, or the record's own where it is left out."""
        assert isinstance(self.node.value, Mapping)
        return self.node.value.get(wanted.name, self.node)


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """A mapping with a fixed set of keys.

    `build` makes the value; it may report what is wrong between fields and then returns None.
    `one_of` names groups of keys of which exactly one is written.
    """

    what: str
    fields: tuple[Field[Any], ...]
    build: Callable[[Values, At], T | None]
    one_of: tuple[tuple[str, ...], ...] = ()

    def read(self, node: Node, at: At) -> T | None:
        """Read every field, reporting unknown keys, missing ones and bad values together."""
        if not isinstance(node.value, Mapping):
            said = "has no value" if node.value is None else f"must be a mapping, not {node.word}"
            at.wrong(node, said, f"Write {listed(self._example_keys(), 'and')} below it")
            return None
        before = len(at.report.problems)
        self._check_keys(node, at)
        written: dict[str, object] = {}
        for each in self.fields:
            child = node.value.get(each.name)
            if child is not None:
                written[each.name] = each.form.read(child, at.key(each.name))
            elif each.required:
                at.key(each.name).wrong(node, f"{self.what} needs `{each.name}`", f"Add it: {each.words}")
        for group in self.one_of:
            self._check_one_of(group, node, at)
        return None if len(at.report.problems) > before else self.build(Values(node, written), at)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        result: dict[str, object] = {
            "type": "object",
            "properties": {each.name: each.schema() for each in self.fields},
            "additionalProperties": False,
        }
        required = [each.name for each in self.fields if each.required]
        if required:
            result["required"] = required
        if self.one_of:
            result["allOf"] = [{"oneOf": [{"required": [name]} for name in group]} for group in self.one_of]
        return result

    def _check_keys(self, node: Node, at: At) -> None:
        known = [each.name for each in self.fields]
        for name in node.keys:
            if name not in known:
                remedy = meant(name, known, f"Known are {listed(known, 'and')}")
                at.key(name).wrong(node.keys[name], f"{self.what} has no key `{name[:80]}`", remedy)

    def _check_one_of(self, group: tuple[str, ...], node: Node, at: At) -> None:
        there = [name for name in group if name in node.keys]
        if not there:
            at.wrong(node, f"{self.what} needs {listed(group)}", "Add exactly one of them")
        for name in there[1:]:
            said = f"{self.what} has both `{there[0]}` and `{name}`"
            at.key(name).wrong(node.keys[name], said, "Keep one of them")

    def _example_keys(self) -> tuple[str, ...]:
        required = tuple(each.name for each in self.fields if each.required)
        return required or tuple(each.name for each in self.fields[:3])
