"""A call that waits for people: as a task, a question with an address, or in words; done once, and only as approved."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.domain.record import RecordKind
from tests.gateways.mcp.behind import META, Gateway, gateway, said
from tests.worlds import SARA, agent

URLS: dict[str, Any] = {"elicitation": {"url": {}}}
TASKS: dict[str, Any] = {"extensions": {f"{META}tasks": {}}}
OTHER = {"agents/other.yaml": agent("other", tools=["erp.pay"])}


AMOUNTS = itertools.count(900)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    # One payment after another is a loop, were it not that many tests share the run.
    with gateway(tmp_path_factory.mktemp("holds"), OTHER, loops={"on_detection": "warn"}) as opened:
        yield opened


@pytest.fixture
def it(shared: Gateway) -> Gateway:
    """A gateway at which nothing was done yet as far as a test can see."""
    shared.erp.calls.clear()
    return shared


@pytest.fixture
def pay() -> dict[str, Any]:
    """Arguments that nobody else has asked with."""
    return {"amount": next(AMOUNTS)}


def approval_in(result: dict[str, Any]) -> str:
    """The approval that a result speaks of."""
    return str(result["_meta"]["remit/outcome"]["approval"])


def answer(it: Gateway, approval: str, *, approve: bool = True) -> None:
    found = it.world.store.approval(approval)
    it.world.approvals.answer(found.id, SARA, found.digest, approve=approve)


def test_a_client_that_knows_neither_is_told_and_calls_again(it: Gateway, pay: dict[str, Any]) -> None:
    held = it.call("erp.pay", pay)
    approval = approval_in(held)
    assert held["isError"] is True
    assert said(held) == (
        f"erp.pay did not run yet: it is waiting for approval {approval} by finance. Call it again with exactly the"
        " same arguments after it is approved."
    )
    assert approval_in(it.call("erp.pay", pay)) == approval
    answer(it, approval)
    assert said(it.call("erp.pay", pay)).startswith("tools/call")
    assert [params["arguments"] for _, params in it.erp.dispatched] == [pay]
    assert approval_in(it.call("erp.pay", pay)) != approval


def test_other_arguments_are_not_what_was_approved(it: Gateway, pay: dict[str, Any]) -> None:
    answer(it, approval_in(it.call("erp.pay", pay)))
    assert it.call("erp.pay", {"amount": 899})["isError"] is True
    assert it.erp.dispatched == []


def test_what_a_person_has_changed_is_what_runs(it: Gateway, pay: dict[str, Any]) -> None:
    approval = approval_in(it.call("erp.pay", pay))
    found = it.world.store.approval(approval)
    it.world.edits.edit(found.id, SARA, found.digest, {"amount": 600})
    assert said(it.call("erp.pay", pay)).startswith("tools/call")
    assert [params["arguments"] for _, params in it.erp.dispatched] == [{"amount": 600}]


def test_a_rejected_call_says_so_and_who_may_be_asked(it: Gateway, pay: dict[str, Any]) -> None:
    approval = approval_in(it.call("erp.pay", pay))
    answer(it, approval, approve=False)
    result = it.call("erp.pay", pay)
    assert said(result) == (
        f"erp.pay was rejected by a person ({approval}) and will not run. finance may be asked why."
    )
    assert result["_meta"]["remit/outcome"]["outcome"] == "rejected"


def test_an_expired_hold_says_expired_and_the_next_call_asks_anew(tmp_path: Path, pay: dict[str, Any]) -> None:
    with gateway(tmp_path) as it:
        expire(it, pay)


def expire(it: Gateway, pay: dict[str, Any]) -> None:
    approval = approval_in(it.call("erp.pay", pay))
    it.world.clock.advance(90_000)
    named = it.server.start()["run"]  # the conversation's own run has been too long ago
    held = it.call("erp.pay", pay, Remit_Run=named)
    assert approval_in(held) != approval
    it.world.clock.advance(86_401)
    late = it.call("erp.pay", pay, Remit_Run=named)
    assert late["_meta"]["remit/outcome"]["outcome"] in ("expired", "denied")


# -- a question with an address


def asked(it: Gateway, arguments: dict[str, Any], state: str | None = None, **more: Any) -> Any:
    params: dict[str, Any] = {"name": "erp.pay", "arguments": arguments}
    if state is not None:
        params |= {"requestState": state, "inputResponses": {"approval": {"action": "accept"}}}
    return it.ask("tools/call", params, client=URLS, **more).document


def test_a_client_that_opens_addresses_is_sent_to_the_approval(it: Gateway, pay: dict[str, Any]) -> None:
    result = asked(it, pay)["result"]
    assert result["resultType"] == "input_required"
    question = result["inputRequests"]["approval"]
    approval = question["params"]["elicitationId"]
    assert question["method"] == "elicitation/create"
    assert question["params"]["mode"] == "url"
    assert question["params"]["url"] == f"http://127.0.0.1:7070/approvals/{approval}"
    again = asked(it, pay, state=result["requestState"])["result"]
    assert again["resultType"] == "input_required"
    answer(it, approval)
    done = asked(it, pay, state=again["requestState"])["result"]
    assert said(done).startswith("tools/call")
    assert len(it.erp.dispatched) == 1


def test_who_comes_back_from_an_approval_that_a_person_has_changed_gets_what_was_approved(
    it: Gateway, pay: dict[str, Any]
) -> None:
    first = asked(it, pay)["result"]
    approval = it.world.store.approval(first["inputRequests"]["approval"]["params"]["elicitationId"])
    it.world.edits.edit(approval.id, SARA, approval.digest, {"amount": 650})
    done = asked(it, pay, state=first["requestState"])["result"]
    assert said(done).startswith("tools/call")
    assert [params["arguments"] for _, params in it.erp.dispatched] == [{"amount": 650}]


def refused(document: Any) -> bool:
    return bool(document["error"]["code"] == -32602 and document["error"]["data"]["code"] == "state_unfit")


def test_a_state_is_of_one_call_of_one_agent_once(it: Gateway, pay: dict[str, Any]) -> None:
    first = asked(it, pay)["result"]
    state = first["requestState"]
    answer(it, first["inputRequests"]["approval"]["params"]["elicitationId"])
    middle = len(state) // 2
    flipped = state[:middle] + ("A" if state[middle] != "A" else "B") + state[middle + 1 :]
    for bad in (flipped, state + "-TAMPERED", state[:-4], "", "run_1.", "x" * 70_000, f"{state}=", state.upper()):
        assert refused(asked(it, pay, state=bad)), bad[:80]
    assert refused(asked(it, pay, state=state, key=it.server.key("other")))
    assert it.erp.dispatched == []
    assert refused(asked(it, {"amount": 899}, state=state))
    assert refused(asked(it, pay, state=state))  # it was spent on that


def test_a_state_that_was_used_admits_nothing_more(it: Gateway, pay: dict[str, Any]) -> None:
    first = asked(it, pay)["result"]
    answer(it, first["inputRequests"]["approval"]["params"]["elicitationId"])
    assert said(asked(it, pay, state=first["requestState"])["result"]).startswith("tools/call")
    assert refused(asked(it, pay, state=first["requestState"]))
    assert len(it.erp.dispatched) == 1


def test_a_state_is_too_old_after_a_while(tmp_path: Path, pay: dict[str, Any]) -> None:
    with gateway(tmp_path) as it:
        grow_old(it, pay)


def grow_old(it: Gateway, pay: dict[str, Any]) -> None:
    state = asked(it, pay)["result"]["requestState"]
    it.world.clock.advance(301)
    assert refused(asked(it, pay, state=state))


def test_no_state_holds_what_a_client_could_read(it: Gateway, pay: dict[str, Any]) -> None:
    result = asked(it, {**pay, "note": "for-Sara"})["result"]
    approval = result["inputRequests"]["approval"]["params"]["elicitationId"]
    assert approval not in result["requestState"]
    assert "pay" not in result["requestState"].partition(".")[2][:12]


# -- a task


def task(it: Gateway, id: str, method: str = "tasks/get", **more: Any) -> dict[str, Any]:
    return it.result(method, {"taskId": id}, client=TASKS, **more)


def test_a_client_that_knows_tasks_gets_one_that_runs_once_it_is_approved(it: Gateway, pay: dict[str, Any]) -> None:
    created = it.call("erp.pay", pay, client=TASKS)
    assert (created["resultType"], created["status"]) == ("task", "working")
    assert "waiting for approval" in created["statusMessage"]
    approval = created["statusMessage"].partition("approval ")[2].split()[0]
    assert task(it, created["taskId"])["status"] == "working"
    assert it.erp.dispatched == []
    answer(it, approval)
    seen = _over(it, created["taskId"])
    assert seen["status"] == "completed"
    assert said(seen["result"]).startswith("tools/call")
    assert _over(it, created["taskId"]) == seen
    assert len(it.erp.dispatched) == 1
    assert it.world.records(RecordKind.OUTCOME_REPORTED)[-1]["status"] == "ok"


def test_a_task_that_was_rejected_is_over_and_says_so(it: Gateway, pay: dict[str, Any]) -> None:
    created = it.call("erp.pay", pay, client=TASKS)
    answer(it, created["statusMessage"].partition("approval ")[2].split()[0], approve=False)
    seen = _over(it, created["taskId"])
    assert seen["result"]["isError"] is True
    assert "was rejected by a person" in said(seen["result"])
    assert it.erp.dispatched == []


def test_a_task_is_nobody_elses_and_can_be_left(it: Gateway, pay: dict[str, Any]) -> None:
    created = it.call("erp.pay", pay, client=TASKS)
    other = it.ask("tasks/get", {"taskId": created["taskId"]}, client=TASKS, key=it.server.key("other"))
    assert other.document["error"]["code"] == -32602
    run = it.ask("tasks/get", {"taskId": created["taskId"]}, client=TASKS, key=it.server.start()["token"])
    assert run.document["error"]["code"] == -32602
    without = it.ask("tasks/get", {"taskId": created["taskId"]})
    assert (without.status, without.document["error"]["code"]) == (400, -32021)
    assert task(it, created["taskId"], "tasks/cancel") == {"resultType": "complete"}
    assert task(it, created["taskId"])["status"] == "cancelled"
    answer(it, created["statusMessage"].partition("approval ")[2].split()[0])
    assert task(it, created["taskId"])["status"] == "cancelled"
    assert it.erp.dispatched == []


def _over(it: Gateway, id: str) -> dict[str, Any]:
    until = time.monotonic() + 30
    while (seen := task(it, id))["status"] in ("working", "input_required"):
        assert time.monotonic() < until, seen
        time.sleep(0.02)
    return seen
