"""One request that is open at a server, and what comes for its client meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from remit.gateways.mcp.port import Exchange, Json, UpstreamFailed, UpstreamRefused
from remit.gateways.mcp.upstreams.bounds import UpstreamBounds
from remit.gateways.mcp.upstreams.wording import METHOD_NOT_FOUND, answer, refusal

Tell = Callable[[Json], Awaitable[None]]


class Call:
    """A request under an id of ours. Owned by the event loop.

    Attributes:
        token: what the client calls its progress; None where it wants none.
        timeout: of the whole call; stands still while the client is asked something.
    """

    __slots__ = ("_asking", "_bounds", "_inbox", "_telling", "exchange", "id", "method", "timeout", "token")

    def __init__(self, id: int, method: str, exchange: Exchange, bounds: UpstreamBounds) -> None:
        self.id = id
        self.method = method
        self.exchange = exchange
        self.token: Any = None
        self.timeout: asyncio.Timeout | None = None
        self._bounds = bounds
        self._inbox: deque[tuple[str, Json]] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] | None = None

    def hear(self, method: str, params: Json) -> None:
        """Pass a notification on to the client, in order; what it does not take in time is dropped."""
        if self._inbox is None:
            self._inbox = deque()
        if len(self._inbox) >= self._bounds.news:
            return
        self._inbox.append((method, params))
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(self._inbox))
            self._telling.add_done_callback(_heed)

    async def _tell(self, inbox: deque[tuple[str, Json]]) -> None:
        while inbox:
            method, params = inbox.popleft()
            await self.exchange.notify(method, params)

    def ask(self, id: object, method: str, params: Json, tell: Tell) -> bool:
        """Ask the client what the server wants to know, and `tell` the server. Return whether the client takes it."""
        asking = self._asking = self._asking or set()
        if self.exchange.ask is None or len(asking) >= self._bounds.questions:
            return False
        task = asyncio.create_task(self._question(id, method, params, tell))
        asking.add(task)
        task.add_done_callback(asking.discard)
        task.add_done_callback(_heed)
        return True

    async def _question(self, id: object, method: str, params: Json, tell: Tell) -> None:
        try:
            found = answer(id, await self.asked(method, params))
        except UpstreamRefused as error:
            found = refusal(id, error.code, str(error))
        except (UpstreamFailed, TimeoutError) as error:
            found = refusal(id, METHOD_NOT_FOUND, str(error) or "nobody answered in time")
        await tell(found)

    async def asked(self, method: str, params: Json) -> Json:
        """Return what the client answers; the call's time stands still. Raises TimeoutError, and what `ask` does."""
        ask = self.exchange.ask
        if ask is None:
            raise UpstreamFailed("broken", "the client takes no questions", sent=True)
        loop, timeout = asyncio.get_running_loop(), self.timeout
        began, ends = loop.time(), None if timeout is None else timeout.when()
        if timeout is not None:
            timeout.reschedule(began + self._bounds.question_s + 1)
        try:
            async with asyncio.timeout(self._bounds.question_s):
                return await ask(method, params)
        finally:
            if timeout is not None and ends is not None and not timeout.expired():
                timeout.reschedule(ends + loop.time() - began)

    async def told(self) -> None:
        """Wait until the client has taken what came before the answer."""
        if self._telling is not None and not self._telling.done():
            await asyncio.wait((self._telling,), timeout=self._bounds.farewell_s)

    def end(self) -> None:
        """Let go of whoever still asks or tells."""
        if self._telling is not None:
            self._telling.cancel()
        for task in tuple(self._asking or ()):
            task.cancel()


def _heed(task: asyncio.Task[None]) -> None:
    """Take note of a failure: the client is gone, which whoever waits for the answer finds out as well."""
    if not task.cancelled():
        task.exception()
