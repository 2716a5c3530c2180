"""Limits: steps, calls, rate, wall time, depth, concurrency and denials."""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.action import ActionKind
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.facts import Facts, Progress, Superior
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.ids import AgentName
from remit.domain.release import Limits, Rate
from remit.kernel.prepared import Prepared

_OK = (Finding(Code.LIMITS_OK, Verdict.ALLOW),)


def check(facts: Facts, call: Prepared) -> tuple[Finding, ...]:
    """Deny what would go past a limit of the agent's remit."""
    agent = call.rules.agent(call.run.agent)
    if agent is None or facts.run is None or facts.run.progress is None:
        return _OK  # standing denies
    limits = agent.remit.limits
    found = [
        Finding.of(code, Verdict.DENY, limit=limit, reached=reached)
        for code, limit, reached in _readings(limits, facts, facts.run.progress, call)
        if limit is not None and reached >= limit
    ]
    found += _calls_of_grant(call.action.agent, facts.run.progress, call)
    if call.run.depth and limits.depth is not None and call.run.depth > limits.depth:
        found.append(Finding.of(Code.DEPTH_REACHED, Verdict.DENY, limit=limits.depth, reached=call.run.depth))
    for number, superior in enumerate(facts.line):
        found += _above(superior, len(facts.line) - number, facts.now, call)
    if limits.rate is not None and rate_after(limits.rate, facts.agent.rate_at, facts.now) is None:
        found.append(Finding.of(Code.RATE_REACHED, Verdict.DENY, limit=limits.rate.calls, seconds=limits.rate.seconds))
    return tuple(found) or _OK


def _above(superior: Superior, levels: int, now: Instant, call: Prepared) -> list[Finding]:
    """Deny what would take a run above, all that is done below it counted in, past a limit of its own."""
    agent, progress = call.rules.agent(superior.agent), superior.run.progress
    if agent is None or progress is None:
        return []  # grant denies
    limits = agent.remit.limits
    readings = [*_counts(limits, progress, superior.started_at, now, call), (Code.DEPTH_REACHED, limits.depth, levels)]
    found = [
        Finding.of(code, Verdict.DENY, limit=limit, reached=reached)
        for code, limit, reached in readings
        if limit is not None and (reached > limit if code is Code.DEPTH_REACHED else reached >= limit)
    ]
    return found + _calls_of_grant(superior.agent, progress, call)


def _counts(
    limits: Limits, progress: Progress, started_at: Instant, now: Instant, call: Prepared
) -> Iterator[tuple[Code, int | None, int]]:
    yield Code.STEPS_REACHED, limits.steps, progress.steps
    if call.action.kind is ActionKind.TOOL:
        yield Code.TOOL_CALLS_REACHED, limits.tool_calls, progress.tool_calls
    else:
        yield Code.MODEL_CALLS_REACHED, limits.model_calls, progress.model_calls
    yield Code.WALL_TIME_REACHED, limits.wall_time_s, (now - started_at) // MICROS_PER_SECOND


def _readings(
    limits: Limits, facts: Facts, progress: Progress, call: Prepared
) -> Iterator[tuple[Code, int | None, int]]:
    yield from _counts(limits, progress, call.run.started_at, facts.now, call)
    yield Code.CONCURRENCY_REACHED, limits.concurrency, facts.agent.in_flight
    yield Code.DENIALS_REACHED, limits.denials, progress.denials


def _calls_of_grant(agent: AgentName, progress: Progress, call: Prepared) -> list[Finding]:
    grant = call.rules.grant(agent, call.action.target)
    if grant is None or grant.calls_per_run is None:
        return []
    made = progress.calls.get(call.action.target, 0)
    if made < grant.calls_per_run:
        return []
    return [
        Finding.of(
            Code.GRANT_CALLS_REACHED,
            Verdict.DENY,
            limit=grant.calls_per_run,
            reached=made,
            tool=call.action.target,
        )
    ]


def rate_after(rate: Rate, rate_at: int, now: Instant) -> int | None:
    """Return the new theoretical arrival time if one more call conforms at `now`, else None.

    The virtual scheduling form of the generic cell rate algorithm (ITU-T I.371, annex A): a whole window's worth
    may come in a burst, then one every `seconds / calls`.
    """
    interval = -(-rate.seconds * MICROS_PER_SECOND // rate.calls)  # rounded up: never more than the rate says
    tolerance = (rate.calls - 1) * interval
    due = max(rate_at, now)
    return None if due - now > tolerance else due + interval
