"""What an admission and an outcome change in the facts. Called inside the transaction that owns them."""

from __future__ import annotations

from collections.abc import Mapping

from remit.domain.action import ActionKind, Cost, Outcome, OutcomeStatus
from remit.domain.clock import Instant
from remit.domain.decision import Decision
from remit.domain.facts import LOOP_CHECK, Facts, LoopSeen, Progress, Scope, Stop, StopKind
from remit.domain.finding import Code
from remit.domain.ids import ScopeId
from remit.domain.release import OnLoop
from remit.execution.commands import Observation
from remit.kernel.charging import charged
from remit.kernel.checks.budget import amount_in, rolled
from remit.kernel.checks.limits import rate_after
from remit.kernel.checks.loop import thresholds
from remit.kernel.loops.history import LoopHistory
from remit.kernel.loops.signs import detect
from remit.kernel.prepared import Prepared
from remit.storage.port import OpenAction, Reservation


def reserve(facts: Facts, call: Prepared) -> tuple[Reservation, ...]:
    """Set the worst case aside in every budget it counts against, and count the call."""
    reservations = []
    for charge, scope in charged(facts, call):
        amount = amount_in(charge.budget.unit, call.action.cost)
        if amount is None:
            continue  # an amount of nothing is kept: what the outcome turns out to cost must find its budget
        spend = rolled(scope.spends.get(charge.budget.name), charge, facts)
        scope.spends[charge.budget.name] = spend
        spend.reserved += amount
        reservations.append(Reservation(scope.id, charge.budget.name, charge.budget.unit, spend.start, amount))
    _count(facts, call)
    return tuple(reservations)


def _count(facts: Facts, call: Prepared) -> None:
    assert facts.run is not None
    for run in (facts.run, *(superior.run for superior in facts.line)):
        if run.progress is not None:
            _count_in(run.progress, call)
    facts.agent.in_flight += 1
    agent = call.rules.agent(call.run.agent)
    if agent is not None and agent.remit.limits.rate is not None:
        due = rate_after(agent.remit.limits.rate, facts.agent.rate_at, facts.now)
        facts.agent.rate_at = facts.agent.rate_at if due is None else due


def _count_in(progress: Progress, call: Prepared) -> None:
    progress.steps += 1
    if call.action.kind is ActionKind.TOOL:
        progress.tool_calls += 1
    else:
        progress.model_calls += 1
    progress.calls[call.action.target] = progress.calls.get(call.action.target, 0) + 1


def deny(facts: Facts, call: Prepared, decision: Decision) -> bool:
    """Count a denial against the run. Return whether it is to be put on record.

    Beyond the remit's limit only the first one is, which says so: the others are as many as the agent likes, and none
    changes anything. The run's row goes on counting them. What a stop denies is not counted, so that waiting for its
    end costs nothing, and is on record each time.
    """
    agent = call.rules.agent(call.run.agent)
    if facts.run is None or facts.run.progress is None or agent is None:
        return True
    if any(finding.code is Code.STOPPED for finding in decision.findings):
        return True
    facts.run.progress.denials += 1
    most = agent.remit.limits.denials
    return most is None or facts.run.progress.denials <= most + 1


def settle(scopes: Mapping[ScopeId, Scope], agent: Scope, action: OpenAction, outcome: Outcome) -> bool:
    """Turn reservations into spend. Returns whether the actual cost went beyond what was reserved.

    Spend belongs to the window it was reserved in: what comes in after that window has passed changes no current
    one. An unknown outcome keeps its reservation, since the effect may have happened.
    """
    if not action.unknown:
        agent.in_flight = max(0, agent.in_flight - 1)
    if outcome.status is OutcomeStatus.UNKNOWN:
        return False
    overrun = False
    for reservation in action.reservations:
        actual = _actual(reservation, outcome.cost)
        overrun = overrun or actual > reservation.amount
        spend = scopes[reservation.scope].spends.get(reservation.budget)
        if spend is not None and spend.start == reservation.start:
            spend.reserved -= reservation.amount
            spend.spent += actual
    return overrun


def _actual(reservation: Reservation, cost: Cost | None) -> int:
    actual = None if cost is None else amount_in(reservation.unit, cost)
    # An outcome that can not say what it cost is taken to have cost what was set aside.
    return reservation.amount if actual is None else actual


def observe(run: Scope, observation: Observation, *, error: bool, now: Instant) -> LoopSeen | None:
    """Remember a call and its result.

    Return the loop that shows now, if it does, and stop the run where the remit says so.
    """
    assert run.progress is not None
    history = LoopHistory.from_bytes(run.history) if run.history else LoopHistory.empty()
    history = history.observed(observation.call, observation.result, error=error, pollable=observation.pollable)
    run.history = history.to_bytes()
    sign = detect(history, thresholds(observation.rule))
    seen = None if sign is None else LoopSeen(Code(f"loop.{sign.code}"), tuple(sorted(sign.params)))
    if seen is None and observation.rule.on_detection is not OnLoop.WARN:
        seen = run.progress.loop  # a hold or a stop stays until a person lifts it
    run.progress.loop = seen
    if seen is not None and observation.rule.on_detection is OnLoop.STOP and "" not in run.stops:
        run.stops[""] = Stop(StopKind.FREEZE, LOOP_CHECK, seen.code.value, now)
    return seen


def forget_loop(run: Scope) -> None:
    """Begin afresh after a person has let a looping run go on."""
    if run.progress is not None:
        run.progress.loop = None
    run.history = b""
