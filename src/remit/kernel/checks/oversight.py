"""Oversight: must a person decide, and have they?"""

from __future__ import annotations

from collections.abc import Iterable

from remit.domain.action import ActionKind
from remit.domain.clock import Instant
from remit.domain.facts import ApprovalFacts, ApprovalState, Facts
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.ids import GroupName
from remit.domain.own_tools import ASKING
from remit.kernel.prepared import Prepared

_OK = (Finding(Code.OVERSIGHT_OK, Verdict.ALLOW),)


def required(facts: Facts, call: Prepared, others: Iterable[Finding]) -> tuple[GroupName, ...]:
    """Return the groups that must answer: of the policies that hold, the remit's holds, its loop rule and the tool.

    What an agent above would have to wait for is waited for here as well.
    """
    groups = set()
    agent = call.rules.agent(call.action.agent)
    for finding in _holds(others):
        if finding.code is Code.POLICY_HOLD:
            groups.add(GroupName(str(finding.param("approvers"))))
        elif agent is not None and agent.remit.loops.approvers:
            groups.add(agent.remit.loops.approvers)
    tool = call.rules.tool(call.action.target)
    if agent is not None and tool is not None and call.action.kind is ActionKind.TOOL:
        groups.update(rule.approvers for rule in agent.remit.holds if tool.effect in rule.effects)
        groups.update([tool.approvers] if tool.approvers else [])
        for above in filter(None, (call.rules.agent(superior.agent) for superior in facts.line)):
            if tool.server != ASKING:
                groups.update(rule.approvers for rule in above.remit.holds if tool.effect in rule.effects)
    return tuple(sorted(groups))


def check(facts: Facts, groups: tuple[GroupName, ...], others: Iterable[Finding]) -> tuple[Finding, ...]:
    """Hold until every required group has answered for exactly these arguments; one answer admits one execution."""
    approval = facts.approval
    is_bound = approval is not None and (approval.named or approval.edited)
    if not is_bound and not groups and not _holds(others):
        return _OK
    names = ", ".join(groups)
    if approval is not None and approval.named and approval.state in (ApprovalState.USED, ApprovalState.VOIDED):
        return (Finding.of(Code.OVERSIGHT_VOID, Verdict.DENY, approval=approval.id),)
    if approval is None or not set(groups) <= set(approval.approvers):
        return (Finding.of(Code.OVERSIGHT_REQUIRED, Verdict.HOLD, approvers=names),)
    return (_answered(approval, ", ".join(approval.approvers) if is_bound else names, facts.now),)


def _holds(findings: Iterable[Finding]) -> list[Finding]:
    hold = Verdict.HOLD
    return [finding for finding in findings if finding.verdict is hold]


def _answered(approval: ApprovalFacts, names: str, now: Instant) -> Finding:
    if approval.state is ApprovalState.REJECTED:
        return Finding.of(Code.OVERSIGHT_REJECTED, Verdict.DENY, approval=approval.id)
    if now >= approval.expires_at or approval.state is ApprovalState.EXPIRED:
        return Finding.of(Code.OVERSIGHT_EXPIRED, Verdict.DENY, approval=approval.id)
    if approval.edited:
        return Finding.of(Code.OVERSIGHT_EDITED, Verdict.HOLD, approval=approval.id)
    if approval.state is ApprovalState.APPROVED:
        return Finding.of(Code.OVERSIGHT_APPROVED, Verdict.ALLOW, approval=approval.id)
    return Finding.of(Code.OVERSIGHT_PENDING, Verdict.HOLD, approval=approval.id, approvers=names)
