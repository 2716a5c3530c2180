"""Masking a text that comes in chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from remit.domain.upstream import DataClass
from remit.screens.finding import seek
from remit.screens.folding import fold
from remit.screens.mark import CLASSES, MarkKind
from remit.screens.masking import Placeholders
from remit.screens.span import CONTEXT
from remit.screens.stretches import IN_RUN, WINDOW, Reading

_KEPT = CONTEXT + 16
"""How much of what has gone is still looked at: what says what a value is, and the character that it begins after."""


class StreamMask:
    """Masks a stream of text, so that nothing is let through that would be masked in the whole text.

    Whatever the chunks are, what comes out is what `mask` makes of the whole. Held back is what may yet become part of
    something to be masked: mostly the last word, and groups of digits until something else follows; never more than
    about `window` characters.
    """

    def __init__(
        self,
        sees: frozenset[DataClass],
        window: int = WINDOW,
        placeholders: Placeholders | None = None,
        before: str = "",
    ) -> None:
        self._sees = sees
        self._placeholders = Placeholders() if placeholders is None else placeholders
        self._reading = Reading(seek, window)
        self._window = window
        self._context = fold(before).text[-CONTEXT:]
        self._held: list[str] = []
        self._size = 0
        self._within_run = False
        self._hidden = False
        self._counts: Counter[MarkKind] = Counter()

    @property
    def counts(self) -> Mapping[MarkKind, int]:
        """How many of each kind were masked so far."""
        return self._counts

    @property
    def held(self) -> int:
        """How many characters are held back."""
        return self._size

    def feed(self, chunk: str) -> str:
        """Take the next chunk, and return what may be let through."""
        self._held.append(chunk)
        self._size += len(chunk)
        # Within a run of characters nothing is settled before it ends: it need not be read again for each of them.
        if self._within_run and self._size < self._window and not chunk.strip(IN_RUN) and chunk.isascii():
            return ""
        # Invisible characters count for nothing in what is read, and must not be heaped up without end.
        return self._read(final=self._size > 4 * self._window)

    def finish(self) -> str:
        """Return what was held back, once there is no more to come."""
        return self._read(final=True)

    def _read(self, *, final: bool) -> str:
        raw = "".join(self._held)
        folded = fold(raw)
        begin = len(self._context)
        text = self._context + folded.text
        spans, upto = self._reading.read(text, begin, final=final)
        parts: list[str] = []
        at = 0
        for span in spans:
            start, end = folded.start(span.start - begin), folded.end(span.end - begin)
            if not span.goes_on:
                self._hidden = CLASSES[span.kind] not in self._sees
            if self._hidden:
                parts.append(raw[at:start])
                if not span.goes_on:
                    self._counts[span.kind] += 1
                    parts.append(self._placeholders.of(span.kind, raw[start:end]))
                at = end
        let_go = len(raw) if upto == len(text) else folded.start(upto - begin)
        parts.append(raw[at:let_go])
        rest = raw[let_go:]
        self._context = text[max(0, upto - _KEPT) : upto]
        self._held = [rest] if rest else []
        self._size = len(rest)
        self._within_run = bool(rest) and not rest.strip(IN_RUN) and rest.isascii()
        return "".join(parts)
