"""Strict validation by the official implementation, with each of its errors placed and put in an author's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cedarpy import Schema, validate_policies

from remit.domain.problem import Problem
from remit.domain.release import Configuration
from remit.policy.reach import World
from remit.policy.read_checks import attributes_at, missing
from remit.policy.subjects import Subject
from remit.policy.suggestions import instead

AT_ONCE = 100
"""Policies that are validated in one call: no other thread of the process decides anything meanwhile."""

# The wording of the official implementation's errors, which carry no other structure.
_PREFIX = re.compile(r"for policy `policy\d+`, ")
_IN_CONTEXT = re.compile(r"attribute `(.+)` in context for (?:Action::)?\"?(.*?)\"? not found")
_ON_ENTITY = re.compile(r"attribute `(.+)` on entity type `(\w+)` not found")
_OPTIONAL = re.compile(r"unable to guarantee safety of access to optional attribute `(.+?)`.*")
_REPORTED_ELSEWHERE = (
    "unrecognized entity type",
    "unrecognized action",
    # The checks of names and of reach say which part of the scope is at fault.
    "unable to find an applicable action",
)


def strict_problems(
    subjects: Sequence[Subject], schema: Schema, configuration: Configuration, world: World
) -> dict[int, list[Problem]]:
    """Return what strict validation finds wrong, by position in `subjects`.

    A mistake is said once, whatever number of tools it concerns.
    """
    found: dict[int, dict[str, Problem]] = {}
    for number, said in _said(subjects, schema):
        message = _PREFIX.sub("", said)
        if not message.startswith(_REPORTED_ELSEWHERE):
            problem = _Reworded(subjects[number], configuration, world).problem(message)
            found.setdefault(number, {}).setdefault(problem.field or problem.message, problem)
    return {number: list(problems.values()) for number, problems in found.items()}


def _said(subjects: Sequence[Subject], schema: Schema) -> Iterator[tuple[int, str]]:
    """Yield each error with the position of its policy."""
    for first in range(0, len(subjects), AT_ONCE):
        texts = (subject.policy.statement.text for subject in subjects[first : first + AT_ONCE])
        for error in validate_policies("\n".join(texts), schema).errors:
            yield first + int(error.policy_id.removeprefix("policy")), error.error


class _Reworded:
    """One policy's errors in an author's words."""

    def __init__(self, subject: Subject, configuration: Configuration, world: World) -> None:
        self._subject = subject
        self._configuration = configuration
        self._environments = world.environments_of(subject.policy.tree)

    def problem(self, message: str) -> Problem:
        """Return the problem that one error is."""
        if found := _IN_CONTEXT.fullmatch(message):
            return self._in_context(("context", *found[1].split(".")), found[2])
        if found := _ON_ENTITY.fullmatch(message):
            variable = {"Agent": "principal", "Tool": "resource"}.get(found[2], found[2])
            return self._on_entity(variable, found[1], found[2])
        if found := _OPTIONAL.fullmatch(message):
            base, _, name = f"context.{found[1]}".rpartition(".")
            return self._subject.problem(
                f"`{name}` may be absent, and then the policy would fail",
                f"Test it first: `{base} has {name} && ...`",
                field=f"{base}.{name}",
                word=name,
            )
        return self._subject.problem(message, "Correct the condition of this policy")

    def _in_context(self, path: tuple[str, ...], action: str) -> Problem:
        known = attributes_at(path[:-1], self._environments) or frozenset()
        if path[-1] not in known:
            return missing(self._subject, path, known, self._environments, self._configuration)
        base = ".".join(path[:-1])
        return self._subject.problem(
            f"`{base}` has no attribute `{path[-1]}` for {action}, which this policy covers too",
            f"Test it first: `{base} has {path[-1]} && ...`, or narrow the scope",
            field=".".join(path),
            word=path[-1],
        )

    def _on_entity(self, variable: str, name: str, kind: str) -> Problem:
        known = attributes_at((variable,), self._environments) or frozenset()
        return self._subject.problem(
            f"{kind} has no attribute `{name}`",
            instead(name, known, f"attributes of {kind}"),
            field=f"{variable}.{name}",
            word=name.rpartition(".")[2],
        )
