"""The detail of an approval over HTTP: who gets arguments, what a secret argument shows, and what is on record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.domain.identity import Role
from remit.domain.record import RecordKind
from remit.domain.title import without_isolates
from tests.api.office import PREFIX, Office, Shows, office
from tests.control.test_approval_detail import CHANGES, IBAN, PAY, TASK
from tests.worlds import LINA, SARA, VISITOR, WORKSPACE


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, {**CHANGES, "agents/seller.yaml": None}) as opened:
        yield opened


def asked(it: Office) -> str:
    run = it.world.start("buyer", VISITOR, task=TASK)
    return str(it.world.door.admit(it.world.door.attempt_tool(run, "erp.pay", PAY)).approval)


def token_of(it: Office, person: Any, *roles: Role) -> Shows:
    it.people.add(WORKSPACE, person, roles, "user:test")
    made = it.credentials.make_person_token(WORKSPACE, person, "user:test", "", 3_600)
    return it._bearer(person, made.secret)


def reads(it: Office) -> int:
    return len(it.world.records(RecordKind.PAYLOAD_READ))


def test_a_member_of_the_group_gets_everything_but_the_secret(it: Office) -> None:
    id = asked(it)
    answer = it.ask("GET", f"{PREFIX}/approvals/{id}/detail?language=ar", token_of(it, SARA, Role.APPROVER))
    assert answer.status_code == 200
    found = answer.json()
    arguments = {each["name"]: each for each in found["arguments"]}
    assert (arguments["to"]["value"], arguments["to"]["text"]) == (IBAN, IBAN)
    assert arguments["to"]["origins"] == [{"path": "to", "kind": "agent", "action": "", "target": "", "labels": []}]
    assert (arguments["pin"]["masked"], arguments["pin"]["value"], arguments["pin"]["text"]) == (True, None, "")
    assert PAY["pin"] not in answer.text
    assert found["claims"] == {"said_by": "agent", "purpose": "Buys what is needed.", "task": TASK}
    assert (found["effect"], found["reversible"], found["withheld"]) == ("pay", False, None)
    assert found["findings"][0]["words"].startswith("تطلب السياسة")
    assert reads(it) == 1


def test_others_get_the_detail_without_arguments_and_nothing_is_read(it: Office) -> None:
    id = asked(it)
    for who in (it.token(Role.VIEWER), token_of(it, LINA, Role.VIEWER)):
        answer = it.ask("GET", f"{PREFIX}/approvals/{id}/detail", who)
        assert (answer.status_code, answer.json()["withheld"]) == (200, "not_yours" if who.name != LINA else None)
    assert reads(it) == 1, "Lina's, who is in the group whatever her roles are"
    withheld = it.ask("GET", f"{PREFIX}/approvals/{id}/detail", it.token(Role.OPERATOR))
    for secret in (IBAN, "900", "for the fence", TASK):
        assert not re.search(rf"\b{secret}\b", withheld.text), "a word of its own: a digest may have any digits"


def test_the_list_says_what_is_asked_without_arguments_and_nothing_is_read(it: Office) -> None:
    id = asked(it)
    for who in (token_of(it, SARA, Role.APPROVER), it.token(Role.VIEWER), it.token(Role.AUDITOR)):
        for path in ("/approvals", f"/approvals/{id}"):
            answer = it.ask("GET", f"{PREFIX}{path}", who)
            found = answer.json() if path.endswith(id) else answer.json()["approvals"][0]
            assert without_isolates(found["title"]["en"]) == "Pay with erp.pay"
            assert without_isolates(found["title"]["ar"]) == "دفع باستخدام erp.pay"
            assert (found["description"], found["votes"]) == ("Pays.", {"given": 0, "needed": 1})
            for secret in (IBAN, "900", "for the fence", TASK):
                assert not re.search(rf"\b{secret}\b", answer.text), "a word of its own: a digest may have any digits"
    assert reads(it) == 0


def test_votes_are_told_of_those_that_must_be_there(it: Office) -> None:
    id = asked(it)
    digest = it.world.store.approval(id).digest
    it.people.add(WORKSPACE, SARA, [Role.APPROVER], "user:test")
    it.ask("POST", f"{PREFIX}/approvals/{id}/approve", it.session_of(SARA), {"digest": digest})
    (found,) = it.ask("GET", f"{PREFIX}/approvals", it.token(Role.VIEWER)).json()["approvals"]
    assert (found["state"], found["votes"]) == ("approved", {"given": 1, "needed": 1})


def test_an_approval_of_another_workspace_is_not_there(it: Office) -> None:
    answer = it.ask("GET", f"{PREFIX}/approvals/apr_nothing/detail", it.token(Role.ADMIN))
    assert (answer.status_code, answer.json()["code"]) == (404, "no_approval")
