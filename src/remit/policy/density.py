"""How many policies have a say in one action: what a decision costs grows with them, and with nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.domain.problem import Problem, Severity
from remit.domain.release import Configuration
from remit.policy.entities import hierarchy
from remit.policy.scopes import uid
from remit.policy.slices import PolicyIndex
from remit.policy.subjects import Locator, Subject

DENSE = 40
"""Policies of one slice from which on `validate` warns; up to 50 a decision takes some 60 µs."""


def density_problems(checked: Sequence[Subject], configuration: Configuration, locator: Locator) -> Iterator[Problem]:
    """Yield a warning for the action with the most policies, if those are many."""
    index = PolicyIndex.of(
        ((str(place), subject.policy.tree) for place, subject in enumerate(checked)), hierarchy(configuration)
    )
    most, agent, tool = 0, "", ""
    for one in configuration.agents.values():
        for grant in one.remit.grants:
            asked = uid("Agent", one.name), uid("Action", grant.tool), uid("Tool", grant.tool)
            count = len(index.slice(*asked))
            if count > most:
                most, agent, tool = count, one.name, grant.tool
    if most >= DENSE:
        yield Problem(
            *locator.where("agent", agent, "remit.tools"),
            "remit.tools",
            f"{most} policies have a say when {agent} calls {tool}; beyond 50 its decisions become slow",
            "Name a principal, an action or a resource in the scope of those that do not concern it",
            Severity.WARNING,
        )
