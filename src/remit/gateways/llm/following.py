"""Follows a stream of events whose dialect the client speaks: each goes on as it came, or is kept back."""

from __future__ import annotations

from typing import Any

import orjson

from remit.gateways.llm.events import Event, EventReader, NoEvent
from remit.gateways.llm.face import Seen, UpstreamBroken


class Following:
    """What followers share; a dialect says what it sees in an event."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.broken: UpstreamBroken | None = None
        self._reader = EventReader()
        self._last = b""

    def feed(self, piece: bytes) -> bytes:
        """See Follower."""
        found: list[bytes] = []
        try:
            for event in self._reader.feed(piece):
                if self.seen.is_whole:
                    break
                found.append(self._passed(event) if event.data else event.raw)
        except NoEvent:
            self.broken = UpstreamBroken("never ended an event")
        except UpstreamBroken as error:
            self.broken = error
        except (AttributeError, TypeError, KeyError, orjson.JSONDecodeError):
            self.broken = UpstreamBroken("answered an event that is none of its dialect")
        return b"".join(found)

    def end(self) -> bytes:
        """See Follower."""
        if not self.seen.is_whole:
            raise UpstreamBroken("hung up before the answer had ended")
        return self._last

    def _passed(self, event: Event) -> bytes:
        """See what an event says, and return what the client is sent of it now.

        Raises UpstreamBroken, and whatever reading a document raises that is not what it should be.
        """
        raise NotImplementedError


def told_by(event: Event) -> dict[str, Any]:
    """Return the document of an event. Raises UpstreamBroken."""
    told = orjson.loads(event.data)
    if type(told) is not dict:
        raise UpstreamBroken("answered an event that is none of its dialect")
    return told
