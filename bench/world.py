"""A company that grows: with ten times the policies it has ten times the agents and tools, each governed like before.

Of every ten policies seven are grants (a permit each, some with a condition) and three are written: a limit on an
amount, a hold for approval, a rule about a role. Two more concern every agent. So what applies to one call stays
about the same, as it does where an enterprise brings in more agents; what applies to all grows with nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from remit.domain.action import Action, ActionKind, Cost
from remit.domain.canonical import JsonValue
from remit.domain.clock import Instant
from remit.domain.facts import Facts, Progress, Scope, ScopeKind, scope_id
from remit.domain.ids import (
    ActionId,
    AgentName,
    BudgetName,
    GroupName,
    KeyId,
    RandomIds,
    ReleaseId,
    RunId,
    TeamName,
    ToolName,
    UserId,
    WorkspaceName,
)
from remit.domain.money import Micros
from remit.domain.release import (
    Agent,
    Budget,
    BudgetLevel,
    BudgetUnit,
    BudgetWindow,
    Configuration,
    Effect,
    Grant,
    Group,
    Limits,
    Person,
    PolicyFile,
    Rate,
    Remit,
    Settings,
    Tool,
)
from remit.domain.run import Run
from remit.execution import effects
from remit.kernel.prepared import Prepared, prepare
from remit.kernel.ruleset import Ruleset

WORKSPACE = WorkspaceName("gulf")
RELEASE = ReleaseId("rel_bench")
NOW = Instant(1_790_000_000_000_000)

GRANTS = 7
"""Tools in one remit."""
WRITTEN = 3
"""Written policies for every agent."""
ENOUGH = 10**12
"""An amount that no benchmark reaches: what is measured is admission, not refusal."""

_UNLIMITED = Limits(None, None, None, Rate(1_000_000, 1), None, 4, 100_000)
_EFFECTS = (Effect.READ, Effect.READ, Effect.WRITE, Effect.PAY, Effect.SEND)
_SCHEMA = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string", "pattern": "^PO-[0-9]{5}$"},
        "supplier": {"type": "string", "maxLength": 80},
        "amount": {"type": "integer", "minimum": 1, "maximum": 10_000_000},
        "currency": {"type": "string", "enum": ["AED", "SAR", "QAR", "USD"]},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer"}},
                "required": ["sku", "quantity"],
            },
        },
    },
    "required": ["order_id", "amount"],
}


@dataclass(frozen=True, slots=True)
class World:
    """A configuration and the calls that are made in it."""

    configuration: Configuration
    policies: int

    @property
    def agents(self) -> tuple[Agent, ...]:
        """Every agent."""
        return tuple(self.configuration.agents.values())

    def run(self, number: int, salt: bytes = b"s" * 32) -> Run:
        """Return one run; agents take turns."""
        agent = self.agents[number % len(self.agents)]
        return Run(
            id=RunId(f"run_{number:018d}"),
            workspace=WORKSPACE,
            agent=agent.name,
            team=agent.team,
            release=RELEASE,
            on_behalf_of=UserId(f"user:buyer-{number % 50}"),
            purpose=agent.purpose,
            started_at=NOW,
            key=KeyId(f"{WORKSPACE}/run_{number:018d}"),
            salt=salt,
        )

    def action(self, run: Run, number: int, seed: random.Random, lines: int = 0) -> Action:
        """Return the call number `number` of a run: a granted tool, arguments as an order has them."""
        grants = self.configuration.agents[run.agent].remit.grants
        tool = self.configuration.tools[grants[number % len(grants)].tool]
        return Action(
            id=ActionId(RandomIds().new("act")),
            workspace=WORKSPACE,
            run=run.id,
            agent=run.agent,
            kind=ActionKind.TOOL,
            target=tool.name,
            arguments=arguments(seed, lines),
            cost=Cost(micros=tool.cost_per_call),
            on_behalf_of=run.on_behalf_of,
        )

    def calls(self, rules: Ruleset, count: int, lines: int = 0) -> Iterator[Prepared]:
        """Yield prepared calls of different agents and tools."""
        r = random.Random(count)
        for number in range(count):
            run = self.run(number)
            yield prepare(rules, run, self.action(run, r.randrange(GRANTS), r, lines))


def arguments(seed: random.Random, lines: int = 0) -> dict[str, JsonValue]:
    """Return what is said of an order: four plain values and, where asked for, a list of lines."""
    order: dict[str, JsonValue] = {
        "order_id": f"PO-{seed.randint(10_000, 99_999)}",
        "supplier": seed.choice(["Najd Electric", "Gulf Cable", "Doha Steel"]),
        "amount": seed.randint(1, 4_000),
        "currency": "AED",
    }
    if lines:
        order["lines"] = [
            {"sku": f"ELC-{seed.randint(100, 999)}", "quantity": seed.randint(1, 40)} for _ in range(lines)
        ]
    return order


def world(policies: int) -> World:
    """Return a company with about as many policies, grants counted."""
    count = max(1, policies // (GRANTS + WRITTEN))
    tools = tuple(_tool(n) for n in range(max(GRANTS, count * 2)))
    agents = tuple(_agent(n, tools) for n in range(count))
    people = tuple(Person(UserId(f"user:buyer-{n}")) for n in range(50))
    configuration = Configuration(
        settings=Settings(WORKSPACE, "Asia/Dubai"),
        agents={agent.name: agent for agent in agents},
        tools={tool.name: tool for tool in tools},
        policies=(PolicyFile("policies/all.cedar", "\n".join(_written(agents, tools))),),
        budgets=_budgets(),
        people={person.id: person for person in people},
        groups={GroupName("finance"): Group(GroupName("finance"), (people[0].id, people[1].id))},
    )
    return World(configuration, count * (GRANTS + WRITTEN))


def _tool(number: int) -> Tool:
    return Tool(
        name=ToolName(f"erp{number // 10}.tool_{number}"),
        server=f"erp{number // 10}",
        effect=_EFFECTS[number % len(_EFFECTS)],
        description="Does something in the enterprise's own system.",
        input_schema=_SCHEMA,
        cost_per_call=Micros(100),
    )


def _agent(number: int, tools: tuple[Tool, ...]) -> Agent:
    granted = [tools[(number * 2 + step) % len(tools)] for step in range(GRANTS)]
    return Agent(
        name=AgentName(f"agent-{number}"),
        owner=UserId("user:buyer-0"),
        purpose="Keep the stock filled at fair prices.",
        team=TeamName(f"team-{number // 8}"),
        role=f"role-{number // 4}",
        remit=Remit(
            grants=tuple(
                Grant(tool.name, when="context.input.amount <= 5000" if n % 2 else "") for n, tool in enumerate(granted)
            ),
            limits=_UNLIMITED,
            budgets=(_budget("run-cost", BudgetLevel.RUN, BudgetUnit.MICRO_USD, BudgetWindow.RUN),),
        ),
    )


def _written(agents: tuple[Agent, ...], tools: tuple[Tool, ...]) -> Iterator[str]:
    for n, agent in enumerate(agents):
        tool = tools[n * 2 % len(tools)].name
        yield (
            f'@id("amount-{n}") @reason("too much at once") forbid(principal, action == Action::"{tool}", resource)'
            " when { context.input.amount > 9000 };"
        )
        yield (
            f'@id("hold-{n}") @hold("finance") @reason("needs a second pair of eyes")'
            f' forbid(principal == Agent::"{agent.name}", action == Action::"{tool}", resource)'
            " when { context.input.amount > 4500 };"
        )
        yield (
            f'@id("role-{n}") @reason("not in this role") forbid(principal in Role::"{agent.role}",'
            f' action == Action::"{tool}", resource) when {{ context.call.depth > 2 }};'
        )
    yield '@id("night") forbid(principal, action in Action::"delete", resource) when { context.call.hour < 6 };'
    yield '@id("deep") forbid(principal, action in Action::"pay", resource) when { context.call.depth > 3 };'


def _budgets() -> tuple[Budget, ...]:
    return (
        _budget("company-day", BudgetLevel.WORKSPACE, BudgetUnit.MICRO_USD, BudgetWindow.DAY),
        _budget("team-month", BudgetLevel.TEAM, BudgetUnit.MICRO_USD, BudgetWindow.MONTH),
        _budget("agent-hour", BudgetLevel.AGENT, BudgetUnit.CALLS, BudgetWindow.HOUR),
    )


def _budget(name: str, level: BudgetLevel, unit: BudgetUnit, window: BudgetWindow) -> Budget:
    return Budget(BudgetName(name), level, unit, window, ENOUGH, timezone="Asia/Dubai")


def facts_of(call: Prepared) -> Facts:
    """Return what a transaction would have loaded in the middle of a run."""
    run = call.run

    def scope(kind: ScopeKind, name: str) -> Scope:
        return Scope(scope_id(kind, WORKSPACE, name), kind)

    in_run = scope(ScopeKind.RUN, run.id)
    in_run.progress = Progress(steps=12, tool_calls=9, model_calls=3, calls={call.action.target: 2})
    facts = Facts(
        now=Instant(NOW + 60_000_000),
        workspace=scope(ScopeKind.WORKSPACE, ""),
        team=None if run.team is None else scope(ScopeKind.TEAM, run.team),
        agent=scope(ScopeKind.AGENT, run.agent),
        user=scope(ScopeKind.USER, run.on_behalf_of),
        run=in_run,
    )
    effects.reserve(facts, call)  # as an earlier call left the budgets
    return facts
