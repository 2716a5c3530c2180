"""What a stream said, kept so that a client that lost it can go on where it was."""

from __future__ import annotations

from collections import deque
from itertools import count

from mcp.server.streamable_http import EventCallback, EventId, EventMessage, EventStore, StreamId
from mcp_types import JSONRPCMessage

KEPT = 10_000


class Events(EventStore):
    """The last events of all streams, in memory."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._events: deque[tuple[int, StreamId, JSONRPCMessage | None]] = deque(maxlen=KEPT)

    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        number = next(self._numbers)
        self._events.append((number, stream_id, message))
        return str(number)

    async def replay_events_after(self, last_event_id: EventId, send_callback: EventCallback) -> StreamId | None:
        after = int(last_event_id)
        found = next((stream for number, stream, _ in self._events if number == after), None)
        for number, stream, message in list(self._events):
            if stream == found and number > after and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return found
