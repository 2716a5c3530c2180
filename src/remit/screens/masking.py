"""A text with placeholders in the place of what somebody may not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from remit.domain.canonical import sha256_hex
from remit.domain.upstream import DataClass
from remit.screens.finding import find
from remit.screens.folding import fold
from remit.screens.mark import CLASSES, Mark, MarkKind
from remit.screens.stretches import SMALLEST_WINDOW, WINDOW

_TOLD_BY = SMALLEST_WINDOW
"""By how many characters values are told apart: of a long secret in a stream no more may be at hand."""

MOST_NUMBERED = 10_000
"""Different values of one conversation that get a number; later ones are told apart no more."""


@dataclass(slots=True)
class Placeholders:
    """The placeholders of one conversation: the same value always gets the same, as `[EMAIL_1]`.

    Kept are digests, never values. A number says in which order values came, and nothing else of them. What is written
    in other digits, with other blanks or in capital letters is the same value, secrets excepted.
    """

    _numbers: dict[str, int] = field(default_factory=dict, repr=False)
    _last: Counter[MarkKind] = field(default_factory=Counter, repr=False)

    def of(self, kind: MarkKind, value: str) -> str:
        """Return what takes the place of a value."""
        meant = fold(value).text
        if CLASSES[kind] is not DataClass.SECRET:
            meant = "".join(filter(str.isalnum, meant.casefold())) if kind is not MarkKind.EMAIL else meant.casefold()
        key = sha256_hex(f"{kind}:{meant[:_TOLD_BY]}".encode(errors="surrogatepass"))
        number = self._numbers.get(key)
        if number is None:
            if len(self._numbers) >= MOST_NUMBERED:
                return f"[{kind}]"
            self._last[kind] += 1
            number = self._numbers[key] = self._last[kind]
        return f"[{kind}_{number}]"


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked text. `marks` are the places in the text as it was given that are masked here."""

    text: str
    marks: tuple[Mark, ...] = ()

    @property
    def counts(self) -> Mapping[MarkKind, int]:
        """How many of each kind were masked: what may be put on record."""
        return counted(self.marks)


def counted(marks: Iterable[Mark]) -> Mapping[MarkKind, int]:
    """Count marks by kind."""
    return Counter(mark.kind for mark in marks)


def mask(
    text: str,
    sees: frozenset[DataClass],
    placeholders: Placeholders | None = None,
    before: str = "",
    window: int = WINDOW,
) -> Masked:
    """Mask what is found of classes that are not in `sees`.

    Hand in the same `placeholders` for everything of one conversation, in the same order. `before` is read as if it
    stood before the text.
    """
    marks = tuple([mark for mark in find(text, before, window) if mark.label not in sees])
    if not marks:
        return Masked(text)
    names = Placeholders() if placeholders is None else placeholders
    parts: list[str] = []
    at = 0
    for mark in marks:
        parts += (text[at : mark.start], names.of(mark.kind, text[mark.start : mark.end]))
        at = mark.end
    return Masked("".join((*parts, text[at:])), marks)
