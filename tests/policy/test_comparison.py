"""Requests made to compare with reach every edge, and none is refused before a policy is asked."""

from dataclasses import replace

import pytest

from remit.domain.release import Configuration
from remit.domain.temporal import Temporal, TemporalLevel
from remit.policy.authorizer import Authorizer
from remit.policy.comparison import difference, generated
from tests.policy.samples import COVERED, workspace

LIMITS = (
    '@id("much") forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount > 700 };'
    '@id("late") forbid(principal, action == Action::"erp.pay", resource) when { context.call.hour >= 18 };'
)
FACT = Temporal("calls_day", TemporalLevel.RUN, 86_400)
COUNTED = (
    '@id("often") forbid(principal, action == Action::"erp.pay", resource)'
    " when { context.call.temporal.calls_day >= 3 };"
)


def counting(configuration: Configuration) -> Configuration:
    return replace(configuration, settings=replace(configuration.settings, temporal=(FACT,)))


@pytest.mark.parametrize(
    "configuration",
    [workspace(COVERED, LIMITS), counting(workspace(COVERED, LIMITS, COUNTED))],
    ids=["plain", "with temporal facts"],
)
def test_each_policy_is_met_at_its_edges_and_on_both_sides(configuration: Configuration) -> None:
    authorizer = Authorizer.of(configuration)
    requests = list(generated(authorizer, configuration, "seed"))
    answers = [authorizer.authorize(request) for request in requests]
    assert [answer.errors for answer in answers if answer.errors] == []
    amounts = {(request.input.values or {}).get("amount") for request in requests}
    assert {699, 700, 701} <= amounts
    forbidding = {name for answer in answers for name, _ in answer.forbids}
    assert forbidding == {"much", "late"} | ({"often"} if configuration.settings.temporal else set())
    assert any(answer.permitted for answer in answers)
    assert difference(authorizer, requests) is None


def test_the_same_seed_makes_the_same_requests() -> None:
    configuration = workspace(COVERED, LIMITS)
    authorizer = Authorizer.of(configuration)
    made = [[str(request.input) for request in generated(authorizer, configuration, seed)] for seed in "aab"]
    assert made[0] == made[1] != made[2]
