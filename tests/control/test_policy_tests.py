"""A workspace's own tests: what they may expect, and that a release is not made while one fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.control import releases
from remit.control.policy_tests import run_tests
from remit.control.releases import FolderHasProblems, ReleaseRefused
from remit.domain.ids import ReleaseId
from remit.kernel.ruleset import Ruleset
from remit.workspace.reading import read
from tests.worlds import OWNER, WORKSPACE, World, agent, budget, files, world, yaml


def case(expect: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": f"a case of {expect}",
        "agent": "buyer",
        "tool": "erp.pay",
        "arguments": {"amount": 5},
        "expect": expect,
        **fields,
    }


def misses(*cases: dict[str, Any], **changes: str) -> list[tuple[str, ...]]:
    """What each case expected and did not get."""
    reading = read(files({**changes, "tests/all.yaml": yaml("Tests", tests=list(cases))}), "tiny")
    assert reading.configuration is not None, reading.problems
    return [
        tested.misses for tested in run_tests(Ruleset(ReleaseId("rel_x"), reading.configuration), reading.scenarios)
    ]


def test_a_case_that_comes_out_as_expected_passes() -> None:
    big = {"arguments": {"amount": 900}}
    assert misses(
        case("allow"),
        case("hold", **big, reasons=["policy.hold"], policies=["big"], approvers=["finance"]),
        case("deny", tool="erp.drop", arguments={}, reasons=["grant.tool_not_granted"]),
    ) == [(), (), ()]


def test_a_case_that_does_not_says_what_came_instead() -> None:
    ((verdict, reason, policy, approvers),) = misses(
        case("hold", reasons=["policy.hold"], policies=["big"], approvers=["finance"])
    )
    assert verdict.startswith("expected hold, decided allow (")
    assert reason.startswith("expected the reason policy.hold, found ")
    assert policy.startswith("expected policy big to decide, found ")
    assert approvers == "expected approvers finance, found none"


@pytest.mark.parametrize(
    ("facts", "expect", "reason"),
    [
        ({"approval": "approved"}, "allow", "oversight.approved"),
        ({"approval": "rejected"}, "deny", "oversight.rejected"),
        ({"approval": "expired"}, "deny", "oversight.expired"),
        ({"approval": "pending"}, "hold", "oversight.pending"),
        ({"stopped": ["agent"]}, "deny", "stop.stopped"),
        ({"stopped": ["tool"]}, "deny", "stop.stopped"),
        ({"steps": 200}, "deny", "limits.steps"),
        ({"tool_calls": 200}, "deny", "limits.tool_calls"),
        ({"running": "1h"}, "deny", "limits.wall_time"),
        ({"depth": 5}, "deny", "limits.depth"),
        ({"loop": "loop.cycle"}, "deny", "loop.cycle"),
        ({"spent": {"day": {"calls": 3}}}, "deny", "budget.exceeded"),
        ({"spent": {"day": {"calls": 2}}}, "hold", "policy.hold"),
    ],
)
def test_given_facts_are_those_decided_on(facts: dict[str, Any], expect: str, reason: str) -> None:
    held = case(expect, arguments={"amount": 900}, facts=facts, reasons=[reason])
    assert misses(held, **{"budgets.yaml": budget("day", "agent", "day", calls=3)}) == [()]


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path) as opened:
        yield opened


FAILING = {"tests/all.yaml": yaml("Tests", tests=[case("deny", name="payments are refused")])}


def test_no_release_is_made_while_a_test_fails(it: World) -> None:
    before = it.rules().release
    with pytest.raises(
        releases.TestsFailed, match=r"1 of the workspace's tests fail\. First: payments are refused: expected deny"
    ):
        it.apply(FAILING)
    assert it.rules().release == before
    assert len(it.store.releases(WORKSPACE)) == 1


def test_no_release_is_made_of_files_with_mistakes(it: World) -> None:
    with pytest.raises(FolderHasProblems, match=r"`remit validate` to see them all\. First: agents/buyer\.yaml:1:"):
        it.plan(files({"agents/buyer.yaml": agent(tools=["erp.gett"])}))
    assert len(it.store.releases(WORKSPACE)) == 1


def test_what_a_person_has_reviewed_is_what_takes_effect(it: World) -> None:
    reviewed = it.plan(files({"agents/buyer.yaml": agent(limits={"steps": 5})}))
    it.apply({"agents/buyer.yaml": agent(limits={"steps": 6})})
    with pytest.raises(ReleaseRefused, match=r"has moved to .* since this was planned: look at the diff again"):
        it.releases.apply(reviewed, "production")


def test_a_release_is_named_by_the_beginning_of_its_id(it: World) -> None:
    release = it.rules().release
    assert it.releases.named(WORKSPACE, release[:10]).id == release
    it.apply({"agents/buyer.yaml": agent(limits={"steps": 5})})
    with pytest.raises(ReleaseRefused, match="2 releases begin with 'rel_'"):
        it.releases.named(WORKSPACE, "rel_")
    with pytest.raises(ReleaseRefused, match="no release begins with 'rel_zz'"):
        it.releases.named(WORKSPACE, "rel_zz")


def test_who_made_and_activated_a_release_and_why_is_on_record(it: World) -> None:
    made, activated = it.records()
    assert (made["kind"], made["by"], made["message"]) == ("release_made", OWNER, "as planned")
    assert [path for path, _ in made["files"]] == sorted(files())
    assert (activated["kind"], activated["channel"], activated["before"]) == ("release_activated", "production", None)
    it.apply()
    assert it.records()[-1]["kind"] == "release_activated", "the same content again is activated, not made twice"
    assert len(it.store.releases(WORKSPACE)) == 1
