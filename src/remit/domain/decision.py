"""Allow, deny or hold, with a finding from every check and the duties an allowed action carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remit.domain.finding import Finding, Verdict
from remit.domain.ids import GroupName
from remit.domain.release import Cap, Mask

Duty = Mask | Cap


@dataclass(frozen=True, slots=True)
class Decision:
    """The kernel's answer to one action.

    Attributes:
        verdict: the worst of the findings, holds counted as allowed where an approval covers them.
        findings: from every check, in the order of `Check`.
        duties: what must be done to the arguments before dispatch.
        policies: ids of the determining policies, sorted.
        approvers: the groups that must answer, sorted; empty unless held or approved.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    duties: tuple[Duty, ...] = ()
    policies: tuple[str, ...] = ()
    approvers: tuple[GroupName, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the form that stands in records."""
        return {
            "verdict": self.verdict.word,
            "findings": [finding.as_json() for finding in self.findings],
            "duties": [duty_as_json(duty) for duty in self.duties],
            "policies": list(self.policies),
            "approvers": list(self.approvers),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Decision:
        """Read the form that stands in records."""
        return cls(
            Verdict[data["verdict"].upper()],
            tuple(Finding.from_json(finding) for finding in data["findings"]),
            tuple(duty_from_json(duty) for duty in data["duties"]),
            tuple(data["policies"]),
            tuple(data["approvers"]),
        )

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The findings that made the verdict: those as bad as it is, and for an allowed action none."""
        if self.verdict is Verdict.ALLOW:
            return ()
        return tuple(finding for finding in self.findings if finding.verdict == self.verdict)


def duty_as_json(duty: Duty) -> dict[str, object]:
    """Return the form of one duty that stands in records."""
    if isinstance(duty, Mask):
        return {"duty": "mask", "field": duty.field}
    return {"duty": "cap", "field": duty.field, "maximum": duty.maximum}


def duty_from_json(data: Mapping[str, Any]) -> Duty:
    """Read the form of one duty that stands in records."""
    return Mask(data["field"]) if data["duty"] == "mask" else Cap(data["field"], data["maximum"])
