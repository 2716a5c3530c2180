"""GET /api/v1/agent/stops: agents hear at once of what stops them; POST .../{stop}/ack: they say that they have.

Nothing is enforced here: a stop holds at its commit, whoever has heard of it. What is counted is only shown.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs

from remit.api.form import Form
from remit.api.stop_tail import Listener, StopTail, write_down
from remit.asgi.answers import Receive, Refusal, Scope, Send, answer, refuse
from remit.asgi.callers import Authenticator, caller_of, peer_of
from remit.asgi.commits import Commits
from remit.asgi.limits import Disconnected, RequestLimits, headers_of, json_of, key_in
from remit.asgi.problems import refusal_of
from remit.domain.clock import Clock
from remit.domain.identity import AGENTS, Caller
from remit.domain.ids import WorkspaceName
from remit.storage.liveness import Acknowledgement
from remit.storage.port import Store, StoreError

PATH = "/api/v1/agent/stops"
LONGEST_NAME = 64
MOST_LISTENERS = 10_000
"""Most listeners of one stop among which one that acknowledges is looked for."""
PATIENCE = (0.0, 0.1, 0.4, 1.5)
"""How long an acknowledgement waits, in seconds, for its telling to be written down: it may be the quicker one."""

_ACK = re.compile(re.escape(PATH) + r"/([^/]{1,64})/ack")


@dataclass(frozen=True, slots=True)
class ListenLimits:
    """Bounds of one server.

    Attributes:
        streams: most open streams at once, `streams_each` of one credential: an agent may run in many processes.
        heartbeat_s: how often a silent stream says that it is there, and its credential is looked at again.
        slowest_s: how long a listener may take to accept what it is sent.
    """

    streams: int = 512
    streams_each: int = 128
    heartbeat_s: float = 15.0
    slowest_s: float = 10.0


class ListenRoute:
    """An ASGI application of two routes."""

    def __init__(
        self,
        authenticator: Authenticator,
        store: Store,
        commits: Commits,
        clock: Clock,
        request_limits: RequestLimits,
        limits: ListenLimits | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._store = store
        self._commits = commits
        self._clock = clock
        self._request_limits = request_limits
        self._limits = limits or ListenLimits()
        self._tails: dict[WorkspaceName, StopTail] = {}
        self._open: Counter[str] = Counter()  # streams by credential
        self._closing = asyncio.Event()

    def takes(self, scope: Scope) -> bool:
        """Whether a request is for one of these routes."""
        method, path = scope["method"], scope["path"]
        return (method == "GET" and path == PATH) or (method == "POST" and _ACK.fullmatch(path) is not None)

    def close(self) -> None:
        """End every stream, so that its listener goes on with another process."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        acknowledged = _ACK.fullmatch(scope["path"])
        try:
            headers = headers_of(scope, self._request_limits)
            caller = await caller_of(self._authenticator, headers, peer_of(scope))
            if caller.kind not in AGENTS or caller.agent is None:
                raise Refusal(403, "agents_only", "this route is for agents", "People read GET /api/v1/events")
            if acknowledged is not None:
                await answer(send, 200, await self._acknowledge(caller, acknowledged[1], headers, receive))
                return
            name = _name_of(scope["query_string"], caller)
            self._check_room(caller)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - turned into a problem
            await refuse(send, refusal_of(error))
            return
        await self._listen(Listener(caller, name), headers, scope, receive, send)

    # -- the stream

    def _check_room(self, caller: Caller) -> None:
        limits = self._limits
        if self._open.total() >= limits.streams or self._open[caller.credential] >= limits.streams_each:
            raise Refusal(
                429,
                "too_many_streams",
                f"{limits.streams_each} streams of one credential, or {limits.streams} in all, are open already",
                "Go on without: what is stopped is denied all the same",
                retry_after_s=30,
            )

    async def _listen(
        self, listener: Listener, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        workspace, credential = listener.caller.workspace, listener.caller.credential
        tail = self._tails.setdefault(workspace, StopTail(workspace, self._store, self._commits, self._clock))
        self._open[credential] += 1
        ended: list[asyncio.Task[Any]] = [
            asyncio.create_task(_hung_up(receive)),
            asyncio.create_task(self._closing.wait()),
        ]
        try:
            await tail.join(listener)
            lines = await tail.snapshot(listener.caller)
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await self._send(send, b"retry: 1000\nevent: listening\ndata: {}\n\n" + b"".join(lines))
            await self._pass_on(listener, headers, peer_of(scope), send, ended)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, StoreError, Refusal):
            return  # the connection is closed half-way: its listener knows from that, and comes back
        finally:
            for task in ended:
                task.cancel()
            tail.leave(listener)
            self._open[credential] -= 1
            self._open += Counter()  # drops the zeros
            if not tail.listeners:
                self._tails.pop(workspace, None)

    async def _pass_on(
        self,
        listener: Listener,
        headers: Mapping[str, str],
        peer: str,
        send: Send,
        ended: Sequence[asyncio.Task[Any]],
    ) -> None:
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + self._limits.heartbeat_s
        while not listener.is_cut and not any(task.done() for task in ended):
            next_one = asyncio.create_task(listener.waiting.get())
            try:
                left = max(0.0, beat_at - loop.time())
                await asyncio.wait([next_one, *ended], timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if next_one.done():
                    await self._send(send, next_one.result().line)
            finally:
                next_one.cancel()
            if loop.time() >= beat_at:
                beat_at = loop.time() + self._limits.heartbeat_s
                # What was revoked in the meantime hears no more.
                listener.caller = await caller_of(self._authenticator, headers, peer)
                await self._send(send, b": still here\n\n")

    async def _send(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(self._limits.slowest_s):
            await send({"type": "http.response.body", "body": body, "more_body": True})

    # -- acknowledgements

    async def _acknowledge(
        self, caller: Caller, stop: str, headers: Mapping[str, str], receive: Receive
    ) -> dict[str, object]:
        key_in(headers)  # acknowledging again is no second time as it is
        form = Form(await json_of(headers, receive, self._request_limits))
        name = form.text("listener", LONGEST_NAME)
        form.done()
        for pause_s in PATIENCE:
            await asyncio.sleep(pause_s)
            told = await asyncio.to_thread(self._told, caller, stop, name)
            if told is not None:
                break
        else:
            raise Refusal(404, "no_stop", "this listener was told of no such stop", "Send the id that the event had")
        if told.acknowledged_at is None:
            told = replace(told, acknowledged_at=self._clock.now())
            await asyncio.to_thread(write_down, self._store, [told])
        return {"stop": stop, "listener": name, "acknowledged_at": told.acknowledged_at}

    def _told(self, caller: Caller, stop: str, name: str) -> Acknowledgement | None:
        listeners = self._store.listeners(caller.workspace, stop, MOST_LISTENERS)
        return next((each for each in listeners if (each.listener, each.agent) == (name, caller.agent)), None)


_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


async def _hung_up(receive: Receive) -> None:
    """Return when the listener has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _name_of(query: bytes, caller: Caller) -> str:
    """Return what a listener calls itself, by default after its credential. Raises Refusal."""
    given = parse_qs(query.decode("latin-1"), max_num_fields=10).get("listener", [caller.credential])
    if len(given) == 1 and re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", given[0]):
        return given[0]
    raise Refusal(
        422,
        "field_unfit",
        "listener is no name of up to 64 ASCII letters, digits, `.`, `_`, `:` and `-`",
        "Send a name of this process, as a UUID",
        field="listener",
    )
