"""What a tool's JSON Schema says about its arguments by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

_COMPOSED = frozenset({"allOf", "anyOf", "oneOf", "$ref", "if", "patternProperties", "dependentSchemas"})


def argument_names(schema: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return the names an object of this schema may have, or None where the schema does not list them all."""
    if _COMPOSED & schema.keys() or schema.get("additionalProperties", False) is not False:
        return None
    properties = schema.get("properties", {})
    return tuple(properties) if isinstance(properties, Mapping) else None


def part_at(schema: Mapping[str, object], path: Sequence[str]) -> Mapping[str, object] | None:
    """Return the schema of the argument at a path of names, or None where it does not say."""
    for name in path:
        properties = schema.get("properties")
        part = properties.get(name) if isinstance(properties, Mapping) else None
        if not isinstance(part, Mapping):
            return None
        schema = part
    return schema


def unknown_step(schema: Mapping[str, object], path: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return the first name on the path that the schema refuses, with those it knows there, or None."""
    for index, name in enumerate(path):
        known = argument_names(schema)
        if known is None:
            return None
        if name not in known:
            return name, known
        part = part_at(schema, path[index : index + 1])
        if part is None or (part.get("type") != "object" and "properties" not in part):
            return None
        schema = part
    return None


def types_of(part: Mapping[str, object] | None) -> frozenset[str]:
    """Return the JSON types a schema names; none where it does not say."""
    said = part.get("type") if part is not None else None
    if isinstance(said, str):
        return frozenset({said})
    return frozenset(each for each in said if isinstance(each, str)) if isinstance(said, list) else frozenset()


def read_by(expression: Mapping[str, object]) -> Iterator[str]:
    """Yield the arguments that a parsed JMESPath expression reads at its root.

    Only what is evaluated against the arguments themselves counts: in `items[].price` that is `items`.
    """
    kind, children = expression["type"], expression["children"]
    assert isinstance(children, list)
    if kind == "field":
        yield str(expression["value"])
    elif kind in _FIRST_AT_ROOT:
        yield from read_by(children[0])
    elif kind in _ALL_AT_ROOT:
        for child in children:
            yield from read_by(child)


_FIRST_AT_ROOT = frozenset(
    {
        "subexpression",
        "index_expression",
        "pipe",
        "projection",
        "value_projection",
        "filter_projection",
        "flatten",
    }
)
_ALL_AT_ROOT = frozenset(
    {
        "function_expression",
        "comparator",
        "or_expression",
        "and_expression",
        "not_expression",
        "multi_select_list",
        "multi_select_dict",
        "key_val_pair",
    }
)


def functions_in(expression: Mapping[str, object]) -> Iterator[str]:
    """Yield the functions that a parsed JMESPath expression calls."""
    if expression["type"] == "function_expression":
        yield str(expression["value"])
    children = expression["children"]
    assert isinstance(children, list)
    for child in children:
        if isinstance(child, Mapping):
            yield from functions_in(child)
