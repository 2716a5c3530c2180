"""A folded text in stretches that no mark reaches out of, so that each can be searched as soon as it has come.

A stretch is a run of printable ASCII characters without blanks, quotes and brackets; groups of digits with single
blanks between them, of an account number, and all lines of a private key are one. What is longer than a limit is cut
with an overlap. Where the cuts are follows from the text alone, so a text gives the same in one piece and in many.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from remit.screens.mark import MarkKind
from remit.screens.secrets import PEM_BODY, PEM_UNDECIDED
from remit.screens.span import Span

WINDOW = 8_192
"""How many characters are held back at most, and twice as many as a single secret may have to be known as one."""
SMALLEST_WINDOW, LARGEST_WINDOW = 512, 65_536

_JOINED = 160
_JOINED_OVERLAP = 64
"""How many characters of groups with blanks between them are looked at together; no number outlasts the overlap."""
_GROUP = 48
"""The longest of these groups: whether it belongs is known where it ends."""
_GROUPS = 110
"""More groups than are ever looked at together: without an end, each piece of a long row would read all the rest."""

IN_RUN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\"'<>[\\]`{|}")
_RUN = r"[!#-&(-;=?-Z^_a-z~]"
_STRETCH = re.compile(
    rf"({_RUN}{{1,{LARGEST_WINDOW + 1}}}+)"
    rf"(?P<pem>(?<=-----BEGIN)(?:[ ][A-Z0-9]{{1,20}}+){{1,5}}+"
    rf"(?:(?:(?<=PRIVATE KEY)|(?<=PRIVATE KEY BLOCK))-----{PEM_BODY})?+{_RUN}*+)?+"
    rf"(?:(?<=(?<![A-Za-z0-9])[A-Za-z]{{2}}[0-9]{{2}})(?:[ ][A-Za-z0-9]{{1,4}}+[.,;:!?)]{{0,3}}+(?!{_RUN})){{1,8}}+)?+"
    rf"(?:(?<=[0-9)])[ \t]{{1,2}}(?:[-./][ \t]{{1,2}})?[(+]?[0-9][0-9()./,+;:-]{{0,40}}+(?!{_RUN})){{0,{_GROUPS}}}+"
)
_WORTH_READING = re.compile(
    rf"(?<!{_RUN})(?!\(?[A-Za-z][A-Za-z-]{{0,18}}+[.,;:!?)]{{0,3}}+(?!{_RUN})){_STRETCH.pattern}"
)
"""A stretch that is more than a plain word: nothing that is looked for is one."""
_GAP_BEGUN = re.compile(r"[ \t]{0,2}(?:[-./][ \t]{0,2})?[(+]?\Z")
_GOING_ON = re.compile(r"[A-Za-z0-9_.+/=~%-]*+")
_KEY_GOING_ON = re.compile(PEM_BODY)


@dataclass(slots=True)
class Reading:
    """Reads a folded text from front to back, as it comes. `seek` finds what is between two places.

    `going` is the secret that goes on over the cut, where there is one; `cut`: it stands within a run.
    """

    seek: Callable[[str, int, int], Iterable[Span]]
    window: int = WINDOW
    going: MarkKind | None = field(default=None, init=False)
    cut: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if not SMALLEST_WINDOW <= self.window <= LARGEST_WINDOW:
            raise ValueError(f"a window of {self.window} characters: from {SMALLEST_WINDOW:,} to {LARGEST_WINDOW:,}")

    def read(self, text: str, begin: int, *, final: bool) -> tuple[list[Span], int]:
        """Return the spans from `begin` on that are certain, and up to where; the rest needs more text.

        `begin` is where the last reading ended; what stands before it is looked at but not read again.
        """
        spans: list[Span] = []
        at = begin
        while at < len(text):
            if self.going is not None:
                until = self._gone_on(text, at, final=final)
                if until is None:
                    return spans, at
                spans.append(Span(at, until, MarkKind.SECRET, goes_on=True))
                at = until
                continue
            found = _STRETCH.match(text, at) if self.cut else None
            if found is None:
                self.cut = False
                found = _WORTH_READING.search(text, at)
            if found is None:
                return spans, len(text) if final else max(at, len(text.rstrip(IN_RUN)))
            until = self._settled(text, found, spans, final=final)
            if until is None:
                return spans, found.start()
            at = until
        return spans, at

    def _settled(self, text: str, found: re.Match[str], spans: list[Span], *, final: bool) -> int | None:
        """Take the spans of one stretch, or of its first piece, and return where that ends; None: more has to come."""
        start, end = found.span()
        run, key = found.end(1) - start, found["pem"] is not None
        joined = not key and run <= self.window and end > found.end(1)
        limit = run + _JOINED if joined else self.window
        if (
            not final
            and end - start <= limit + (_GROUP if joined else 0)
            and (end == len(text) or _GAP_BEGUN.match(text, end) or (key and PEM_UNDECIDED.match(text, end)))
        ):
            return None
        if end - start <= limit:
            spans += apart(self.seek(text, start, end))
            self.cut = False
            return end
        self.cut = True
        return self._piece(text, start, start + limit, _JOINED_OVERLAP if joined else self.window // 2, spans)

    def _piece(self, text: str, start: int, end: int, overlap: int, spans: list[Span]) -> int:
        """Take the spans that begin before the overlap, and return where the next piece begins: never within one."""
        at = end - overlap
        found = apart(self.seek(text, start, end))
        for span in found:
            if span.start < at < span.end:
                at = span.start if span.start > start else span.end
                self.going = span.kind if span.start == start and span.end == end else None
                break
        spans += (span for span in found if span.end <= at)
        return at

    def _gone_on(self, text: str, at: int, *, final: bool) -> int | None:
        """Return where a secret ends that began before a cut, or the next cut; None: more has to come."""
        key = self.going is MarkKind.PRIVATE_KEY
        found = (_KEY_GOING_ON if key else _GOING_ON).match(text, at, at + self.window)
        end = at if found is None else found.end()
        if end - at == self.window:
            return end
        if not final and (end == len(text) or (key and PEM_UNDECIDED.match(text, end))):
            return None
        self.going = None
        return end


def worth_reading(text: str, begin: int) -> bool:
    """Tell whether there is anything from `begin` on but plain words."""
    return _WORTH_READING.search(text, begin) is not None


def apart(spans: Iterable[Span]) -> list[Span]:
    """Return the spans that do not overlap, in order; of those that do, the one that comes first in `spans`."""
    kept: list[Span] = []
    for span in spans:
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)
