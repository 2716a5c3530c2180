"""The kernel's specification: every scenario of this folder, each a test of its own.

A scenario says who attempts what under which facts, and the decision that must come. To add one, write it into the
file of its check; `remit policy test` runs the same format for any workspace.
"""

from dataclasses import replace

import pytest

from remit.control.policy_tests import run_tests
from remit.domain.finding import Check, Code, Verdict
from remit.domain.ids import GroupName
from remit.domain.scenario import Scenario
from tests.scenarios.reading import FILES, rules_and_scenarios

RULES, SCENARIOS = rules_and_scenarios()

NO_SCENARIO = {
    Code.RUN_UNKNOWN: "a scenario is always in a run that was started",
    Code.RUN_ENDED: "and that has not ended",
    Code.RELEASE_WITHDRAWN: "and whose release stands",
    Code.CLOCK_WENT_BACK: "a scenario has one moment, so its clock can not go back",
    Code.POLICY_DUTY: "validation refuses a duty that an argument of the schema could not take",
    Code.OVERSIGHT_EDITED: "a scenario's approval is for exactly its arguments",
    Code.OVERSIGHT_VOID: "and a scenario names no approval",
    Code.TOOL_CHANGED: "a scenario has no server that says what the tool is",
    Code.TOOL_NOT_ACCEPTED: "nor one that nobody has looked at",
    Code.RATE_REACHED: "a scenario has one call, and one call is never too fast",
}
"""What no scenario can show; tests/kernel/test_checks.py shows each directly."""


def named(scenario: Scenario) -> str:
    return f"{scenario.file.removeprefix('tests/').removesuffix('.yaml')}: {scenario.name}"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=named)
def test_scenario(scenario: Scenario) -> None:
    (tested,) = run_tests(RULES, [scenario])
    assert tested.misses == ()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=named)
def test_a_wrong_expectation_fails(scenario: Scenario) -> None:
    others = [verdict for verdict in Verdict if verdict is not scenario.expect]
    never = Code.RUN_UNKNOWN
    wrong = [
        *(replace(scenario, expect=verdict) for verdict in others),
        replace(scenario, reasons=(*scenario.reasons, never)),
        replace(scenario, policies=("no-such-policy",)),
        replace(scenario, approvers=(GroupName("nobody"),)),
    ]
    assert [result.passed for result in run_tests(RULES, wrong)] == [False] * len(wrong)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=named)
def test_every_check_has_its_word_and_the_worst_wins(scenario: Scenario) -> None:
    (tested,) = run_tests(RULES, [scenario])
    findings = tested.decision.findings
    checks = [finding.code.check for finding in findings]
    assert set(checks) == set(Check)
    assert checks == sorted(checks, key=list(Check).index), "findings stand in the order of the checks"
    worst = max(finding.verdict for finding in findings)
    is_lifted = any(finding.code is Code.OVERSIGHT_APPROVED for finding in findings)
    expected = Verdict.ALLOW if worst is Verdict.HOLD and is_lifted else worst
    assert tested.decision.verdict is expected


def test_every_code_is_the_reason_of_some_scenario() -> None:
    shown = {code for scenario in SCENARIOS for code in scenario.reasons}
    assert shown.isdisjoint(NO_SCENARIO), "take it off the list"
    assert {code.value for code in Code if code not in NO_SCENARIO} == {code.value for code in shown}


def test_every_check_has_a_file() -> None:
    assert {path.stem for path in FILES} == {*(check.value for check in Check), "mixed"}


def test_every_deciding_policy_decides_in_some_scenario() -> None:
    configuration = RULES.configuration
    written = {
        line.partition('"')[2].partition('"')[0]
        for file in configuration.policies
        for line in file.text.splitlines()
        if line.startswith("@id(")
    }
    decided = {policy for tested in run_tests(RULES, SCENARIOS) for policy in tested.decision.policies}
    assert written <= decided
