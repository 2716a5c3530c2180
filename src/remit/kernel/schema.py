"""A tool's schema as it is enforced: what it does not mention is refused."""

from __future__ import annotations

from collections.abc import Mapping


def closed(schema: Mapping[str, object]) -> dict[str, object]:
    """Return `schema` with `additionalProperties: false` wherever an object lists its properties and says nothing else.

    JSON Schema lets unknown keys pass by default; an argument nobody described is an argument nobody governs.
    """
    result: dict[str, object] = {key: _closed_part(key, value) for key, value in schema.items()}
    describes_object = "properties" in schema or schema.get("type") == "object"
    open_by_choice = {"additionalProperties", "patternProperties", "unevaluatedProperties"} & schema.keys()
    composed = {"allOf", "anyOf", "oneOf", "$ref"} & schema.keys()
    if describes_object and not open_by_choice:
        # In a composed schema each part sees only its own properties; `unevaluatedProperties` sees them all.
        result["unevaluatedProperties" if composed else "additionalProperties"] = False
    return result


def _closed_part(key: str, value: object) -> object:
    if key in ("properties", "$defs", "patternProperties") and isinstance(value, Mapping):
        return {name: closed(part) if isinstance(part, Mapping) else part for name, part in value.items()}
    if key in ("items", "additionalProperties") and isinstance(value, Mapping):
        return closed(value)
    if key == "prefixItems" and isinstance(value, list | tuple):
        return [closed(part) if isinstance(part, Mapping) else part for part in value]
    return value
