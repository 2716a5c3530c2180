"""One catalogue puts every finding into words, in English and in Arabic."""

import re
from string import Formatter

import pytest

from remit.control.policy_tests import run_tests
from remit.domain.finding import Check, Code, Finding, Verdict
from remit.domain.messages import _CATALOGUE, Language, say
from remit.domain.text import hidden_character
from tests.scenarios.reading import rules_and_scenarios

LANGUAGES: tuple[Language, ...] = ("en", "ar")
RULES, SCENARIOS = rules_and_scenarios()


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def every_finding() -> dict[Code, Finding]:
    found = {f.code: f for tested in run_tests(RULES, SCENARIOS) for f in tested.decision.findings}
    # What no scenario can show; tests/kernel/test_checks.py makes the checks produce them.
    found[Code.RUN_UNKNOWN] = Finding.of(Code.RUN_UNKNOWN, Verdict.DENY, run="run_1")
    found[Code.RUN_ENDED] = Finding.of(Code.RUN_ENDED, Verdict.DENY, run="run_1")
    found[Code.RELEASE_WITHDRAWN] = Finding.of(Code.RELEASE_WITHDRAWN, Verdict.DENY, release="rel_1")
    found[Code.CLOCK_WENT_BACK] = Finding.of(Code.CLOCK_WENT_BACK, Verdict.DENY, seconds=7200)
    found[Code.OVERSIGHT_EDITED] = Finding.of(Code.OVERSIGHT_EDITED, Verdict.HOLD, approval="apr_1")
    found[Code.OVERSIGHT_VOID] = Finding.of(Code.OVERSIGHT_VOID, Verdict.DENY, approval="apr_1")
    for code in (Code.TOOL_CHANGED, Code.TOOL_NOT_ACCEPTED):
        found[code] = Finding.of(code, Verdict.DENY, server="erp", tool="erp.get")
    found[Code.RATE_REACHED] = Finding.of(Code.RATE_REACHED, Verdict.DENY, limit=2, seconds=60)
    found[Code.POLICY_DUTY] = Finding.of(Code.POLICY_DUTY, Verdict.DENY, field="amount")
    return found


FINDINGS = every_finding()


def test_both_languages_have_words_for_every_code() -> None:
    for language in LANGUAGES:
        assert set(_CATALOGUE[language]) == set(Code)


@pytest.mark.parametrize("code", Code, ids=lambda code: code.value)
def test_both_languages_say_the_same_things(code: Code) -> None:
    english, arabic = (_CATALOGUE[language][code] for language in LANGUAGES)
    assert placeholders(english) == placeholders(arabic)
    assert re.search("[\u0600-\u06ff]", arabic), "the Arabic text is in Arabic"
    assert not re.search("[\u0600-\u06ff]", english)
    assert hidden_character(english + arabic) is None
    assert not english.endswith("."), "a finding is a part of a sentence"


@pytest.mark.parametrize("code", Code, ids=lambda code: code.value)
def test_a_check_gives_the_words_all_they_need(code: Code) -> None:
    finding = FINDINGS[code]
    names = {name for name, _ in finding.params}
    assert placeholders(_CATALOGUE["en"][code]) <= names
    for language in LANGUAGES:
        said = say(finding, language)
        assert "{" not in said
        assert said.strip() == said


def test_findings_keep_their_parameters_in_order() -> None:
    for finding in FINDINGS.values():
        assert list(finding.params) == sorted(finding.params)


def test_the_part_before_the_dot_is_the_check() -> None:
    for code in Code:
        assert code.check in Check
        assert code.value.startswith(f"{code.check.value}.")


def budget(unit: str, **amounts: int) -> Finding:
    return Finding.of(
        Code.BUDGET_EXCEEDED, Verdict.DENY, budget="day", unit=unit, window="day", level="team", **amounts
    )


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (
            budget("micro_usd", asked=12_500, left=0, limit=1_000_000),
            "budget day has $0.00 left of $1.00 for this day; $0.0125 was asked",
        ),
        (
            budget("tokens", asked=8400, left=8399, limit=100_000),
            "budget day has 8399 tokens left of 100000 tokens for this day; 8400 tokens was asked",
        ),
        (
            Finding.of(Code.POLICY_FORBIDDEN, Verdict.DENY, policy="p", reason=""),
            "policy p forbids it",
        ),
        (
            Finding.of(Code.POLICY_FORBIDDEN, Verdict.DENY, policy="p", reason="too late"),
            "policy p forbids it: too late",
        ),
        (
            Finding.of(Code.OVERSIGHT_REQUIRED, Verdict.HOLD, approvers=""),
            "a person of - must decide",
        ),
    ],
)
def test_amounts_and_reasons_read_well(finding: Finding, words: str) -> None:
    assert say(finding) == words


def test_braces_in_a_parameter_are_only_text() -> None:
    finding = Finding.of(Code.TOOL_UNKNOWN, Verdict.DENY, tool="{tool.__class__}")
    assert say(finding) == "there is no tool {tool.__class__}"
