"""One way to write a value as bytes, so that everybody computes the same digest.

Records hold ASCII keys, integers, strings, booleans and nulls only. For those, key-sorted JSON without white space
is RFC 8785's form byte for byte (a test compares it with the `rfc8785` package). Arguments may also hold floats;
their form is ours alone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import orjson

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"


def canonical(value: object) -> bytes:
    """Return the canonical bytes of a JSON value made of plain dicts, lists, tuples and scalars."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def salted_digest(salt: bytes, *parts: bytes) -> str:
    """Return HMAC-SHA-256 (RFC 2104) over length-prefixed parts, in hexadecimal.

    The salt is kept with the sealed payload and destroyed with it: without it nobody can guess what a digest stood for.
    """
    joined = b"".join([len(part).to_bytes(8, "big") + part for part in parts])
    return hmac.digest(salt, joined, "sha256").hex()
