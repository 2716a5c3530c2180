"""Decisions that a candidate can not change are passed over, and what a backtest finds stays the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.domain.flip import Comparison
from remit.domain.ids import AgentName, ToolName
from remit.domain.record import RecordKind
from remit.execution.backtest.backtests import Asked, Backtests
from remit.execution.backtest.unchanged import RulesOf, Unchanged
from remit.execution.rulesets import ReleaseUnusable
from remit.kernel.ruleset import Ruleset
from tests.execution.test_history import rules
from tests.execution.test_replay import CHANGES, eventful_day
from tests.worlds import BIG_PAYMENTS, PEOPLE, SARA, TOOLS, WORKSPACE, World, agent, budget, documents, world

BUYER, PAY, GET = AgentName("buyer"), ToolName("erp.pay"), ToolName("erp.get")
ELSEWHERE = '@id("other") forbid(principal == Agent::"buyer", action == Action::"erp.scan", resource);'
BY_STATUS = (
    '@id("paused") forbid(principal, action == Action::"erp.pay", resource) when { Tool::"erp.get".effect == "write" };'
)


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("unchanged"), CHANGES) as opened:
        eventful_day(opened)
        yield opened


def compared(it: World, candidate: Ruleset, rules_of: RulesOf | None) -> Comparison:
    it.clock.advance(120)
    backtests = Backtests(it.store, it.parts.keys.apart(), it.clock, it.ids, rules_of)
    begun = backtests.begin(Asked(WORKSPACE, 30, SARA), candidate.release, None)
    return backtests.run(begun, candidate, None).comparison


def of_the_first_release(it: World) -> list[dict[str, Any]]:
    """Calls of tools under the rules that `rules({})` are; the day ends under others."""
    decisions = it.records(RecordKind.DECISION_MADE)
    return [each for each in decisions if each["action_kind"] == "tool" and each["release"] == decisions[0]["release"]]


CANDIDATES: Mapping[str, Mapping[str, str | None]] = {
    "nothing": {},
    "a lower limit": {"policies/pay.cedar": BIG_PAYMENTS.replace("> 500", "> 5")},
    "no policies": {"policies/pay.cedar": ""},
    "one tool closed": {"policies/pay.cedar": BIG_PAYMENTS + ELSEWHERE},
    "less in the remit": {"agents/buyer.yaml": agent(tools=["erp.pay"])},
    "no budgets": {"budgets.yaml": None},
    "dearer": {"tools/erp.yaml": TOOLS.replace("0.10", "5.00")},
    "another effect": {"tools/erp.yaml": TOOLS.replace("effect: read", "effect: write")},
}


@pytest.mark.parametrize("name", CANDIDATES)
def test_what_is_found_is_the_same_as_when_every_decision_is_made_again(name: str, it: World) -> None:
    candidate = rules(CANDIDATES[name])
    again = compared(it, candidate, None)
    found = compared(it, candidate, it.parts.rulesets.of)
    assert again.unchanged == 0
    assert replace(found, unchanged=0) == again
    if name == "nothing":
        assert found.unchanged == len(of_the_first_release(it)) > 20
    if name == "one tool closed":
        scans = [each for each in of_the_first_release(it) if each["target"] == "erp.scan"]
        assert found.unchanged == len(of_the_first_release(it)) - len(scans)


def alike(changes: Mapping[str, str | None], tool: ToolName = PAY, base: Mapping[str, str | None] = {}) -> bool:
    return rules({**base, **changes}).decides_alike(rules(base), BUYER, tool)


@pytest.mark.parametrize(
    "changes",
    [
        {"policies/pay.cedar": BIG_PAYMENTS.replace("> 500", "> 501")},
        {"policies/pay.cedar": BIG_PAYMENTS.replace("over 500", "more")},
        {"policies/pay.cedar": BIG_PAYMENTS + BY_STATUS},
        {"agents/buyer.yaml": agent(tools=["erp.pay", "erp.get"])},
        {"budgets.yaml": budget("new", "agent", "day", calls=5)},
        {"people.yaml": documents(PEOPLE, '{"kind": "Person", "id": "user:new"}')},
        {
            "tools/erp.yaml": TOOLS.replace(
                "{amount: {type: integer, minimum: 1}", "{amount: {type: integer, minimum: 2}"
            )
        },
        # Another tool, which a policy about this one may read by its name.
        {"tools/erp.yaml": TOOLS.replace("effect: delete", "effect: admin")},
    ],
)
def test_whatever_a_decision_may_rest_on_is_looked_at(changes: Mapping[str, str | None]) -> None:
    assert not alike(changes)


def test_what_is_another_tools_or_agents_is_not() -> None:
    assert alike({})
    assert alike({"policies/pay.cedar": BIG_PAYMENTS + ELSEWHERE})
    assert alike({"policies/pay.cedar": BIG_PAYMENTS.replace("> 500", "> 5")}, GET)
    assert alike({"policies/pay.cedar": f"// a comment, and other lines\n\n{BIG_PAYMENTS}"})
    assert not alike({}, ToolName("erp.none"))


def test_models_other_kernels_and_lost_releases_are_made_again(it: World) -> None:
    record = next(r for r in it.records(RecordKind.DECISION_MADE) if r["target"] == "erp.pay")
    same = Unchanged(rules({}), WORKSPACE, it.parts.rulesets.of)
    assert same(record)
    assert not same({**record, "kernel": 99})
    assert not same({**record, "action_kind": "model"})
    assert not same({**record, "release": "rel_none"})
    with pytest.raises(ReleaseUnusable):
        it.parts.rulesets.of(WORKSPACE, "rel_none")  # type: ignore[arg-type]


def test_what_can_not_change_needs_no_arguments(tmp_path: Path) -> None:
    with world(tmp_path, CHANGES) as it:
        eventful_day(it)
        db = sqlite3.connect(it.path)
        db.execute("delete from payload_keys")
        db.commit()
        db.close()
        found = compared(it, rules({"policies/pay.cedar": ""}), it.parts.rulesets.of)
        decisions = it.records(RecordKind.DECISION_MADE)
        others = [each for each in of_the_first_release(it) if each["target"] != "erp.pay"]
        assert found.unchanged == len(others)
        assert sum(found.gaps.values()) == len(decisions) - len(others)
