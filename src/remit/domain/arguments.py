"""Arguments and results at the door: plain JSON within limits, or a clear refusal."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from remit.domain.canonical import canonical

MAX_INTEGER = 2**63 - 1
"""Largest integer that the policy engine and every database column can hold."""


@dataclass(frozen=True, slots=True)
class PayloadLimits:
    """How much one payload may hold.

    The defaults suit tool calls; documents belong in a store, their address in the arguments.
    """

    bytes: int = 1_048_576
    depth: int = 32
    values: int = 100_000


class BadArguments(ValueError):
    """Arguments that can not be an action: nothing was admitted.

    `code` is closed, `path` says where; no value is repeated.
    """

    def __init__(self, code: str, path: str, message: str, remedy: str) -> None:
        super().__init__(f"{path or 'arguments'}: {message}. {remedy}.")
        self.code = code
        self.path = path
        self.message = message
        self.remedy = remedy


def checked(arguments: object, limits: PayloadLimits) -> bytes:
    """Return the canonical bytes of `arguments`.

    Raises BadArguments for what is not an object, is too large or too deep, holds NaN or Infinity, lone surrogates,
    keys that are not text, integers beyond 64 bits, or anything JSON has no form for.
    """
    if not isinstance(arguments, Mapping):
        raise _no_object()
    check_values(arguments, limits)
    try:
        raw = canonical(arguments)
    except (TypeError, ValueError) as error:
        raise BadArguments("not_json", "", f"can not be written as JSON ({error})", "Use plain JSON values") from None
    if len(raw) > limits.bytes:
        raise BadArguments(
            "too_large",
            "",
            f"{len(raw):,} bytes, more than the {limits.bytes:,} allowed",
            "Store the data, pass its address",
        )
    return raw


def check_values(value: object, limits: PayloadLimits) -> None:
    """Raise BadArguments for what `checked` refuses inside a value; its size as text is not looked at."""
    if _is_plain(value, limits):
        return
    for counted, (path, depth, part) in enumerate(_walk(value, limits), 1):
        if counted > limits.values:
            raise _too_many(limits)
        if depth > limits.depth:
            raise BadArguments(
                "too_deep", _shown(path), f"nested deeper than {limits.depth} levels", "Flatten the value"
            )
        _check_scalar(path, part)


def _is_plain(value: object, limits: PayloadLimits) -> bool:
    """Tell whether a value is what nearly all are: plain JSON within limits, of exactly the types that JSON has.

    Where it says no, or is not sure, `_walk` looks again and says what is wrong, and where. It costs ten times as much.
    """
    level: list[Any] = [value]
    depth = counted = 0
    while level:
        counted += len(level)
        if depth > limits.depth or counted > limits.values:
            return False
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                if not item.isascii() and _SURROGATE.search(item):
                    return False
            elif kind is dict:
                for key in item:
                    if type(key) is not str or not key.isascii():
                        return False
                below += item.values()
            elif kind is list:
                below += item
            elif kind is int:
                if not -MAX_INTEGER - 1 <= item <= MAX_INTEGER:
                    return False
            elif kind is float:
                if not math.isfinite(item):
                    return False
            elif item is not None and kind is not bool:
                return False
        level = below
        depth += 1
    return True


_SURROGATE = re.compile("[\ud800-\udfff]")

_Path = tuple[object, ...]


def _walk(value: object, limits: PayloadLimits) -> Iterator[tuple[_Path, int, object]]:
    """Visit every value without recursion, so that depth can not exhaust the stack, nor width the memory."""
    waiting: list[tuple[_Path, int, object]] = [((), 0, value)]
    while waiting:
        path, depth, item = waiting.pop()
        yield path, depth, item
        if isinstance(item, Mapping | list | tuple) and len(item) > limits.values:
            raise _too_many(limits)
        if isinstance(item, Mapping):
            for key, part in item.items():
                if not isinstance(key, str):
                    raise BadArguments(
                        "key_not_text", _shown(path), "a key that is not text", "Make every key a string"
                    )
                _check_scalar(path, key)
                waiting.append(((*path, key), depth + 1, part))
        elif isinstance(item, list | tuple):
            waiting.extend(((*path, index), depth + 1, part) for index, part in enumerate(item))


def _too_many(limits: PayloadLimits) -> BadArguments:
    return BadArguments("too_many_values", "", f"more than {limits.values:,} values", "Send less in one call")


def _shown(path: _Path) -> str:
    return ".".join(str(step)[:200] for step in path).encode("unicode_escape").decode()[:200]


def _check_scalar(path: _Path, value: object) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadArguments(
                "lone_surrogate",
                _shown(path),
                "text with half a surrogate pair, which is no Unicode",
                "Repair the encoding",
            ) from None
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadArguments(
            "not_finite", _shown(path), "NaN or Infinity, which JSON has no form for", "Send null or leave it out"
        )
    elif isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise BadArguments("integer_too_large", _shown(path), "an integer beyond 64 bits", "Send it as text")
    elif not isinstance(value, int | float | Mapping | list | tuple | None):
        # Some of these the encoder could write, but the tool would be given another value than was decided.
        kind = type(value).__name__[:80]
        raise BadArguments(
            "not_json", _shown(path), f"a value of type {kind}, which is no JSON", "Use plain JSON values"
        )


def parse_object(text: str | bytes, limits: PayloadLimits) -> Mapping[str, Any]:
    """Parse JSON text from outside.

    Raises BadArguments for malformed text, bytes that are not UTF-8, a key given twice, NaN, and what `checked`
    refuses. `limits.bytes` bounds the text as it came.
    """
    size = len(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else len(text)
    if size > limits.bytes:
        raise BadArguments(
            "too_large",
            "",
            f"{size:,} bytes, more than the {limits.bytes:,} allowed",
            "Store the data, pass its address",
        )
    try:
        value = _DECODER.decode(text if isinstance(text, str) else text.decode("utf-8", "surrogatepass"))
    except RecursionError:
        raise BadArguments("too_deep", "", f"nested deeper than {limits.depth} levels", "Flatten the value") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadArguments("not_json", "", f"malformed JSON ({error})", "Check the text with a JSON parser") from None
    if not isinstance(value, dict):
        raise _no_object()
    check_values(value, limits)
    return value


def _no_object() -> BadArguments:
    return BadArguments("not_an_object", "", "arguments must be a mapping of names to values", "Pass a dict")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadArguments("duplicate_key", _shown((twice,)), "a key given twice", "Keep one of them")
    return result


def _integer(digits: str) -> int:
    if len(digits) > len(str(-MAX_INTEGER)):
        raise BadArguments("integer_too_large", "", "an integer beyond 64 bits", "Send it as text")
    return int(digits)


def _refuse_constant(name: str) -> object:
    raise BadArguments("not_finite", "", f"{name}, which JSON has no form for", "Send null or leave it out")


_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant, parse_int=_integer)
