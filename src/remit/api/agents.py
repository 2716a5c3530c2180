"""Agents and tools, as the active release has them."""

from __future__ import annotations

from collections.abc import Iterator

from remit.api.access import allow, people
from remit.api.policies import rules_of
from remit.api.route import Route
from remit.api.shapes import Asker, Json, Shown, missing
from remit.api.use_cases import UseCases
from remit.domain.clock import Instant
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.ids import AgentName, WorkspaceName
from remit.domain.release import Agent, Grant, Tool


class GrantShown(Shown):
    """One tool in a remit."""

    tool: str
    permit: str
    when: str
    calls_per_run: int | None


class AgentShown(Shown):
    """An agent. `stopped` are the stops in force on it."""

    name: str
    owner: str
    purpose: str
    status: str
    team: str | None
    role: str | None
    grants: list[GrantShown]
    models: list[str]
    budgets: list[str]
    in_flight: int
    stopped: bool


class AgentsShown(Shown):
    """The agents of the active release."""

    release: str
    agents: list[AgentShown]


class ToolShown(Shown):
    """A tool. Behind a gateway, `upstream` is what its server calls it and `via` what it is there.

    `pin` is the digest of the definition that a person has looked at; empty: none, so the gateway denies it.
    """

    name: str
    server: str
    effect: str
    description: str
    input_schema: Json
    roles: dict[str, str]
    output_labels: list[str]
    reversible: bool
    idempotent: bool
    pollable: bool
    cost_per_call: int
    upstream: str
    via: str
    pin: str
    status: str
    approvers: str


class ToolsShown(Shown):
    """The tools of the active release."""

    release: str
    tools: list[ToolShown]


class AgentRoutes:
    """Agents and tools."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/agents", self.agents, AgentsShown)
        yield Route("GET", "/agents/{agent}", self.agent, AgentShown)
        yield Route("GET", "/tools", self.tools, ToolsShown)
        yield Route("GET", "/tools/{tool}", self.tool, ToolShown)

    @allow(people())
    def agents(self, caller: Asker) -> AgentsShown:
        """List the agents of the active release."""
        rules = rules_of(self._use, caller)
        every = rules.configuration.agents.values()
        return AgentsShown(release=rules.release, agents=[self._shown(caller.workspace, each) for each in every])

    @allow(people())
    def agent(self, agent: str, caller: Asker) -> AgentShown:
        """Return one agent."""
        found = rules_of(self._use, caller).agent(AgentName(agent))
        if found is None:
            raise missing("agent", agent)
        return self._shown(caller.workspace, found)

    @allow(people())
    def tools(self, caller: Asker) -> ToolsShown:
        """List the tools of the active release."""
        rules = rules_of(self._use, caller)
        return ToolsShown(release=rules.release, tools=[_tool(each) for each in rules.configuration.tools.values()])

    @allow(people())
    def tool(self, tool: str, caller: Asker) -> ToolShown:
        """Return one tool."""
        found = rules_of(self._use, caller).tool(tool)
        if found is None:
            raise missing("tool", tool)
        return _tool(found)

    def _shown(self, workspace: WorkspaceName, agent: Agent) -> AgentShown:
        scope = self._use.store.scope(scope_id(ScopeKind.AGENT, workspace, agent.name))
        now: Instant = self._use.clock.now()
        return AgentShown(
            name=agent.name,
            owner=agent.owner,
            purpose=agent.purpose,
            status=agent.status.value,
            team=agent.team,
            role=agent.role,
            grants=[_grant(grant) for grant in agent.remit.grants],
            models=list(agent.remit.models),
            budgets=[budget.name for budget in agent.remit.budgets],
            in_flight=0 if scope is None else scope.in_flight,
            stopped=scope is not None and any(stop.holds_at(now) for stop in scope.stops.values()),
        )


def _grant(grant: Grant) -> GrantShown:
    return GrantShown(tool=grant.tool, permit=grant.mode.value, when=grant.when, calls_per_run=grant.calls_per_run)


def _tool(tool: Tool) -> ToolShown:
    return ToolShown(
        name=tool.name,
        server=tool.server,
        effect=tool.effect.value,
        description=tool.description,
        input_schema=dict(tool.input_schema),
        roles={field: role.value for field, role in tool.roles.items()},
        output_labels=list(tool.output_labels),
        reversible=tool.reversible,
        idempotent=tool.idempotent,
        pollable=tool.pollable,
        cost_per_call=tool.cost_per_call,
        upstream=tool.upstream,
        via=tool.via.value,
        pin=tool.pin,
        status=tool.status,
        approvers=tool.approvers,
    )
