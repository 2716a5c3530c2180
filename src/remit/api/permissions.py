"""What an agent may do, and who may use a tool: the conditions that remain before anybody tries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from fastapi import Query

from remit.api.access import allow, people
from remit.api.policies import rules_of
from remit.api.route import Route
from remit.api.shapes import Asker, Shown, missing
from remit.api.use_cases import UseCases
from remit.domain.facts import Scope, ScopeKind, scope_id
from remit.domain.ids import AgentName, ModelName, WorkspaceName
from remit.domain.messages import Language
from remit.domain.permission import Bar, May, Permission, say_permission
from remit.domain.release import Agent, Configuration
from remit.kernel.ruleset import Ruleset
from remit.policy.remaining import Permissions

In = Annotated[Language, Query(description="The language of the words.")]
Named = Annotated[str, Query(max_length=300)]


class ConditionShown(Shown):
    """One policy that can match: where all of `needs` hold, or always. `stance` is as in explanations."""

    policy: str
    stance: str
    needs: list[str]
    file: str
    line: int
    approvers: str
    reason: str


class PermissionShown(Shown):
    """Whether an agent may use a tool or a model: `may` is always, if, held or never; `bar` says why never."""

    agent: str
    target: str
    may: str
    bar: str | None
    words: str
    conditions: list[ConditionShown]
    calls_per_run: int | None


class PermissionsShown(Shown):
    """Permissions under a release; stops are those in force now."""

    release: str
    permissions: list[PermissionShown]


class PermissionRoutes:
    """Permissions."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/permissions/of/{agent}", self.of, PermissionsShown)
        yield Route("GET", "/permissions/for", self.whose, PermissionsShown)

    @allow(people())
    def of(
        self, agent: str, caller: Asker, tool: Named = "", release: Named = "", language: In = "en"
    ) -> PermissionsShown:
        """Return what an agent may do: each tool and model of its remit, or just one.

        Policies, grants, the agent's status and stops are looked at; budgets and limits depend on what happened before.
        """
        rules = rules_of(self._use, caller, release)
        found = rules.agent(AgentName(agent))
        if found is None:
            raise missing("agent", agent)
        if tool and not _is_there(rules.configuration, tool):
            raise missing("tool", tool)
        asked = Permissions(rules.authorizer, rules.configuration)
        permissions = [asked.of(found, tool)] if tool else list(asked.of_agent(found))
        return self._shown(rules, caller.workspace, permissions, language)

    @allow(people())
    def whose(self, tool: Named, caller: Asker, release: Named = "", language: In = "en") -> PermissionsShown:
        """Return which agents have a tool or a model (`provider/name`) in their remit, and what they may do with it."""
        rules = rules_of(self._use, caller, release)
        if not _is_there(rules.configuration, tool):
            raise missing("tool", tool)
        asked = Permissions(rules.authorizer, rules.configuration)
        listing = [agent for agent in rules.configuration.agents.values() if _lists(agent, tool)]
        return self._shown(rules, caller.workspace, [asked.of(agent, tool) for agent in listing], language)

    def _shown(
        self, rules: Ruleset, workspace: WorkspaceName, found: list[Permission], language: Language
    ) -> PermissionsShown:
        whole = self._scope(ScopeKind.WORKSPACE, workspace)
        agents = {each.agent: self._agent_stopped(rules, workspace, each.agent) for each in found}
        told = []
        for each in found:
            stopped = agents[each.agent] or self._holds(whole, "", f"tool:{each.target}", f"model:{each.target}")
            stopped = stopped and each.may is not May.NEVER
            told.append(_told(replace(each, may=May.NEVER, bar=Bar.STOPPED) if stopped else each, language))
        return PermissionsShown(release=rules.release, permissions=told)

    def _agent_stopped(self, rules: Ruleset, workspace: WorkspaceName, name: str) -> bool:
        agent = rules.agent(AgentName(name))
        team = None if agent is None or agent.team is None else self._scope(ScopeKind.TEAM, workspace, agent.team)
        return self._holds(self._scope(ScopeKind.AGENT, workspace, name), "") or self._holds(team, "")

    def _scope(self, kind: ScopeKind, workspace: WorkspaceName, name: str = "") -> Scope | None:
        return self._use.store.scope(scope_id(kind, workspace, name))

    def _holds(self, scope: Scope | None, *what: str) -> bool:
        now = self._use.clock.now()
        stops = {} if scope is None else scope.stops
        return any(name in stops and stops[name].holds_at(now) for name in what)


def _is_there(configuration: Configuration, target: str) -> bool:
    models = {model for agent in configuration.agents.values() for model in agent.remit.models}
    return target in configuration.tools or target in models


def _lists(agent: Agent, target: str) -> bool:
    return any(grant.tool == target for grant in agent.remit.grants) or ModelName(target) in agent.remit.models


def _told(found: Permission, language: Language) -> PermissionShown:
    return PermissionShown(
        agent=found.agent,
        target=found.target,
        may=found.may.value,
        bar=None if found.bar is None else found.bar.value,
        words=say_permission(found, language),
        conditions=[
            ConditionShown(
                policy=each.policy,
                stance=each.stance.value,
                needs=list(each.needs),
                file=each.file,
                line=each.line,
                approvers=each.approvers,
                reason=each.reason,
            )
            for each in found.conditions
        ],
        calls_per_run=found.calls_per_run,
    )
