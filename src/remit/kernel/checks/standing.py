"""Standing: is there such a run, of such an agent, under a release that still stands?"""

from __future__ import annotations

from remit.domain.clock import MICROS_PER_SECOND
from remit.domain.facts import Facts
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.release import AgentStatus
from remit.kernel.prepared import Prepared

CLOCK_TOLERANCE_S = 5
"""How far a clock may lag behind what is already on record (processes on one machine differ by less)."""

_OK = (Finding(Code.STANDING_OK, Verdict.ALLOW),)


def check(facts: Facts, call: Prepared) -> tuple[Finding, ...]:
    """Deny unless run, agent, release and clock are in order."""
    found = []
    if facts.run is None or facts.run.progress is None:
        found.append(Finding.of(Code.RUN_UNKNOWN, Verdict.DENY, run=call.run.id))
    elif facts.run.progress.ended_at:
        found.append(Finding.of(Code.RUN_ENDED, Verdict.DENY, run=call.run.id))
    found += _above(facts, call)
    agent = call.rules.agent(call.run.agent)
    if agent is None or call.action.agent != call.run.agent:
        found.append(Finding.of(Code.AGENT_UNKNOWN, Verdict.DENY, agent=call.action.agent))
    elif agent.status is not AgentStatus.ACTIVE:
        found.append(Finding.of(Code.AGENT_NOT_ACTIVE, Verdict.DENY, agent=agent.name, status=agent.status.value))
    if facts.withdrawn:
        found.append(Finding.of(Code.RELEASE_WITHDRAWN, Verdict.DENY, release=call.rules.release))
    behind_s = (facts.workspace.last_at - facts.now) // MICROS_PER_SECOND
    if behind_s >= CLOCK_TOLERANCE_S:
        found.append(Finding.of(Code.CLOCK_WENT_BACK, Verdict.DENY, seconds=behind_s))
    return tuple(found) or _OK


def _above(facts: Facts, call: Prepared) -> list[Finding]:
    """Deny where a run above is over, or not there: whoever handed the work on has nothing left to hand."""
    found = []
    for above, superior in zip(call.run.ancestors, facts.line, strict=False):
        progress = superior.run.progress
        if progress is None or progress.ended_at:
            code = Code.RUN_UNKNOWN if progress is None else Code.RUN_ENDED
            found.append(Finding.of(code, Verdict.DENY, run=above))
    return found
