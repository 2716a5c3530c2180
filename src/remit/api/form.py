"""A JSON object from outside, taken field by field. What nobody took is refused: a misspelt field must not be lost."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from remit.asgi.answers import Refusal
from remit.domain.text import unfit


class Form:
    """Fields of one body. Each method takes one field and raises Refusal (422) where it is not as it must be."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields
        self._known: list[str] = []

    def text(self, name: str, longest: int, *, default: str | None = None, prose: bool = False) -> str:
        """Take a text. Required where `default` is None."""
        value = self._take(name, default)
        why = unfit(value, longest, prose=prose)
        if why is not None:
            raise _unfit(name, why, "Send plain text")
        return str(value)

    def texts(self, name: str, most: int, longest: int) -> list[str]:
        """Take a list of texts; an empty one where there is none."""
        value = self._take(name, [])
        if not isinstance(value, list) or len(value) > most:
            raise _unfit(name, f"is no list of at most {most} texts", "Send a list")
        if any(unfit(each, longest) is not None for each in value):
            raise _unfit(name, "holds what is no plain text", "Send ids as they were given")
        return value

    def raw_text(self, name: str) -> str | None:
        """Take a text of any characters and any length that the body has room for, or None."""
        value = self._take(name, None, required=False)
        if value is not None and not isinstance(value, str):
            raise _unfit(name, "is no text", "Send a string")
        return value

    def word(self, name: str, words: tuple[str, ...]) -> str:
        """Take one of a few words."""
        value = self._take(name, None)
        if value not in words:
            raise _unfit(name, "is none of the known words", f"Send one of {', '.join(words)}")
        return str(value)

    def number(self, name: str, most: int, least: int = 0, default: int | None = None) -> int:
        """Take a whole number from `least` to `most`."""
        value = self._take(name, default)
        if type(value) is not int or not least <= value <= most:
            raise _unfit(name, f"is no whole number from {least} to {most:,}", "Send one")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Take true or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise _unfit(name, "is neither true nor false", "Send one of them")
        return value

    def anything(self, name: str) -> Any:
        """Take whatever JSON there is, None where there is none."""
        return self._take(name, None, required=False)

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        """Take an object, or None where there is none."""
        value = self._take(name, None, required=False)
        if value is not None and not isinstance(value, dict):
            raise _unfit(name, "is no object", "Send a JSON object")
        return value

    def has(self, name: str) -> bool:
        """Whether the body has this field, whatever it holds."""
        return name in self._fields

    def value(self, name: str) -> Any:
        """Take any JSON."""
        return self._take(name, None, required=False)

    def done(self) -> None:
        """Refuse what was not taken."""
        unknown = next((name for name in self._fields if name not in self._known), None)
        if unknown is not None:
            shown = unknown.encode("unicode_escape").decode()[:200]
            likely = difflib.get_close_matches(shown, self._known, n=1)
            remedy = f"Perhaps {likely[0]} is meant" if likely else f"Known: {', '.join(self._known) or 'none'}"
            raise Refusal(422, "field_unknown", "there is no such field", remedy, field=shown)

    def _take(self, name: str, default: object, *, required: bool = True) -> Any:
        self._known.append(name)
        value = self._fields.get(name, default)
        if value is None and required:
            raise Refusal(422, "field_missing", f"{name} is missing", "Send it", field=name)
        return value


def _unfit(field: str, why: str, remedy: str) -> Refusal:
    return Refusal(422, "field_unfit", f"{field} {why}", remedy, field=field)
