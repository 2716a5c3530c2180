"""Arabic text folding: one spelling for what looks the same, with the way back to where it stood.

Digits of every script become ASCII digits, dashes and spaces of every width one of each, letters that are written in
several ways in Arabic one way; invisible characters, direction marks, tatweel and marks above letters go. Each
character is folded by itself, so that a text folds the same in one piece and in many.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_ZEROS = (
    *(0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6),
    *(0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0),
    *(0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10),
    *(0x104A0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E950, 0x1FBF0),
)
"""The zero of each script; one to nine follow it (Unicode 15, property Nd)."""

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u2e3b\u30fc\ufe58\ufe63"
_ARABIC = {
    **dict.fromkeys("\u0622\u0623\u0625\u0671", "\u0627"),  # alef with what stands above or below it
    "\u0649": "\u064a",
    "\u06cc": "\u064a",  # Persian yeh
    "\u0629": "\u0647",
    "\u06a9": "\u0643",  # Persian kaf
    "\u066b": ".",
    "\u066c": ",",
    "\u060c": ",",
    "\u061b": ";",
}
_OTHERS = {"\u2024": ".", "\u2027": "-", "\u00b7": "-", "\u2044": "/", "\u2215": "/", "\u2028": "\n", "\u2029": "\n"}

_GONE = re.compile(
    "[\u00ad\u034f\u0300-\u036f\u0483-\u0489\u0610-\u061a\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4"
    "\u06e7\u06e8\u06ea-\u06ed\u115f\u1160\u17b4\u17b5\u180b-\u180e\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u20d0-\u20ff\u3164\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)

FOLDS: Mapping[int, str] = MappingProxyType(
    {zero + digit: str(digit) for zero in _ZEROS for digit in range(10)}
    | {0xFF01 + n: chr(0x21 + n) for n in range(94)}  # letters and signs of full width
    | dict.fromkeys(map(ord, _SPACES), " ")
    | dict.fromkeys(map(ord, _DASHES), "-")
    | {ord(char): other for char, other in (_ARABIC | _OTHERS).items()}
)
"""What a character is written as; all others stay as they are."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text. `places` says where each of its characters stood; None: where it stands now."""

    text: str
    places: tuple[int, ...] | None = None

    def start(self, at: int) -> int:
        """Return where the character at `at` stood."""
        return at if self.places is None else self.places[at]

    def end(self, at: int) -> int:
        """Return the end of the character before `at`, as it stood; what is invisible behind it is not part of it."""
        return at if self.places is None else self.places[at - 1] + 1 if at else 0


def fold(text: str) -> Folded:
    """Fold a text, in linear time."""
    if text.isascii():
        return Folded(text)
    places = None
    if _GONE.search(text) is not None:
        gone = {found.start() for found in _GONE.finditer(text)}
        places = tuple(at for at in range(len(text)) if at not in gone)
        text = _GONE.sub("", text)
    return Folded(text.translate(FOLDS), places)
