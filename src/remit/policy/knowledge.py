"""What is certain about a request at some point of a condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from remit.policy.conditions import Path, member_at
from remit.policy.domains import Choices, Interval
from remit.policy.schema import Environment
from remit.policy.scopes import Hierarchy, Uid, uid
from remit.policy.shapes import Text, Truth, Whole


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The requests that may still be meant: one action, some principals and resources, narrowed attributes.

    Narrowing returns None where no request is left. Attributes that were not narrowed are as the schema says.
    """

    environment: Environment
    hierarchy: Hierarchy
    principals: frozenset[Uid]
    resources: frozenset[Uid]
    numbers: Mapping[Path, Interval] = field(default_factory=dict)
    texts: Mapping[Path, Choices] = field(default_factory=dict)
    truths: Mapping[Path, bool] = field(default_factory=dict)
    present: Mapping[Path, bool] = field(default_factory=dict)

    def number(self, path: Path) -> Interval | None:
        """Return where an integer attribute lies, or None for any other attribute."""
        member = member_at(path, self.environment)
        if member is None or not isinstance(member.shape, Whole):
            return None
        return self.numbers.get(path) or Interval(member.shape.minimum, member.shape.maximum)

    def text(self, path: Path) -> Choices | None:
        """Return which strings a string attribute may have, or None for any other attribute."""
        member = member_at(path, self.environment)
        if member is None or not isinstance(member.shape, Text):
            return None
        return self.texts.get(path) or Choices(member.shape.choices)

    def truth(self, path: Path) -> bool | None:
        """Return the value of a boolean attribute where it is certain."""
        return self.truths.get(path)

    def has(self, path: Path) -> bool | None:
        """Tell whether the attribute is there, or None where either may be."""
        member = member_at(path, self.environment)
        if member is None:
            return False
        return True if member.required else self.present.get(path)

    def readable(self, path: Path) -> bool:
        """Tell whether reading the path can succeed at all."""
        return all(self.has(path[: end + 1]) is not False for end in range(1, len(path)))

    def with_number(self, path: Path, interval: Interval) -> Knowledge | None:
        """Narrow an integer attribute."""
        narrowed = (self.number(path) or Interval()).meet(interval)
        return None if narrowed.empty else replace(self, numbers={**self.numbers, path: narrowed})

    def with_text(self, path: Path, choices: Choices) -> Knowledge | None:
        """Narrow a string attribute."""
        narrowed = (self.text(path) or Choices()).meet(choices)
        return None if narrowed.empty else replace(self, texts={**self.texts, path: narrowed})

    def with_truth(self, path: Path, value: bool) -> Knowledge | None:
        """Fix a boolean attribute."""
        member = member_at(path, self.environment)
        if member is None or not isinstance(member.shape, Truth):
            return self
        if self.truths.get(path, value) is not value:
            return None
        return replace(self, truths={**self.truths, path: value})

    def with_presence(self, path: Path, there: bool) -> Knowledge | None:
        """Fix whether an attribute is there."""
        if self.has(path) is (not there):
            return None
        return replace(self, present={**self.present, path: there})

    def candidates(self, variable: str) -> frozenset[Uid]:
        """Return what `principal`, `action` or `resource` may be."""
        if variable == "action":
            return frozenset({uid("Action", self.environment.action)})
        return self.principals if variable == "principal" else self.resources

    def with_candidates(self, variable: str, test: Callable[[Uid], bool]) -> Knowledge | None:
        """Keep the candidates that pass a test."""
        left = frozenset(filter(test, self.candidates(variable)))
        if not left:
            return None
        match variable:
            case "principal":
                return replace(self, principals=left)
            case "resource":
                return replace(self, resources=left)
        return self
