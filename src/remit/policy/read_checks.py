"""Attributes and values in conditions that no tool has, which would make a part of a policy silently dead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cedarpy import pst

from remit.domain.problem import Problem
from remit.domain.release import Configuration
from remit.policy.conditions import Path, member_at, members_of, parts, path_of, text_elements
from remit.policy.reach import World
from remit.policy.schema import ATTRIBUTES, Environment
from remit.policy.shapes import Member, Text
from remit.policy.subjects import Subject
from remit.policy.suggestions import instead


def reading_problems(subject: Subject, configuration: Configuration, world: World) -> Iterator[Problem]:
    """Yield each `has` of an attribute that nothing in scope has, and each comparison with an impossible string.

    Cedar calls neither a mistake: it finds the condition false and says nothing.
    """
    environments = world.environments_of(subject.policy.tree)
    if not environments:
        return
    for clause in subject.policy.tree.clauses:
        for part in parts(clause.expr):
            if isinstance(part, pst.HasAttr):
                yield from _tested(subject, part, environments, configuration)
            else:
                yield from _compared(subject, part, environments)


def _tested(
    subject: Subject, part: pst.HasAttr, environments: tuple[Environment, ...], configuration: Configuration
) -> Iterator[Problem]:
    path = path_of(part.base)
    if path is None:
        return
    for name in part.attrs:
        known = attributes_at(path, environments)
        if known is None:
            return
        if name not in known:
            yield missing(subject, (*path, name), known, environments, configuration)
            return
        path = (*path, name)


def attributes_at(path: Path, environments: tuple[Environment, ...]) -> frozenset[str] | None:
    """Return the attributes that a value at `path` has in any of the environments; None where it is no record."""
    found: set[str] = set()
    known = False
    for environment in environments:
        members = _members(path, environment)
        if members is not None:
            known = True
            found.update(members)
    return frozenset(found) if known else None


def _members(path: Path, environment: Environment) -> Mapping[str, Member] | None:
    match path:
        case ("principal",):
            return ATTRIBUTES["Agent"].members
        case ("resource",):
            resource = ATTRIBUTES.get(environment.resource_type)
            return resource.members if resource else {}
    member = member_at(path, environment)
    return None if member is None else members_of(member)


def missing(
    subject: Subject,
    path: Path,
    known: frozenset[str],
    environments: tuple[Environment, ...],
    configuration: Configuration,
) -> Problem:
    """Return the problem of an attribute that nothing in scope has."""
    name = path[-1]
    where = ".".join(path[:-1])
    kept = sorted(
        tool.name
        for environment in environments
        if environment.tool is not None and path[:-1] == ("context", "input")
        for tool in (configuration.tools[environment.tool],)
        if name in tool.not_governable
    )
    if kept:
        return subject.problem(
            f"policies can not read the argument `{name}` of `{kept[0]}`",
            f"Derive a field of it by JMESPath, or give it a type and take it out of `{kept[0]}`'s not_governable",
            field=".".join(path),
            word=name,
        )
    actions = environments[0].action if len(environments) == 1 else "any action in scope"
    return subject.problem(
        f"`{where}` has no attribute `{name}` for {actions}",
        instead(name, known, "attributes"),
        field=".".join(path),
        word=name,
    )


def _compared(subject: Subject, part: pst.Expr, environments: tuple[Environment, ...]) -> Iterator[Problem]:
    """Yield the strings an attribute is compared with although its enum does not list them."""
    for path, value in _comparisons(part):
        shapes = [member.shape for each in environments if (member := member_at(path, each)) is not None]
        choices = [shape.choices for shape in shapes if isinstance(shape, Text) and shape.choices is not None]
        if shapes and len(choices) == len(shapes) and not any(value in listed for listed in choices):
            known = frozenset().union(*choices)
            yield subject.problem(
                f"`{'.'.join(path)}` is never `{value}`",
                instead(value, known, "values"),
                field=".".join(path),
                word=value,
            )


def _comparisons(part: pst.Expr) -> Iterator[tuple[Path, str]]:
    match part:
        case pst.BinaryOp(op="eq" | "not_eq", left=left, right=right):
            for one, other in ((left, right), (right, left)):
                path = path_of(one)
                if path is not None and isinstance(other, pst.StringLit):
                    yield path, other.value
        case pst.BinaryOp(op="contains", left=left, right=right):
            path = path_of(right)
            if path is not None:
                yield from ((path, value) for value in sorted(text_elements(left) or ()))
