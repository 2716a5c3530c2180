"""Server-sent events (WHATWG HTML, section 9.2), cut out of the bytes of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass


class TooLong(Exception):
    """One event holds more than it may."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        data: its lines, joined.
        id: what to ask for the events behind it by; None where it bears none.
        retry_ms: after which pause to ask, where it says so.
    """

    data: bytes
    id: str | None = None
    retry_ms: int | None = None


async def events(pieces: AsyncIterator[bytes], most: int) -> AsyncIterator[Event]:
    """Yield what a stream holds. Raises TooLong where one event has more than `most` bytes."""
    data: list[bytes] = []
    id: str | None = None
    retry_ms: int | None = None
    size = 0
    async for line in _lines(pieces, most):
        if not line:
            if data or id is not None or retry_ms is not None:
                yield Event(b"\n".join(data), id, retry_ms)
            data, id, retry_ms, size = [], None, None, 0
            continue
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            size += len(value) + 1
            if size > most:
                raise TooLong
            data.append(value)
        elif name == b"id" and b"\0" not in value and len(value) <= 1_024:
            id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) <= 9:
            retry_ms = int(value)


async def _lines(pieces: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """Yield lines without their ends: LF, CR LF, or CR. What has no end at the end of the stream is no line."""
    parts: list[bytes] = []
    size = 0
    begun = after_cr = False
    async for piece in pieces:
        if not begun:
            piece, begun = piece.removeprefix(b"\xef\xbb\xbf"), True
        if after_cr:
            piece = piece.removeprefix(b"\n")
        after_cr = piece.endswith(b"\r")
        first, *lines = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        parts.append(first)
        size += len(first)
        if size > most + _FIELD:
            raise TooLong
        if not lines:
            continue
        yield b"".join(parts)
        for line in lines[:-1]:
            yield line
        parts, size = [lines[-1]], len(lines[-1])


_FIELD = 1_024
"""Room for the name of a field, and for an id."""
