"""The entities of a workspace: who is in which role, team and group, and which tools a server offers.

They are the same for every request of a release: what changes from call to call stands in the context.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from remit.domain.release import Agent, Configuration, Tool
from remit.policy.schema import environments
from remit.policy.scopes import Hierarchy, Uid, uid


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity with its direct parents and its attributes in Cedar's JSON form."""

    uid: Uid
    parents: tuple[Uid, ...] = ()
    attributes: tuple[tuple[str, object], ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the entity in Cedar's JSON format for entities."""
        return {
            "uid": _reference(self.uid),
            "parents": [_reference(parent) for parent in self.parents],
            "attrs": dict(self.attributes),
        }


def _reference(entity: Uid) -> dict[str, str]:
    return {"type": str(entity.type), "id": entity.id}


def entities(configuration: Configuration) -> tuple[Entity, ...]:
    """Return every entity of the workspace. Roles, teams and servers exist by being named."""
    found = {entity.uid: entity for entity in _listed(configuration)}
    for entity in tuple(found.values()):
        for parent in entity.parents:
            found.setdefault(parent, Entity(parent))
    return tuple(found.values())


def entities_json(configuration: Configuration) -> str:
    """Return the entities as the JSON text the official implementation loads."""
    return orjson.dumps([entity.as_json() for entity in entities(configuration)]).decode()


def hierarchy(configuration: Configuration) -> Hierarchy:
    """Return who is in what, for entities and for actions."""
    parents = {entity.uid: entity.parents for entity in entities(configuration)}
    for environment in environments(configuration).values():
        parents[uid("Action", environment.action)] = tuple(uid("Action", group) for group in environment.groups)
    return Hierarchy.of(parents)


def _listed(configuration: Configuration) -> Iterator[Entity]:
    for agent in configuration.agents.values():
        yield _agent(agent)
        for model in agent.remit.models:
            yield Entity(uid("Model", model))
    for price in configuration.settings.prices:
        yield Entity(uid("Model", price.model))
    for tool in configuration.tools.values():
        yield _tool(tool)
    for group in configuration.groups.values():
        yield Entity(uid("Group", group.name))
    for person in configuration.people.values():
        groups = [group.name for group in configuration.groups.values() if configuration.is_member(person.id, group)]
        yield Entity(uid("User", person.id), tuple(uid("Group", name) for name in groups))


def _agent(agent: Agent) -> Entity:
    parents = [uid("Role", agent.role)] if agent.role else []
    parents += [uid("Team", agent.team)] if agent.team else []
    owner = {"__entity": {"type": "User", "id": agent.owner}}
    return Entity(
        uid("Agent", agent.name),
        tuple(parents),
        (("owner", owner), ("status", agent.status.value), ("purpose", agent.purpose)),
    )


def _tool(tool: Tool) -> Entity:
    return Entity(
        uid("Tool", tool.name),
        (uid("ToolServer", tool.server),),
        (("effect", tool.effect.value), ("reversible", tool.reversible), ("idempotent", tool.idempotent)),
    )
