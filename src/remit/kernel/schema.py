"""A tool's schema as it is enforced: what it does not mention is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

_CHOSEN = ("additionalProperties", "unevaluatedProperties")
_REFERENCES = ("$ref", "$dynamicRef")
_BESIDE = ("allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas")
"""Schemas that judge the same value as the schema they stand in (JSON Schema 2020-12 core, section 10.2)."""
_BELOW = (
    *("properties", "patternProperties", "additionalProperties", "unevaluatedProperties"),
    *("items", "prefixItems", "unevaluatedItems"),
)
"""Schemas that judge a part of the value (section 10.3)."""
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs")

_Change = Callable[[Mapping[str, object]], dict[str, object]]


def closed(schema: Mapping[str, object]) -> dict[str, object]:
    """Return `schema` with every object closed that lists its properties and says nothing of others.

    JSON Schema lets unknown keys pass by default; an argument nobody described is an argument nobody governs. A
    composed schema is closed by `unevaluatedProperties`, which sees the properties of all its parts, any other by
    `additionalProperties`. `if`, `not` and `contains` are left as they are: they ask, and to close a question is to
    change its answer.
    """
    result = _closed_below(schema)
    if _describes_object(schema) and not any(key in schema for key in _CHOSEN):
        is_composed = any(key in schema for key in (*_BESIDE, *_REFERENCES))
        result["unevaluatedProperties" if is_composed else "additionalProperties"] = False
    return result


def _closed_below(schema: Mapping[str, object]) -> dict[str, object]:
    """Close the parts of the value, and leave the value itself to the schema that this one stands in or is used by."""
    result = dict(schema)
    for keys, change in ((_BELOW, closed), ((*_BESIDE, "$defs"), _closed_below)):
        result.update({key: _changed(key, schema[key], change) for key in keys if key in schema})
    return result


def _changed(key: str, value: object, change: _Change) -> object:
    if isinstance(value, list | tuple):
        return [change(part) if isinstance(part, Mapping) else part for part in value]
    if not isinstance(value, Mapping):
        return value
    if key in _NAMED:
        return {name: change(part) if isinstance(part, Mapping) else part for name, part in value.items()}
    return change(value)


def _describes_object(schema: Mapping[str, object]) -> bool:
    kinds = schema.get("type")
    return (
        kinds == "object"
        or (isinstance(kinds, list | tuple) and "object" in kinds)
        or any(key in schema for key in ("properties", "patternProperties", *_REFERENCES))
        or any(_describes_object(part) for part in _beside(schema))
    )


def _beside(schema: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    for key in _BESIDE:
        value = schema.get(key)
        if isinstance(value, Mapping):
            yield from (part for part in (value.values() if key in _NAMED else (value,)) if isinstance(part, Mapping))
        elif isinstance(value, list | tuple):
            yield from (part for part in value if isinstance(part, Mapping))
