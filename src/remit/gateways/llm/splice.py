"""Changes a few members of a JSON object and leaves every other byte as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]', re.DOTALL)


def spliced(raw: bytes, changes: Mapping[str, Any]) -> bytes:
    """Return `raw`, an object without a key twice, with these members of it changed, or added at its end."""
    left = dict(changes)
    pieces: list[bytes] = []
    begin = 0
    for key, start, end in _members(raw):
        if key in left:
            pieces += [raw[begin:start], orjson.dumps(left.pop(key))]
            begin = end
    last = raw.rindex(b"}")
    is_empty = not raw[raw.index(b"{") + 1 : last].strip()
    pieces.append(raw[begin:last])
    for key, value in left.items():
        pieces += [b"" if is_empty else b",", orjson.dumps(key), b":", orjson.dumps(value)]
        is_empty = False
    pieces.append(raw[last:])
    return b"".join(pieces)


def _members(raw: bytes) -> list[tuple[str, int, int]]:
    """Return the key of each member of the outermost object, and where its value begins and ends."""
    found: list[tuple[str, int, int]] = []
    depth = 0
    key: str | None = None
    begin = 0  # of the value that belongs to `key`, once its colon was seen
    for token in _TOKEN.finditer(raw):
        mark = raw[token.start()]
        if mark in b"{[":
            depth += 1
        elif depth == 1 and mark == _QUOTE and key is None:
            key = orjson.loads(token.group())
        elif depth == 1 and mark == _COLON and not begin:
            begin = token.end()
        elif mark in b"}],":
            if depth == 1 and key is not None:
                value = raw[begin : token.start()]
                begin += len(value) - len(value.lstrip())
                found.append((key, begin, begin + len(value.strip())))
                key, begin = None, 0
            if mark != _COMMA:
                depth -= 1
    return found


_QUOTE, _COLON, _COMMA = b'":,'
