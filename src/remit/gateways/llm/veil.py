"""Masks what a model says before its client is shown it, text by text, with a bounded part of each held back."""

from __future__ import annotations

from collections.abc import Hashable

from remit.domain.upstream import DataClass
from remit.screens import Placeholders, StreamMask, mask


class Veil:
    """The texts of one answer, each under a key of its own."""

    def __init__(self, sees: frozenset[DataClass]) -> None:
        self._sees = sees
        self._placeholders = Placeholders()
        self._texts: dict[Hashable, StreamMask] = {}

    def piece(self, key: Hashable, text: object) -> str:
        """Take the next piece of a text, and return what of it may be shown now."""
        if not isinstance(text, str) or not text:
            return ""
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = StreamMask(self._sees, placeholders=self._placeholders)
        return found.feed(text)

    def rest(self, key: Hashable) -> str:
        """Return what was held back of a text that has ended."""
        found = self._texts.pop(key, None)
        return "" if found is None else found.finish()

    def whole(self, text: object) -> object:
        """Return a text that came in one piece as it may be shown; anything else as it is."""
        return mask(text, self._sees, self._placeholders).text if isinstance(text, str) else text


def veil_of(sees: frozenset[DataClass] | None) -> Veil | None:
    """Return a veil for what may be shown; None where everything may."""
    return None if sees is None else Veil(sees)
