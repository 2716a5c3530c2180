"""Written permits and the grants that leave their permit to them: each must have the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.domain.problem import Problem
from remit.domain.release import Agent, Configuration, Grant, GrantMode
from remit.policy.reach import World
from remit.policy.scopes import uid
from remit.policy.slices import PolicyIndex
from remit.policy.subjects import Locator, Subject


def coverage_problems(
    subjects: Sequence[Subject], configuration: Configuration, world: World, locator: Locator
) -> Iterator[Problem]:
    """Yield permits that decide nothing, grants that nothing permits, and permits that undo a grant's condition.

    `subjects` are the written permits. Cedar adds permits up: one that also covers a grant with a condition would
    permit what that condition excludes.
    """
    by_place = {str(number): subject for number, subject in enumerate(subjects)}
    index = PolicyIndex.of(((place, subject.policy.tree) for place, subject in by_place.items()), world.hierarchy)
    used: set[str] = set()
    for agent in configuration.agents.values():
        for number, grant in enumerate(agent.remit.grants):
            if grant.tool not in configuration.tools:
                continue
            found = index.slice(uid("Agent", agent.name), uid("Action", grant.tool), uid("Tool", grant.tool))
            if grant.mode is GrantMode.POLICY:
                used.update(found)
                if not found:
                    yield _uncovered(agent, number, grant, locator)
            elif grant.when.strip():
                for place in found:
                    yield _widened(by_place[place], agent, grant)
    for place, subject in by_place.items():
        if place not in used:
            yield subject.problem(
                "the permit decides nothing: no remit it covers has a grant with `permit: policy`",
                "Grant the tool with `permit: policy`, or remove this permit",
            )


def _uncovered(agent: Agent, number: int, grant: Grant, locator: Locator) -> Problem:
    field = f"remit.tools[{number}]"
    return Problem(
        *locator.where("agent", agent.name, field),
        field,
        f"no policy permits `{grant.tool}`, so every call would be denied",
        "Write a permit for it, or leave out `permit: policy`",
    )


def _widened(subject: Subject, agent: Agent, grant: Grant) -> Problem:
    return subject.problem(
        f"the permit also covers `{grant.tool}` of {agent.name}, whose grant sets a condition of its own",
        "Narrow the permit to the agents whose grant says `permit: policy`",
    )
