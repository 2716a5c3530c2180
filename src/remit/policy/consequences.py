"""What a change of policies and grants does to actions, found by search: near the thresholds, and among recorded ones.

Only calls whose agent, tool or slice changed are searched. What is found is certain; that nothing else changes is not.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cedarpy import pst

from remit.domain.consequence import NO_AGENT, NO_PERMIT, NO_TOOL, NOT_ACTIVE, NOT_GRANTED, UNFIT, Consequence
from remit.domain.ids import AgentName, ToolName
from remit.domain.release import AgentStatus, Configuration, Grant
from remit.policy.authorizer import Authorizer
from remit.policy.call import TEMPORAL
from remit.policy.comparison import GivenCall
from remit.policy.compiled.values import Ref, SetValue, Value
from remit.policy.conditions import Path
from remit.policy.entities import hierarchy
from remit.policy.inputs import Input
from remit.policy.knowledge import Knowledge
from remit.policy.near import Near
from remit.policy.request import PolicyRequest
from remit.policy.schema import MODEL_CALL, Environment, environments
from remit.policy.scopes import Hierarchy, uid
from remit.policy.shapes import EntityOf, Many, Record, Shape, Text, Truth, Whole
from remit.policy.statements import Policy
from remit.policy.truth import assume

MOST = 6_000
"""Requests that are made of one change: a second or two."""
MOST_PER_CALL = 400
_LEAST_PER_CALL = 16
MOST_FOUND = 200
_MOST_SHOWN = 60

Named = tuple[str, PolicyRequest]
"""A recorded action's id, and what the policies are asked of it."""


class Side:
    """The rules before or after a change."""

    def __init__(self, configuration: Configuration, authorizer: Authorizer) -> None:
        self.configuration = configuration
        self.authorizer = authorizer.apart()
        self.environments = environments(configuration)
        self.hierarchy: Hierarchy = hierarchy(configuration)
        self._temporal = [fact.name for fact in configuration.settings.temporal]

    def slice_of(self, agent: str, target: str) -> dict[str, Policy]:
        """Return the policies that have a say, by id."""
        action, kind = self._asked(target)
        names = self.authorizer.slice_of(agent, action, kind, target)
        return {name: policy for name in names if (policy := self.authorizer.policy(name)) is not None}

    def environment(self, target: str) -> Environment | None:
        """Return what policies meet when a target is asked for; None where there is no such tool."""
        return self.environments.get(self._asked(target)[0])

    def resource_type(self, target: str) -> str:
        """Return `Tool` or `Model`."""
        return self._asked(target)[1]

    def _asked(self, target: str) -> tuple[str, str]:
        return (
            (MODEL_CALL, "Model")
            if "/" in target and ToolName(target) not in self.configuration.tools
            else (target, "Tool")
        )

    def grant(self, agent: str, target: str) -> Grant | str | None:
        """Return what a remit says of a target: a grant, a model's name, or None."""
        found = self.configuration.agents.get(AgentName(agent))
        if found is None:
            return None
        if self.resource_type(target) == "Model":
            return target if target in found.remit.models else None
        return next((grant for grant in found.remit.grants if grant.tool == target), None)

    def verdict(self, asked: PolicyRequest) -> tuple[str, str]:
        """Return `allow`, `hold` or `deny`, and what speaks against the action."""
        agent, target = asked.agent, asked.resource
        found, environment = self.configuration.agents.get(agent), self.environment(target)
        if found is None or environment is None:
            return "deny", NO_AGENT if found is None else NO_TOOL
        if found.status is not AgentStatus.ACTIVE:
            return "deny", NOT_ACTIVE[found.status.value]
        if self.grant(agent, target) is None:
            return "deny", NOT_GRANTED
        if asked.input.values is None or not _fits(environment.input, asked.input.values):
            return "deny", UNFIT
        answer = self.authorizer.authorize(asked._replace(call=GivenCall(self._call(asked))))
        if answer.forbids:
            return "deny", answer.forbids[0][0]
        if not answer.permitted:
            return "deny", answer.errors[0] if answer.errors else NO_PERMIT
        return ("hold", answer.holds[0].id) if answer.holds else ("allow", "")

    def _call(self, asked: PolicyRequest) -> dict[str, Value]:
        """Return the facts of a call with the temporal facts that these rules declare; one not counted yet is 0."""
        call = dict(asked.call(True))
        counted = call.pop(TEMPORAL, {})
        if self._temporal:
            known = counted if isinstance(counted, dict) else {}
            call[TEMPORAL] = {name: known.get(name, 0) for name in self._temporal}
        return call


_Key = tuple[str, str, str, str]
"""Target, before, after and cause."""


@dataclass(slots=True)
class _Found:
    agents: dict[str, None] = field(default_factory=dict)
    example: Mapping[str, str] = field(default_factory=dict)
    action: str = ""
    recorded: int = 0


class Search:
    """Looks for actions that two sets of rules decide differently. Used once, by one thread."""

    def __init__(self, before: Side, after: Side, seed: str) -> None:
        self._before = before
        self._after = after
        self._choice = random.Random(seed)  # noqa: S311 - nobody gains by guessing it
        self._found: dict[_Key, _Found] = {}

    def run(self, recorded: Iterable[Named] = ()) -> tuple[Consequence, ...]:
        """Return what was found: what is allowed now first, then what is held, then what is denied."""
        changed = list(self._changed())
        each = max(_LEAST_PER_CALL, min(MOST_PER_CALL, MOST // max(1, len(changed))))
        for agent, target in changed[: MOST // _LEAST_PER_CALL]:
            self._search(agent, target, each)
        pairs = set(changed)
        for action, request in recorded:
            if (request.agent, request.resource) in pairs:
                self._try(request, set(), action)
        order = {"allow": 0, "hold": 1, "deny": 2}
        keys = sorted(self._found, key=lambda key: (order[key[2]], key))
        return tuple(_consequence(key, self._found[key]) for key in keys[:MOST_FOUND])

    def _changed(self) -> Iterator[tuple[str, str]]:
        """Yield the calls that may be decided otherwise: an agent, and a target that either side grants it."""
        same_entities = self._before.authorizer.known == self._after.authorizer.known
        names = [*self._after.configuration.agents, *self._before.configuration.agents]
        for agent in dict.fromkeys(names):
            for target in self._targets(agent):
                if not same_entities or not self._is_same(agent, target):
                    yield agent, target

    def _targets(self, agent: AgentName) -> Iterator[str]:
        seen: dict[str, None] = {}
        for side in (self._after, self._before):
            found = side.configuration.agents.get(agent)
            if found is not None:
                seen.update(dict.fromkeys(grant.tool for grant in found.remit.grants))
                seen.update(dict.fromkeys(found.remit.models))
        yield from seen

    def _is_same(self, agent: str, target: str) -> bool:
        one, other = self._before, self._after
        trees = [{name: policy.tree for name, policy in side.slice_of(agent, target).items()} for side in (one, other)]
        tools = [side.configuration.tools.get(ToolName(target)) for side in (one, other)]
        statuses = [
            None if (found := side.configuration.agents.get(AgentName(agent))) is None else found.status
            for side in (one, other)
        ]
        return (
            trees[0] == trees[1]
            and tools[0] == tools[1]
            and statuses[0] == statuses[1]
            and (one.grant(agent, target) is None) == (other.grant(agent, target) is None)
        )

    def _search(self, agent: str, target: str, most: int) -> None:
        side = self._before if self._after.environment(target) is None else self._after
        environment = side.environment(target)
        if environment is None:
            return
        slices = [one.slice_of(agent, target) for one in (self._before, self._after)]
        policies = {(policy.id, policy.tree): policy for each in slices for policy in each.values()}
        near = Near((clause.expr for one in policies.values() for clause in one.tree.clauses), self._choice)
        kind = side.resource_type(target)
        anything = Knowledge(
            environment, side.hierarchy, frozenset({uid("Agent", agent)}), frozenset({uid(kind, target)})
        )
        aims = [anything, *self._aims(list(policies.values()), anything)]
        for number in range(most):
            known = aims[number % len(aims)]
            made = Input(near.record(environment.input, ("context", "input"), known))
            call = GivenCall(near.record(environment.call, ("context", "call"), known))
            self._try(PolicyRequest(AgentName(agent), environment.action, kind, target, made, call), near.read)

    def _aims(self, policies: list[Policy], anything: Knowledge) -> Iterator[Knowledge]:
        """Yield what is known of requests that one policy matches, and of those that a permit and another one do."""
        permits = [known for one in policies if one.tree.effect == "permit" and (known := _matching(one, anything))]
        yield from permits
        for one in policies:
            for base in (anything, *permits) if one.tree.effect == "forbid" else ():
                if known := _matching(one, base):
                    yield known

    def _try(self, request: PolicyRequest, read: set[Path], action: str = "") -> None:
        before, why_before = self._before.verdict(request)
        after, why_after = self._after.verdict(request)
        if before == after:
            return
        cause = why_before if after == "allow" else why_after
        found = self._found.setdefault((request.resource, before, after, cause), _Found())
        if not found.agents and not action:
            found.example = _shown(request, read)
        found.agents.setdefault(request.agent)
        if action:
            found.action = found.action or action
            found.recorded += 1


def _matching(policy: Policy, known: Knowledge) -> Knowledge | None:
    found: Knowledge | None = known
    for clause in policy.tree.clauses:
        found = None if found is None else assume(clause.expr, isinstance(clause, pst.When), found)
    return found


def _consequence(key: _Key, found: _Found) -> Consequence:
    target, before, after, cause = key
    return Consequence(tuple(found.agents), target, before, after, cause, found.example, found.action, found.recorded)


def _shown(request: PolicyRequest, read: set[Path]) -> dict[str, str]:
    """Return the attributes that are read, by what a person calls them: an argument's name, or `call.hour`."""
    whole: dict[str, Value] = {"input": request.input.values or {}, "call": request.call(True)}
    found = ((path, _at(whole, path[1:])) for path in sorted(read))
    return {
        ".".join(path[2:] if path[1] == "input" else path[1:]): _text(value)
        for path, value in found
        if value is not None and not isinstance(value, dict)
    }


def _at(value: Value, path: Path) -> Value | None:
    """Return what stands at a path of records, or None."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SetValue):
        return f"[{', '.join(map(_text, value.items))}]"[:_MOST_SHOWN]
    if isinstance(value, Ref):
        return value.id[:_MOST_SHOWN]
    return (f'"{value}"' if isinstance(value, str) else str(value))[:_MOST_SHOWN]


def _fits(shape: Shape, value: Value) -> bool:
    """Tell whether a value is one that a shape allows."""
    match shape:
        case Whole(minimum=low, maximum=high):
            return type(value) is int and low <= value <= high
        case Text(choices=choices):
            return isinstance(value, str) and (choices is None or value in choices)
        case Truth():
            return isinstance(value, bool)
        case EntityOf(type=kind):
            return isinstance(value, Ref) and value.type == kind
        case Many(element=element):
            return isinstance(value, SetValue) and all(_fits(element, item) for item in value.items)
        case Record(members=members):
            if not isinstance(value, dict) or not value.keys() <= members.keys():
                return False
            needed = (name for name, member in members.items() if member.required)
            return all(name in value for name in needed) and all(
                _fits(members[name].shape, part) for name, part in value.items()
            )
