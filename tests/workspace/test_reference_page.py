"""The tables of docs/reference/workspace.md are made from the tables that read the YAML.

`REMIT_UPDATE_GOLDEN=1 pytest tests/workspace/test_reference_page.py` writes them anew.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.workspace.kind import KINDS
from remit.workspace.kinds.step import STEP
from remit.workspace.schemas import schema_of

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "workspace.md"


def rows(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """A row for every key of a document, also of those within: key, what it takes, what it means."""
    for name, part in schema.get("properties", {}).items():
        key = f"{path}{name}"
        if key == "kind":
            continue
        required = " (required)" if name in schema.get("required", ()) else ""
        yield f"| `{key}`{required} | {takes(part)} | {part['description']} |"
        yield from inner(part, key)


def inner(part: dict[str, Any], key: str) -> Iterator[str]:
    if "properties" in part:
        yield from rows(part, f"{key}.")
    elif part.get("type") == "array":
        yield from inner(part["items"], f"{key}[]")
    elif isinstance(part.get("additionalProperties"), dict):
        yield from inner(part["additionalProperties"], f"{key}.NAME")
    for choice in part.get("anyOf", ()):
        yield from inner(choice, key)


def takes(part: dict[str, Any]) -> str:
    match part:
        case {"anyOf": choices}:
            return " or ".join(takes(choice) for choice in choices)
        case {"const": word}:
            return f"`{word}`"
        case {"enum": words} if len(words) > 10:
            return "a word"
        case {"enum": words}:
            return ", ".join(f"`{word}`" for word in words)
        case {"examples": [example, *_]}:
            return f"such as `{example}`"
        case {"$ref": _}:
            return "step"
        case {"type": "array", "items": items}:
            return f"list: {takes(items)}"
        case {"type": "object", "additionalProperties": dict(item)}:
            return f"mapping to: {takes(item)}"
        case {"type": "object"}:
            return "mapping"
        case {"type": "integer", "minimum": least, "maximum": most} if most < 2**53 - 1:
            return f"whole number, {least} to {most}"
        case {"type": "integer", "minimum": least}:
            return f"whole number from {least}" if least >= 0 else "whole number"
        case {"type": "number"}:
            return "amount, such as `2.50`"
        case {"type": "boolean"}:
            return "`true`, `false`"
        case _:
            return "text"


def table(kind: str) -> str:
    return "\n".join(["| key | takes | meaning |", "|---|---|---|", *rows(schema_of(kind))])


def test_the_page_lists_every_key_of_a_step() -> None:
    check("a step", "\n".join(["| key | takes | meaning |", "|---|---|---|", *rows(STEP.schema())]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_lists_every_key(kind: str) -> None:
    check(kind, table(kind))


def check(what: str, expected: str) -> None:
    marked = re.compile(rf"(<!-- keys of {what} -->\n).*?(\n<!-- end -->)", re.DOTALL)
    page = PAGE.read_text("utf-8")
    if os.environ.get("REMIT_UPDATE_GOLDEN"):
        page = marked.sub(lambda found: found[1] + expected + found[2], page)
        PAGE.write_text(page, "utf-8")
    found = marked.search(page)
    assert found is not None
    assert found[0].splitlines()[1:-1] == expected.splitlines()
