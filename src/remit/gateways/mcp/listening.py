"""Streams that stay open: what changes of what an agent may use is told, and nothing that it may not see."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from remit.asgi.answers import Refusal
from remit.asgi.reception import Visit
from remit.domain.run import Run
from remit.execution.served import ServedDoor
from remit.gateways.mcp.asked import META, Asked, Era
from remit.gateways.mcp.catalog import Catalog
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
            await self._stay(asked.visit.door, run, catalog, kinds, lambda: uris, asked.reply, tell)
            if not asked.reply.is_gone:
                result = {"resultType": "complete", "_meta": meta}
                await asked.reply.finish(success(asked.id, orjson.dumps(result)))

    # -- legacy: the stream of a session

    async def session(self, visit: Visit, session: Session, sessions: Sessions, reply: Reply) -> None:
        """Answer GET with the session's own stream."""
        asked = Asked(visit, "", "", {}, Era.LEGACY, reply, f"mcp/{session.id}", session.id, session.capabilities)
        run = await self._methods.run_of(asked)
        catalog = await self._catalogs.of(visit.door, run)
        with _Place(self, visit, reply), sessions.using(session):
            session.stream = reply
            try:
                reply.tell_raw(b": listening\n\n")
                kinds = list(_CHANGED)
                followed = lambda: tuple(session.followed)  # noqa: E731 - a view on what changes
                await self._stay(visit.door, run, catalog, kinds, followed, reply, session.tell)
                await reply.finish(b"")
            finally:
                if session.stream is reply:
                    session.stream = None

    # -- both

    async def _stay(
        self,
        door: ServedDoor,
        run: Run,
        catalog: Catalog,
        kinds: list[str],
        followed: Callable[[], tuple[str, ...] | list[str]],
        reply: Reply,
        tell: Callable[[str, Json], None],
    ) -> None:
        """Tell of changes until the stream is ended or its client has gone."""
        over = asyncio.create_task(reply.over_or_gone())
        hearing: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                await asyncio.wait([over], timeout=self._limits.changes_s)
                if over.done():
                    return
                now = await self._catalogs.of(door, run)
                for kind in [each for each in kinds if now is not catalog and now.state[each] != catalog.state[each]]:
                    tell(f"notifications/{kind}/list_changed", {})
                catalog = now
                self._hear(door, catalog, followed(), hearing, tell)
        finally:
            for task in (over, *hearing.values()):
                task.cancel()

    def _hear(
        self,
        door: ServedDoor,
        catalog: Catalog,
        uris: tuple[str, ...] | list[str],
        hearing: dict[str, asyncio.Task[None]],
        tell: Callable[[str, Json], None],
    ) -> None:
        """Listen at the servers to just the resources that are followed and may be read."""
        for uri in [each for each in hearing if each not in uris or hearing[each].done()]:
            hearing.pop(uri).cancel()
        for uri in uris:
            target = catalog.listed_resource(uri)
            if uri not in hearing and target is not None and target.server is not None:
                hearing[uri] = asyncio.create_task(self._heard(door, catalog, uri, tell))

    async def _heard(self, door: ServedDoor, catalog: Catalog, uri: str, tell: Callable[[str, Json], None]) -> None:
        target = catalog.listed_resource(uri)
        assert target is not None
        assert target.server is not None

        async def notify(method: str, params: Json) -> None:
            if method == UPDATED and params.get("uri") == target.upstream:
                tell(UPDATED, {"uri": uri})

        wanted = {"notifications": {"resourceSubscriptions": [target.upstream]}}
        try:
            await self._upstreams.request(
                door.workspace, target.server, "subscriptions/listen", wanted, Exchange(notify)
            )
        except (UpstreamFailed, UpstreamRefused):
            await asyncio.sleep(self._limits.changes_s)  # it is tried again while the stream is open

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
