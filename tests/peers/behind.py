"""A gateway with real servers behind it, whose tools were looked at and accepted as an operator does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remit.asgi.outbound import Outbound
from remit.domain.ids import ToolName
from remit.domain.release import Effect, Tool
from remit.domain.upstream import ToolServer, Via
from remit.gateways.mcp.port import Definition, Json, Offer
from remit.gateways.mcp.upstreams.servers import ToolServers
from remit.policy.schema import untypable
from remit.storage.vault import MachineVault
from tests.served import Served, served
from tests.worlds import WORKSPACE, World, agent, documents, world, yaml

AGENT = "tester"
OTHER_PIN = "sha256:" + 64 * "0"
"""Of a definition that no server has: as if the server had changed since."""
ARGUMENTS: Mapping[Via, Json] = {
    Via.RESOURCE: {"type": "object", "properties": {"uri": {"type": "string"}}, "required": ["uri"]},
    Via.PROMPT: {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "arguments": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["name"],
    },
}


@dataclass(frozen=True)
class Peer:
    """A server, and what is made of its tools.

    `fields` are those of its document; `prefix` says how its tools' names begin here; `changed` are tools whose pins
    are of something else; `granted` is what the agent may use, everything where left out.
    """

    name: str
    fields: Mapping[str, Any]
    prefix: str = ""
    granted: Sequence[str] | None = None
    changed: Sequence[str] = field(default=())

    @property
    def document(self) -> str:
        return yaml("ToolServer", name=self.name, start_within="60s", **self.fields)

    def tools(self, offer: Offer) -> dict[str, str]:
        """The documents of its tools, by their names here."""
        found = {self.prefix + name: self._tool(definition) for name, definition in offer.tools.items()}
        for via, digest in offer.digests.items():
            name = f"{self.name}.{via.value}s"
            found[name] = written(name, self.name, "read", ARGUMENTS[via], via=via.value, pin=digest)
        return found

    def _tool(self, definition: Definition) -> str:
        return written(
            self.prefix + definition.name,
            self.name,
            "write",
            read_as_current(definition.content["inputSchema"]),
            upstream=definition.name,
            description=str(definition.content.get("description", ""))[:500],
            pin=OTHER_PIN if definition.name in self.changed else definition.digest,
        )


def read_as_current(schema: Json) -> Json:
    """A schema without its dialect: what these servers use of older ones means the same in the one that is enforced."""
    return {key: value for key, value in schema.items() if key != "$schema"}


def written(name: str, server: str, effect: str, schema: Json, **fields: str) -> str:
    """The document of a tool, with what no policy can read of its arguments accepted."""
    unread = untypable(Tool(ToolName(name), server, Effect(effect), "", input_schema=schema))
    accepted = [field.field for field in unread]
    said = {key: value for key, value in fields.items() if value}
    return yaml("Tool", name=name, server=server, effect=effect, input=schema, not_governable=accepted, **said)


async def offered(servers: Mapping[str, ToolServer]) -> dict[str, Offer]:
    """Look at what servers offer now."""
    outbound = Outbound()
    upstreams = ToolServers(MachineVault(os.environ), outbound, os.environ)
    try:
        found = await asyncio.gather(*(upstreams.offer(WORKSPACE, server) for server in servers.values()))
        return dict(zip(servers, found, strict=True))
    finally:
        await upstreams.close()
        await outbound.close()


def accept(it: World, peers: Sequence[Peer], files: dict[str, str]) -> None:
    """Apply a release with the tools that the servers offer, as they are now, granted to the agent."""
    servers = {str(name): server for name, server in it.rules().configuration.servers.items()}
    offers = asyncio.run(offered(servers))
    granted: list[str] = []
    for peer in peers:
        tools = peer.tools(offers[peer.name])
        files[f"tools/{peer.name}.yaml"] = documents(*tools.values())
        granted += [name for name in tools if peer.granted is None or name in peer.granted]
    it.apply({**files, f"agents/{AGENT}.yaml": agent(AGENT, tools=granted, models=[])})


@contextmanager
def gateway(folder: Path, *peers: Peer, **files: str) -> Iterator[Served]:
    """Serve a world with these servers behind its gateway."""
    folder.mkdir(exist_ok=True)
    servers = {f"servers/{peer.name}.yaml": peer.document for peer in peers}
    with world(folder, servers) as it:
        accept(it, peers, servers | files)
        with served(it) as server:
            yield server


def resources_of(peer: Peer) -> str:
    """The name of the tool that stands for reading a server's resources."""
    return f"{peer.name}.{Via.RESOURCE.value}s"


def prompts_of(peer: Peer) -> str:
    """The name of the tool that stands for getting a server's prompts."""
    return f"{peer.name}.{Via.PROMPT.value}s"
