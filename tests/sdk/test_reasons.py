"""`Denied.why`: the clause that was in the way, the same in this process and over HTTP; no other's facts are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import remit
from remit.domain.ids import ActionId, RunId
from remit.domain.policy_reading import Came, Stance
from tests.served import DOORS, Served, reached, served
from tests.worlds import BIG_PAYMENTS, VISITOR, World, agent, world

WINDOWS = """
@id("busy") forbid(principal, action == Action::"erp.get", resource)
when { context.call.tool_calls > 0 && context.input.id == "7" };
@id("odd") forbid(principal, action == Action::"erp.scan", resource)
when { context.input has page && context.input.page * 9223372036854775807 > 0 };
"""
CHANGES = {
    "agents/buyer.yaml": agent(
        tools=["erp.get", "erp.scan", "erp.status", {"tool": "erp.pay", "when": "context.input.amount <= 5000"}]
    ),
    "agents/seller.yaml": agent("seller"),
    "policies/pay.cedar": BIG_PAYMENTS + WINDOWS,
}


@pytest.fixture(params=DOORS)
def it(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    with world(tmp_path, CHANGES) as opened, reached(opened, request.param):
        yield opened


@pytest.fixture
def run(it: World) -> Any:
    with it.client.run("buyer", on_behalf_of=VISITOR) as started:
        yield started


def denied(run: remit.ActiveRun, tool: str, **arguments: Any) -> remit.NotAdmitted:
    with pytest.raises(remit.NotAdmitted) as caught:
        run.call(tool, arguments, using=lambda **_: pytest.fail("dispatched"))
    return caught.value


def test_a_denial_by_default_names_the_nearest_permit_and_its_clause(run: remit.ActiveRun) -> None:
    error = denied(run, "erp.pay", amount=12_000)
    assert "would permit" not in str(error), "nothing is asked for until somebody wants to know"
    assert error.why() == (
        f"{error}. agents/buyer#erp.pay would permit it, but for:"
        " context.input.amount <= 5000: false (context.input.amount = 12000)."
        " big holds it until somebody of finance approves:"
        " context.input.amount > 500: true (context.input.amount = 12000)"
    )
    small = denied(run, "erp.pay", amount=0)
    assert small.policies == (), "arguments that do not fit are not put to policies"


def test_it_is_data_and_in_arabic_as_well(run: remit.ActiveRun) -> None:
    error = denied(run, "erp.pay", amount=12_000)
    nearest, hold = error.policies
    assert (nearest.stance, nearest.came) == (Stance.PERMIT, Came.NOT_MATCHED)
    assert (hold.stance, hold.came, hold.approvers) == (Stance.HOLD, Came.MATCHED, "finance")
    assert [(clause.text, clause.value) for clause in nearest.failing] == [("context.input.amount <= 5000", False)]
    assert "كانت السياسة agents/buyer#erp.pay ستسمح به لولا" in error.why("ar")


def test_a_hold_says_what_would_satisfy_it(run: remit.ActiveRun) -> None:
    error = denied(run, "erp.pay", amount=900)
    assert isinstance(error, remit.Held)
    assert "big holds it until somebody of finance approves: context.input.amount > 500: true" in error.why()


def test_an_error_names_the_policy(run: remit.ActiveRun) -> None:
    assert "odd could not be evaluated, and that denies" in denied(run, "erp.scan", page=2).why()


def test_the_facts_of_a_call_are_not_told_with_their_values(it: World, run: remit.ActiveRun) -> None:
    run.call("erp.get", {"id": "1"}, using=lambda id: id)
    error = denied(run, "erp.get", id="7")
    (reading,) = error.policies
    assert [clause.read for clause in reading.clauses] == [(), (("context.input.id", '"7"'),)]
    assert reading.written == ""


def test_what_no_policy_decided_has_none(run: remit.ActiveRun) -> None:
    error = denied(run, "erp.drop")
    assert error.why().startswith(str(error))


def test_it_is_asked_once_and_a_store_that_is_gone_leaves_the_findings(it: World, run: remit.ActiveRun) -> None:
    error = denied(run, "erp.pay", amount=900)
    asked: list[int] = []

    def gone() -> Any:
        asked.append(1)
        raise remit.Unavailable("gone")

    error.reader = gone
    assert error.why() == error.why() == str(error)
    assert asked == [1]


def test_another_run_and_another_agent_are_told_nothing(tmp_path: Path) -> None:
    with world(tmp_path, CHANGES) as it, served(it) as server:
        held = it.door.admit(it.door.attempt_tool(run := it.start(), "erp.pay", {"amount": 900}))
        other = it.start()
        assert it.door.reasons(run.id, held.action) != ()
        assert it.door.reasons(other.id, held.action) == ()
        assert it.door.reasons(run.id, ActionId("act_none")) == ()
        assert it.door.reasons(RunId("run_none"), held.action) == ()
        assert _asked(server, "buyer", run.id, held.action) == 200
        assert _asked(server, "seller", run.id, held.action) == 404


def _asked(server: Served, agent: str, run: str, action: str) -> int:
    path = f"/api/v1/runs/{run}/actions/{action}/reasons"
    return int(server.ask("GET", path, key=server.key(agent)).status)
