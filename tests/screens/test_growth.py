"""Hostile texts cost no more per character than others: counted in what is searched, not timed.

Every pattern is applied to pieces of at most a window and what stands just before, so all that could grow faster than
the text is how much is searched in total.
"""

from __future__ import annotations

import pytest

from remit.screens.finding import seek
from remit.screens.folding import fold
from remit.screens.span import Span
from remit.screens.stretches import WINDOW, Reading

HOSTILE = {
    "digits": "1" * 64,
    "spaced digits": "1 2 ",
    "plus": "+1 ",
    "pluses": "+",
    "at": "a@",
    "labels": "a@a.a.a.a.a.a.a.a.a.a.",
    "dots": ".",
    "dashes": "-----BEGIN ",
    "half keys": "-----BEGIN RSA PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAA\n",
    "passwords": "password:",
    "addresses": "://a:",
    "tokens": "eyJaaaaaaaaaa.",
    "accounts": "GB29 NWBK 6016 ",
    "heads": "AB12 cd ",
    "cards": "4242 4242 4242 ",
    "brackets": "((((0",
    "blanks": "1  ",
    "words": "a",
    "keys": "sk-",
    "bearer": "Bearer ",
    "newlines": "\n",
    "invisible": "1\u200b",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_what_is_searched_grows_with_the_text_alone(unit: str) -> None:
    sizes = [20_000, 80_000]
    totals, longest = zip(*(searched(unit * (size // len(unit))) for size in sizes), strict=True)
    assert all(total <= 3 * size + WINDOW for total, size in zip(totals, sizes, strict=True))
    assert max(longest) <= 2 * WINDOW


def searched(text: str) -> tuple[int, int]:
    """How many characters are searched in all, and in the longest piece."""
    pieces: list[int] = []

    def counted(folded: str, begin: int, end: int) -> list[Span]:
        pieces.append(end - begin)
        return list(seek(folded, begin, end))

    reading = Reading(counted)
    reading.read(fold(text).text, 0, final=True)
    return sum(pieces), max(pieces, default=0)
