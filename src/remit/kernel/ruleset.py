"""A release made ready to decide: schemas compiled, grants and budgets indexed, policies sliced. Immutable."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from cedarpy import pst
from jsonschema_rs import Draft202012Validator

from remit.domain.facts import ScopeKind
from remit.domain.ids import AgentName, BudgetName, ReleaseId, ToolName, UserId
from remit.domain.release import Agent, Budget, BudgetLevel, BudgetUnit, Configuration, Grant, Tool
from remit.domain.spelling import spellings
from remit.kernel.schema import closed
from remit.policy.authorizer import Authorizer, ToolInput
from remit.policy.compiled.shelf import Shelf
from remit.policy.schema import MODEL_CALL

_SCOPE = {level: ScopeKind(level.value) for level in BudgetLevel}


@dataclass(frozen=True, slots=True)
class Charge:
    """A budget that an agent's actions count against, and the scope whose row holds its state."""

    budget: Budget
    scope: ScopeKind
    zone: ZoneInfo

    def applies_to(self, user: UserId) -> bool:
        """Tell whether actions on behalf of `user` count; only a user's budget asks."""
        return self.scope is not ScopeKind.USER or self.budget.subject in (None, user)


class Ruleset:
    """What decide() needs of a release. Safe to share between threads: nothing in it changes after construction.

    Releases that share a shelf compile what they have in common once.
    """

    def __init__(self, release: ReleaseId, configuration: Configuration, shelf: Shelf | None = None) -> None:
        self.release = release
        self.configuration = configuration
        self.authorizer = Authorizer.of(configuration, shelf=shelf)
        self.zone = ZoneInfo(configuration.settings.timezone)
        self._validators = {
            name: Draft202012Validator(closed(tool.input_schema), validate_formats=True)
            for name, tool in configuration.tools.items()
        }
        self._spelt = spellings(configuration.tools)
        self._spellings = {name: spelt for spelt, name in self._spelt.items()}
        self._inputs = {name: ToolInput.of(tool) for name, tool in configuration.tools.items()}
        self._grants: Mapping[AgentName, Mapping[ToolName, Grant]] = {
            name: {grant.tool: grant for grant in agent.remit.grants} for name, agent in configuration.agents.items()
        }
        self._charges = {name: self._charges_of(agent) for name, agent in configuration.agents.items()}

    def officially(self) -> Ruleset:
        """Return the same rules with every question put to the official implementation."""
        rules = copy.copy(self)
        rules.authorizer = self.authorizer.officially()
        return rules

    def agent(self, name: AgentName) -> Agent | None:
        """Return the agent, or None where the release knows none of that name."""
        return self.configuration.agents.get(name)

    def tool(self, name: str) -> Tool | None:
        """Return the tool, or None where the release knows none of that name."""
        return self.configuration.tools.get(ToolName(name))

    def spelt(self, tool: ToolName) -> str:
        """Return the name under which clients see a known tool."""
        return self._spellings[tool]

    def named(self, spelt: str) -> ToolName:
        """Return the name of the tool that a client calls so: its own name, or as clients see it. Else what it said."""
        name = ToolName(spelt)
        return name if name in self.configuration.tools else self._spelt.get(spelt, name)

    def grant(self, agent: AgentName, tool: str) -> Grant | None:
        """Return what the agent's remit says of the tool, or None where it does not list it."""
        return self._grants.get(agent, {}).get(ToolName(tool))

    def validator(self, tool: ToolName) -> Draft202012Validator:
        """Return the compiled schema of a known tool."""
        return self._validators[tool]

    def input(self, tool: ToolName) -> ToolInput:
        """Return how a known tool's arguments become the policies' input."""
        return self._inputs[tool]

    def reads_temporal(self, agent: AgentName, target: str, names: Iterable[str]) -> bool:
        """Tell whether a policy that has a say in an action names one of these temporal facts."""
        is_tool = ToolName(target) in self.configuration.tools
        action, kind = (target, "Tool") if is_tool else (MODEL_CALL, "Model")
        policies = (self.authorizer.policy(id) for id in self.authorizer.slice_of(agent, action, kind, target))
        texts = [policy.statement.text for policy in policies if policy is not None]
        return any(name in text for name in names for text in texts)

    def decides_alike(self, other: Ruleset, agent: AgentName, tool: ToolName) -> bool:
        """Tell whether other rules decide every call of a tool by an agent as these do; true is certain, false is not.

        All that a decision reads of a release is looked at: the agent, the tool, the policies of the slice, and as a
        whole whatever is not of one agent or tool alone. Models are not asked about: prices may come from elsewhere.
        """
        ours, theirs = self.configuration, other.configuration
        if agent not in ours.agents or tool not in ours.tools:
            return False
        return (
            ours.agents[agent] == theirs.agents.get(agent)
            and ours.tools[tool] == theirs.tools.get(tool)
            and replace(ours, policies=(), agents={}, tools={}) == replace(theirs, policies=(), agents={}, tools={})
            # A condition may read any entity by its name.
            and self.authorizer.known == other.authorizer.known
            and self._slice(agent, tool) == other._slice(agent, tool)
        )

    def _slice(self, agent: AgentName, tool: ToolName) -> dict[str, pst.Template | None]:
        names = self.authorizer.slice_of(agent, tool, "Tool", tool)
        found = {name: self.authorizer.policy(name) for name in names}
        return {name: None if policy is None else policy.tree for name, policy in found.items()}

    def charges(self, agent: AgentName) -> tuple[Charge, ...]:
        """Return the budgets that this agent's actions count against, widest level first."""
        return self._charges.get(agent, ())

    def budget(self, name: BudgetName) -> Budget | None:
        """Return a budget by name, wherever it is written."""
        written = [*self.configuration.budgets]
        written += [budget for agent in self.configuration.agents.values() for budget in agent.remit.budgets]
        return next((budget for budget in written if budget.name == name), None)

    def has_money_budget(self, agent: AgentName, user: UserId) -> bool:
        """Tell whether an action without a known price must be denied."""
        money = BudgetUnit.MICRO_USD
        return any(charge.budget.unit is money and charge.applies_to(user) for charge in self.charges(agent))

    def _charges_of(self, agent: Agent) -> tuple[Charge, ...]:
        subjects = {BudgetLevel.TEAM: agent.team, BudgetLevel.AGENT: agent.name, BudgetLevel.RUN: agent.name}

        def concerns(budget: Budget) -> bool:
            if budget.level is BudgetLevel.TEAM and agent.team is None:
                return False
            return budget.subject is None or budget.level not in subjects or budget.subject == subjects[budget.level]

        budgets = [budget for budget in self.configuration.budgets if concerns(budget)]
        budgets += agent.remit.budgets
        order = list(BudgetLevel)
        budgets.sort(key=lambda budget: (order.index(budget.level), budget.name))
        return tuple(Charge(budget, _SCOPE[budget.level], ZoneInfo(budget.timezone)) for budget in budgets)
