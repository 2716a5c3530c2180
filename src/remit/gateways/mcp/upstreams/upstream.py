"""One server as the gateway uses it: started when it is needed, left alone when it fails, never asked too much."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from remit.domain.upstream import ToolServer
from remit.gateways.mcp.port import Exchange, Json, Offer, UpstreamFailed, UpstreamRefused
from remit.gateways.mcp.upstreams.bounds import UpstreamBounds
from remit.gateways.mcp.upstreams.breaker import Breaker
from remit.gateways.mcp.upstreams.conversation import Conversation
from remit.gateways.mcp.upstreams.link import Link
from remit.gateways.mcp.upstreams.offers import read_offer
from remit.gateways.mcp.upstreams.wording import EVERYTHING, LISTEN

Dial = Callable[[ToolServer], Awaitable[Link]]
"""Begins a process, or makes ready to reach a URL. Raises UpstreamFailed."""

_log = logging.getLogger("remit.mcp")

SHORT_PAUSE_S = 1.0
"""A pause after a failure that is waited for; during a longer one requests are refused."""
ENTITLING = frozenset(("sampling", "elicitation", "roots"))
"""What a client declares that can be asked something."""
_SLACK_S = 0.01
"""What a clock of the event loop may lack behind a pause that was waited for: it goes in milliseconds."""
_TELLING = frozenset(("unreachable", "timed_out", "crashed", "broken"))
"""Failures that say something of the server; of a call that timed out it is asked whether it lives."""


class Upstream:
    """One server of one workspace. Owned by the event loop."""

    def __init__(self, server: ToolServer, dial: Dial, bounds: UpstreamBounds) -> None:
        self.server = server
        self.used = asyncio.get_running_loop().time()
        self.breaker = Breaker(bounds)
        self._dial = dial
        self._bounds = bounds
        self._shared: Conversation | None = None
        self._sessions: OrderedDict[str, Conversation] = OrderedDict()
        self._starting: dict[str, asyncio.Task[Conversation]] = {}
        self._slots = asyncio.Semaphore(server.concurrency)
        self._waiting = 0
        self._listening = 0
        self._offer: Offer | None = None
        self._offered = 0.0
        self._stale = True
        self._reading: asyncio.Task[Offer] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._suspects: set[Conversation] = set()
        self._closed = False
        self._shakes_hands = True

    @property
    def busy(self) -> bool:
        """Whether anybody uses it now."""
        kept = (self._shared, *self._sessions.values())
        return bool(self._starting) or self._listening > 0 or any(one is not None and one.busy for one in kept)

    # -- what it offers

    async def offer(self) -> Offer:
        """See Upstreams.offer."""
        self.used = now = asyncio.get_running_loop().time()
        kept, age = self._offer, now - self._offered
        if kept is not None and not self._stale and age < self._bounds.fresh_s and self._lives():
            return kept
        if self._reading is not None and self._stale:
            await asyncio.wait((self._reading,))  # it began before the lists changed
        if self._reading is None:
            self._reading = self._spawn(self._read())
        if kept is not None and not self._stale and age < self._bounds.stale_s and self._lives():
            return kept
        return await asyncio.shield(self._reading)

    def _lives(self) -> bool:
        return self._shared is not None and self._shared.failed is None

    async def _read(self) -> Offer:
        try:
            conversation = await self._conversation(None)
            self._stale = False
            began = asyncio.get_running_loop().time()
            async with self._watched(conversation, float(self.server.answer_s)):
                offer = await read_offer(self.server.name, conversation, self._bounds)
            self._offer, self._offered = offer, began
            return offer
        except BaseException:
            self._stale = True
            raise
        finally:
            self._reading = None

    # -- requests

    async def request(self, method: str, params: Json, exchange: Exchange) -> Json:
        """See Upstreams.request."""
        self.used = asyncio.get_running_loop().time()
        if method == LISTEN:
            return await self._listen(params, exchange)
        await self._slot()
        try:
            conversation = await self._conversation(exchange)
            most_s = float(self.server.answer_s)
            if exchange.answer_s is not None:
                most_s = min(most_s, exchange.answer_s)
            async with self._watched(conversation, most_s) as timeout:
                return await conversation.request(method, params, exchange, timeout)
        finally:
            self._slots.release()

    async def _slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        if self._waiting >= self._bounds.waiting:
            raise UpstreamFailed("busy", f"{self.server.name} has as many calls waiting as it may", sent=False)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._bounds.waiting_s):
                await self._slots.acquire()
        except TimeoutError:
            text = f"{self.server.name} has {self.server.concurrency} calls open, and none ended in time"
            raise UpstreamFailed("busy", text, sent=False) from None
        finally:
            self._waiting -= 1

    async def _listen(self, params: Json, exchange: Exchange) -> Json:
        if self._listening >= self._bounds.listening:
            raise UpstreamFailed("busy", f"{self.server.name} has as many subscriptions as it may", sent=False)
        self._listening += 1
        try:
            conversation = await self._conversation(exchange)
            async with self._watched(conversation, None):
                return await conversation.request(LISTEN, params, exchange)
        finally:
            self._listening -= 1
            self.used = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def _watched(self, conversation: Conversation, most_s: float | None) -> AsyncIterator[asyncio.Timeout]:
        """Bound what is asked in time, and tell the breaker what came of it."""
        loop, name = asyncio.get_running_loop(), self.server.name
        conversation.used = loop.time()
        timeout = asyncio.timeout(most_s)
        try:
            async with timeout:
                yield timeout
        except TimeoutError:
            self.breaker.gave_up()
            if not timeout.expired():
                raise UpstreamFailed("timed_out", f"the client did not answer what {name} asked", sent=True) from None
            self._suspect(conversation)
            raise UpstreamFailed("timed_out", f"{name} did not answer within {most_s:g} s", sent=True) from None
        except UpstreamRefused:
            self.breaker.succeeded()
            raise
        except UpstreamFailed as error:
            if error.code in _TELLING:
                self.breaker.failed(loop.time())
            else:
                self.breaker.gave_up()
            raise
        except BaseException:
            self.breaker.gave_up()
            raise
        else:
            self.breaker.succeeded()
        finally:
            conversation.used = loop.time()

    def _suspect(self, conversation: Conversation) -> None:
        if conversation not in self._suspects and conversation.failed is None:
            self._suspects.add(conversation)
            self._spawn(self._examine(conversation))

    async def _examine(self, conversation: Conversation) -> None:
        """End a server that let a call time out and says nothing any more: it hangs."""
        try:
            if not await conversation.alive() and conversation.failed is None:
                _log.warning("the tool server %s hangs and is ended", self.server.name)
                self.breaker.failed(asyncio.get_running_loop().time())
                self._forget(conversation)
        finally:
            self._suspects.discard(conversation)

    # -- conversations

    async def _conversation(self, exchange: Exchange | None) -> Conversation:
        """Return a conversation that takes requests, of the client's own where the server keeps state of it."""
        await self._let_through()
        try:
            return await self._found(exchange)
        except BaseException:
            self.breaker.gave_up()  # whoever was let through tells no more than a failed start has told
            raise

    async def _found(self, exchange: Exchange | None) -> Conversation:
        shared = self._shared
        if shared is None or shared.failed is not None:
            shared = await self._started("", EVERYTHING)
        if exchange is None or not exchange.session or (shared.modern and not self._asks(exchange)):
            return shared
        own = self._sessions.get(exchange.session)
        if own is not None and own.failed is None:
            self._sessions.move_to_end(exchange.session)
            return own
        try:
            return await self._started(exchange.session, exchange.client)
        except UpstreamFailed:
            if not shared.modern:
                raise
            self._shakes_hands = False
            return shared

    def _asks(self, exchange: Exchange) -> bool:
        """Tell whether a server of both eras should speak the older one: only in that can it ask in the middle."""
        return self._shakes_hands and not ENTITLING.isdisjoint(exchange.client)

    async def _let_through(self) -> None:
        if self._closed:
            raise UpstreamFailed("unreachable", f"{self.server.name} is not used any more", sent=False)
        now = asyncio.get_running_loop().time()
        pause = self.breaker.refuses(now)
        if 0 < pause <= SHORT_PAUSE_S and not self.breaker.opened:
            await asyncio.sleep(pause)
            pause = self.breaker.refuses(asyncio.get_running_loop().time())
        if pause > _SLACK_S:
            text = f"{self.server.name} failed {self.breaker.failures} times and is left alone for {pause:.1f} s more"
            raise UpstreamFailed("open", text, sent=False)
        self.breaker.begin()

    async def _started(self, session: str, client: Json) -> Conversation:
        """Start a conversation once, however many wait for it; who gives up waiting does not end the start."""
        task = self._starting.get(session)
        if task is None:
            if session:
                self._make_room()
            task = self._starting[session] = self._spawn(self._start(session, client))
            task.add_done_callback(lambda _: self._starting.pop(session, None))
        return await asyncio.shield(task)

    async def _start(self, session: str, client: Json) -> Conversation:
        old = self._sessions.pop(session, None) if session else self._shared
        if old is not None:
            self._spawn(old.close())
        loop = asyncio.get_running_loop()
        handshake = bool(session) and self._shared is not None and self._shared.modern
        try:
            link = await self._dial(self.server)
            conversation = Conversation(self.server.name, link, self._bounds, client, self._changed, shared=not session)
            try:
                await conversation.begin(self.server.start_s, handshake=handshake)
            except BaseException:
                await conversation.close()
                raise
        except UpstreamFailed as error:
            if error.code in _TELLING and not handshake:
                self.breaker.failed(loop.time())
            raise UpstreamFailed(error.code, str(error), sent=False) from None
        conversation.used = loop.time()
        if session:
            self._sessions[session] = conversation
        else:
            self._shared = conversation
            self._stale = True  # what starts anew may offer something else
        return conversation

    def _make_room(self) -> None:
        """End the conversation longest unused where there are as many as there may be. Raises UpstreamFailed."""
        if len(self._sessions) + len(self._starting) < self._bounds.sessions:
            return
        idle = next((key for key, one in self._sessions.items() if not one.busy), None)
        if idle is None:
            text = f"{self.server.name} has {self._bounds.sessions} conversations, and all are in use"
            raise UpstreamFailed("busy", text, sent=False)
        self._spawn(self._sessions.pop(idle).close())

    def tidy(self, now: float) -> None:
        """End conversations of clients that have been silent for long."""
        for key, one in list(self._sessions.items()):
            if not one.busy and now - one.used > self._bounds.session_idle_s:
                self._spawn(self._sessions.pop(key).close())

    def _forget(self, conversation: Conversation) -> None:
        if self._shared is conversation:
            self._shared = None
        for key in [key for key, one in self._sessions.items() if one is conversation]:
            del self._sessions[key]
        self._spawn(conversation.close())

    def _changed(self) -> None:
        self._stale = True

    async def close(self) -> None:
        """End it, with everything that is open."""
        self._closed = True
        for task in tuple(self._starting.values()):
            task.cancel()
        if self._starting:
            await asyncio.wait(tuple(self._starting.values()))
        ending = [one for one in (self._shared, *self._sessions.values()) if one is not None]
        self._shared = None
        self._sessions.clear()
        await asyncio.gather(*(one.close() for one in ending))
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=3 * self._bounds.farewell_s)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for it has it too
