"""The few policies that can have a say in a request, found without looking at the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cedarpy import pst

from remit.policy.scopes import Hierarchy, Uid, covers_request, named

# One side of a key: how a constraint narrows, and by what. `("is", type)` and `("any",)` make up the rest.
_Key = tuple[str, Uid] | tuple[str, pst.EntityType] | tuple[str]
_ANY: _Key = ("any",)

Class = tuple[pst.EntityType, Uid | None, frozenset[Uid]]
"""A type, the entity itself where a scope names it, and what it is in, as far as scopes name that.

There are no more classes than scopes make, however many entities ask.
"""


@dataclass(frozen=True, slots=True)
class PolicyIndex:
    """Policies by action, then principal, then resource constraint.

    A slice holds every policy whose scope admits the request and no other, so that evaluating the slice gives
    the decision, the determining policies and the errors of the whole set: Cedar skips a policy whose scope does
    not match before it looks at its conditions. `==` and `in` have keys of their own: an `action ==` found
    through a group would be a policy that matches where it must not.

    The cost of a slice grows with the policies whose three constraints could each admit the request and with
    the depth of the hierarchy, not with the number of policies.
    """

    _ids: tuple[str, ...]
    _trees: tuple[pst.Template, ...]
    _hierarchy: Hierarchy
    _positions: Mapping[tuple[_Key, _Key, _Key], tuple[int, ...]]
    _principals: frozenset[Uid]
    _resources: frozenset[Uid]

    @classmethod
    def of(cls, policies: Iterable[tuple[str, pst.Template]], hierarchy: Hierarchy) -> PolicyIndex:
        """Index policies given as id and typed tree. `hierarchy` holds entities and actions.

        Raises:
            TypeError: a policy is a template.
        """
        pairs = tuple(policies)
        positions: dict[tuple[_Key, _Key, _Key], list[int]] = {}
        principals: set[_Key] = set()
        resources: set[_Key] = set()
        for position, (_, tree) in enumerate(pairs):
            principal, resource = _key(tree.principal), _key(tree.resource)
            principals.add(principal)
            resources.add(resource)
            for action in _action_keys(tree.action):
                positions.setdefault((action, principal, resource), []).append(position)
        return cls(
            tuple(name for name, _ in pairs),
            tuple(tree for _, tree in pairs),
            hierarchy,
            {key: tuple(found) for key, found in positions.items()},
            _entities(principals),
            _entities(resources),
        )

    def principal_class(self, entity: Uid) -> Class:
        """Return what the scopes tell principals apart by: those of one class have every slice in common."""
        return self._class(entity, self._principals)

    def resource_class(self, entity: Uid) -> Class:
        """Return what the scopes tell resources apart by."""
        return self._class(entity, self._resources)

    def _class(self, entity: Uid, told_apart: frozenset[Uid]) -> Class:
        return entity.type, entity if entity in told_apart else None, self._hierarchy.above(entity) & told_apart

    def slice(self, principal: Uid, action: Uid, resource: Uid) -> tuple[str, ...]:
        """Return the ids of the policies whose scope admits the request, in the order they were given."""
        found: set[int] = set()
        principal_keys = tuple(self._keys(principal))
        resource_keys = tuple(self._keys(resource))
        for action_key in self._keys(action):
            for principal_key in principal_keys:
                for resource_key in resource_keys:
                    found.update(self._positions.get((action_key, principal_key, resource_key), ()))
        return tuple(
            self._ids[position]
            for position in sorted(found)
            # The key of `is ... in` leaves out the type, so the scope is asked once more in full.
            if covers_request(self._trees[position], principal, action, resource, self._hierarchy)
        )

    def _keys(self, entity: Uid) -> Iterator[_Key]:
        """Yield the keys of every constraint that could admit `entity`."""
        yield _ANY
        yield ("eq", entity)
        yield ("in", entity)
        yield ("is", entity.type)
        for ancestor in self._hierarchy.above(entity):
            yield ("in", ancestor)


def _key(constraint: pst.PrincipalOrResourceConstraint) -> _Key:
    match constraint:
        case pst.ScopeAny():
            return _ANY
        case pst.ScopeEq(entity=other):
            return ("eq", named(other))
        case pst.ScopeIs(entity_type=kind):
            return ("is", kind)
        case pst.ScopeIn(entity=other) | pst.ScopeIsIn(entity=other):
            return ("in", named(other))


def _entities(keys: Iterable[_Key]) -> frozenset[Uid]:
    return frozenset(key[1] for key in keys if len(key) == 2 and isinstance(key[1], Uid))


def _action_keys(constraint: pst.ActionConstraint) -> tuple[_Key, ...]:
    match constraint:
        case pst.ScopeAny():
            return (_ANY,)
        case pst.ActionEq(entity=other):
            return (("eq", other),)
        case pst.ActionIn(entities=others):
            return tuple(dict.fromkeys(("in", other) for other in others))
