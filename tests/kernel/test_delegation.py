"""Whatever remits there are and however work is handed on: nothing is admitted below that an agent above may not do."""

from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.control.policy_tests import situation
from remit.domain.action import ActionKind
from remit.domain.canonical import JsonValue, canonical
from remit.domain.facts import Facts
from remit.domain.finding import Code, Verdict
from remit.domain.ids import AgentName, BudgetName, GroupName, ModelName, ReleaseId, TeamName, ToolName, UserId
from remit.domain.release import (
    Agent,
    Budget,
    BudgetLevel,
    BudgetUnit,
    BudgetWindow,
    Configuration,
    Effect,
    Grant,
    HoldRule,
    Limits,
    Remit,
)
from remit.domain.scenario import GivenFacts, Scenario
from remit.execution import effects
from remit.kernel.decide import decide
from remit.kernel.ruleset import Ruleset
from remit.workspace.asking import with_asking
from remit.workspace.delegating import delegating_tools
from remit.workspace.reading import read
from tests.worlds import MODEL, OWNER, files

NAMES = [AgentName(name) for name in ("a", "b", "c")]
READ = read(files(), "tiny").configuration
assert READ is not None
BASIS: Configuration = replace(READ, policies=(), budgets=())

CONDITIONS = ["", "", "", "context.call.depth > 1", 'resource == Tool::"erp.get"', "context.call.depth > 9"]


@st.composite
def remits(draw: st.DrawFn) -> Remit:
    """A remit that mostly allows: what is denied by everything shows nothing."""

    def seldom() -> bool:
        return draw(st.integers(0, 5)) == 0

    granted = [
        Grant(ToolName(tool), when=draw(st.sampled_from(CONDITIONS)), calls_per_run=1 if seldom() else None)
        for tool in ("erp.get", "erp.pay")
        if not seldom()
    ]
    return Remit(
        grants=tuple(granted),
        models=() if seldom() else (ModelName(MODEL),),
        limits=Limits(depth=1 if seldom() else 4, steps=1 if seldom() else 200),
        budgets=("run",) if seldom() else ("agent",) if seldom() else (),  # type: ignore[arg-type]
        holds=(HoldRule((Effect.PAY,), GroupName("finance")),) if seldom() else (),
        agents=tuple(name for name in NAMES if not seldom()),
    )


def budgets(name: AgentName, kinds: tuple[str, ...]) -> tuple[Budget, ...]:
    level = BudgetLevel.RUN if "run" in kinds else BudgetLevel.AGENT
    window = BudgetWindow.RUN if "run" in kinds else BudgetWindow.DAY
    made = Budget(BudgetName(f"{name}-calls"), level, BudgetUnit.CALLS, window, 1, subject=str(name))
    return (made,) if kinds else ()


def rules_of(given_remits: list[Remit]) -> Ruleset:
    agents = [
        Agent(
            name,
            OWNER,
            "Works.",
            team=TeamName(f"team-{name}"),
            remit=replace(
                remit,
                budgets=budgets(name, remit.budgets),  # type: ignore[arg-type]
                agents=tuple(each for each in remit.agents if each != name),
            ),
        )
        for name, remit in zip(NAMES, given_remits, strict=True)
    ]
    handing = list(delegating_tools(agents))
    tools = {**BASIS.tools, **{tool.name: tool for _, tool in handing}}
    made = replace(BASIS, tools=tools, agents=with_asking({agent.name: agent for agent in agents}, handing))
    return Ruleset(ReleaseId("rel_1"), made)


TARGETS = ["erp.get", "erp.pay", MODEL, "delegate.b"]
ARGUMENTS: dict[str, dict[str, JsonValue]] = {
    "erp.get": {"id": "1"},
    "erp.pay": {"amount": 5},
    MODEL: {"provider": "local", "model": "tiny-1", "input_tokens": 1, "max_output_tokens": 1},
}


def scenario(agent: AgentName, target: str, above: tuple[AgentName, ...], steps: int, depth: int) -> Scenario:
    return Scenario(
        file="made",
        line=1,
        name="made",
        agent=agent,
        kind=ActionKind.MODEL if target == MODEL else ActionKind.TOOL,
        target=target,
        arguments=ARGUMENTS.get(target, {"task": "Do it."}),
        cost_micros=1,
        expect=Verdict.ALLOW,
        on_behalf_of=UserId("user:v"),
        facts=GivenFacts(above=above, steps=steps, depth=depth),
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(remits(), min_size=3, max_size=3),
    st.lists(st.sampled_from(NAMES), min_size=2, max_size=3),
    st.sampled_from(TARGETS),
    st.integers(0, 1),
    st.data(),
)
def test_nothing_is_admitted_below_that_would_be_denied_above(
    given_remits: list[Remit], line: list[AgentName], target: str, done: int, data: st.DataObject
) -> None:
    rules = rules_of(given_remits)
    *above, agent = line
    facts, call = situation(rules, scenario(agent, target, tuple(above), 0, 0))
    for superior in facts.line:
        assert superior.run.progress is not None
        superior.run.progress.steps = done * data.draw(st.integers(0, 1))
    counts = [superior.run.progress.steps for superior in facts.line if superior.run.progress is not None]
    decision = decide(facts, call)
    remembered = Facts.from_json(orjson.loads(canonical(facts.as_json())))
    assert decide(remembered, call) == decision, "a record is enough to decide again"
    if decision.verdict is Verdict.DENY:
        return
    for number, name in enumerate(above):
        itself = target == f"delegate.{name}"
        alone = decide(*situation(rules, scenario(name, target, (), counts[number], len(above))))
        codes = {finding.code for finding in alone.findings if finding.verdict is Verdict.DENY}
        assert itself or codes <= {Code.DEPTH_REACHED}, "its own depth is that of its run"
        assert itself or set(alone.approvers) <= set(decision.approvers), "whom it waits for is waited for"
        below = line[number + 1]
        assert below == name or below in rules.configuration.agents[name].remit.agents


def test_what_is_done_below_counts_on_every_run_above_it() -> None:
    both = Remit(
        (Grant(ToolName("erp.get"), calls_per_run=2),),
        limits=Limits(steps=2),
        budgets=("run",),  # type: ignore[arg-type]
        agents=(AgentName("b"),),
    )
    rules = rules_of([both, replace(both, budgets=()), Remit()])
    facts, call = situation(rules, scenario(AgentName("b"), "erp.get", (AgentName("a"),), 0, 0))
    assert decide(facts, call).verdict is Verdict.ALLOW
    (reserved,) = effects.reserve(facts, call)
    (superior,) = facts.line
    assert (reserved.budget, reserved.scope) == ("a-calls", superior.run.id)
    assert superior.run.progress is not None
    assert (superior.run.progress.steps, superior.run.progress.calls) == (1, {"erp.get": 1})
    denied = decide(facts, call)
    assert Code.BUDGET_EXCEEDED in {finding.code for finding in denied.reasons}
    superior.run.progress.steps = superior.run.progress.calls["erp.get"] = 2
    codes = {finding.code for finding in decide(facts, call).reasons}
    assert {Code.STEPS_REACHED, Code.GRANT_CALLS_REACHED} <= codes


def test_a_run_above_that_is_over_leaves_nothing_to_those_below() -> None:
    granted = Remit((Grant(ToolName("erp.get")),), agents=(AgentName("b"),))
    rules = rules_of([granted, granted, Remit()])
    facts, call = situation(rules, scenario(AgentName("b"), "erp.get", (AgentName("a"),), 0, 0))
    assert facts.line[0].run.progress is not None
    facts.line[0].run.progress.ended_at = facts.now
    assert {finding.code for finding in decide(facts, call).reasons} == {Code.RUN_ENDED}
    facts.line[0].run.progress = None
    assert {finding.code for finding in decide(facts, call).reasons} == {Code.RUN_UNKNOWN}
