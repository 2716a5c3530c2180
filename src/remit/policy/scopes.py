"""Which principals, actions and resources the scope of a policy covers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cedarpy import pst

Uid = pst.EntityUid

_NOBODY: frozenset[Uid] = frozenset()


def uid(type_name: str, name: str) -> Uid:
    """Return the id of an entity whose type has no namespace."""
    return Uid(pst.EntityType(type_name), name)


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Who is in what, directly or not. An entity that is not listed is in nothing but itself."""

    ancestors: Mapping[Uid, frozenset[Uid]]

    @classmethod
    def of(cls, parents: Mapping[Uid, Iterable[Uid]]) -> Hierarchy:
        """Close `parents` over any number of steps."""
        return cls({child: _reach(child, parents) for child in parents})

    def above(self, entity: Uid) -> frozenset[Uid]:
        """Return everything `entity` is in, without itself."""
        return self.ancestors.get(entity, _NOBODY)

    def within(self, entity: Uid, other: Uid) -> bool:
        """Tell what Cedar's `entity in other` says: an entity is in itself."""
        return entity == other or other in self.above(entity)


def _reach(child: Uid, parents: Mapping[Uid, Iterable[Uid]]) -> frozenset[Uid]:
    found: set[Uid] = set()
    left = list(parents.get(child, ()))
    while left:
        parent = left.pop()
        if parent not in found:
            found.add(parent)
            left.extend(parents.get(parent, ()))
    return frozenset(found)


def named(entity: Uid | pst.Slot) -> Uid:
    """Return the entity a scope names.

    Raises:
        TypeError: it is the slot of a template, which names nobody yet.
    """
    if isinstance(entity, pst.Slot):
        raise TypeError(f"?{entity.name} is the slot of a template")
    return entity


def covers(constraint: pst.PrincipalOrResourceConstraint, entity: Uid, hierarchy: Hierarchy) -> bool:
    """Tell whether a principal or resource constraint admits `entity` (Cedar reference, "Policy scope")."""
    match constraint:
        case pst.ScopeAny():
            return True
        case pst.ScopeEq(entity=other):
            return entity == named(other)
        case pst.ScopeIn(entity=other):
            return hierarchy.within(entity, named(other))
        case pst.ScopeIs(entity_type=kind):
            return entity.type == kind
        case pst.ScopeIsIn(entity_type=kind, entity=other):
            return entity.type == kind and hierarchy.within(entity, named(other))


def covers_action(constraint: pst.ActionConstraint, action: Uid, hierarchy: Hierarchy) -> bool:
    """Tell whether an action constraint admits `action`. `==` never admits a member of a group, `in` does."""
    match constraint:
        case pst.ScopeAny():
            return True
        case pst.ActionEq(entity=other):
            return action == other
        case pst.ActionIn(entities=others):
            return any(hierarchy.within(action, other) for other in others)


def covers_request(policy: pst.Template, principal: Uid, action: Uid, resource: Uid, hierarchy: Hierarchy) -> bool:
    """Tell whether the scope of `policy` admits the request; its conditions are not looked at."""
    return (
        covers_action(policy.action, action, hierarchy)
        and covers(policy.principal, principal, hierarchy)
        and covers(policy.resource, resource, hierarchy)
    )
