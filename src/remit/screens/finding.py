"""What a text holds that not everybody may see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from remit.screens.addresses import addresses_in
from remit.screens.folding import fold
from remit.screens.identifiers import identifiers_in
from remit.screens.mark import Mark
from remit.screens.phones import phones_in
from remit.screens.secrets import secrets_in
from remit.screens.span import CONTEXT, Span
from remit.screens.stretches import WINDOW, Reading

_FEWEST_DIGITS = 5


def find(text: str, before: str = "", window: int = WINDOW) -> tuple[Mark, ...]:
    """Return what is found in a text, in order and never overlapping. Time is linear in its length.

    `before` is read as if it stood before the text, such as the name of a JSON member: it may say what the text is.
    """
    context, folded = fold(before).text[-CONTEXT:], fold(text)
    reading = Reading(seek, window)
    spans, _ = reading.read(context + folded.text, len(context), final=True)
    shift = len(context)
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
    yield from secrets_in(text, begin, end)
    yield from addresses_in(text, begin, end)
    if sum(map(str.isdigit, text[begin:end])) >= _FEWEST_DIGITS:
        yield from identifiers_in(text, begin, end)
        yield from phones_in(text, begin, end)
