"""Can this policy ever match? Cedar's own warning of an impossible policy does not reach us, so it is worked out here.

The answer is on the safe side: "never" is said only where it is certain. A condition is run over all requests at once,
keeping for each attribute the values it may still have (abstract interpretation over intervals and finite sets).
An evaluation that fails counts neither as true nor as false, since a policy that fails does not match.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cedarpy import pst

from remit.domain.release import Configuration
from remit.policy.entities import entities, hierarchy
from remit.policy.knowledge import Knowledge
from remit.policy.schema import Environment, environments
from remit.policy.scopes import Hierarchy, Uid, covers, covers_action, uid
from remit.policy.truth import assume, outcome


@dataclass(frozen=True, slots=True)
class World:
    """Every request the workspace's agents can make, apart from its context."""

    environments: Mapping[str, Environment]
    hierarchy: Hierarchy
    agents: frozenset[Uid]
    models: frozenset[Uid]

    @classmethod
    def of(cls, configuration: Configuration) -> World:
        """Return the world of a workspace."""
        known = [entity.uid for entity in entities(configuration)]
        return cls(
            environments(configuration),
            hierarchy(configuration),
            frozenset(entity for entity in known if entity.type.basename == "Agent"),
            frozenset(entity for entity in known if entity.type.basename == "Model"),
        )

    def meetings(self, tree: pst.Template) -> Iterator[Knowledge]:
        """Yield, for each action that the scope of a policy covers, who can ask for it and on what.

        A tool's action is only ever asked of that very tool.
        """
        principals = _covered(tree.principal, self.agents, self.hierarchy)
        for environment in self._named(tree.action):
            resources = self.models if environment.tool is None else {uid("Tool", environment.tool)}
            covered = _covered(tree.resource, frozenset(resources), self.hierarchy)
            if principals and covered:
                yield Knowledge(environment, self.hierarchy, principals, covered)

    def environments_of(self, tree: pst.Template) -> tuple[Environment, ...]:
        """Return the actions that a policy's action constraint covers."""
        return tuple(self._named(tree.action))

    def _named(self, constraint: pst.ActionConstraint) -> Iterator[Environment]:
        if isinstance(constraint, pst.ActionEq):
            found = self.environments.get(constraint.entity.id)
            if found is not None and constraint.entity.type.basename == "Action":
                yield found
            return
        for name, environment in self.environments.items():
            if covers_action(constraint, uid("Action", name), self.hierarchy):
                yield environment


def _covered(
    constraint: pst.PrincipalOrResourceConstraint, candidates: frozenset[Uid], hierarchy: Hierarchy
) -> frozenset[Uid]:
    if isinstance(constraint, pst.ScopeAny):
        return candidates
    if isinstance(constraint, pst.ScopeEq) and isinstance(constraint.entity, pst.EntityUid):
        return candidates & {constraint.entity}
    return frozenset(entity for entity in candidates if covers(constraint, entity, hierarchy))


def can_match(tree: pst.Template, world: World) -> bool:
    """Tell whether some valid request may make the policy match. False is certain, True is not."""
    return any(_can_hold(tree.clauses, meeting) for meeting in world.meetings(tree))


def _can_hold(clauses: tuple[pst.Clause, ...], known: Knowledge | None) -> bool:
    for clause in clauses:
        assert known is not None
        wanted = isinstance(clause, pst.When)
        found = outcome(clause.expr, known)
        if not (found.may_hold if wanted else found.may_fail):
            return False
        known = assume(clause.expr, wanted, known)
        if known is None:
            return False
    return True
