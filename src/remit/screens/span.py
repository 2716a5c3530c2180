"""A stretch of a folded text, and how far around it is looked."""

from __future__ import annotations

import re
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


_TO_LAST_DIGIT = re.compile(r"(?s).*[0-9\n]")


def before(text: str, at: int) -> str:
    """Return what stands before a place and may say what is there: as far as CONTEXT, the last number or the line."""
    said = text[max(0, at - CONTEXT) : at]
    found = _TO_LAST_DIGIT.match(said)
    return said if found is None else said[found.end() :]
