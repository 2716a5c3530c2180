"""A server that is reached by streamable HTTP: each message is a POST, and the answer comes on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from remit.asgi.outbound import Answer, Outbound, OutboundFailed
from remit.domain.upstream import ToolServer
from remit.gateways.mcp.port import PAUSED, Json, UpstreamFailed
from remit.gateways.mcp.upstreams.bounds import UpstreamBounds
from remit.gateways.mcp.upstreams.call import Call
from remit.gateways.mcp.upstreams.events import TooLong, events
from remit.gateways.mcp.upstreams.link import Hear, Message, Turned, unheard
from remit.gateways.mcp.upstreams.pace import Pace
from remit.gateways.mcp.upstreams.wording import CANCELLED, LISTEN, MODERN, Garbage, notification, read, written
from remit.storage.vault import NoSecret, Vault, spelled_out

_CODES = {
    "forbidden": "unreachable",
    "unreachable": "unreachable",
    "unsendable": "unreachable",
    "timed_out": "timed_out",
    "redirected": "unreachable",
}
LONGEST_SESSION = 1_024
MOST_RESUMED = 5
_LONGEST_PAUSE_S = 5.0
_WANTED = {"accept": "application/json, text/event-stream"}
_POSTED = {**_WANTED, "content-type": "application/json"}


class _Ended(Exception):
    """A stream ended before the response came."""

    def __init__(self, last: str | None, pause_s: float) -> None:
        super().__init__()
        self.last = last
        self.pause_s = pause_s


class Endpoint:
    """See Link. Headers that are references are resolved anew for each request."""

    def __init__(self, server: ToolServer, vault: Vault, outbound: Outbound, bounds: UpstreamBounds) -> None:
        self.hear: Hear = unheard
        self.failed: UpstreamFailed | None = None
        self._server = server
        self._vault = vault
        self._outbound = outbound
        self._bounds = bounds
        self._version = ""
        self._session = ""
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def _legacy(self) -> bool:
        return self._version not in ("", MODERN)

    def agreed(self, version: str) -> None:
        """See Link."""
        self._version = version

    async def request(self, call: Call, message: Json, headers: Mapping[str, str]) -> Message:
        """See Link. Closing the answer is what cancels a request with a modern server."""
        self._check()
        pause_s = 86_400.0 if call.method == LISTEN else None
        try:
            async with await self._send("POST", written(message), {**_POSTED, **headers}, pause_s) as answer:
                if answer.status >= 400:
                    return await self._turned(answer, call)
                if call.method == "initialize":
                    self._session = _session_of(answer)
                if answer.kind == "text/event-stream":
                    return await self._streamed(answer, call)
                return _response(await answer.read(), call, self._server.name)
        except OutboundFailed as error:
            raise self._said(error) from None
        except Garbage as error:
            raise UpstreamFailed("broken", f"{self._server.name} answered {error}", sent=True) from None
        except asyncio.CancelledError:
            self._cancel(call)
            raise

    async def tell(self, message: Json) -> None:
        """See Link."""
        self._check()
        try:
            async with await self._send("POST", written(message), _POSTED) as answer:
                if answer.status >= 400:
                    raise self._turning(answer)
        except OutboundFailed as error:
            raise self._said(error) from None

    async def listen(self) -> bool:
        """See Link. A legacy server may say things on the answer to a GET; one that has no such thing answers 405."""
        if not self._legacy or self.failed is not None:
            return False
        try:
            async with await self._send("GET", b"", _WANTED, 86_400.0) as answer:
                if answer.status != 200 or answer.kind != "text/event-stream":
                    return False
                await self._response_in(answer, None)
        except (_Ended, OutboundFailed, Garbage, UpstreamFailed):
            pass
        return True

    async def close(self) -> None:
        """See Link. A legacy server is told that its session ended."""
        if self.failed is None:
            self.failed = UpstreamFailed("crashed", f"the conversation with {self._server.name} was ended", sent=False)
        for task in tuple(self._leaving):
            task.cancel()
        if not self._session:
            return
        try:
            async with asyncio.timeout(self._bounds.farewell_s), await self._send("DELETE", b"", {}):
                pass
        except (OutboundFailed, UpstreamFailed, TimeoutError):
            return

    async def _send(self, method: str, body: bytes, headers: Mapping[str, str], pause_s: float | None = None) -> Answer:
        server = self._server
        try:
            sent = {name.lower(): spelled_out(self._vault, text) for name, text in server.headers.items()}
        except NoSecret as error:
            raise UpstreamFailed("unreachable", f"{server.name} was not asked: {error}", sent=False) from None
        sent.update(headers)  # what the protocol says comes after what the document says
        if self._legacy:
            sent["mcp-protocol-version"] = self._version
            if self._session:
                sent["mcp-session-id"] = self._session
        return await self._outbound.send(
            method, server.url, headers=sent, body=body, private=server.private, pause_s=pause_s
        )

    async def _streamed(self, answer: Answer, call: Call) -> Message:
        """Return the response that an event stream brings. One that a legacy server broke off is taken up again."""
        for _ in range(MOST_RESUMED):
            try:
                return await self._response_in(answer, call)
            except _Ended as ended:
                if ended.last is None or not self._legacy:
                    break
                answer.close()
                call.hear(PAUSED, {})
                await asyncio.sleep(ended.pause_s)
                try:
                    answer = await self._send("GET", b"", {**_WANTED, "last-event-id": ended.last})
                except (OutboundFailed, UpstreamFailed):  # of the request itself, which was sent, that says nothing
                    break
                if answer.status != 200 or answer.kind != "text/event-stream":
                    answer.close()
                    break
        answer.close()
        raise UpstreamFailed("broken", f"{self._server.name} hung up before it answered", sent=True)

    async def _response_in(self, answer: Answer, call: Call | None) -> Message:
        last, pause_s, junk = None, 1.0, 0
        pace, loop = Pace(self._bounds.unasked_per_s), asyncio.get_running_loop()
        try:
            async for event in events(answer.pieces(), self._bounds.message_bytes):
                last = last if event.id is None else event.id
                pause_s = pause_s if event.retry_ms is None else min(event.retry_ms / 1_000, _LONGEST_PAUSE_S)
                if not event.data:
                    continue
                message = read(event.data)
                if "method" in message:
                    if pace.exceeded(loop.time()):
                        raise Garbage("more than it was asked for")
                    self.hear(message, call)
                elif call is not None and message.get("id") == call.id and type(message["id"]) is int:
                    return message
                else:
                    junk += 1
                    if junk > self._bounds.junk:
                        raise Garbage("what nobody asked")
        except TooLong:
            text = f"{self._server.name} sent an event of more than {self._bounds.message_bytes:,} bytes"
            raise UpstreamFailed("broken", text, sent=True) from None
        except OutboundFailed as error:
            if error.code not in ("broken", "timed_out") or last is None:
                raise
        raise _Ended(last, pause_s)

    async def _turned(self, answer: Answer, call: Call) -> Message:
        """Return an error of the protocol that came with an HTTP error; raise what is another one."""
        if answer.status == 404 and self._session:
            self.failed = UpstreamFailed("crashed", f"{self._server.name} knows our session no more", sent=False)
            raise self.failed
        turning = self._turning(answer)
        if answer.kind == "application/json":
            try:
                message = read(await answer.read())
            except Garbage:
                raise turning from None
            if "error" in message and message.get("id") in (call.id, None):
                return message
        raise turning

    def _turning(self, answer: Answer) -> UpstreamFailed:
        status, name = answer.status, self._server.name
        if status in (401, 403):
            return Turned("unreachable", f"{name} answered {status}: check the credentials in its `headers`", status)
        if status in (429, 503):
            return Turned("busy", f"{name} answered {status}", status)
        if status >= 500:
            return UpstreamFailed("broken", f"{name} answered {status}", sent=True)
        return Turned("broken", f"{name} answered {status}", status)

    def _said(self, error: OutboundFailed) -> UpstreamFailed:
        text = f"{self._server.name}: {error}"
        return UpstreamFailed(_CODES.get(error.code, "broken"), text, sent=error.sent)

    def _check(self) -> None:
        if self.failed is not None:
            raise UpstreamFailed(self.failed.code, str(self.failed), sent=False)

    def _cancel(self, call: Call) -> None:
        """Tell a legacy server that nobody waits any more; with a modern one the closed answer says it."""
        if not self._legacy or call.method == "initialize" or len(self._leaving) > self._bounds.listening:
            return
        why = {"requestId": call.id, "reason": "nobody waits for it any more"}
        task = asyncio.get_running_loop().create_task(self._farewell(notification(CANCELLED, why)))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _farewell(self, message: Json) -> None:
        try:
            async with asyncio.timeout(self._bounds.alive_s):
                await self.tell(message)
        except (UpstreamFailed, TimeoutError):
            return


def _session_of(answer: Answer) -> str:
    session = answer.headers.get("mcp-session-id", "")
    if len(session) > LONGEST_SESSION or not all("\x21" <= char <= "\x7e" for char in session):
        raise Garbage("with a session id that can not be sent back")
    return session


def _response(raw: bytes, call: Call, name: str) -> Message:
    message = read(raw)
    if "method" in message or message.get("id") != call.id or type(message["id"]) is not int:
        raise UpstreamFailed("broken", f"{name} answered another request than was asked", sent=True)
    return message
