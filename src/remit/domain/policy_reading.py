"""How one policy read one action, clause by clause, and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from remit.domain.messages import Language


class Stance(StrEnum):
    """What a policy does where it matches."""

    PERMIT = "permit"
    FORBID = "forbid"
    HOLD = "hold"


class Came(StrEnum):
    """How the evaluation of a policy came out."""

    MATCHED = "matched"
    NOT_MATCHED = "not_matched"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ClauseReading:
    """A part of a condition: what it says, and what it came to.

    Attributes:
        text: the part in Cedar.
        wanted: the value it must have for the policy to match; false below `unless`.
        value: what it came to; None where it has no value.
        read: the attributes it read, by path, as they were.
        error: why it has no value, and the attribute that was missing, where one was.
        line: where it stands in the file, or for a grant's permit in its text; 0 where that is not known.
    """

    text: str
    wanted: bool
    value: bool | None
    read: tuple[tuple[str, str], ...] = ()
    error: str = ""
    missing: str = ""
    line: int = 0

    @property
    def holds(self) -> bool:
        """Whether it is what the policy wants."""
        return self.value is self.wanted

    def as_json(self) -> dict[str, object]:
        """Return the form in which it is sent."""
        return {name: getattr(self, name) for name in ("text", "wanted", "value", "error", "missing", "line")} | {
            "read": [list(pair) for pair in self.read]
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClauseReading:
        """Read the form in which it is sent."""
        read = tuple((path, value) for path, value in data["read"])
        return cls(**{**data, "read": read})


@dataclass(frozen=True, slots=True)
class PolicyReading:
    """One policy of the slice. `approvers` is the group a hold asks; `written` the policy's text, from `line` on."""

    policy: str
    stance: Stance
    came: Came
    file: str
    line: int
    clauses: tuple[ClauseReading, ...]
    approvers: str = ""
    written: str = ""

    @property
    def failing(self) -> tuple[ClauseReading, ...]:
        """The clauses for which it did not match."""
        return tuple(clause for clause in self.clauses if not clause.holds)

    def as_json(self) -> dict[str, object]:
        """Return the form in which it is sent."""
        return {
            "policy": self.policy,
            "stance": self.stance.value,
            "came": self.came.value,
            "file": self.file,
            "line": self.line,
            "clauses": [clause.as_json() for clause in self.clauses],
            "approvers": self.approvers,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PolicyReading:
        """Read the form in which it is sent."""
        return cls(
            data["policy"],
            Stance(data["stance"]),
            Came(data["came"]),
            data["file"],
            data["line"],
            tuple(map(ClauseReading.from_json, data["clauses"])),
            data["approvers"],
        )


NEAREST = 3
"""Permits that fell short of which an agent is told."""


def for_agent(readings: Sequence[PolicyReading]) -> tuple[PolicyReading, ...]:
    """Return what an agent is told: what failed or forbade its action, else the nearest permits, and what holds it.

    Of the values that were read it is told its own arguments: the facts of the call may say what others do.
    """
    found = [each for each in readings if each.came is Came.FAILED or _is(each, Stance.FORBID)]
    if not found:
        permitted = any(_is(each, Stance.PERMIT) for each in readings)
        short = [each for each in readings if each.stance is Stance.PERMIT]
        found = [*(() if permitted else short[:NEAREST]), *(each for each in readings if _is(each, Stance.HOLD))]
    return tuple(replace(each, clauses=tuple(map(_of_arguments, each.clauses)), written="") for each in found)


def _is(reading: PolicyReading, stance: Stance) -> bool:
    return reading.came is Came.MATCHED and reading.stance is stance


def _of_arguments(clause: ClauseReading) -> ClauseReading:
    return replace(clause, read=tuple(pair for pair in clause.read if pair[0].startswith("context.input.")))


_WORDS: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "true": "true",
            "false": "false",
            "permit.matched": "{policy} permits it: {clauses}",
            "permit.not_matched": "{policy} would permit it, but for: {clauses}",
            "forbid.matched": "{policy} forbids it: {clauses}",
            "forbid.not_matched": "{policy} does not forbid it: {clauses}",
            "hold.matched": "{policy} holds it until somebody of {approvers} approves: {clauses}",
            "hold.not_matched": "{policy} does not hold it: {clauses}",
            "failed": "{policy} could not be evaluated, and that denies: {clauses}",
            "failed_clause": "{text} fails ({error})",
            "missing_clause": "{text} fails: there is no {missing}",
            "always": "it has no condition",
        },
        "ar": {
            "true": "صحيح",
            "false": "غير صحيح",
            "permit.matched": "تسمح به السياسة {policy}: {clauses}",
            "permit.not_matched": "كانت السياسة {policy} ستسمح به لولا: {clauses}",
            "forbid.matched": "تمنعه السياسة {policy}: {clauses}",
            "forbid.not_matched": "لا تمنعه السياسة {policy}: {clauses}",
            "hold.matched": "تعلّقه السياسة {policy} حتى يوافق أحد من {approvers}: {clauses}",
            "hold.not_matched": "لا تعلّقه السياسة {policy}: {clauses}",
            "failed": "تعذّر تقييم السياسة {policy}، وهذا رفض: {clauses}",
            "failed_clause": "تعذّر {text} ({error})",
            "missing_clause": "تعذّر {text}: لا يوجد {missing}",
            "always": "ليس لها شرط",
        },
    }
)


def say_reading(reading: PolicyReading, language: Language = "en") -> str:
    """Put into words what one policy made of an action: why it matched, or what kept it from it."""
    shown: Sequence[ClauseReading] = reading.clauses
    if reading.came is Came.NOT_MATCHED:
        shown = reading.failing
    elif reading.came is Came.FAILED:
        shown = [clause for clause in reading.clauses if clause.error]
    said = "; ".join(say_clause(clause, language) for clause in shown) or _WORDS[language]["always"]
    key = "failed" if reading.came is Came.FAILED else f"{reading.stance.value}.{reading.came.value}"
    return _WORDS[language][key].format(policy=reading.policy, approvers=reading.approvers, clauses=said)


def say_clause(clause: ClauseReading, language: Language = "en") -> str:
    """Put one clause into words, as `context.input.amount <= 5000: false (context.input.amount = 12000)`."""
    words = _WORDS[language]
    if clause.missing:
        return words["missing_clause"].format(text=clause.text, missing=clause.missing)
    if clause.value is None:
        return words["failed_clause"].format(text=clause.text, error=clause.error)
    read = ", ".join(f"{path} = {value}" for path, value in clause.read)
    return f"{clause.text}: {words[str(clause.value).lower()]}" + (f" ({read})" if read else "")
