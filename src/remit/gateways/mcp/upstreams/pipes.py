"""A server that is a process of ours and speaks on its standard streams, one message a line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from remit.gateways.mcp.port import Json, UpstreamFailed
from remit.gateways.mcp.upstreams.bounds import UpstreamBounds
from remit.gateways.mcp.upstreams.call import Call
from remit.gateways.mcp.upstreams.child import Child
from remit.gateways.mcp.upstreams.link import Hear, Message, unheard
from remit.gateways.mcp.upstreams.pace import Pace
from remit.gateways.mcp.upstreams.wording import CANCELLED, LISTEN, Garbage, notification, read, written

_log = logging.getLogger("remit.mcp")

ENDED = "was ended"
"""How a process failed that we have ended ourselves."""


class _Lines(asyncio.Protocol):
    """Cuts what a process writes into lines. A line beyond the bound is not kept."""

    def __init__(self, link: Pipes, most: int) -> None:
        self._link = link
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0

    def data_received(self, data: bytes) -> None:
        if b"\n" not in data:
            self._keep(data)
            return
        first, *lines = data.split(b"\n")
        rest = lines.pop()
        self._keep(first)
        whole = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._size = [], 0
        self._link.line(whole)
        for line in lines:
            self._link.line(line)
        if rest:
            self._keep(rest)

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._most:
            self._parts = []
            self._link.fail("broken", f"sent a message of more than {self._most:,} bytes")
        elif self._link.failed is None:
            self._parts.append(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._link.fail("crashed", "ended")


class _Said(asyncio.Protocol):
    """Keeps the end of what a process writes to standard error."""

    def __init__(self, most: int) -> None:
        self.end = b""
        self._most = most

    def data_received(self, data: bytes) -> None:
        self.end = (self.end + data)[-self._most :]


class _Input(asyncio.BaseProtocol):
    """Knows whether the pipe to a process is still open at our end."""

    def __init__(self) -> None:
        self.lost = False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.lost = True


class Pipes:
    """See Link. The process is given up when it hangs up, floods, or sends what is too large."""

    def __init__(self, name: str, child: Child, bounds: UpstreamBounds) -> None:
        self.hear: Hear = unheard
        self.failed: UpstreamFailed | None = None
        self._name = name
        self._child = child
        self._bounds = bounds
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._junk = 0
        self._pace = Pace(bounds.unasked_per_s)
        self._said = _Said(bounds.said_bytes)
        self._input: asyncio.WriteTransport | None = None
        self._end_of_input = _Input()
        self._read: tuple[asyncio.BaseTransport, ...] = ()
        self._ending: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect the streams."""
        loop = asyncio.get_running_loop()
        stdin, stdout, stderr = self._child.streams()
        into, self._end_of_input = await loop.connect_write_pipe(_Input, stdin)
        self._input = into
        said, _ = await loop.connect_read_pipe(lambda: self._said, stderr)
        lines, _ = await loop.connect_read_pipe(lambda: _Lines(self, self._bounds.message_bytes), stdout)
        self._read = (said, lines)

    @property
    def said(self) -> str:
        """The end of what the process wrote to standard error, for an operator."""
        return self._child.covered(self._said.end)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._child.pid

    async def request(self, call: Call, message: Json, headers: Mapping[str, str]) -> Message:  # noqa: ARG002
        """See Link."""
        self._write(message)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[call.id] = future
        try:
            return await future
        except asyncio.CancelledError:
            self._cancel(call)
            raise
        finally:
            del self._waiting[call.id]

    async def tell(self, message: Json) -> None:
        """See Link."""
        self._write(message)

    def agreed(self, version: str) -> None:
        """See Link: nothing depends on it here."""

    async def listen(self) -> bool:
        """See Link: it is heard all the time."""
        return False

    async def close(self) -> None:
        """See Link."""
        self.fail("crashed", ENDED)
        assert self._ending is not None
        await asyncio.shield(self._ending)

    def line(self, line: bytes) -> None:
        """Take one line that the process wrote."""
        if self.failed is not None or not line.strip():
            return
        try:
            message = read(line)
        except Garbage:
            self._unusable()
            return
        if "method" in message:
            self._junk = 0
            if self._pace.exceeded(asyncio.get_running_loop().time()):
                self.fail("broken", "sends more than it is asked for")
                return
            self.hear(message, None)
            return
        id = message.get("id")
        future = self._waiting.get(id) if type(id) is int else None
        if future is None or future.done():
            self._unusable()
            return
        self._junk = 0
        future.set_result(message)

    def fail(self, code: str, how: str) -> None:
        """Give the process up: whoever waits for it learns that, and it is ended as a whole."""
        if self.failed is not None:
            return
        self.failed = UpstreamFailed(code, f"{self._name} {how}", sent=False)
        if how != ENDED and (code == "broken" or self._waiting):
            _log.warning("the tool server %s %s; it said last: %s", self._name, how, self.said or "nothing")
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(UpstreamFailed(code, f"{self._name} {how} before it answered", sent=True))
        self._ending = asyncio.get_running_loop().create_task(self._end())

    def _unusable(self) -> None:
        self._junk += 1
        if self._junk > self._bounds.junk:
            self.fail("broken", "writes what is no message")

    def _write(self, message: Json) -> None:
        if self.failed is not None:
            raise UpstreamFailed(self.failed.code, str(self.failed), sent=False)
        assert self._input is not None
        if self._input.get_write_buffer_size() > self._bounds.unwritten_bytes:
            raise UpstreamFailed("busy", f"{self._name} does not read what it is sent", sent=False)
        self._input.write(written(message) + b"\n")

    def _cancel(self, call: Call) -> None:
        """Tell the process that nobody waits any more; except of `initialize` (2025-11-25, cancellation)."""
        if self.failed is None and call.method != "initialize":
            why = "the subscription ended" if call.method == LISTEN else "nobody waits for it any more"
            self._write(notification(CANCELLED, {"requestId": call.id, "reason": why}))

    async def _end(self) -> None:
        if self._input is not None:
            self._input.close()
        try:
            await self._child.end(self._bounds.farewell_s)
        finally:
            for transport in self._read:
                transport.close()
            if self._input is not None and not self._end_of_input.lost:
                self._input.abort()  # what was written is still waiting for a reader
