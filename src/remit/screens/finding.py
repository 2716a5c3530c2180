"""What a text holds that not everybody may see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from remit.screens.addresses import addresses_in
from remit.screens.folding import fold
from remit.screens.identifiers import identifiers_in, said_in
from remit.screens.mark import Mark
from remit.screens.phones import phones_in
from remit.screens.secrets import secrets_in
from remit.screens.span import CONTEXT, Span
from remit.screens.stretches import WINDOW, Reading, worth_reading

_SHORTEST = 5
"""Nothing that is looked for has fewer characters."""
_FIVE_DIGITS = re.compile(r"[0-9](?:[^0-9]{0,4}[0-9]){4}")
_SEVEN_DIGITS = re.compile(r"[0-9](?:[^0-9]{0,4}[0-9]){6}")
_DAY = re.compile(r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](?:T[0-9:.]{5,15}(?:Z|[+-][0-9:]{4,5})?)?[,;.]?")
"""A day, or an instant, as machines write it: by far the most frequent long number, and nobody's."""


def find(text: str, before: str = "", window: int = WINDOW) -> tuple[Mark, ...]:
    """Return what is found in a text, in order and never overlapping. Time is linear in its length.

    `before` is read as if it stood before the text, such as the name of a JSON member: it may say what the text is.
    """
    context, folded = fold(before).text[-CONTEXT:], fold(text)
    shift = len(context)
    if not worth_reading(context + folded.text, shift):
        return ()
    reading = Reading(seek, window)
    spans, _ = reading.read(context + folded.text, shift, final=True)
    return tuple(
        Mark(folded.start(span.start - shift), folded.end(span.end - shift), span.kind) for span in whole(spans)
    )


def whole(spans: Iterable[Span]) -> Iterator[Span]:
    """Put together what goes on over a cut."""
    last: Span | None = None
    for span in spans:
        if last is not None and span.goes_on:
            last = last._replace(end=span.end)
        else:
            if last is not None:
                yield last
            last = span
    if last is not None:
        yield last


def seek(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield what is found between two places of a folded text; where spans overlap, the first is meant."""
    if end - begin < _SHORTEST:
        return
    yield from secrets_in(text, begin, end)
    yield from addresses_in(text, begin, end)
    if _FIVE_DIGITS.search(text, begin, end) is not None:
        if _SEVEN_DIGITS.search(text, begin, end) is None:
            yield from said_in(text, begin, end)
        elif _DAY.fullmatch(text, begin, end) is None:
            yield from identifiers_in(text, begin, end)
            yield from phones_in(text, begin, end)
