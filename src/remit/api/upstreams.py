"""Tool servers and models, as the active release has them: what stands behind the gateways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit, urlunsplit

from remit.api.access import allow, people
from remit.api.policies import rules_of
from remit.api.route import Route
from remit.api.shapes import Asker, Shown
from remit.api.use_cases import UseCases
from remit.domain.release import Agent
from remit.domain.upstream import Model, ToolServer


class ToolServerShown(Shown):
    """A tool server behind the gateway: the program that is started, or the URL. What it is given is not shown."""

    name: str
    program: str
    url: str
    tools: int
    concurrency: int
    answer_s: int


class ModelRouteShown(Shown):
    """One endpoint of a model. `has_key` says whether a credential is sent to it."""

    dialect: str
    url: str
    upstream: str
    region: str
    weight: int
    has_key: bool


class ModelShown(Shown):
    """A model behind the gateway. Prices are micro-USD per million tokens; null: those of the price list.

    `sees` are the classes of data it may be shown; `agents` those that are granted it.
    """

    name: str
    routes: list[ModelRouteShown]
    sees: list[str]
    input_price: int | None
    output_price: int | None
    context_tokens: int
    max_output_tokens: int
    agents: list[str]


class ToolServersShown(Shown):
    """The tool servers of the active release."""

    release: str
    servers: list[ToolServerShown]


class ModelsShown(Shown):
    """The models of the active release."""

    release: str
    models: list[ModelShown]


class UpstreamRoutes:
    """Tool servers and models."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/servers", self.servers, ToolServersShown)
        yield Route("GET", "/models", self.models, ModelsShown)

    @allow(people())
    def servers(self, caller: Asker) -> ToolServersShown:
        """List the tool servers that the gateway reaches."""
        rules = rules_of(self._use, caller)
        counts = Counter(tool.server for tool in rules.configuration.tools.values())
        every = sorted(rules.configuration.servers.values(), key=lambda each: each.name)
        return ToolServersShown(release=rules.release, servers=[_server(each, counts[each.name]) for each in every])

    @allow(people())
    def models(self, caller: Asker) -> ModelsShown:
        """List the models that the gateway reaches, and which agents are granted them."""
        rules = rules_of(self._use, caller)
        agents = sorted(rules.configuration.agents.values(), key=lambda each: each.name)
        every = sorted(rules.configuration.models.values(), key=lambda each: each.name)
        return ModelsShown(release=rules.release, models=[_model(each, agents) for each in every])


def _server(server: ToolServer, tools: int) -> ToolServerShown:
    # Arguments, variables and headers may say more than everybody is to know; the release has them.
    return ToolServerShown(
        name=server.name,
        program=server.command[0] if server.command else "",
        url=_address(server.url),
        tools=tools,
        concurrency=server.concurrency,
        answer_s=server.answer_s,
    )


def _model(model: Model, agents: Sequence[Agent]) -> ModelShown:
    return ModelShown(
        name=model.name,
        routes=[
            ModelRouteShown(
                dialect=route.dialect.value,
                url=_address(route.url),
                upstream=route.upstream,
                region=route.region,
                weight=route.weight,
                has_key=bool(route.credential),
            )
            for route in model.routes
        ],
        sees=[each.value for each in model.sees],
        input_price=model.input_price,
        output_price=model.output_price,
        context_tokens=model.context_tokens,
        max_output_tokens=model.max_output_tokens,
        agents=[agent.name for agent in agents if model.name in agent.remit.models],
    )


def _address(url: str) -> str:
    """Return a URL without user, password and query, which may hold a key."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
