"""The way out of the A2A client: whatever it sends goes through the guarded one, to one origin and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx

from remit.asgi.outbound import Answer, Outbound, OutboundFailed

_PASSED = ("content-type", "accept", "authorization", "a2a-version", "a2a-extensions")


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends what an HTTP client asks for. A card may name any address: only those of its own origin are meant."""

    def __init__(self, outbound: Outbound, home: str, *, private: bool, pause_s: float) -> None:
        self._outbound = outbound
        self._home = origin(home)
        self._private = private
        self._pause_s = pause_s
        self.failed: OutboundFailed | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        url = str(request.url)
        if origin(url) != self._home:
            self.failed = OutboundFailed("forbidden", "the card leads to another origin than its own", sent=False)
            raise httpx.UnsupportedProtocol(str(self.failed))
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        try:
            answer = await self._outbound.send(
                request.method,
                url,
                headers=headers,
                body=await request.aread(),
                private=self._private,
                pause_s=self._pause_s,
            )
        except OutboundFailed as error:
            self.failed = error
            raise httpx.ConnectError(error.code) from None
        return httpx.Response(
            answer.status, headers=[*answer.headers.items()], stream=_Stream(self, answer), request=request
        )


class _Stream(httpx.AsyncByteStream):
    def __init__(self, transport: GuardedTransport, answer: Answer) -> None:
        self._transport = transport
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.pieces():
                yield piece
        except OutboundFailed as error:
            self._transport.failed = error
            raise httpx.ReadError(error.code) from None

    async def aclose(self) -> None:
        self._answer.close()
