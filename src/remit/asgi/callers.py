"""Who calls a raw route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from remit.asgi.answers import Scope
from remit.domain.identity import Caller


class Authenticator(Protocol):
    """Says who calls. `quickly` asks no database and may not know; `identify` does, and raises Refusal (401, 429).

    Neither blocks the event loop.
    """

    def quickly(self, headers: Mapping[str, str]) -> Caller | None: ...

    async def identify(self, headers: Mapping[str, str], peer: str) -> Caller: ...


async def caller_of(authenticator: Authenticator, headers: Mapping[str, str], peer: str) -> Caller:
    """Return who calls. Raises Refusal."""
    known = authenticator.quickly(headers)
    return known if known is not None else await authenticator.identify(headers, peer)


def peer_of(scope: Scope) -> str:
    """Return the address of whoever connected; no header is believed about it."""
    client = scope.get("client")
    return client[0] if client else ""
