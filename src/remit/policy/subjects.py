"""What is checked: a written policy, or the permit of a grant with a condition, and where its mistakes are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from remit.domain.problem import Problem, Severity
from remit.domain.release import Configuration, GrantMode
from remit.policy.grants import granted
from remit.policy.statements import Policy, find_word, parse, split


class Locator(Protocol):
    """Where things of the workspace are written. Answers for every name and field; never raises."""

    def where(self, kind: Literal["agent", "tool"], name: str, field: str) -> tuple[str, int, int]:
        """Return file, line and column; line 0 means the file as a whole.

        `field` is a dotted path in the document, such as `remit.tools[2].when` or `input.properties.note`.
        """
        ...


class ByName:
    """Knows only that an agent or a tool has a file of its own name."""

    def where(self, kind: Literal["agent", "tool"], name: str, field: str) -> tuple[str, int, int]:  # noqa: ARG002
        """Return the file by its usual name, and no line."""
        return f"{kind}s/{name}.yaml", 0, 0


@dataclass(frozen=True, slots=True)
class Subject:
    """A policy under validation. `place` is where a grant's condition is written; None for a policy of a file."""

    policy: Policy
    place: tuple[str, int, int] | None = None
    field: str = ""

    @property
    def is_written(self) -> bool:
        """Whether it stands in a policy file."""
        return self.place is None

    def problem(
        self,
        message: str,
        remedy: str,
        *,
        field: str = "",
        word: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        """Return a mistake, shown at `word` where the text has it, else where the policy begins."""
        if self.place is not None:
            file, line, column = self.place
            return Problem(file, line, column, self.field, message, remedy, severity)
        statement = self.policy.statement
        line, column = statement.place(find_word(statement, word) if word else 0)
        return Problem(statement.file, line, column, field, message, remedy, severity)


def subjects(configuration: Configuration, locator: Locator) -> Iterator[Subject | Problem]:
    """Yield every policy that an author wrote a condition of, and what does not parse.

    Grants of tools that do not exist are left out: whoever reads the agents reports them.
    """
    for file in configuration.policies:
        for statement in split(file):
            parsed = parse(statement)
            yield parsed if isinstance(parsed, Problem) else Subject(parsed)
    for agent in configuration.agents.values():
        for number, grant in enumerate(agent.remit.grants):
            if grant.tool not in configuration.tools or not grant.when.strip():
                continue
            field = f"remit.tools[{number}].when"
            if grant.mode is GrantMode.POLICY:
                yield _unused(locator, agent.name, field)
                continue
            yield _conditional(granted(agent, grant), locator.where("agent", agent.name, field), field)


def _conditional(parsed: Policy | Problem, place: tuple[str, int, int], field: str) -> Subject | Problem:
    if isinstance(parsed, Problem):
        return Problem(*place, field, parsed.message, parsed.remedy)
    return Subject(parsed, place, field)


def _unused(locator: Locator, agent: str, field: str) -> Problem:
    return Problem(
        *locator.where("agent", agent, field),
        field,
        "the permit of this tool comes from a written policy, so the condition would never be read",
        "Move the condition to that policy, or leave out `permit: policy`",
    )
