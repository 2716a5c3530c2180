"""How one request is answered: as JSON, or as a stream of events once there is something to tell before the result."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from remit.asgi.answers import JSON, NO_STORE, Receive, Send
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.record import Record

_EVENTS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
)
PING = b": still here\n\n"

Headers = tuple[tuple[bytes, bytes], ...]


def event(message: bytes) -> bytes:
    """Return one event of a stream; JSON has no line ends, so a message is one line of data."""
    return b"event: message\ndata: %b\n\n" % message


class Reply:
    """The answer to one request, owned by the task that handles it.

    What a call says on its way waits in a queue for a slow client and is dropped where that is full, so that no client
    keeps a server's other calls waiting.
    """

    def __init__(self, receive: Receive, send: Send, limits: McpLimits, *, streams: bool) -> None:
        """Begin. `streams`: the client accepts events."""
        self._receive = receive
        self._send = send
        self._limits = limits
        self._streams = streams
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._flusher: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._is_last = self._is_paused = False
        self._ended = asyncio.Event()
        self.status = 0
        self.gone: Callable[[], None] | None = None
        self.is_gone = False
        self.record: Record | None = None
        """Where what is said is kept, of a stream that can be taken up again."""

    @property
    def streams(self) -> bool:
        """Whether the client can be told anything before the result."""
        return self._streams

    def watch(self, gone: Callable[[], None]) -> None:
        """Hear when the client hangs up, and keep a silent connection alive. What is over sooner costs a timer."""
        self.gone = gone
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(self._limits.look_s, self._look))
        if self._streams:
            self._timers.append(loop.call_later(self._limits.ping_s, self._begin))

    def tell(self, message: bytes) -> bool:
        """Send a message ahead of the result; whether it will be sent."""
        if not self._streams or len(self._waiting) >= self._limits.waiting:
            return False
        if self.is_gone:
            return self._kept(message)
        if self._is_last:
            return False
        self._begin()
        self._waiting.append(event(message) if self.record is None else self.record.keep(message))
        self._news.set()
        return True

    def _kept(self, message: bytes) -> bool:
        """Keep a message for a client that may come back, or send it where that has come back."""
        if self.record is None:
            return False
        lines = self.record.keep(message)
        if self.record.reply is not None:
            self.record.reply.tell_raw(lines)
        return True

    def pause(self) -> None:
        """End the connection, not the stream: its client should come back for the rest."""
        if self.record is not None and not self.is_gone and not self._is_last:
            self._begin()
            self._is_paused = True
            self._news.set()

    def tell_raw(self, lines: bytes) -> None:
        """Send lines of the stream's own."""
        if self._streams and not self.is_gone:
            self._begin()
            self._waiting.append(lines)
            self._news.set()

    async def finish(self, body: bytes, status: int = 200, headers: Headers = ()) -> None:
        """Answer with the last message; nothing is sent after it."""
        if self.record is not None:
            self.record.is_over = True
        if self.record is not None and self.is_gone:
            self._kept(body)
            if self.record.reply is not None:
                self.record.reply.end()
            return
        if self._flusher is None:
            self._stop_timers()
            await self._answer(body, status, headers)
            return
        if body:
            self._waiting.append(event(body) if self.record is None else self.record.keep(body))
        self._is_last = True
        self._news.set()
        await asyncio.shield(self._flusher)
        self.close()

    def end(self) -> None:
        """Have whoever keeps the stream open send its last message."""
        self._ended.set()

    async def over_or_gone(self) -> None:
        """Wait until the stream was ended, or its client has gone."""
        self.gone = self._ended.set
        if self._watcher is None:
            self._look()
        await self._ended.wait()

    async def empty(self, status: int, headers: Headers = ()) -> None:
        """Answer without a body."""
        self.status = status
        found = [*headers, (b"content-length", b"0"), NO_STORE]
        await self._send({"type": "http.response.start", "status": status, "headers": found})
        await self._send({"type": "http.response.body", "body": b""})

    def close(self) -> None:
        """Let go of timers and tasks."""
        self._stop_timers()
        for task in (self._watcher, self._flusher):
            if task is not None and not task.done():
                task.cancel()

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._watcher is not None:
            self._watcher.cancel()

    async def _answer(self, body: bytes, status: int, headers: Headers) -> None:
        self.status = status
        found = [JSON, NO_STORE, *headers]
        if self.record is not None and status == 200:  # it is over already: one event, and nothing to come back for
            body, found = event(body), [*_EVENTS, *headers]
        found.append((b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": found})
        await self._send({"type": "http.response.body", "body": body})

    # -- the stream

    def _begin(self) -> None:
        if self._flusher is None and not self.is_gone:
            if self.record is not None:
                self._waiting.append(self.record.beginning)
            self._flusher = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        self.status = 200
        headers = [*_EVENTS]
        try:
            await self._sent({"type": "http.response.start", "status": 200, "headers": headers})
            while not (self._is_last and not self._waiting):
                if self._is_paused and not self._waiting:
                    break
                if not self._waiting:
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._limits.ping_s):
                            await self._news.wait()
                if (self._is_last or self._is_paused) and not self._waiting:
                    break
                lines = b"".join(self._waiting) or PING
                self._waiting.clear()
                await self._sent({"type": "http.response.body", "body": lines, "more_body": True})
            await self._sent({"type": "http.response.body", "body": b"", "more_body": False})
            if self._is_paused and not self._is_last:
                self._hung_up()
        except (TimeoutError, OSError):
            self._hung_up()

    async def _sent(self, message: dict[str, object]) -> None:
        async with asyncio.timeout(self._limits.slowest_s):
            await self._send(message)

    # -- the client that goes away

    def _look(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._hung_up()

    def _hung_up(self) -> None:
        if not self.is_gone:
            self.is_gone = True
            self._news.set()
            if self.gone is None or self._is_last:
                return
            if self.record is not None and self._flusher is not None:
                self._timers.append(asyncio.get_running_loop().call_later(self._limits.resume_s, self._not_back))
            else:
                self.gone()

    def _not_back(self) -> None:
        if self.gone is not None and self.record is not None and self.record.reply is None:
            self.gone()
