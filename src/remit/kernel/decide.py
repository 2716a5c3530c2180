"""The decision: every check runs, every finding is kept, the worst verdict wins. Pure: same inputs, same answer."""

from __future__ import annotations

from remit.domain.decision import Decision
from remit.domain.facts import Facts
from remit.domain.finding import Code, Verdict
from remit.kernel.checks import budget, grant, limits, loop, oversight, policy, standing, stop
from remit.kernel.prepared import Prepared
from remit.policy.request import PolicyAnswer

VERSION = 1
"""Raised when the same inputs may give another decision; a record names the version that made it."""


def decide(facts: Facts, call: Prepared) -> Decision:
    """Decide one action under the facts, which are read and not changed.

    An approval lifts holds and nothing else: a denial stays a denial whoever approved. Replay: the record of a
    decision holds `facts`, and the sealed payload the arguments, so decide() can be asked again
    (execution/replay.py).
    """
    answer = policy.ask(facts, call)
    others = (
        *standing.check(facts, call),
        *stop.check(facts, call),
        *grant.check(facts, call),
        *policy.findings(answer, call),
        *limits.check(facts, call),
        *budget.check(facts, call),
        *loop.check(facts, call),
    )
    groups = oversight.required(facts, call, others)
    overseen = oversight.check(facts, groups, others)
    findings = (*others, *overseen)
    verdict = max(finding.verdict for finding in findings)
    if verdict is Verdict.HOLD and overseen[0].code is Code.OVERSIGHT_APPROVED:
        verdict = Verdict.ALLOW
    return Decision(
        verdict=verdict,
        findings=findings,
        duties=answer.duties if answer is not None else (),
        policies=_determining(answer),
        approvers=groups,
    )


def _determining(answer: PolicyAnswer | None) -> tuple[str, ...]:
    if answer is None:
        return ()
    if not answer.forbids and not answer.holds:
        return answer.permits  # sorted as they are
    forbids = [id for id, _ in answer.forbids]
    return tuple(sorted({*answer.permits, *forbids, *(hold.id for hold in answer.holds)}))
