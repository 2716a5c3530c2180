"""The way to one server, on which messages go to and fro."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from remit.gateways.mcp.port import Json, UpstreamFailed
from remit.gateways.mcp.upstreams.call import Call

Message = dict[str, Any]
Hear = Callable[[Message, Call | None], None]
"""Takes a request or notification of the server, with the call it came for where the link knows."""


def unheard(message: Message, call: Call | None) -> None:
    """Hear nothing, until somebody does."""


class Turned(UpstreamFailed):
    """The server turned a request away before it looked at it: by its HTTP status, not by an error of the protocol."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(code, message, sent=False)
        self.status = status


class Link(Protocol):
    """One process, or one endpoint. Owned by the event loop. One that has failed stays failed, and is replaced."""

    hear: Hear

    @property
    def failed(self) -> UpstreamFailed | None:
        """Why it takes no more requests; None while it does."""
        ...

    async def request(self, call: Call, message: Json, headers: Mapping[str, str]) -> Message:
        """Send a request and return the response. Cancelled, it tells the server so. Raises UpstreamFailed."""
        ...

    async def tell(self, message: Json) -> None:
        """Send what is not answered: a notification, or a response. Raises UpstreamFailed."""
        ...

    def agreed(self, version: str) -> None:
        """Take note of the revision both sides speak."""
        ...

    async def listen(self) -> bool:
        """Hear what the server says without being asked, as long as it does.

        Returns whether to try again once that is over; at once where nothing needs to be done to hear it.
        """
        ...

    async def close(self) -> None:
        """Part from the server, and end it where it is a process of ours."""
        ...
