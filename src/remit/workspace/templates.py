"""JSON with expressions in its texts: `${steps.quote.price}` alone is the value itself, inside other text it is text.

`$${` stands for `${` as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from remit.domain.canonical import JsonValue, canonical
from remit.domain.workflow import Expression, Template

OPEN, ESCAPED = "${", "$${"


class Unclosed(Exception):
    """A `${` whose brace is never closed."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An expression and where in its template it stands, as `lines[0].note`; empty for the template itself."""

    place: str
    expression: Expression


def expressions_in(template: Template) -> Iterator[Placed]:
    """Yield every expression of a template. Raises Unclosed, with the place as its text."""
    for place, text in _texts(template.value, ""):
        try:
            parts = list(_parts(text))
        except Unclosed:
            raise Unclosed(place) from None
        yield from (Placed(place, part) for part in parts if isinstance(part, Expression))


def filled(template: Template, value_of: Callable[[Expression], Any]) -> Any:
    """Return a template with what its expressions come to."""
    return _filled(template.value, value_of)


def _filled(value: JsonValue, value_of: Callable[[Expression], Any]) -> Any:
    if isinstance(value, str):
        return _text(value, value_of)
    if isinstance(value, list):
        return [_filled(each, value_of) for each in value]
    if isinstance(value, dict):
        return {key: _filled(each, value_of) for key, each in value.items()}
    return value


def _text(text: str, value_of: Callable[[Expression], Any]) -> Any:
    if OPEN not in text:
        return text
    parts = list(_parts(text))
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return value_of(parts[0])
    return "".join(part if isinstance(part, str) else _as_text(value_of(part)) for part in parts)


def _as_text(value: Any) -> str:
    """Return a value as it stands in the middle of a text: texts as they are, nothing for null, else its JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else canonical(value).decode()


def _texts(value: JsonValue, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, f"{place}[{index}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, f"{place}.{key}" if place else key)


def _parts(text: str) -> Iterator[str | Expression]:
    """Yield the pieces of a text: plain ones, and the expressions between them."""
    plain: list[str] = []
    at = 0
    while at < len(text):
        if text.startswith(ESCAPED, at):
            plain.append(OPEN)
            at += len(ESCAPED)
        elif text.startswith(OPEN, at):
            end = _closing(text, at + len(OPEN))
            if plain:
                yield "".join(plain)
                plain.clear()
            yield Expression(text[at + len(OPEN) : end])
            at = end + 1
        else:
            plain.append(text[at])
            at += 1
    if plain:
        yield "".join(plain)


def _closing(text: str, begin: int) -> int:
    """Return where the brace that closes an expression stands; braces within it, and in its quotes, are its own."""
    depth, quote, at = 0, "", begin
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            if not depth:
                return at
            depth -= 1
        at += 1
    raise Unclosed(text)
