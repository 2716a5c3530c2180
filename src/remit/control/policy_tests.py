"""Run a workspace's own tests against the kernel: no database, no clock, the given facts only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from remit.domain.action import Action, ActionKind, Cost
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.decision import Decision
from remit.domain.facts import (
    ApprovalFacts,
    ApprovalState,
    Facts,
    LoopSeen,
    Progress,
    Scope,
    ScopeKind,
    Spend,
    Stop,
    StopKind,
    Superior,
    scope_id,
)
from remit.domain.ids import ActionId, AgentName, ApprovalId, KeyId, RunId, WorkspaceName
from remit.domain.messages import say
from remit.domain.money import Micros
from remit.domain.run import Run
from remit.domain.scenario import Scenario
from remit.kernel.decide import decide
from remit.kernel.prepared import Prepared, prepare
from remit.kernel.ruleset import Ruleset
from remit.kernel.window import bounds

DEFAULT_AT = "2026-01-05T09:00:00Z"
"""When a test happens that does not say: a Monday morning."""

_DAY = 86_400 * MICROS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Tested:
    """One test's result. `misses` says in words what was expected and did not come; empty means passed."""

    scenario: Scenario
    decision: Decision
    misses: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything expected came."""
        return not self.misses


def run_tests(rules: Ruleset, scenarios: Iterable[Scenario]) -> tuple[Tested, ...]:
    """Decide every scenario and compare."""
    return tuple(_tested(rules, scenario) for scenario in scenarios)


def _tested(rules: Ruleset, scenario: Scenario) -> Tested:
    facts, call = situation(rules, scenario)
    decision = decide(facts, call)
    return Tested(scenario, decision, tuple(_misses(scenario, decision)))


def _misses(scenario: Scenario, decision: Decision) -> Iterable[str]:
    relevant = decision.reasons or decision.findings
    said = "; ".join(f"{finding.code}: {say(finding)}" for finding in decision.reasons) or "nothing speaks against it"
    if decision.verdict is not scenario.expect:
        yield f"expected {scenario.expect.word}, decided {decision.verdict.word} ({said})"
    found = {finding.code for finding in relevant}
    for code in scenario.reasons:
        if code not in found:
            yield f"expected the reason {code}, found {', '.join(sorted(found))}"
    for policy in scenario.policies:
        if policy not in decision.policies:
            yield f"expected policy {policy} to decide, found {', '.join(decision.policies) or 'none'}"
    if scenario.approvers and tuple(sorted(scenario.approvers)) != decision.approvers:
        yield f"expected approvers {', '.join(scenario.approvers)}, found {', '.join(decision.approvers) or 'none'}"


def situation(rules: Ruleset, scenario: Scenario) -> tuple[Facts, Prepared]:
    """Turn a scenario into what decide() takes."""
    now = _instant(scenario.facts.at or DEFAULT_AT)
    workspace = rules.configuration.settings.name
    agent = rules.agent(scenario.agent)
    run = Run(
        id=RunId("run_test"),
        workspace=workspace,
        agent=scenario.agent,
        team=agent.team if agent else None,
        release=rules.release,
        on_behalf_of=scenario.on_behalf_of,
        purpose=agent.purpose if agent else "",
        started_at=Instant(now - scenario.facts.running_s * MICROS_PER_SECOND),
        key=KeyId("key_test"),
        depth=max(scenario.facts.depth, len(scenario.facts.above)),
        ancestors=tuple(RunId(f"run_above_{number}") for number, _ in enumerate(scenario.facts.above)),
        verified=scenario.facts.verified,
        salt=b"test",
    )
    call = prepare(rules, run, _action(rules, scenario, workspace))
    return _facts(rules, scenario, run, now), call


def _action(rules: Ruleset, scenario: Scenario, workspace: WorkspaceName) -> Action:
    tool = rules.tool(scenario.target) if scenario.kind is ActionKind.TOOL else None
    written = None if scenario.cost_micros is None else Micros(scenario.cost_micros)
    return Action(
        id=ActionId("act_test"),
        workspace=workspace,
        run=RunId("run_test"),
        agent=scenario.agent,
        kind=scenario.kind,
        target=scenario.target,
        arguments=scenario.arguments,
        cost=Cost(tool.cost_per_call if written is None and tool is not None else written, _tokens(scenario)),
        on_behalf_of=scenario.on_behalf_of,
    )


def _tokens(scenario: Scenario) -> int:
    """Return the most tokens a model call may use, which is what admission reserves for it."""
    if scenario.kind is not ActionKind.MODEL:
        return 0
    asked = (scenario.arguments.get("input_tokens"), scenario.arguments.get("max_output_tokens"))
    return sum(tokens for tokens in asked if isinstance(tokens, int))


def _facts(rules: Ruleset, scenario: Scenario, run: Run, now: Instant) -> Facts:
    given = scenario.facts
    progress = Progress(
        steps=given.steps,
        tool_calls=given.tool_calls,
        model_calls=given.model_calls,
        calls=dict(given.calls),
        denials=given.denials,
        loop=None if given.loop is None else LoopSeen(given.loop),
    )
    facts = Facts(
        now=now,
        workspace=Scope(scope_id(ScopeKind.WORKSPACE, run.workspace), ScopeKind.WORKSPACE),
        team=None if run.team is None else _scope(ScopeKind.TEAM, run, run.team),
        agent=_scope(ScopeKind.AGENT, run, run.agent),
        user=_scope(ScopeKind.USER, run, run.on_behalf_of),
        run=_scope(ScopeKind.RUN, run, run.id),
        repeats=given.repeats,
        temporal={fact.key: given.temporal.get(fact.name, 0) for fact in rules.configuration.settings.temporal},
        approval=_approval(rules, given.approval, now),
    )
    facts.line = tuple(_superior(rules, run, *each) for each in enumerate(given.above))
    assert facts.run is not None
    facts.run.progress = progress
    facts.agent.in_flight = given.in_flight
    _spend(rules, scenario, facts)
    _stop(scenario, facts, now)
    return facts


def _superior(rules: Ruleset, run: Run, number: int, name: AgentName) -> Superior:
    agent = rules.agent(name)
    team = None if agent is None or agent.team is None else _scope(ScopeKind.TEAM, run, agent.team)
    of_run = _scope(ScopeKind.RUN, run, run.ancestors[number])
    of_run.progress = Progress()
    return Superior(name, run.started_at, of_run, _scope(ScopeKind.AGENT, run, name), team)


def _scope(kind: ScopeKind, run: Run, name: str) -> Scope:
    return Scope(scope_id(kind, run.workspace, name), kind)


def _spend(rules: Ruleset, scenario: Scenario, facts: Facts) -> None:
    for charge in rules.charges(scenario.agent):
        scope = facts.of(charge.scope)
        spent = scenario.facts.spent.get(charge.budget.name)
        if scope is not None and spent is not None:
            start, end = bounds(charge.budget.window, charge.zone, facts.now)
            scope.spends[charge.budget.name] = Spend(start, end, spent)


def _stop(scenario: Scenario, facts: Facts, now: Instant) -> None:
    stop = Stop(StopKind.FREEZE, "user:test", "given by the test", now)
    for what in scenario.facts.stopped:
        if what in ("tool", "model"):
            facts.workspace.stops[f"{what}:{scenario.target}"] = stop
        else:
            scope = facts.of(ScopeKind(what))
            if scope is not None:
                scope.stops[""] = stop


def _approval(rules: Ruleset, state: str | None, now: Instant) -> ApprovalFacts | None:
    if state is None:
        return None
    groups = tuple(sorted(rules.configuration.groups))
    expires = Instant(now - 1 if state == ApprovalState.EXPIRED.value else now + _DAY)
    return ApprovalFacts(ApprovalId("apr_test"), ApprovalState(state), groups, expires)


def _instant(text: str) -> Instant:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Instant(int(moment.timestamp() * MICROS_PER_SECOND))
