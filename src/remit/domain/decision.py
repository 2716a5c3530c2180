"""Allow, deny or hold, with a finding from every check and the duties an allowed action carries."""

from __future__ import annotations

from dataclasses import dataclass

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
