"""A channel's gates are those of its active release; each says what it wants, and what went through is on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.control.releases import GateClosed
from remit.domain.ids import UserId
from remit.domain.record import RecordKind
from remit.domain.release import Release
from remit.execution.backtest.backtests import Asked, Backtests
from remit.kernel.ruleset import Ruleset
from remit.storage.candidate import Backtest
from remit.workspace.files import Folder
from remit.workspace.reading import read
from tests.worlds import BIG_PAYMENTS, LINA, OWNER, PEOPLE, SARA, TOOLS, WORKSPACE, World, agent, files, world, yaml

TESTS = """
kind: Tests
tests:
  - {name: small, agent: buyer, tool: erp.pay, arguments: {amount: 5}, expect: allow}
"""
STRICTER = BIG_PAYMENTS.replace("> 500", "> 50")
APPROVERS = PEOPLE + "---\nkind: Group\nname: risk\nmembers: [user:lina]\n"


def gated(**requires: Any) -> dict[str, str | None]:
    channels = {"production": {"requires": requires}}
    return {"workspace.yaml": yaml("Workspace", name=WORKSPACE, channels=channels), "people.yaml": APPROVERS}


def opened_with(tmp_path: Path, **requires: Any) -> Any:
    return world(tmp_path, gated(**requires))


def apply(it: World, changes: dict[str, str | None], by: UserId = OWNER, expect: tuple[str, ...] = ()) -> Release:
    plan = it.releases.plan(Folder(WORKSPACE, files(changes), ()), by, "why", "production")
    return it.releases.apply(plan, "production", expect)


def backtest(it: World, changes: dict[str, str | None], days: int = 7, **narrowed: str) -> Backtest:
    plan = it.releases.plan(Folder(WORKSPACE, files(changes), ()), OWNER, "", "production")
    backtests = Backtests(it.store, it.parts.keys, it.clock, it.ids)
    begun = backtests.begin(
        Asked(WORKSPACE, days, OWNER, **narrowed), plan.release.id, it.store.active(WORKSPACE, "production")
    )
    return backtests.run(begun, Ruleset(plan.release.id, plan.configuration), it.rules())


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with opened_with(tmp_path, backtest={"days": 7}) as opened:
        run = opened.start()
        for amount in (5, 100):
            opened.door.admit(opened.door.attempt_tool(run, "erp.pay", {"amount": amount}))
        yield opened


def test_tests_must_be_there_and_pass(tmp_path: Path) -> None:
    with opened_with(tmp_path, tests=True) as it:
        rules = gated(tests=True)
        with pytest.raises(GateClosed, match=r"gate tests is closed: the release has no tests.*remit policy test"):
            apply(it, {**rules, "policies/pay.cedar": STRICTER})
        apply(it, {**rules, "policies/pay.cedar": STRICTER, "tests/pay.yaml": TESTS})
        assert it.records(RecordKind.RELEASE_ACTIVATED)[-1]["gates"] == {"earlier": False, "expected": [], "tests": 1}


def test_the_gates_are_those_of_the_active_release(tmp_path: Path) -> None:
    with opened_with(tmp_path, tests=True) as it:
        with pytest.raises(GateClosed):
            apply(it, {"policies/pay.cedar": STRICTER})
        assert it.store.active(WORKSPACE, "staging") is None
        staged = it.releases.plan(Folder(WORKSPACE, files(), ()), OWNER, "", "staging")
        it.releases.apply(staged, "staging")
        with pytest.raises(GateClosed, match=r"gate tests"):
            it.releases.activate(WORKSPACE, staged.release.id, OWNER, "", "production")


def test_a_backtest_must_be_whole_fresh_and_against_what_is_active(it: World) -> None:
    change = {**gated(backtest={"days": 7}), "agents/buyer.yaml": agent(limits={"steps": 100})}
    with pytest.raises(GateClosed, match=r"no whole backtest of 7 days.*remit backtest DIR --history 7d"):
        apply(it, change)
    backtest(it, change, agent="buyer")
    backtest(it, change, days=6)
    backtest(it, gated(backtest={"days": 7}))
    with pytest.raises(GateClosed, match=r"no whole backtest"):
        apply(it, change)
    done = backtest(it, change)
    it.clock.advance(86_401)
    with pytest.raises(GateClosed, match=r"no whole backtest"):
        apply(it, change)
    done = backtest(it, change)
    apply(it, change)
    assert it.records(RecordKind.RELEASE_ACTIVATED)[-1]["gates"]["backtest"] == done.id
    other = {**change, "policies/pay.cedar": BIG_PAYMENTS + "\n"}
    stale = backtest(it, other)
    third = {**change, "agents/buyer.yaml": agent(limits={"steps": 101})}
    backtest(it, third)
    apply(it, third)
    assert stale.base != it.store.active(WORKSPACE, "production")
    with pytest.raises(GateClosed, match=r"against the active release"):
        apply(it, other)


def test_flips_close_it_until_each_is_expected(it: World) -> None:
    change = {**gated(backtest={"days": 7}), "policies/pay.cedar": STRICTER}
    (flips,) = backtest(it, change).comparison.flips
    with pytest.raises(GateClosed, match=f"1 decisions of bkt_.* flip unexpectedly, and 0 may \\({flips.key.id}\\)"):
        apply(it, change)
    apply(it, change, expect=(flips.key.id,))
    assert it.records(RecordKind.RELEASE_ACTIVATED)[-1]["gates"]["expected"] == [flips.key.id]


def test_some_flips_may_be_allowed(tmp_path: Path) -> None:
    rules = gated(backtest={"days": 7, "unexpected_flips": 1})
    with world(tmp_path, rules) as it:
        it.door.admit(it.door.attempt_tool(it.start(), "erp.pay", {"amount": 100}))
        change = {**rules, "policies/pay.cedar": STRICTER}
        backtest(it, change)
        assert apply(it, change).id == it.store.active(WORKSPACE, "production")


def test_a_tool_that_is_taken_away_is_a_flip_too(it: World) -> None:
    tools = TOOLS.replace("name: erp.pay", "name: erp.settle")
    change = {
        **gated(backtest={"days": 7}),
        "tools/erp.yaml": tools,
        "agents/buyer.yaml": agent(tools=["erp.get"]),
        "policies/pay.cedar": None,
    }
    backtest(it, change)
    with pytest.raises(GateClosed, match=r"2 decisions .* \(tool_gone\)"):
        apply(it, change)
    assert apply(it, change, expect=("tool_gone",)).id == it.store.active(WORKSPACE, "production")


def test_going_back_needs_no_new_backtest(it: World) -> None:
    first = it.store.active(WORKSPACE, "production")
    change = {**gated(backtest={"days": 7}), "agents/buyer.yaml": agent(limits={"steps": 100})}
    backtest(it, change)
    apply(it, change)
    it.releases.rollback(WORKSPACE, OWNER, "it was wrong", "production")
    assert it.store.active(WORKSPACE, "production") == first
    assert it.records(RecordKind.RELEASE_ACTIVATED)[-1]["gates"] == {"earlier": True, "expected": []}


def test_a_person_of_the_group_agrees_and_it_is_another_one(tmp_path: Path) -> None:
    rules = gated(approval="risk", backtest={"days": 7})
    with world(tmp_path, rules) as it:
        before = it.store.active(WORKSPACE, "production")
        it.door.admit(it.door.attempt_tool(it.start(), "erp.pay", {"amount": 100}))
        change = {
            **rules,
            "policies/pay.cedar": STRICTER,
            "people.yaml": APPROVERS.replace("[user:lina]", "[user:sara]"),
        }
        (flips,) = backtest(it, change).comparison.flips
        new = apply(it, change, OWNER, (flips.key.id,))
        assert it.store.active(WORKSPACE, "production") == before
        with pytest.raises(GateClosed, match=r"gate approval is closed: it takes a person of risk.*user:sara is none"):
            it.releases.activate(WORKSPACE, new.id, SARA, "", "production")
        it.releases.activate(WORKSPACE, new.id, LINA, "", "production")
        assert it.store.active(WORKSPACE, "production") == new.id
        last = it.records(RecordKind.RELEASE_ACTIVATED)[-1]
        assert (last["proposed_by"], last["by"], last["gates"]["expected"]) == (OWNER, LINA, [flips.key.id])


def test_an_approver_who_proposes_does_not_agree_with_herself(tmp_path: Path) -> None:
    rules = gated(approval="risk")
    with world(tmp_path, rules) as it:
        new = apply(it, {**rules, "policies/pay.cedar": STRICTER}, LINA)
        with pytest.raises(Exception, match="it takes another person"):
            it.releases.activate(WORKSPACE, new.id, LINA, "", "production")
        assert it.store.active(WORKSPACE, "production") != new.id


@pytest.mark.parametrize(
    ("requires", "people", "said"),
    [
        ({"approval": "nobody"}, APPROVERS, "there is no group `nobody`"),
        ({"approval": "finance"}, PEOPLE + "quorum: 2\n", "one person agrees to a release"),
        ({"backtest": {"days": 0}}, PEOPLE, "0"),
        ({"backtest": {}}, PEOPLE, "days"),
        ({"backtests": {}}, PEOPLE, "backtests"),
    ],
    ids=["unknown group", "quorum", "no days", "days missing", "mistyped"],
)
def test_gates_that_nobody_could_open_are_mistakes(requires: dict[str, Any], people: str, said: str) -> None:
    found = read(files({**gated(**requires), "people.yaml": people}), "tiny")
    assert found.configuration is None
    assert any(said in str(problem) for problem in found.errors)
