"""Names in policies that nothing has: entities, actions, annotations, groups. Cedar itself does not check ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cedarpy import pst

from remit.domain.ids import ToolName
from remit.domain.problem import Problem
from remit.domain.release import Cap, Configuration, Effect, Mask, Tool
from remit.domain.text import is_name
from remit.policy.annotations import MEANINGS, BadAnnotation, duties
from remit.policy.entities import entities
from remit.policy.reach import World
from remit.policy.schema import INVOKE, PARENT_TYPES, arguments, declared
from remit.policy.scopes import Uid
from remit.policy.shapes import Whole
from remit.policy.subjects import Subject
from remit.policy.suggestions import instead

_PLURALS = {
    "Agent": "agents",
    "Role": "roles of agents",
    "Team": "teams of agents",
    "User": "users",
    "Group": "groups",
    "Tool": "tools",
    "ToolServer": "tool servers",
    "Model": "models",
    "Action": "actions",
}


def known_names(configuration: Configuration, world: World) -> Mapping[str, frozenset[str]]:
    """Return the ids that exist, by entity type."""
    found: dict[str, set[str]] = {name: set() for name in _PLURALS}
    for entity in entities(configuration):
        found[entity.uid.type.basename].add(entity.uid.id)
    found["Action"] |= {*world.environments, *(effect.value for effect in Effect), INVOKE}
    return {name: frozenset(ids) for name, ids in found.items()}


def entity_problems(subject: Subject, known: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    """Yield the entities and entity types that a policy names and that do not exist."""
    for entity in sorted(pst.entity_uids(subject.policy.tree), key=str):
        if (kind := str(entity.type)) not in known:
            yield _unknown_type(subject, kind)
        elif entity.id not in known[kind]:
            yield _unknown(subject, entity, known[kind])
    for kind in sorted({*_tested_types(subject.policy.tree)} - known.keys()):
        yield _unknown_type(subject, kind)


def _unknown(subject: Subject, entity: Uid, known: frozenset[str]) -> Problem:
    kind = entity.type.basename
    return subject.problem(
        f"there is no {kind} `{entity.id}`",
        instead(entity.id, known, _PLURALS[kind]),
        field=f"{kind}::{entity.id}",
        word=entity.id,
    )


def _unknown_type(subject: Subject, kind: str) -> Problem:
    remedy = instead(kind, (*PARENT_TYPES, "Action"), "entity types")
    return subject.problem(f"there is no entity type `{kind}`", remedy, field=kind, word=kind)


def _tested_types(tree: pst.Template) -> Iterator[str]:
    for constraint in (tree.principal, tree.resource):
        if isinstance(constraint, pst.ScopeIs | pst.ScopeIsIn):
            yield str(constraint.entity_type)


def annotation_problems(subject: Subject, configuration: Configuration, world: World) -> Iterator[Problem]:
    """Yield what is wrong with the annotations of a written policy."""
    annotations = subject.policy.tree.annotations
    effect = subject.policy.tree.effect
    for name in annotations:
        if name not in MEANINGS:
            remedy = instead(name, MEANINGS, "annotations")
            yield _at(subject, name, f"there is no annotation @{name}", remedy)
        elif name == "hold" and effect != "forbid":
            yield _at(subject, name, "@hold stands on a permit", "Hold with a forbid: it denies until approved")
        elif name in ("mask", "cap") and effect != "permit":
            yield _at(subject, name, f"@{name} stands on a forbid", "A denied call has no arguments to change")
    if "id" in annotations and not is_name(annotations["id"]):
        message = f"`{annotations['id']}` is no name"
        yield _at(subject, "id", message, "Use letters, digits, `.`, `_` and `-`, at most 128")
    group = annotations.get("hold")
    if group is not None and group not in configuration.groups:
        remedy = instead(group, configuration.groups, "groups")
        yield _at(subject, "hold", f"there is no group `{group}`", remedy)
    yield from _duty_problems(subject, configuration, world)


def _at(subject: Subject, name: str, message: str, remedy: str) -> Problem:
    return subject.problem(message, remedy, field=f"@{name}", word=name)


def _duty_problems(subject: Subject, configuration: Configuration, world: World) -> Iterator[Problem]:
    tree = subject.policy.tree
    try:
        found = duties(tree.annotations.items())
    except BadAnnotation as error:
        name = str(error).partition(" ")[0].removeprefix("@")
        yield _at(subject, name, str(error), "Correct the annotation")
        return
    for meeting in world.meetings(tree) if found else ():
        tool = configuration.tools.get(meeting.environment.tool or ToolName(""))
        for duty in found:
            name = "mask" if isinstance(duty, Mask) else "cap"
            if tool is None:
                message = "the arguments of a model call can not be changed"
                yield _at(subject, name, message, "Name the tools in the scope of the policy")
            elif fault := duty_fault(tool, duty):
                yield _at(subject, name, *fault)


def duty_fault(tool: Tool, duty: Mask | Cap) -> tuple[str, str] | None:
    """Return message and remedy where a tool has no such argument, or none that can be capped."""
    if duty.field not in declared(tool):
        remedy = instead(duty.field, declared(tool), f"arguments of {tool.name}")
        return f"`{tool.name}` has no argument `{duty.field}`", remedy
    if isinstance(duty, Cap):
        member = arguments(tool).members.get(duty.field)
        if member is None or not isinstance(member.shape, Whole):
            return f"`{duty.field}` of `{tool.name}` is no integer", "Cap an integer argument"
    return None
