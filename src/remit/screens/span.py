"""A stretch of a folded text, and how far around it is looked."""

from __future__ import annotations

from typing import NamedTuple

from remit.screens.mark import MarkKind

CONTEXT = 80
"""How many characters before a value may say what it is."""


class Span(NamedTuple):
    """A stretch of a folded text. `goes_on`: it belongs to the one before it."""

    start: int
    end: int
    kind: MarkKind
    goes_on: bool = False


def before(text: str, at: int) -> str:
    """Return what stands before a place, as far as it counts."""
    return text[max(0, at - CONTEXT) : at]
