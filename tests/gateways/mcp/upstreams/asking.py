"""What the tests of tool servers share: servers as documents, and asking them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import uvloop

from remit.asgi.outbound import Outbound
from remit.domain.ids import ServerName, WorkspaceName
from remit.domain.upstream import ToolServer
from remit.gateways.mcp.port import Ask, Exchange, Json
from remit.gateways.mcp.upstreams.bounds import UpstreamBounds
from remit.gateways.mcp.upstreams.servers import ToolServers
from remit.storage.vault import MachineVault

ODD = Path(__file__).with_name("odd.py")
SHOP = WorkspaceName("shop")
QUICK = UpstreamBounds(alive_s=0.5, farewell_s=0.3, backoff_s=0.02)


def odd(*behaves: str, name: str = "odd", era: str = "modern", **fields: Any) -> ToolServer:
    """A server that misbehaves on request."""
    return ToolServer(ServerName(name), command=(sys.executable, str(ODD), era, *behaves), **fields)


class Told:
    """A client that keeps what it is told, and answers what it is asked."""

    def __init__(self, answer: Json | None = None) -> None:
        self.told: list[tuple[str, Json]] = []
        self.asked: list[tuple[str, Json]] = []
        self._answer = answer

    async def notify(self, method: str, params: Json) -> None:
        self.told.append((method, params))

    async def ask(self, method: str, params: Json) -> Json:
        self.asked.append((method, params))
        assert self._answer is not None
        return self._answer

    def exchange(self, **fields: Any) -> Exchange:
        ask: Ask | None = None if self._answer is None else self.ask
        return Exchange(notify=self.notify, ask=ask, **fields)


class Asking:
    """Asks the servers of a workspace."""

    def __init__(self, servers: ToolServers) -> None:
        self.servers = servers

    async def call(
        self,
        server: ToolServer,
        tool: str,
        arguments: Json | None = None,
        exchange: Exchange | None = None,
        **more: Any,
    ) -> Any:
        params = {"name": tool, "arguments": arguments or {}, **more}
        result = await self.servers.request(SHOP, server, "tools/call", params, exchange or Told().exchange())
        return result["content"][0]["text"]

    async def json(self, server: ToolServer, tool: str, arguments: Json | None = None) -> Any:
        return orjson.loads(await self.call(server, tool, arguments))


@asynccontextmanager
async def asking(
    bounds: UpstreamBounds = QUICK, environment: dict[str, str] | None = None, **changed: Any
) -> AsyncIterator[Asking]:
    """Tool servers, ended at the end."""
    variables = dict(os.environ) if environment is None else environment
    outbound = Outbound()
    servers = ToolServers(MachineVault(variables), outbound, variables, replace(bounds, **changed))
    try:
        yield Asking(servers)
    finally:
        await servers.close()
        await outbound.close()


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run a test's coroutine on the event loop that the server has, with an end."""

    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await work()

    return uvloop.run(bounded())


async def eventually(found: Callable[[], bool], most_s: float = 10.0) -> bool:
    """Wait until something is so."""
    for _ in range(int(most_s / 0.02)):
        if found():
            return True
        await asyncio.sleep(0.02)
    return found()


def lives(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not yet taken note of does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
