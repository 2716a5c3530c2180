"""The types of values that policies read, taken from a tool's JSON Schema or refused: never guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from remit.domain.text import hidden_character

I64_MIN = -(2**63)
I64_MAX = 2**63 - 1
MAX_DEPTH = 16
"""Levels of nesting a value may have; deeper ones are not governable."""

# Cedar's JSON form gives these keys a meaning of their own (Cedar reference, "JSON format for entities").
_CEDAR_ESCAPES = frozenset({"__entity", "__extn", "__expr"})
_COMBINING = ("$ref", "$dynamicRef", "oneOf", "anyOf", "allOf")


class NotTypable(ValueError):
    """A JSON Schema says too little for a Cedar type. Its text completes the sentence "... because it"."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A Cedar Long. `minimum` and `maximum` are inclusive: no valid value lies outside them."""

    minimum: int = I64_MIN
    maximum: int = I64_MAX


@dataclass(frozen=True, slots=True)
class Text:
    """A Cedar String. Where `choices` is given, no valid value lies outside it."""

    choices: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """A Cedar Bool."""


@dataclass(frozen=True, slots=True)
class Many:
    """A Cedar Set of one element type."""

    element: Shape


@dataclass(frozen=True, slots=True)
class EntityOf:
    """A reference to a Cedar entity of one type."""

    type: str


@dataclass(frozen=True, slots=True)
class Member:
    """One attribute of a record."""

    shape: Shape
    required: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """A closed Cedar record: attributes that are not members do not exist."""

    members: Mapping[str, Member] = field(default_factory=dict)


Shape = Whole | Text | Truth | Many | EntityOf | Record


def cedar_type(shape: Shape) -> dict[str, object]:
    """Return `shape` in Cedar's JSON schema format."""
    match shape:
        case Whole():
            return {"type": "Long"}
        case Text():
            return {"type": "String"}
        case Truth():
            return {"type": "Boolean"}
        case Many(element):
            return {"type": "Set", "element": cedar_type(element)}
        case EntityOf(name):
            return {"type": "Entity", "name": name}
        case Record(members):
            return {
                "type": "Record",
                "attributes": {
                    name: cedar_type(member.shape) | {"required": member.required} for name, member in members.items()
                },
            }


def member_of(name: str, schema: object, *, required: bool, depth: int = 0) -> Member:
    """Return the type of property `name`; a property that may be null is optional, since nulls are dropped.

    Raises:
        NotTypable: `schema` allows values of more than one Cedar type, or of none.
    """
    if name in _CEDAR_ESCAPES:
        raise NotTypable(f"has the name {name}, which Cedar keeps for itself")
    if hidden := hidden_character(name):
        raise NotTypable(f"has the invisible character {hidden} in its name")
    shape, nullable = _shape(schema, depth)
    return Member(shape, required=required and not nullable)


def _shape(schema: object, depth: int) -> tuple[Shape, bool]:
    """Return the shape of `schema` and whether it allows null."""
    if depth > MAX_DEPTH:
        raise NotTypable(f"is nested deeper than {MAX_DEPTH} levels")
    if not isinstance(schema, Mapping) or not schema:
        raise NotTypable("may be any value")
    if (inner := _other_than_null(schema)) is not None:
        return _shape(inner, depth + 1)[0], True
    for word in _COMBINING:
        if word in schema:
            raise NotTypable(f"uses {word}")
    types = _types(schema)
    nullable = "null" in types
    named = sorted(types - {"null"})
    if len(named) != 1:
        raise NotTypable(f"mixes {' and '.join(named)}" if named else "may be any value")
    return _named_shape(named[0], schema, depth), nullable


def _other_than_null(schema: Mapping[str, object]) -> object | None:
    """Return X of `anyOf: [X, {type: null}]`, the way Pydantic writes an optional X, or None."""
    options = schema.get("anyOf")
    if not isinstance(options, Sequence) or isinstance(options, str) or len(options) != 2:
        return None
    if any(word in schema for word in (*_COMBINING, "type", "enum", "const") if word != "anyOf"):
        return None
    others = [option for option in options if option != {"type": "null"}]
    return others[0] if len(others) == 1 else None


def _types(schema: Mapping[str, object]) -> frozenset[str]:
    """Return the JSON types that `schema` allows, as far as `type`, `enum` and `const` tell."""
    named = schema.get("type")
    if isinstance(named, str):
        return frozenset({named})
    if isinstance(named, Sequence):
        return frozenset(str(name) for name in named)
    return frozenset(_type_name(value) for value in _listed(schema) or ())


def _type_name(value: object) -> str:
    """Return the JSON type of one value of an enum."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "string" if isinstance(value, str) else "other values"


def _listed(schema: Mapping[str, object]) -> tuple[object, ...] | None:
    """Return the values that `const` or `enum` lists, or None where neither does."""
    if "const" in schema:
        return (schema["const"],)
    listed = schema.get("enum")
    return tuple(listed) if isinstance(listed, Sequence) and not isinstance(listed, str) else None


def _named_shape(name: str, schema: Mapping[str, object], depth: int) -> Shape:
    """Return the shape of a schema that allows one JSON type."""
    match name:
        case "integer":
            return _whole(schema)
        case "string":
            listed = _listed(schema)
            return Text(None if listed is None else frozenset(v for v in listed if isinstance(v, str)))
        case "boolean":
            return Truth()
        case "array":
            return _many(schema, depth)
        case "object":
            return _record(schema, depth)
        case "number":
            raise NotTypable("is a number that may have a fraction, which Cedar can not hold")
    raise NotTypable(f"is of the type {name}")


def _whole(schema: Mapping[str, object]) -> Whole:
    """Return a Long with the bounds that JSON Schema gives it (2020-12 validation, section 6.2)."""
    floors, ceilings = [I64_MIN], [I64_MAX]
    if (listed := _listed(schema)) is not None:
        values = [value for value in listed if isinstance(value, int) and not isinstance(value, bool)]
        floors.append(min(values, default=I64_MAX))
        ceilings.append(max(values, default=I64_MIN))
    for word, bounds, rounded in (
        ("minimum", floors, math.ceil),
        ("exclusiveMinimum", floors, lambda bound: math.floor(bound) + 1),
        ("maximum", ceilings, math.floor),
        ("exclusiveMaximum", ceilings, lambda bound: math.ceil(bound) - 1),
    ):
        bound = schema.get(word)
        if isinstance(bound, int | float) and not isinstance(bound, bool) and math.isfinite(bound):
            bounds.append(rounded(bound))
    return Whole(max(floors), min(ceilings))


def _many(schema: Mapping[str, object], depth: int) -> Many:
    """Return the set of an array whose items all have one type."""
    if "prefixItems" in schema:
        raise NotTypable("is an array whose items differ by position")
    if "items" not in schema:
        raise NotTypable("is an array of any values")
    try:
        element, nullable = _shape(schema["items"], depth + 1)
    except NotTypable as why:
        raise NotTypable(f"is an array, each item of which {why}") from None
    if nullable:
        raise NotTypable("is an array whose items may be null")
    return Many(element)


def _record(schema: Mapping[str, object], depth: int) -> Record:
    """Return the closed record of an object that declares all its properties."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        raise NotTypable("is an object that declares no properties")
    if schema.get("additionalProperties", False) is not False or "patternProperties" in schema:
        raise NotTypable("is an object that allows properties it does not declare")
    required = schema.get("required", ())
    members: dict[str, Member] = {}
    for name, part in properties.items():
        try:
            members[name] = member_of(
                name, part, required=isinstance(required, Sequence) and name in required, depth=depth + 1
            )
        except NotTypable as why:
            raise NotTypable(f"has a part {name} that {why}") from None
    return Record(members)
