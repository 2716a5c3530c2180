"""What of a message's body is mirrored into HTTP headers (2026-07-28, Streamable HTTP, request metadata)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from remit.gateways.mcp.port import Json
from remit.gateways.mcp.upstreams.wording import MODERN

NAMES = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""Which of the params each method mirrors into Mcp-Name."""

Mirrored = Mapping[tuple[str, ...], str]
"""Arguments of one tool by their path, with the header each is mirrored into."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_MARKED = re.compile(r"=\?base64\?.*\?=", re.DOTALL)
_ONE_SCHEMA = (
    *("items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties"),
    *("not", "if", "then", "else", "contentSchema"),
)
_SCHEMAS_IN_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_SCHEMAS_BY_NAME = ("patternProperties", "dependentSchemas", "$defs", "definitions")
_ANNOTATION = "x-mcp-header"
_SAFE = 2**53 - 1


class BadAnnotation(ValueError):
    """A tool's schema says wrongly what is mirrored: clients must leave the tool out."""


def headers_for(method: str, params: Json, mirrored: Mirrored) -> dict[str, str]:
    """Return the headers of one request; `mirrored` is of the tool that it calls."""
    found = {"mcp-protocol-version": MODERN, "mcp-method": method}
    named = params.get(NAMES.get(method, ""))
    if isinstance(named, str):
        found["mcp-name"] = encoded(named)
    for path, header in mirrored.items():
        text = _text_at(params.get("arguments"), path)
        if text is not None:
            found[f"mcp-param-{header}"] = encoded(text)
    return found


def encoded(text: str) -> str:
    """Return a text as a header's value: as it is, or marked and in base64 where it would not arrive unchanged."""
    if _PLAIN.fullmatch(text) and not _MARKED.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'replace')).decode()}?="


def mirrored_by(schema: object) -> Mirrored:
    """Return what a tool's input schema wants mirrored. Raises BadAnnotation."""
    found: dict[tuple[str, ...], str] = {}
    for path, part in _parts(schema):
        if _ANNOTATION not in part:
            continue
        header = part[_ANNOTATION]
        if not path:
            raise BadAnnotation("it stands where no property is")
        if not isinstance(header, str) or not _TOKEN.fullmatch(header):
            raise BadAnnotation("it is no name of a header")
        if part.get("type") not in ("string", "integer", "boolean"):
            raise BadAnnotation("only a string, an integer or a boolean is mirrored")
        if header.lower() in (other.lower() for other in found.values()):
            raise BadAnnotation("it stands twice")
        found[path] = header
    return found


def _parts(root: object) -> Iterator[tuple[tuple[str, ...] | None, Mapping[str, Any]]]:
    """Yield every schema in a schema with its path through `properties` alone; None where it has no such path."""
    stack: list[tuple[tuple[str, ...] | None, object]] = [((), root)]
    while stack:
        path, node = stack.pop()
        if not isinstance(node, dict):
            continue
        yield path, node
        for key, below in node.items():
            if key == "properties" and isinstance(below, dict):
                stack.extend((None if path is None else (*path, name), part) for name, part in below.items())
            elif key in _ONE_SCHEMA:
                stack.append((None, below))
            elif key in _SCHEMAS_IN_LIST and isinstance(below, list):
                stack.extend((None, part) for part in below)
            elif key in _SCHEMAS_BY_NAME and isinstance(below, dict):
                stack.extend((None, part) for part in below.values())


def _text_at(arguments: object, path: tuple[str, ...]) -> str | None:
    for key in path:
        arguments = arguments.get(key) if isinstance(arguments, Mapping) else None
    if isinstance(arguments, bool):
        return "true" if arguments else "false"
    if isinstance(arguments, int):
        return str(arguments) if -_SAFE <= arguments <= _SAFE else None
    return arguments if isinstance(arguments, str) else None
