"""A server's input schema, as one of which all is enforced: JSON Schema 2020-12 without what a validator ignores.

What can not be enforced is kept under a name that promises nothing, and reported. Nothing is made stricter than the
server has it except where its own dialect meant it so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import jsonschema_rs

from remit.domain.text import revealed
from remit.workspace.input_schema import DIALECT, KEYWORDS
from remit.workspace.text_checks import misleading_character

MOST_TEXT = 2_000
"""Of a description inside a schema, in characters."""
_DEEPEST = 24
_LARGEST = 2**53 - 1
_PARTS = (
    *("items", "contains", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "propertyNames"),
    *("not", "if", "then", "else"),
)
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "dependentSchemas")
_UNDERSTOOD = re.compile(r"https?://json-schema\.org/(draft-0[4-7]|draft/2019-09)/schema#?$")
"""Dialects whose other words are put into those of 2020-12."""
_PROSE = ("title", "description", "$comment")


class NotImportable(ValueError):
    """A schema that no workspace can hold. The text completes the sentence "its schema ..."."""


@dataclass(slots=True)
class _Adapting:
    """One schema on its way, and what was set aside of it."""

    notes: list[str] = field(default_factory=list)

    def note(self, path: str, what: str) -> None:
        self.notes.append(f"{path or 'input'}: {what}")


def adapted(schema: object) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return a schema that a workspace takes, and notes on what of it is not enforced. Raises NotImportable."""
    at = _Adapting()
    root = _part(schema if isinstance(schema, Mapping) else {}, "", at, 0)
    found = root if isinstance(root, dict) else {}
    if found.get("type", "object") != "object":
        raise NotImportable("is not of an object")
    found = {"type": "object", **found}
    dialect = found.pop("$schema", DIALECT)
    if dialect != DIALECT and not _UNDERSTOOD.match(str(dialect)):
        at.note("", f"written in the dialect {str(dialect)[:80]}, read as 2020-12")
    return found, tuple(at.notes)


def _part(schema: object, path: str, at: _Adapting, depth: int) -> object:
    if isinstance(schema, bool) or not isinstance(schema, Mapping):
        return schema if isinstance(schema, bool) else {}
    if depth > _DEEPEST:
        raise NotImportable(f"is nested more than {_DEEPEST} levels deep")
    found: dict[str, object] = {}
    for key, value in _modern(schema).items():
        if misleading_character(str(key)):
            raise NotImportable(f"has a key with the hidden character {misleading_character(str(key))}")
        _take(found, str(key), value, path, at, depth)
    _describe_required(found, path, at)
    return found


def _modern(schema: Mapping[str, object]) -> dict[str, object]:
    """Return a schema of an older draft with the words of 2020-12."""
    found = dict(schema)
    if "definitions" in found:
        found["$defs"] = {**_mapping(found.pop("definitions")), **_mapping(found.get("$defs"))}
    if isinstance(found.get("items"), list):
        found["prefixItems"] = found.pop("items")
        if "additionalItems" in found:
            found["items"] = found.pop("additionalItems")
    for word in ("minimum", "maximum"):
        exclusive = f"exclusive{word.capitalize()}"
        if isinstance(found.get(exclusive), bool) and found.pop(exclusive) and word in found:
            found[exclusive] = found.pop(word)
    dependencies = _mapping(found.pop("dependencies", None))
    if dependencies:
        listed = {key: value for key, value in dependencies.items() if isinstance(value, list)}
        parts = {key: value for key, value in dependencies.items() if not isinstance(value, list)}
        found |= {"dependentRequired": listed} if listed else {}
        found |= {"dependentSchemas": parts} if parts else {}
    reference = found.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/definitions/"):
        found["$ref"] = reference.replace("#/definitions/", "#/$defs/", 1)
    return found


def _take(found: dict[str, object], key: str, value: object, path: str, at: _Adapting, depth: int) -> None:
    """Put one keyword into the schema that is made, as it is or set aside."""
    below = f"{path}.{key}" if path else key
    if key in _PARTS:
        found[key] = _part(value, below, at, depth + 1)
    elif key in _LISTS and isinstance(value, list):
        found[key] = [_part(each, f"{below}[{index}]", at, depth + 1) for index, each in enumerate(value)]
    elif key in _NAMED and isinstance(value, Mapping):
        found[key] = {name: _part(each, f"{below}.{name}", at, depth + 1) for name, each in value.items()}
        if any(misleading_character(str(name)) for name in value):
            raise NotImportable("names an argument with a hidden character")
    elif key in _PROSE:
        found[key] = shown(str(value), MOST_TEXT)
    elif key in ("$ref", "$dynamicRef") and not (isinstance(value, str) and value.startswith("#")):
        at.note(below, "refers to what is elsewhere, which is not fetched: anything is let in here")
    elif not _fits(key, value):
        found[f"x-{key.removeprefix('x-')}"] = _plain(value)
        if not key.startswith("x-"):
            at.note(below, "is not enforced")
    else:
        found[key] = value


def _fits(key: str, value: object) -> bool:
    """Tell whether a keyword is enforced with this value, and a file can hold it."""
    if key not in KEYWORDS or not _writable(value):
        return False
    if key in ("format", "pattern"):
        try:
            jsonschema_rs.Draft202012Validator({key: value}, validate_formats=True, ignore_unknown_formats=False)
        except (ValueError, jsonschema_rs.ValidationError):
            return False
    return True


def _describe_required(found: dict[str, object], path: str, at: _Adapting) -> None:
    """Describe what is required and not described: such a schema is refused, since it looks like a slip."""
    required, properties = found.get("required"), found.get("properties")
    if not isinstance(required, list) or not isinstance(properties, dict):
        return
    if any(key in found for key in ("additionalProperties", "patternProperties", "$ref", *_LISTS)):
        return
    for name in required:
        if isinstance(name, str) and name not in properties:
            properties[name] = {}
            at.note(path, f"requires `{name}` without saying what it is")


def _writable(value: object) -> bool:
    if isinstance(value, str):
        return misleading_character(value) is None
    if isinstance(value, Mapping):
        return all(_writable(key) and _writable(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(_writable, value))
    return isinstance(value, bool) or not isinstance(value, int) or abs(value) <= _LARGEST


def _plain(value: object) -> object:
    """Return a value as one that a file can hold: as text where it can not."""
    return value if _writable(value) else shown(str(value), MOST_TEXT)


def shown(text: str, most: int) -> str:
    """Return a text whose hidden characters are spelled out, cut to `most` characters."""
    lines = (revealed(each).rstrip() for each in text.replace("\r\n", "\n").split("\n"))
    found = "\n".join(lines).strip()
    return found if len(found) <= most else f"{found[: most - 1]}…"


def _mapping(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, Mapping) else {}
