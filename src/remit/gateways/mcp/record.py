"""A stream of one request that its client can take up again where it broke off (2025-11-25, Resumability).

What was said is kept until the client has the last message, and for a while where it has gone: it may come back with
the id of the last event that it has.
"""

from __future__ import annotations

import secrets
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remit.gateways.mcp.reply import Reply

RETRY_MS = 500
"""How long a client should wait before it comes back."""


class Record:
    """What was said on one stream. Owned by the event loop. `reply` is where it goes on, once it was taken up again."""

    def __init__(self, most: int) -> None:
        self.id = secrets.token_urlsafe(9)
        self.reply: Reply | None = None
        self.is_over = False
        self._events: deque[tuple[int, bytes]] = deque(maxlen=most)
        self._next = 1

    @property
    def beginning(self) -> bytes:
        """What a stream begins with, so that its client has something to come back with."""
        return b"id: %b.0\nretry: %d\ndata: \n\n" % (self.id.encode(), RETRY_MS)

    def keep(self, message: bytes) -> bytes:
        """Keep a message, and return it as an event."""
        lines = b"id: %b.%d\nevent: message\ndata: %b\n\n" % (self.id.encode(), self._next, message)
        self._events.append((self._next, lines))
        self._next += 1
        return lines

    def after(self, number: int) -> bytes:
        """Return the events behind one."""
        return b"".join(lines for at, lines in self._events if at > number)


def place_in(text: str) -> tuple[str, int]:
    """Return the stream and the number that the id of an event names; no stream where it is none of ours."""
    id, _, number = text.rpartition(".")
    return (id, int(number)) if number.isdecimal() and len(number) < 10 else ("", 0)
