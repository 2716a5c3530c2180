"""The tool servers of all workspaces: found by what their documents say, ended when nobody asks them any more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict

from remit.asgi.outbound import Outbound
from remit.domain.canonical import canonical
from remit.domain.ids import WorkspaceName
from remit.domain.upstream import ToolServer
from remit.gateways.mcp.port import Exchange, Json, Offer, UpstreamFailed
from remit.gateways.mcp.upstreams.bounds import UpstreamBounds
from remit.gateways.mcp.upstreams.child import CommandRules, begun
from remit.gateways.mcp.upstreams.endpoint import Endpoint
from remit.gateways.mcp.upstreams.link import Link
from remit.gateways.mcp.upstreams.pipes import Pipes
from remit.gateways.mcp.upstreams.upstream import Upstream
from remit.storage.vault import Vault

_Key = tuple[WorkspaceName, bytes]
MOST_SEEN = 10_000
TIDIED_S = 15.0


class ToolServers:
    """See Upstreams. Owned by one event loop; servers are started when they are first asked.

    `environment` is the one of which processes get the few variables that they inherit; `rules` say which may be begun.
    """

    def __init__(
        self,
        vault: Vault,
        outbound: Outbound,
        environment: Mapping[str, str],
        bounds: UpstreamBounds | None = None,
        rules: CommandRules | None = None,
    ) -> None:
        self._vault = vault
        self._outbound = outbound
        self._environment = environment
        self._bounds = bounds or UpstreamBounds()
        self._rules = rules or CommandRules()
        self._found: dict[_Key, Upstream] = {}
        # A document is one object for as long as its release is in use; its text is not made into a key each time.
        self._seen: dict[tuple[WorkspaceName, int], tuple[ToolServer, Upstream]] = {}
        self._tidying: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def offer(self, workspace: WorkspaceName, server: ToolServer) -> Offer:
        """See Upstreams."""
        return await self._of(workspace, server).offer()

    async def request(
        self, workspace: WorkspaceName, server: ToolServer, method: str, params: Json, exchange: Exchange
    ) -> Json:
        """See Upstreams."""
        return await self._of(workspace, server).request(method, params, exchange)

    async def close(self) -> None:
        """See Upstreams."""
        self._closed = True
        if self._tidying is not None:
            self._tidying.cancel()
        found, self._found = list(self._found.values()), {}
        self._seen.clear()
        await asyncio.gather(*(one.close() for one in found), *self._ending)

    def _of(self, workspace: WorkspaceName, server: ToolServer) -> Upstream:
        seen = self._seen.get((workspace, id(server)))
        if seen is not None and seen[0] is server:
            return seen[1]
        key = (workspace, canonical(asdict(server)))
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._made(server)
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen[workspace, id(server)] = (server, found)
        return found

    def _made(self, server: ToolServer) -> Upstream:
        if self._closed:
            raise UpstreamFailed("unreachable", f"{server.name} is not used any more", sent=False)
        if len(self._found) >= self._bounds.servers:
            raise UpstreamFailed("busy", f"there are {self._bounds.servers:,} tool servers in use already", sent=False)
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().call_later(TIDIED_S, self._tidy)
        return Upstream(server, self._dial, self._bounds)

    async def _dial(self, server: ToolServer) -> Link:
        if not server.command:
            return Endpoint(server, self._vault, self._outbound, self._bounds)
        child = await begun(server, self._vault, self._environment, self._rules)
        pipes = Pipes(server.name, child, self._bounds)
        try:
            await pipes.open()
        except BaseException:
            await child.end(0)
            raise
        return pipes

    def _tidy(self) -> None:
        """End what nobody has asked for long; documents that no release holds any more end so as well."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for key, one in list(self._found.items()):
            one.tidy(now)
            if not one.busy and now - one.used > self._bounds.idle_s:
                del self._found[key]
                self._seen = {seen: held for seen, held in self._seen.items() if held[1] is not one}
                task = loop.create_task(one.close())
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
        self._tidying = loop.call_later(TIDIED_S, self._tidy)
