"""decide() is a function: the same facts and call give the same decision, and nothing handed in is changed."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.control.policy_tests import run_tests, situation
from remit.domain.action import ActionKind
from remit.domain.canonical import canonical
from remit.domain.clock import Instant
from remit.domain.decision import Decision
from remit.domain.facts import ApprovalFacts, ApprovalState, Facts, LoopSeen, Spend, Stop, StopKind
from remit.domain.finding import Check, Code, Verdict
from remit.domain.ids import AgentName, ApprovalId, BudgetName, GroupName, UserId
from remit.domain.scenario import GivenFacts, Scenario
from remit.kernel.decide import decide
from remit.kernel.prepared import Prepared
from tests.scenarios.reading import rules_and_scenarios

RULES, SCENARIOS = rules_and_scenarios()
BUDGETS = ("company-month", "lab-day", "fatima-day", "lab-tokens", "lab-habit", "spender-run", "spender-hour")
LOOPS = [code for code in Code if code.check is Check.LOOP and code not in (Code.LOOP_OK, Code.LOOP_REPETITION)]


def remembered(decision: Decision) -> Decision:
    """The decision as a record gives it back."""
    return Decision.from_json(orjson.loads(canonical(decision.as_json())))


small = st.integers(0, 250)
arguments: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({"order": "PO-1"}),
    st.fixed_dictionaries({"supplier": st.sampled_from("AB"), "amount_aed": st.integers(-1, 60_000)}),
    st.fixed_dictionaries({"hundredths": st.integers(0, 10**7)}),
    st.fixed_dictionaries({"page": st.integers(0, 3)}),
    st.dictionaries(st.text(max_size=5), st.one_of(st.integers(-5, 5), st.text(max_size=5), st.none()), max_size=3),
)
given_facts = st.builds(
    GivenFacts,
    at=st.sampled_from(["", "2026-01-04T23:30:00Z", "2026-02-28T20:00:00Z"]),
    steps=small,
    tool_calls=small,
    model_calls=small,
    depth=st.integers(0, 6),
    running_s=st.integers(0, 5000),
    in_flight=st.integers(0, 6),
    repeats=st.integers(0, 6),
    spent=st.dictionaries(st.sampled_from([BudgetName(name) for name in BUDGETS]), st.integers(0, 10**7)),
    calls=st.dictionaries(st.sampled_from(["mail.send", "erp.pay"]), st.integers(0, 3)),
    stopped=st.lists(st.sampled_from(["workspace", "team", "agent", "run", "tool", "model"]), max_size=2).map(tuple),
    loop=st.one_of(st.none(), st.sampled_from(LOOPS)),
    approval=st.sampled_from([None, "pending", "approved", "rejected", "expired"]),
)
scenarios = st.builds(
    Scenario,
    file=st.just("generated"),
    line=st.just(1),
    name=st.just("generated"),
    agent=st.sampled_from([AgentName(name) for name in (*RULES.configuration.agents, "stranger")]),
    kind=st.just(ActionKind.TOOL),
    target=st.sampled_from([*map(str, RULES.configuration.tools), "no.such.tool"]),
    arguments=arguments,
    expect=st.just(Verdict.ALLOW),
    on_behalf_of=st.sampled_from([UserId("user:fatima"), UserId("user:visitor")]),
    facts=given_facts,
)


def with_more(facts: Facts, rate_at: int, behind_s: int, withdrawn: bool, ended: bool) -> Facts:
    """Add what a scenario can not say."""
    facts.agent.rate_at = facts.now + rate_at
    facts.workspace.last_at = facts.now + behind_s * 1_000_000
    assert facts.run is not None
    assert facts.run.progress is not None
    facts.run.progress.ended_at = facts.now if ended else 0
    return replace(facts, withdrawn=withdrawn)


@given(scenarios, st.integers(-(10**9), 10**9), st.integers(0, 20), st.booleans(), st.booleans())
def test_a_decision_follows_from_its_facts_alone(
    scenario: Scenario, rate_at: int, behind_s: int, withdrawn: bool, ended: bool
) -> None:
    facts, call = situation(RULES, scenario)
    facts = with_more(facts, rate_at, behind_s, withdrawn, ended)
    before = canonical(facts.as_json())

    first = decide(facts, call)

    assert canonical(facts.as_json()) == before, "decide() changed the facts"
    assert decide(facts, call) == first
    from_record = Facts.from_json(orjson.loads(before))
    assert decide(from_record, call) == first, "the facts on record do not give the same decision"
    assert remembered(first) == first


@given(scenarios)
def test_every_check_reports_and_only_good_news_is_allowed(scenario: Scenario) -> None:
    (tested,) = run_tests(RULES, [scenario])
    findings = tested.decision.findings
    assert {finding.code.check for finding in findings} == set(Check)
    if tested.decision.verdict is Verdict.ALLOW:
        assert all(finding.verdict is not Verdict.DENY for finding in findings)
        assert tested.decision.policies, "nothing is allowed without a permit"


@given(scenarios, st.sampled_from(list(ApprovalState)))
def test_an_approval_never_turns_a_denial_into_anything_else(scenario: Scenario, state: ApprovalState) -> None:
    facts, call = situation(RULES, replace(scenario, facts=replace(scenario.facts, approval=None)))
    without = decide(facts, call).verdict
    groups = tuple(sorted(GroupName(name) for name in RULES.configuration.groups))
    facts.approval = ApprovalFacts(ApprovalId("apr_1"), state, groups, facts.now + 1)  # type: ignore[arg-type]
    with_it = decide(facts, call).verdict
    if without is Verdict.DENY:
        assert with_it is Verdict.DENY
    if without is Verdict.ALLOW:
        assert with_it is Verdict.ALLOW


def held() -> tuple[Facts, Prepared]:
    """An action that both groups must approve, and nothing else against it."""
    waits = next(s for s in SCENARIOS if s.name == "a large payment waits for both groups")
    return situation(RULES, waits)


@pytest.mark.parametrize(
    ("groups", "verdict"),
    [
        (("finance", "operations"), Verdict.ALLOW),
        (("finance", "operations", "others"), Verdict.ALLOW),
        (("operations",), Verdict.HOLD),
        ((), Verdict.HOLD),
    ],
)
def test_only_the_groups_that_must_answer_lift_a_hold(groups: tuple[str, ...], verdict: Verdict) -> None:
    facts, call = held()
    asked = tuple(GroupName(group) for group in groups)
    facts.approval = ApprovalFacts(ApprovalId("apr_1"), ApprovalState.APPROVED, asked, facts.now + 1)  # type: ignore[arg-type]
    assert decide(facts, call).verdict is verdict


def test_an_approval_counts_up_to_the_instant_it_expires() -> None:
    facts, call = held()
    groups = (GroupName("finance"), GroupName("operations"))
    for left, verdict in ((1, Verdict.ALLOW), (0, Verdict.DENY)):
        expires = facts.now + left
        facts.approval = ApprovalFacts(ApprovalId("apr_1"), ApprovalState.APPROVED, groups, expires)  # type: ignore[arg-type]
        assert decide(facts, call).verdict is verdict


def test_a_used_approval_does_not_lift_a_hold_again() -> None:
    facts, call = held()
    groups = (GroupName("finance"), GroupName("operations"))
    facts.approval = ApprovalFacts(ApprovalId("apr_1"), ApprovalState.USED, groups, facts.now + 1)  # type: ignore[arg-type]
    assert decide(facts, call).verdict is Verdict.HOLD


STATES = list(ApprovalState)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("edited", [False, True])
def test_an_action_that_names_its_approval_is_admitted_by_it_or_not_at_all(state: ApprovalState, edited: bool) -> None:
    """Also one that the rules would allow without: else two who waited for one approval would both go on."""
    for scenario in ("a large payment waits for both groups", "a read is allowed"):
        waits = next(s for s in SCENARIOS if s.name == scenario or (s.expect is Verdict.ALLOW and "read" in scenario))
        facts, call = situation(RULES, replace(waits, facts=replace(waits.facts, approval=None)))
        groups = tuple(sorted(GroupName(name) for name in RULES.configuration.groups))
        expires = Instant(facts.now + 1)
        facts.approval = ApprovalFacts(ApprovalId("apr_1"), state, groups, expires, edited=edited, named=True)
        admits = state is ApprovalState.APPROVED and not edited
        assert (decide(facts, call).verdict is Verdict.ALLOW) is admits
        if state in (ApprovalState.USED, ApprovalState.VOIDED):
            assert decide(facts, call).reasons[-1].code is Code.OVERSIGHT_VOID


def test_arguments_that_were_edited_are_held_while_the_new_ones_wait_or_are_approved() -> None:
    facts, call = held()
    groups = (GroupName("finance"), GroupName("operations"))
    for state in (ApprovalState.PENDING, ApprovalState.APPROVED):
        facts.approval = ApprovalFacts(ApprovalId("apr_1"), state, groups, Instant(facts.now + 1), edited=True)
        decision = decide(facts, call)
        assert (decision.verdict, decision.reasons[-1].code) == (Verdict.HOLD, Code.OVERSIGHT_EDITED)
        assert ApprovalFacts.from_json(facts.approval.as_json()) == facts.approval


def test_facts_survive_the_record_whatever_they_hold() -> None:
    facts, _ = held()
    assert facts.run is not None
    assert facts.run.progress is not None
    facts.run.progress.loop = LoopSeen(Code.LOOP_CYCLE, (("period", 2), ("repeats", 3)))
    facts.run.progress.calls["erp.pay"] = 3
    facts.user.spends[BudgetName("b")] = Spend(1, 2, 3, 4)
    facts.workspace.stops["tool:erp.pay"] = Stop(StopKind.TERMINATION, "user:olga", "enough", facts.now, facts.now)
    written = orjson.loads(canonical(facts.as_json()))
    assert Facts.from_json(written).as_json() == facts.as_json()
