"""Server-sent events as they come from upstream: whole events out of pieces, each bounded.

HTML standard, section 9.2: lines end with CR, LF or both, an empty line ends an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MOST_EVENT_BYTES = 4 * 1_048_576

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE = re.compile(rb"\r\n|\n|\r")


class NoEvent(Exception):
    """What came is no event, or one that never ends."""


class Event(NamedTuple):
    """One event.

    Attributes:
        raw: as it came, the empty line included.
        data: its data; empty where it has none.
    """

    raw: bytes
    data: bytes


class EventReader:
    """Cuts pieces of a stream into events."""

    def __init__(self, most_bytes: int = MOST_EVENT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that are complete with this piece. Raises NoEvent where one has no end in sight."""
        held = self._rest + piece if self._rest else piece
        if b"\r" in held:
            yield from self._cut(held)
        else:  # as nearly all endpoints write it
            parts = held.split(b"\n\n")
            self._rest = parts.pop()
            for part in parts:
                is_plain = part.startswith(b"data: ") and b"\n" not in part
                yield Event(part + b"\n\n", part[6:] if is_plain else _data_of(part))
        if len(self._rest) > self._most_bytes:
            raise NoEvent(f"an event of more than {self._most_bytes:,} bytes")

    def _cut(self, held: bytes) -> Iterator[Event]:
        begin = 0
        for end in _END.finditer(held):
            raw = held[begin : end.end()]
            begin = end.end()
            yield Event(raw, _data_of(raw))
        self._rest = held[begin:]

    def last(self) -> Event | None:
        """Return what came after the last empty line, where it is an event that was not ended."""
        raw, self._rest = self._rest, b""
        data = _data_of(raw)
        return Event(raw + b"\n\n", data) if data else None


def _data_of(raw: bytes) -> bytes:
    lines = [line[5:] for line in _LINE.split(raw) if line.startswith(b"data:")]
    return b"\n".join(line.removeprefix(b" ") for line in lines)
