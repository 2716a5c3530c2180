"""What a tool's JSON Schema says about its arguments by name."""

from __future__ import annotations

from collections.abc import Mapping

_COMPOSED = frozenset({"allOf", "anyOf", "oneOf", "$ref", "if", "patternProperties", "dependentSchemas"})


def argument_names(schema: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return the names an object of this schema may have, or None where the schema does not list them all."""
    if _COMPOSED & schema.keys() or schema.get("additionalProperties", False) is not False:
        return None
    properties = schema.get("properties", {})
    return tuple(properties) if isinstance(properties, Mapping) else None


def part_of(schema: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    """Return the schema of one argument, or None where it is not described."""
    properties = schema.get("properties")
    part = properties.get(name) if isinstance(properties, Mapping) else None
    return part if isinstance(part, Mapping) else None


def types_of(part: Mapping[str, object] | None) -> frozenset[str]:
    """Return the JSON types a schema names; none where it does not say."""
    said = part.get("type") if part is not None else None
    if isinstance(said, str):
        return frozenset({said})
    return frozenset(each for each in said if isinstance(each, str)) if isinstance(said, list) else frozenset()
