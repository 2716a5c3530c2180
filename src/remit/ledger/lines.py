"""What can be told of one record by itself: that it is one, in its one form, and which number it gives itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


class BadRecord(ValueError):
    """What stands where a record should be is none. The message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a verifier needs to know of a record."""

    no: int
    key: str
    workspace: str
    content: dict[str, Any]


def line_of(body: bytes) -> Line:
    """Read a record. Raises BadRecord for what is no JSON object in canonical form (RFC 8785, without floats)."""
    try:
        content = json.loads(body, parse_float=_no_float, parse_constant=_no_float)
        again = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadRecord("it is no JSON") from None
    if again != body:
        raise BadRecord("it is not in the one form a record has")
    try:
        found = Line(content["no"], content["key"], content["workspace"], content)
    except (KeyError, TypeError):
        raise BadRecord("it has no number, key or workspace") from None
    if type(found.no) is not int or not isinstance(found.key, str):
        raise BadRecord("its number or key is of another type")
    return found


def _no_float(text: str) -> float:
    raise ValueError(text)
