"""What one agent sees: of all that the servers offer, what its remit grants and a person has accepted, in one order.

Tools have the names that the workspace gives them, with `_` in place of dots. Resources and prompts keep those of
their servers. Where two servers offer the same URI or the same prompt, it is the server's whose name comes first; of
the others a URI is written `SERVER+URI`, and a prompt `SERVER.NAME`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from remit.domain.ids import AgentName, ServerName
from remit.domain.release import Tool
from remit.domain.upstream import ToolServer, Via
from remit.gateways.mcp.port import Json, Offer
from remit.kernel.ruleset import Ruleset

UNSEEN = "unseen"
"""The definition of a tool whose server can not be looked at."""

Offers = Mapping[ServerName, Offer | None]
"""What each server offers; None: it can not be looked at now."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for: a tool of the workspace, where it is, and what it is called there.

    `name` is the tool's as it is decided and recorded; `upstream` is the name or URI at the server. Without a server
    nothing can be dispatched.
    """

    name: str
    via: Via
    upstream: str
    tool: Tool | None = None
    server: ToolServer | None = None
    definition: str = ""

    @property
    def is_seen(self) -> bool:
        """Whether its server could be looked at."""
        return self.definition != UNSEEN


@dataclass(frozen=True, slots=True)
class _Place:
    """One server's resources or prompts, and the tool of the workspace that stands for reading them."""

    tool: Tool
    server: ToolServer
    offer: Offer | None
    is_open: bool
    """Granted, and as it was accepted."""


def servers_of(rules: Ruleset) -> tuple[ToolServer, ...]:
    """Return the servers that any tool of a release is at, by name."""
    servers = rules.configuration.servers
    used = {tool.server for tool in rules.configuration.tools.values()}
    return tuple(servers[name] for name in sorted(servers) if name in used)


@dataclass(frozen=True)  # without slots, so that lists can be kept
class Catalog:
    """What an agent may use under one release, with what the servers offer now."""

    rules: Ruleset
    agent: AgentName
    offers: Offers = field(default_factory=dict)
    _mirrors: dict[str, bool] = field(default_factory=dict, compare=False)

    # -- lists

    @cached_property
    def tools(self) -> tuple[Json, ...]:
        """The tools, as their servers describe them and under their names here."""
        return tuple(self._tools())

    @cached_property
    def resources(self) -> tuple[Json, ...]:
        """The resources of all servers."""
        return tuple(entry for _, entry in self._named(Via.RESOURCE, "uri", lambda offer: offer.resources).values())

    @cached_property
    def templates(self) -> tuple[Json, ...]:
        """The resource templates of all servers."""
        found = self._named(Via.RESOURCE, "uriTemplate", lambda offer: offer.templates)
        return tuple(entry for _, entry in found.values())

    @cached_property
    def prompts(self) -> tuple[Json, ...]:
        """The prompts of all servers."""
        return tuple(entry for _, entry in self._named(Via.PROMPT, "name", lambda offer: offer.prompts).values())

    @property
    def state(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """What a client is told of when it changes, by the kind of list: what its servers offer, accepted or not."""
        offers = [(name, offer) for name, offer in sorted(self.offers.items()) if offer is not None]
        return {
            "tools": tuple((name, *sorted(each.digest for each in offer.tools.values())) for name, offer in offers),
            "prompts": tuple((name, offer.digests.get(Via.PROMPT, "")) for name, offer in offers),
            "resources": tuple((name, offer.digests.get(Via.RESOURCE, "")) for name, offer in offers),
        }

    def has(self, via: Via) -> bool:
        """Tell whether anything of a kind could ever be in the lists."""
        granted = self.rules.grant
        return any(
            tool.via is via and granted(self.agent, tool.name) is not None
            for tool in self.rules.configuration.tools.values()
            if ServerName(tool.server) in self.rules.configuration.servers
        )

    def capability(self, name: str) -> bool:
        """Tell whether a server that this agent may use has a capability."""
        used = {place.server.name for via in Via for place in self._places(via) if place.is_open}
        used |= {ServerName(tool.server) for tool in self._open_tools}
        return any(offer is not None and name in offer.capabilities for at, offer in self.offers.items() if at in used)

    # -- what a request is for

    def tool(self, name: str) -> Target:
        """Return what a tool's name stands for."""
        tool = self.rules.tool(name)
        if tool is None or tool.via is not Via.TOOL:
            return Target(name, Via.TOOL, name, tool)
        return self._target(tool, tool.upstream)

    def resource(self, uri: str) -> Target | None:
        """Return what a URI stands for, None where nothing in the workspace reads it."""
        found = self._resources.get(uri)
        if found is not None:
            return self._target(found[0], found[1])
        return self._prefixed(Via.RESOURCE, uri, "+") or self._templated(uri) or self._anywhere(Via.RESOURCE, uri)

    def prompt(self, name: str) -> Target | None:
        """Return what a prompt's name stands for, None where nothing in the workspace gets it."""
        found = self._prompts.get(name)
        if found is not None:
            return self._target(found[0], found[1])
        return self._prefixed(Via.PROMPT, name, ".") or self._anywhere(Via.PROMPT, name)

    def listed_prompt(self, name: str) -> Target | None:
        """Return what stands in the list of prompts under a name."""
        found = self._prompts.get(name)
        return None if found is None else self._target(*found)

    def listed_template(self, template: str) -> Target | None:
        """Return what stands in the list of templates as it is written there."""
        found = self._templates.get(template)
        return None if found is None else self._target(*found)

    def listed_resource(self, uri: str) -> Target | None:
        """Return a resource that is listed, or that a template of the list leads to."""
        found = self._resources.get(uri)
        return self._templated(uri) if found is None else self._target(*found)

    def schema(self, name: str) -> Any:
        """Return the input schema of a tool that this agent sees, where it wants arguments mirrored into headers."""
        tool = self.rules.tool(name)
        offer = None if tool is None else self.offers.get(ServerName(tool.server))
        if tool is None or offer is None or not self._is_open(tool) or tool.via is not Via.TOOL:
            return None
        mirrors = self._mirrors.get(name)
        schema = offer.tools[tool.upstream].content.get("inputSchema")
        if mirrors is None:  # looked at once: going through a schema costs more than a call
            from mcp.shared.inbound import X_MCP_HEADER_KEY

            mirrors = self._mirrors[name] = isinstance(schema, dict) and X_MCP_HEADER_KEY in str(schema)
        return schema if mirrors else None

    # -- inside

    @cached_property
    def _open_tools(self) -> tuple[Tool, ...]:
        found = (tool for tool in self.rules.configuration.tools.values() if tool.via is Via.TOOL)
        return tuple(sorted((tool for tool in found if self._is_open(tool)), key=lambda tool: tool.name))

    def _tools(self) -> Iterator[Json]:
        for tool in self._open_tools:
            offer = self.offers[ServerName(tool.server)]
            assert offer is not None, "what is open was seen"
            yield {**offer.tools[tool.upstream].content, "name": self.rules.spelt(tool.name)}

    def _is_open(self, tool: Tool) -> bool:
        offer = self.offers.get(ServerName(tool.server))
        if offer is None or self.rules.grant(self.agent, tool.name) is None:
            return False
        return bool(tool.pin) and offer.digest_of(tool.via, tool.upstream) == tool.pin

    @cached_property
    def _found(self) -> Mapping[Via, tuple[_Place, ...]]:
        servers = self.rules.configuration.servers
        found: dict[Via, dict[str, _Place]] = {Via.RESOURCE: {}, Via.PROMPT: {}, Via.TOOL: {}}
        for tool in sorted(self.rules.configuration.tools.values(), key=lambda each: each.name):
            server = servers.get(ServerName(tool.server))
            if server is None or tool.via is Via.TOOL:
                continue
            place = _Place(tool, server, self.offers.get(server.name), self._is_open(tool))
            before = found[tool.via].get(server.name)
            if before is None or (place.is_open and not before.is_open):
                found[tool.via][server.name] = place
        return {via: tuple(each[name] for name in sorted(each)) for via, each in found.items()}

    def _places(self, via: Via) -> tuple[_Place, ...]:
        return self._found[via]

    def _named(self, via: Via, key: str, part: Any) -> dict[str, tuple[tuple[Tool, str], Json]]:
        """Return by its name here what the open servers offer: the tool, the name there, and the entry of the list."""
        separator = "." if via is Via.PROMPT else "+"
        found: dict[str, tuple[tuple[Tool, str], Json]] = {}
        for place in self._places(via):
            if not place.is_open or place.offer is None:
                continue
            for entry in sorted(part(place.offer), key=lambda each: str(each.get(key))):
                there = str(entry.get(key))
                before = found.get(there)
                is_taken = before is not None and before[0][0] is not place.tool
                here = f"{place.server.name}{separator}{there}" if is_taken else there
                found.setdefault(here, ((place.tool, there), {**entry, key: here}))
        return found

    @cached_property
    def _resources(self) -> Mapping[str, tuple[Tool, str]]:
        return {n: at for n, (at, _) in self._named(Via.RESOURCE, "uri", lambda offer: offer.resources).items()}

    @cached_property
    def _templates(self) -> Mapping[str, tuple[Tool, str]]:
        return {n: at for n, (at, _) in self._named(Via.RESOURCE, "uriTemplate", lambda each: each.templates).items()}

    @cached_property
    def _prompts(self) -> Mapping[str, tuple[Tool, str]]:
        return {n: at for n, (at, _) in self._named(Via.PROMPT, "name", lambda offer: offer.prompts).items()}

    def _prefixed(self, via: Via, name: str, separator: str) -> Target | None:
        for place in self._places(via):
            begin = f"{place.server.name}{separator}"
            if name.startswith(begin) and self._offers(place, via, name.removeprefix(begin)):
                return self._target(place.tool, name.removeprefix(begin))
        return None

    def _offers(self, place: _Place, via: Via, name: str) -> bool:
        if place.offer is None:
            return False
        if via is Via.PROMPT:
            return any(entry.get("name") == name for entry in place.offer.prompts)
        listed = any(entry.get("uri") == name for entry in place.offer.resources)
        return listed or any(_fits(entry, name) for entry in place.offer.templates)

    def _templated(self, uri: str) -> Target | None:
        for place in self._places(Via.RESOURCE):
            if place.is_open and place.offer is not None and any(_fits(each, uri) for each in place.offer.templates):
                return self._target(place.tool, uri)
        return None

    def _anywhere(self, via: Via, name: str) -> Target | None:
        """Return the likeliest place of what no open server lists, so that it is decided, and the reason is told."""
        places = self._places(via)
        offering = [place for place in places if self._offers(place, via, name)]
        first = (offering or [place for place in places if place.is_open] or list(places))[:1]
        return self._target(first[0].tool, name) if first else None

    def _target(self, tool: Tool, upstream: str) -> Target:
        server = self.rules.configuration.servers.get(ServerName(tool.server))
        offer = None if server is None else self.offers.get(server.name)
        definition = UNSEEN if offer is None else offer.digest_of(tool.via, tool.upstream)
        return Target(tool.name, tool.via, upstream, tool, server, definition)


def _fits(entry: Json, uri: str) -> bool:
    from mcp.shared.uri_template import UriTemplate

    try:
        return UriTemplate.parse(str(entry.get("uriTemplate"))).match(uri) is not None
    except ValueError:
        return False
