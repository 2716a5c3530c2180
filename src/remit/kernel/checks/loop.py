"""Loop: did the last result show that the run goes round in circles? Repetition alone is only a warning."""

from __future__ import annotations

from dataclasses import replace

from remit.domain.facts import Facts
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.release import LoopRule, OnLoop
from remit.kernel.loops.signs import LoopThresholds
from remit.kernel.prepared import Prepared

_OK = (Finding(Code.LOOP_OK, Verdict.ALLOW),)
_VERDICT = {OnLoop.WARN: Verdict.ALLOW, OnLoop.HOLD: Verdict.HOLD, OnLoop.STOP: Verdict.DENY}
_DEFAULTS = LoopThresholds()


def check(facts: Facts, call: Prepared) -> tuple[Finding, ...]:
    """Warn, hold or deny as the remit says, once a loop was seen."""
    agent = call.rules.agent(call.run.agent)
    if agent is None or facts.run is None or facts.run.progress is None:
        return _OK  # standing denies
    rule, seen = agent.remit.loops, facts.run.progress.loop
    if seen is not None:
        return (Finding(seen.code, _VERDICT[rule.on_detection], seen.params),)
    if facts.repeats >= _DEFAULTS.exact_repetition and not _pollable(call):
        return (Finding.of(Code.LOOP_REPETITION, Verdict.ALLOW, times=facts.repeats + 1),)
    return _OK


def _pollable(call: Prepared) -> bool:
    tool = call.rules.tool(call.action.target)
    return tool is not None and tool.pollable


def thresholds(rule: LoopRule) -> LoopThresholds:
    """Return the thresholds of a remit, the defaults where it says nothing."""
    written = {"same_call_same_result": rule.same_result, "error_streak": rule.error_streak}
    chosen = {name: value for name, value in written.items() if value is not None}
    return replace(_DEFAULTS, **chosen) if chosen else _DEFAULTS
