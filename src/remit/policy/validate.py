"""Every mistake in a workspace's policies, found in one go: nothing is accepted that would later be skipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cedarpy import Schema

from remit.domain.problem import Problem
from remit.domain.release import Configuration, Mask
from remit.policy.coverage import coverage_problems
from remit.policy.density import density_problems
from remit.policy.lints import lints
from remit.policy.name_checks import annotation_problems, duty_fault, entity_problems, known_names
from remit.policy.reach import World, can_match
from remit.policy.read_checks import reading_problems
from remit.policy.schema import cedar_schema_json
from remit.policy.strict import strict_problems
from remit.policy.subjects import ByName, Locator, Subject, subjects
from remit.policy.tool_checks import tool_problems

__all__ = ["ByName", "Locator", "problems"]


def problems(configuration: Configuration, locator: Locator | None = None) -> tuple[Problem, ...]:
    """Return every mistake in policies, conditions of grants, tool fields and duties, ordered by place.

    A configuration without errors among them can be enforced by `Authorizer.of`.
    """
    found = set(_problems(configuration, ByName() if locator is None else locator))
    return tuple(sorted(found))


def _problems(configuration: Configuration, locator: Locator) -> Iterator[Problem]:
    yield from tool_problems(configuration, locator)
    yield from _grant_duties(configuration, locator)
    checked: list[Subject] = []
    for each in subjects(configuration, locator):
        if isinstance(each, Problem):
            yield each
        else:
            checked.append(each)
    yield from _duplicate_ids(checked)
    yield from _checked(checked, configuration, locator)


def _checked(checked: Sequence[Subject], configuration: Configuration, locator: Locator) -> Iterator[Problem]:
    try:
        schema = Schema.from_json_str(cedar_schema_json(configuration))
    except ValueError as error:
        yield Problem("", 0, 0, "", f"the tools make no Cedar schema: {error}", "Correct the tools' schemas")
        return
    world = World.of(configuration)
    known = known_names(configuration, world)
    strict = strict_problems(checked, schema, configuration, world)
    sound: list[Subject] = []
    for number, subject in enumerate(checked):
        found = [
            *entity_problems(subject, known),
            *annotation_problems(subject, configuration, world),
            *reading_problems(subject, configuration, world),
            *strict.get(number, ()),
        ]
        # A policy with a wrong name in it does not match for that reason: one mistake is said once.
        told = found or list(_without_effect(subject, world))
        yield from told
        if not told:
            sound.append(subject)
    permits = [each for each in checked if each.is_written and each.policy.tree.effect == "permit"]
    yield from coverage_problems(permits, configuration, world, locator)
    yield from density_problems(checked, configuration, locator)
    yield from lints(checked, sound, configuration, world, locator)


def _without_effect(subject: Subject, world: World) -> Iterator[Problem]:
    if not any(world.meetings(subject.policy.tree)):
        yield subject.problem(
            "the policy can never match: no agent, action and resource fit its scope together",
            "An action of a tool has that tool as resource, `model.call` a model; the principal is an agent",
        )
    elif not can_match(subject.policy.tree, world):
        yield subject.problem(
            "the policy can never match: its conditions exclude each other or what the schema allows",
            "Correct the condition, or remove the policy",
        )


def _duplicate_ids(checked: Sequence[Subject]) -> Iterator[Problem]:
    first: dict[str, Subject] = {}
    for subject in checked:
        name = subject.policy.id
        other = first.setdefault(name, subject)
        if other is not subject and subject.is_written:
            statement = other.policy.statement
            yield subject.problem(
                f"the id `{name}` is taken by {statement.file}:{statement.line}",
                "Give each policy an id of its own",
                field="@id",
                word=name,
            )


def _grant_duties(configuration: Configuration, locator: Locator) -> Iterator[Problem]:
    for agent in configuration.agents.values():
        for number, grant in enumerate(agent.remit.grants):
            tool = configuration.tools.get(grant.tool)
            for duty in grant.duties if tool is not None else ():
                field = f"remit.tools[{number}].{'mask' if isinstance(duty, Mask) else 'cap'}"
                if tool is not None and (fault := duty_fault(tool, duty)):
                    yield Problem(*locator.where("agent", agent.name, field), field, *fault)
