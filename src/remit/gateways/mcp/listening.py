"""Streams that stay open: what changes of what an agent may use is told, and nothing that it may not see."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import orjson

from remit.asgi.answers import Refusal
from remit.asgi.reception import Visit
from remit.domain.ids import ServerName
from remit.domain.run import Run
from remit.domain.upstream import ToolServer
from remit.execution.served import ServedDoor
from remit.gateways.mcp.asked import META, Asked, Era
from remit.gateways.mcp.catalog import Catalog, servers_of
from remit.gateways.mcp.catalogs import Catalogs
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.methods import Methods
from remit.gateways.mcp.port import Exchange, Json, UpstreamFailed, UpstreamRefused, Upstreams
from remit.gateways.mcp.reply import Reply
from remit.gateways.mcp.rpc import INVALID_PARAMS, RpcError, notification, success
from remit.gateways.mcp.sessions import Session, Sessions

UPDATED = "notifications/resources/updated"
MOST_FOLLOWED = 32
"""Resources that one stream follows."""
_CHANGED = {"tools": "toolsListChanged", "prompts": "promptsListChanged", "resources": "resourcesListChanged"}


Tell = Callable[[str, Json], None]


class _Ears:
    """What one stream hears from servers: that lists changed, and of resources that it follows and may read."""

    def __init__(
        self, upstreams: Upstreams, door: ServedDoor, kinds: Sequence[str], tell: Tell, limits: McpLimits
    ) -> None:
        self._upstreams = upstreams
        self._door = door
        self._kinds = kinds
        self._tell = tell
        self._limits = limits
        self._hearing: dict[ServerName, tuple[Mapping[str, str], asyncio.Task[None]]] = {}

    def listen(self, catalog: Catalog, followed: Collection[str]) -> None:
        """Listen at every server, to just what is wanted of it."""
        wanted: dict[ServerName, dict[str, str]] = {server.name: {} for server in servers_of(catalog.rules)}
        for uri in followed:
            target = catalog.listed_resource(uri)
            if target is not None and target.server is not None:
                wanted[target.server.name][target.upstream] = uri
        for server in servers_of(catalog.rules):
            uris, (before, task) = wanted[server.name], self._hearing.get(server.name, ({}, None))
            if task is not None and not task.done() and before == uris:
                continue
            if task is not None:
                task.cancel()
            if self._kinds or uris:
                self._hearing[server.name] = (uris, asyncio.create_task(self._heard(server, uris)))

    def close(self) -> None:
        """Hear no more."""
        for _, task in self._hearing.values():
            task.cancel()

    async def _heard(self, server: ToolServer, uris: Mapping[str, str]) -> None:
        async def notify(method: str, params: Json) -> None:
            kind = method.removeprefix("notifications/").removesuffix("/list_changed")
            if method == UPDATED and params.get("uri") in uris:
                self._tell(UPDATED, {"uri": uris[str(params["uri"])]})
            elif method == f"notifications/{kind}/list_changed" and kind in self._kinds:
                self._tell(method, {})

        wanted: dict[str, Any] = {_CHANGED[kind]: True for kind in self._kinds}
        if uris:
            wanted["resourceSubscriptions"] = list(uris)
        asked, workspace = {"notifications": wanted}, self._door.workspace
        try:
            await self._upstreams.request(workspace, server, "subscriptions/listen", asked, Exchange(notify))
        except (UpstreamFailed, UpstreamRefused):
            await asyncio.sleep(self._limits.again_s)  # it is tried again while the stream is open


class Listening:
    """The open streams of one process. Owned by the event loop."""

    def __init__(self, methods: Methods, catalogs: Catalogs, upstreams: Upstreams, limits: McpLimits) -> None:
        self._methods = methods
        self._catalogs = catalogs
        self._upstreams = upstreams
        self._limits = limits
        self._open: dict[Reply, tuple[str, str]] = {}
        self._each: Counter[tuple[str, str]] = Counter()

    def close(self) -> None:
        """End every stream."""
        for reply in list(self._open):
            reply.end()

    # -- modern: subscriptions/listen

    async def serve(self, asked: Asked) -> None:
        """Answer with a stream that says first what it will tell of, and tells of nothing else."""
        wanted = asked.params.get("notifications")
        if not isinstance(wanted, dict):
            raise RpcError(INVALID_PARAMS, "params.notifications must say what to listen to")
        if not asked.reply.streams:
            raise RpcError(INVALID_PARAMS, "the answer is a stream: send Accept: text/event-stream", status=406)
        run = await self._methods.run_of(asked)
        catalog = await self._catalogs.of(asked.visit.door, run)
        honored: dict[str, Any] = {name: True for name in _CHANGED.values() if wanted.get(name) is True}
        uris = wanted.get("resourceSubscriptions")
        if isinstance(uris, list):
            seen = [uri for uri in uris if isinstance(uri, str) and catalog.listed_resource(uri) is not None]
            if seen:
                honored["resourceSubscriptions"] = seen[:MOST_FOLLOWED]
        meta = {f"{META}subscriptionId": asked.id}
        kinds = [kind for kind, name in _CHANGED.items() if name in honored]

        def tell(method: str, params: Json) -> None:
            asked.reply.tell(notification(method, {**params, "_meta": meta}))

        with _Place(self, asked.visit, asked.reply):
            tell("notifications/subscriptions/acknowledged", {"notifications": honored})
            uris = honored.get("resourceSubscriptions", ())
            await self._stay(asked.visit.door, run, kinds, lambda: uris, asked.reply, tell)
            if not asked.reply.is_gone:
                result = {"resultType": "complete", "_meta": meta}
                await asked.reply.finish(success(asked.id, orjson.dumps(result)))

    # -- legacy: the stream of a session

    async def session(self, visit: Visit, session: Session, sessions: Sessions, reply: Reply) -> None:
        """Answer GET with the session's own stream."""
        asked = Asked(visit, "", "", {}, Era.LEGACY, reply, f"mcp/{session.id}", session.id, session.capabilities)
        run = await self._methods.run_of(asked)
        with _Place(self, visit, reply), sessions.using(session):
            session.stream = reply
            try:
                reply.tell_raw(b": listening\n\n")
                await self._stay(visit.door, run, tuple(_CHANGED), lambda: session.followed, reply, session.tell)
                await reply.finish(b"")
            finally:
                if session.stream is reply:
                    session.stream = None

    # -- both

    async def _stay(
        self,
        door: ServedDoor,
        run: Run,
        kinds: Sequence[str],
        followed: Callable[[], Collection[str]],
        reply: Reply,
        tell: Tell,
    ) -> None:
        """Tell of changes until the stream is ended or its client has gone."""
        over = asyncio.create_task(reply.over_or_gone())
        ears = _Ears(self._upstreams, door, kinds, tell, self._limits)
        seen = await self._catalogs.of(door, run)
        try:
            while not over.done():
                now = await self._catalogs.of(door, run)
                for kind in [each for each in kinds if now is not seen and now.state[each] != seen.state[each]]:
                    tell(f"notifications/{kind}/list_changed", {})
                seen = now
                ears.listen(now, followed())
                await asyncio.wait([over], timeout=self._limits.changes_s)
        finally:
            over.cancel()
            ears.close()

    def enter(self, visit: Visit, reply: Reply) -> None:
        """Count a stream. Raises Refusal where there are too many."""
        limits, key = self._limits, (str(visit.caller.workspace), str(visit.agent))
        if len(self._open) >= limits.streams or self._each[key] >= limits.streams_each:
            raise Refusal(
                429,
                "too_many_streams",
                f"{limits.streams_each} streams of one agent, or {limits.streams} in all, are open already",
                "Go on without: lists say what there is",
                retry_after_s=30,
            )
        self._open[reply] = key
        self._each[key] += 1

    def leave(self, reply: Reply) -> None:
        """Count a stream no more."""
        self._each[self._open.pop(reply)] -= 1
        self._each += Counter()  # drops the zeros


class _Place:
    """A stream's place among all."""

    def __init__(self, listening: Listening, visit: Visit, reply: Reply) -> None:
        self._listening, self._visit, self._reply = listening, visit, reply

    def __enter__(self) -> None:
        self._listening.enter(self._visit, self._reply)

    def __exit__(self, *_: object) -> None:
        self._listening.leave(self._reply)
