"""What can do harm is answered by a person who has signed in, with no other credential."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.domain.facts import ApprovalState
from remit.domain.identity import Role
from tests.api.office import NOBODY, PREFIX, Office, Shows, office
from tests.worlds import MODEL, SARA, VISITOR, WORKSPACE, yaml

HOLD_ALL = """
@id("all") @hold("finance")
forbid(principal, action in [Action::"erp.pay", Action::"erp.get"], resource);
"""


def wider(*effects: str) -> str:
    prices = [{"model": MODEL, "input": 1, "output": 2}]
    return yaml("Workspace", name=WORKSPACE, timezone="Asia/Dubai", prices=prices, sign_in_to_approve=list(effects))


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, {"policies/pay.cedar": HOLD_ALL}) as opened:
        opened.people.add(WORKSPACE, SARA, [Role.APPROVER], "user:test")
        yield opened


def token(it: Office) -> Shows:
    return it._bearer("token of Sara", it.credentials.make_person_token(WORKSPACE, SARA, SARA, "", 3_600).secret)


def held(it: Office, tool: str, **arguments: Any) -> Any:
    run = it.world.start("buyer", VISITOR)
    return it.world.door.admit(it.world.door.attempt_tool(run, tool, arguments))


def answer(it: Office, hold: Any, who: Shows, verb: str = "approve") -> tuple[int, str]:
    said = it.ask("POST", f"{PREFIX}/approvals/{hold.approval}/{verb}", who, {"digest": hold.digest})
    return said.status_code, said.json().get("code", said.json().get("state"))


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_payment_is_answered_in_a_session_only(it: Office, verb: str) -> None:
    hold = held(it, "erp.pay", amount=5)
    run = it.world.start("buyer", VISITOR)
    expected = [
        (NOBODY, 401, "not_signed_in"),
        (it.agent(), 403, "credential_kind"),
        (it.run_token(run.id), 403, "credential_kind"),
        (token(it), 403, "sign_in_needed"),
        (it.token(Role.APPROVER), 403, "sign_in_needed"),
        (it.session_of(SARA, csrf=False), 403, "csrf"),
        (it.session(Role.ADMIN), 403, "role_missing"),
        (it.session(Role.APPROVER), 409, "answer_refused"),
    ]
    found = [(who.name, *answer(it, hold, who, verb)) for who, _, _ in expected]
    assert found == [(who.name, status, code) for who, status, code in expected]
    assert it.world.store.approval(hold.approval).state is ApprovalState.PENDING
    assert answer(it, hold, it.session_of(SARA), verb) == (200, {"approve": "approved", "reject": "rejected"}[verb])


def test_a_payment_is_edited_in_a_session_only(it: Office) -> None:
    hold = held(it, "erp.pay", amount=5)
    path, body = f"{PREFIX}/approvals/{hold.approval}/edit", {"digest": hold.digest, "arguments": {"amount": 4}}
    assert it.ask("POST", path, token(it), body).json()["code"] == "sign_in_needed"
    assert it.ask("POST", path, it.session_of(SARA), body).status_code == 200


def test_the_refusal_says_where_to_sign_in(it: Office) -> None:
    hold = held(it, "erp.pay", amount=5)
    problem = it.ask("POST", f"{PREFIX}/approvals/{hold.approval}/approve", token(it), {"digest": hold.digest}).json()
    link = f"http://127.0.0.1:7070/approvals/{hold.approval}"
    assert (problem["link"], problem["remedy"]) == (link, f"Sign in and answer it at {link}")
    assert "pay" in problem["detail"]


def test_what_is_of_low_risk_is_answered_with_a_token(it: Office) -> None:
    assert answer(it, held(it, "erp.get", id="1"), token(it)) == (200, "approved")


def test_a_workspace_may_ask_for_a_session_for_more(it: Office) -> None:
    before = held(it, "erp.get", id="1")
    it.world.apply({"policies/pay.cedar": HOLD_ALL, "workspace.yaml": wider("read")})
    assert answer(it, before, token(it)) == (403, "sign_in_needed"), "the release that is active now counts, too"
    assert answer(it, held(it, "erp.get", id="2"), it.session_of(SARA)) == (200, "approved")
    asked = held(it, "erp.get", id="3")
    it.world.apply({"policies/pay.cedar": HOLD_ALL})
    assert answer(it, asked, token(it)) == (403, "sign_in_needed"), "and so does the one that asked"


def test_an_edit_of_a_payment_needs_a_session_as_its_approval_does(it: Office) -> None:
    hold = held(it, "erp.pay", amount=5)
    path, body = f"{PREFIX}/approvals/{hold.approval}/edit", {"digest": hold.digest, "arguments": {"amount": 4}}
    assert it.ask("POST", path, token(it), body).json()["code"] == "sign_in_needed"
    assert it.world.store.approval(hold.approval).edition == 0
    assert it.ask("POST", path, it.session_of(SARA), body).json()["state"] == "approved"
