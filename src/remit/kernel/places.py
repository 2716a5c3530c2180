"""Where in a tool's arguments something is, in the words of the tool's author alone.

An agent may write anything as the name of an argument, also what must never stand in a record. So a place shows the
names that the schema declares there, positions in lists, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

UNNAMED = "*"
"""Stands for a name that the schema does not declare at that place."""

_BESIDE = ("allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas", "$ref", "$dynamicRef")
_OTHERS = ("patternProperties", "additionalProperties", "unevaluatedProperties")
_ITEMS = ("items", "prefixItems", "unevaluatedItems", "contains")
_MOST = 200
"""Schemas looked at for one step; a schema may refer to itself."""

Schema = Mapping[str, object]


def steps_to(root: Schema, path: Sequence[str | int]) -> tuple[list[str], list[str]]:
    """Return the steps of a path as they may be shown, and the names declared where it ends."""
    here, shown = _all_beside(root, [root]), []
    for step in path:
        if isinstance(step, int):
            shown.append(str(step))
            below = [part for schema in here for key in _ITEMS for part in _parts(schema.get(key))]
        else:
            declared = [schema["properties"][step] for schema in here if step in _properties(schema)]  # type: ignore[index]
            shown.append(step if declared else UNNAMED)
            below = [part for schema in declared for part in _parts(schema)]
            below += [] if declared else [part for schema in here for part in _unnamed(schema)]
        here = _all_beside(root, below)
    return shown, list(dict.fromkeys(str(name) for schema in here for name in _properties(schema)))


def _properties(schema: Schema) -> Schema:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _unnamed(schema: Schema) -> Iterator[Schema]:
    for key in _OTHERS:
        value = schema.get(key)
        yield from _parts(list(value.values()) if key == "patternProperties" and isinstance(value, Mapping) else value)


def _parts(value: object) -> list[Schema]:
    if isinstance(value, Mapping):
        return [value]
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list | tuple) else []


def _all_beside(root: Schema, schemas: Sequence[Schema]) -> list[Schema]:
    """Return the schemas and all that judge the same value with them."""
    found: list[Schema] = []
    pending = list(reversed(schemas))
    while pending and len(found) < _MOST:
        schema = pending.pop()
        if any(schema is known for known in found):
            continue
        found.append(schema)
        for key in reversed([key for key in _BESIDE if key in schema]):
            value = schema[key]
            if isinstance(value, str):
                value = _referred(root, value)
            elif key == "dependentSchemas" and isinstance(value, Mapping):
                value = list(value.values())
            pending += reversed(_parts(value))
    return found


def _referred(root: Schema, reference: str) -> object:
    """Return what a JSON pointer into the same schema (RFC 6901) means; of other references nothing is shown."""
    if not reference.startswith("#") or (reference[1:] and reference[1] != "/"):
        return None
    found: object = root
    for step in reference[2:].split("/") if reference[1:] else ():
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
