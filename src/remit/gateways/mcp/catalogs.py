"""Catalogs made from what the servers offer now, and kept while nothing has changed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from remit.domain.ids import AgentName, ReleaseId, ServerName, WorkspaceName
from remit.domain.run import Run
from remit.domain.upstream import ToolServer
from remit.execution.served import ServedDoor
from remit.gateways.mcp.catalog import Catalog, Offers, servers_of
from remit.gateways.mcp.port import Offer, UpstreamFailed, Upstreams

MAX_KEPT = 512
"""Catalogs that are remembered; others are made again."""
PATIENCE_S = 5.0
"""How long a list waits for a server; one that takes longer is left out of it."""

_Key = tuple[WorkspaceName, ReleaseId, AgentName, ServerName]
"""The server is empty where the catalog is of all."""


class Catalogs:
    """What agents see. Owned by the event loop."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._kept: OrderedDict[_Key, Catalog] = OrderedDict()
        self._looking: set[asyncio.Task[Offer | None]] = set()

    async def of(self, door: ServedDoor, run: Run) -> Catalog:
        """Return what the agent of a run sees of all servers."""
        rules = door.rules_of(run)
        offers = await self._offers(door.workspace, servers_of(rules))
        return self._of(door, run, offers, ServerName(""))

    def _of(self, door: ServedDoor, run: Run, offers: Offers, server: ServerName) -> Catalog:
        rules = door.rules_of(run)
        key = (door.workspace, run.release, run.agent, server)
        kept = self._kept.get(key)
        if kept is not None and _are_same(kept.offers, offers):
            return kept
        made = Catalog(rules, run.agent, offers)
        self._kept[key] = made
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return made

    async def for_tool(self, door: ServedDoor, run: Run, name: str) -> Catalog:
        """Return what the agent of a run sees of the one server that a tool is at."""
        rules = door.rules_of(run)
        tool = rules.tool(name)
        server = None if tool is None else rules.configuration.servers.get(ServerName(tool.server))
        if server is None:
            return Catalog(rules, run.agent)
        return self._of(door, run, {server.name: await self._offer(door.workspace, server)}, server.name)

    async def _offers(self, workspace: WorkspaceName, servers: Sequence[ToolServer]) -> Offers:
        if len(servers) == 1:
            return {servers[0].name: await self._offer(workspace, servers[0])}
        if not servers:
            return {}
        looking = {each.name: asyncio.create_task(self._offer(workspace, each)) for each in servers}
        # One that is slow is left to go on: what it brings is kept for the next who asks.
        self._looking.update(looking.values())
        for task in looking.values():
            task.add_done_callback(self._looking.discard)
        await asyncio.wait(looking.values(), timeout=PATIENCE_S)
        return {name: task.result() if task.done() else None for name, task in looking.items()}

    async def _offer(self, workspace: WorkspaceName, server: ToolServer) -> Offer | None:
        try:
            return await self._upstreams.offer(workspace, server)
        except UpstreamFailed:
            return None


def _are_same(kept: Offers, offers: Offers) -> bool:
    return kept.keys() == offers.keys() and all(kept[name] is offer for name, offer in offers.items())
