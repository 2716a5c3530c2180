"""Where rules decide otherwise than was decided: flips, in groups, and what could not be decided again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from remit.domain.canonical import canonical, sha256_hex
from remit.domain.clock import Instant
from remit.domain.decision import Decision
from remit.domain.finding import Finding, Verdict


class Gap(StrEnum):
    """Why a recorded decision can not be made again."""

    ARGUMENTS_ERASED = "arguments_erased"
    WRONG_KEY = "wrong_key"
    OTHER_KERNEL = "other_kernel"
    AGENT_GONE = "agent_gone"
    TOOL_GONE = "tool_gone"
    SCHEMA_CHANGED = "schema_changed"
    FACT_MISSING = "fact_missing"
    UNREADABLE = "unreadable"


def kind_of(before: Decision, after: Decision) -> str:
    """Return what kind of flip this is, such as `allow->deny`; empty where it is none."""
    if before.verdict is not after.verdict:
        return f"{before.verdict.word}->{after.verdict.word}"
    if before.verdict is Verdict.ALLOW and before.duties != after.duties:
        return "duties"
    if before.verdict is Verdict.HOLD and before.approvers != after.approvers:
        return "approvers"
    return ""


def cause_of(before: Decision, after: Decision) -> str:
    """Return what a flip is counted under.

    The policy, or else the code, that now speaks against the action; where nothing does, the one that did.
    """
    reasons = after.reasons or before.reasons
    if not reasons:
        return ", ".join(after.policies)
    policy = reasons[0].param("policy")
    return reasons[0].code.value if policy is None else str(policy)


@dataclass(frozen=True, slots=True)
class FlipExample:
    """One action of a group. The findings are those that made the verdict; an allowed action has none."""

    action: str
    run: str
    at: Instant
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]

    def as_json(self) -> dict[str, object]:
        """Return the form that is stored."""
        return {
            "action": self.action,
            "run": self.run,
            "at": self.at,
            "before": [finding.as_json() for finding in self.before],
            "after": [finding.as_json() for finding in self.after],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FlipExample:
        """Read the form that is stored."""
        before, after = (tuple(map(Finding.from_json, data[side])) for side in ("before", "after"))
        return cls(data["action"], data["run"], data["at"], before, after)


@dataclass(frozen=True, slots=True)
class FlipKey:
    """What the flips of one group have in common.

    Attributes:
        kind: such as `allow->deny`, or `duties` or `approvers` where only those differ.
        cause: a policy's id or a finding's code.
        already: the active release decides as the candidate does: the flip is not of this change.
    """

    kind: str
    cause: str
    agent: str
    target: str
    already: bool = False

    @property
    def id(self) -> str:
        """A short name that stays the same in every backtest: what `remit apply --expect` takes."""
        content = canonical([self.kind, self.cause, self.agent, self.target])
        return f"flip_{sha256_hex(content)[:12]}"


@dataclass(frozen=True, slots=True)
class Flips:
    """One group of flips."""

    key: FlipKey
    count: int
    examples: tuple[FlipExample, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the form that is stored and shown."""
        key = self.key
        return {
            "id": key.id,
            "kind": key.kind,
            "cause": key.cause,
            "agent": key.agent,
            "target": key.target,
            "already": key.already,
            "count": self.count,
            "examples": [example.as_json() for example in self.examples],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Flips:
        """Read the form that is stored."""
        key = FlipKey(data["kind"], data["cause"], data["agent"], data["target"], data["already"])
        return cls(key, data["count"], tuple(map(FlipExample.from_json, data["examples"])))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of deciding again.

    Attributes:
        decided: decisions whose outcome is known, flips among them.
        flips: groups, the largest first.
        more: flips of further groups than are kept.
        gaps: decisions that could not be made again, by why; `gap_examples` has some action ids of each.
        unobserved: decisions on live traffic that were dropped because the queue was full.
        unchanged: of those decided, how many were not made again, since nothing that they rest on has changed.
    """

    decided: int = 0
    flips: tuple[Flips, ...] = ()
    more: int = 0
    gaps: Mapping[Gap, int] = field(default_factory=dict)
    gap_examples: Mapping[Gap, tuple[str, ...]] = field(default_factory=dict)
    unobserved: int = 0
    unchanged: int = 0

    @property
    def of_this_change(self) -> tuple[Flips, ...]:
        """The flips that the active release does not make as well."""
        return tuple(flips for flips in self.flips if not flips.key.already)

    @property
    def flipped(self) -> int:
        """How many decisions came out otherwise, those of `more` included."""
        return sum(flips.count for flips in self.flips) + self.more

    def as_json(self) -> dict[str, object]:
        """Return the form that is stored and shown."""
        return {
            "decided": self.decided,
            "flips": [flips.as_json() for flips in self.flips],
            "more": self.more,
            "gaps": {gap.value: count for gap, count in self.gaps.items()},
            "gap_examples": {gap.value: list(ids) for gap, ids in self.gap_examples.items()},
            "unobserved": self.unobserved,
            "unchanged": self.unchanged,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Comparison:
        """Read the form that is stored."""
        return cls(
            data["decided"],
            tuple(map(Flips.from_json, data["flips"])),
            data["more"],
            {Gap(name): count for name, count in data["gaps"].items()},
            {Gap(name): tuple(ids) for name, ids in data["gap_examples"].items()},
            data["unobserved"],
            data.get("unchanged", 0),  # rows of before there were any
        )


NOTHING_COMPARED = Comparison()
