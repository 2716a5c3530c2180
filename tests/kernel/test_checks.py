"""What scenarios can not show of a check: facts that only a real run has. Each bound is met from both sides."""

import copy
from dataclasses import replace

import pytest

from remit.control.policy_tests import situation
from remit.domain.action import ActionKind
from remit.domain.canonical import JsonValue
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.decision import Decision
from remit.domain.facts import Facts, Spend, Stop, StopKind
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.ids import AgentName, BudgetName, ToolName
from remit.domain.release import BudgetWindow, Cap, Mask, Rate
from remit.kernel.checks import policy
from remit.kernel.checks.limits import rate_after
from remit.kernel.checks.standing import CLOCK_TOLERANCE_S
from remit.kernel.decide import decide
from remit.kernel.prepared import Prepared
from tests.scenarios.reading import rules_and_scenarios

RULES, SCENARIOS = rules_and_scenarios()


def named(name: str) -> tuple[Facts, Prepared]:
    return situation(RULES, next(scenario for scenario in SCENARIOS if scenario.name == name))


def codes(decision: Decision) -> set[Code]:
    return {finding.code for finding in decision.findings}


def allowed() -> tuple[Facts, Prepared]:
    facts, call = named("within every limit")
    assert decide(facts, call).verdict is Verdict.ALLOW
    return facts, call


def test_a_run_that_was_never_started() -> None:
    facts, call = allowed()
    decision = decide(replace(facts, run=None), call)
    assert decision.verdict is Verdict.DENY
    assert Code.RUN_UNKNOWN in codes(decision)


def test_a_run_that_has_ended() -> None:
    facts, call = allowed()
    assert facts.run is not None
    assert facts.run.progress is not None
    facts.run.progress.ended_at = facts.now
    decision = decide(facts, call)
    assert decision.verdict is Verdict.DENY
    assert Code.RUN_ENDED in codes(decision)


def test_a_withdrawn_release() -> None:
    facts, call = allowed()
    decision = decide(replace(facts, withdrawn=True), call)
    assert decision.verdict is Verdict.DENY
    assert Code.RELEASE_WITHDRAWN in codes(decision)


def test_an_action_in_another_agents_run() -> None:
    facts, call = allowed()
    decision = decide(facts, replace(call, action=replace(call.action, agent=AgentName("buyer"))))
    assert decision.verdict is Verdict.DENY
    assert Code.AGENT_UNKNOWN in codes(decision)


ACCEPTED, OTHER = ("sha256:" + digit * 64 for digit in "ab")


@pytest.mark.parametrize(
    ("pin", "seen", "code"),
    [
        ("", "", None),
        (ACCEPTED, "", None),
        (ACCEPTED, ACCEPTED, None),
        (ACCEPTED, OTHER, Code.TOOL_CHANGED),
        ("", OTHER, Code.TOOL_NOT_ACCEPTED),
    ],
)
def test_a_tool_is_what_a_person_has_accepted(pin: str, seen: str, code: Code | None) -> None:
    facts, call = allowed()
    tool = replace(RULES.configuration.tools[ToolName(call.action.target)], pin=pin)
    rules = copy.copy(RULES)
    rules.configuration = replace(RULES.configuration, tools={**RULES.configuration.tools, tool.name: tool})
    decision = decide(facts, replace(call, rules=rules, action=replace(call.action, definition=seen)))
    assert decision.verdict is (Verdict.ALLOW if code is None else Verdict.DENY)
    assert codes(decision) & {Code.TOOL_CHANGED, Code.TOOL_NOT_ACCEPTED} == ({code} - {None})


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        (CLOCK_TOLERANCE_S * MICROS_PER_SECOND, Verdict.DENY),
        (CLOCK_TOLERANCE_S * MICROS_PER_SECOND - 1, Verdict.ALLOW),
        (0, Verdict.ALLOW),
        (-1, Verdict.ALLOW),
    ],
)
def test_the_clock_may_lag_five_seconds_behind_the_last_record(behind: int, expected: Verdict) -> None:
    facts, call = allowed()
    facts.workspace.last_at = facts.now + behind
    decision = decide(facts, call)
    assert decision.verdict is expected
    assert (Code.CLOCK_WENT_BACK in codes(decision)) is (expected is Verdict.DENY)


def test_a_rate_admits_a_burst_and_then_one_at_a_time() -> None:
    rate, due = Rate(calls=2, seconds=60), 0
    now = Instant(10**15)
    for _ in range(2):
        after = rate_after(rate, due, now)
        assert after is not None
        due = after
    assert rate_after(rate, due, now) is None
    assert rate_after(rate, due, Instant(now + 30 * MICROS_PER_SECOND - 1)) is None
    assert rate_after(rate, due, Instant(now + 30 * MICROS_PER_SECOND)) is not None


def test_a_rate_that_is_used_up_denies() -> None:
    facts, call = allowed()
    facts.agent.rate_at = facts.now + 60 * MICROS_PER_SECOND
    decision = decide(facts, call)
    assert decision.verdict is Verdict.DENY
    assert codes(decision) & {Code.RATE_REACHED, Code.LIMITS_OK} == {Code.RATE_REACHED}


def test_a_stop_counts_until_the_instant_it_ends() -> None:
    facts, call = allowed()
    for left, verdict in ((1, Verdict.DENY), (0, Verdict.ALLOW)):
        facts.agent.stops[""] = Stop(StopKind.FREEZE, "user:olga", "", facts.now, Instant(facts.now + left))
        assert decide(facts, call).verdict is verdict


def test_a_stop_of_another_tool_is_no_stop_of_this_one() -> None:
    facts, call = allowed()
    facts.workspace.stops["tool:erp.pay"] = Stop(StopKind.TERMINATION, "user:olga", "", facts.now)
    facts.workspace.stops["model:erp.get_order"] = Stop(StopKind.TERMINATION, "user:olga", "", facts.now)
    assert decide(facts, call).verdict is Verdict.ALLOW


def test_money_that_is_set_aside_is_as_good_as_spent() -> None:
    facts, call = named("a page for ten cents")
    assert facts.run is not None
    cent = 10_000
    for reserved, verdict in ((90 * cent, Verdict.ALLOW), (90 * cent + 1, Verdict.DENY)):
        facts.run.spends[BudgetName("spender-run")] = Spend(0, 0, 0, reserved)
        assert decide(facts, call).verdict is verdict


def test_a_budget_starts_afresh_when_its_window_ends() -> None:
    facts, call = named("a page for ten cents")
    assert facts.team is not None
    assert RULES.budget(BudgetName("lab-day")).window is BudgetWindow.DAY  # type: ignore[union-attr]
    spent = Spend(facts.now - 10, facts.now + 1, 10_000_000)
    facts.team.spends[BudgetName("lab-day")] = spent
    assert decide(facts, call).verdict is Verdict.DENY
    later = replace(facts, now=Instant(spent.end))
    later.workspace.last_at = 0
    assert decide(later, call).verdict is Verdict.ALLOW


def test_a_duty_that_can_not_be_carried_out_denies() -> None:
    facts, call = allowed()
    answer = policy.ask(facts, call)
    assert answer is not None
    possible, impossible = (Cap("amount", 5), Mask("note")), Cap("amount", 5)

    def found(arguments: dict[str, JsonValue], duties: tuple[Mask | Cap, ...], kind: ActionKind) -> list[Finding]:
        asked = replace(call, action=replace(call.action, arguments=arguments, kind=kind))
        return [f for f in policy.findings(replace(answer, duties=duties), asked) if f.verdict is Verdict.DENY]

    denied = [Finding.of(Code.POLICY_DUTY, Verdict.DENY, field="amount")]
    assert found({"amount": 7, "note": None}, possible, ActionKind.TOOL) == []
    assert found({"amount": "7"}, (impossible,), ActionKind.TOOL) == denied
    assert found({}, (impossible,), ActionKind.TOOL) == [], "an argument that is not there needs nothing"
    assert found({"amount": 7}, (impossible,), ActionKind.MODEL) == denied, "nothing of a model call can be changed"
