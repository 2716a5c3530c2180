"""What people do with approvals over HTTP, beyond yes and no."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from remit.domain.facts import ApprovalState
from remit.domain.identity import Role
from tests.api.office import PREFIX, Office, Shows, office
from tests.worlds import LINA, SARA, VISITOR, WORKSPACE

HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("approvals")) as opened:
        for person in (SARA, LINA):
            opened.people.add(WORKSPACE, person, [Role.APPROVER], "user:test")
        yield opened


def held(it: Office) -> Any:
    run = it.world.start("buyer", VISITOR)
    return it.world.door.admit(it.world.door.attempt_tool(run, "erp.pay", {"amount": 900}))


def post(it: Office, path: str, who: Shows, body: dict[str, Any]) -> tuple[int, Any]:
    said = it.ask("POST", f"{PREFIX}{path}", who, body)
    return said.status_code, said.json()


def test_an_edit_is_answered_with_what_it_has_come_to(it: Office) -> None:
    hold = held(it)
    body = {"digest": hold.digest, "arguments": {"amount": 600}, "comment": "in two parts"}
    status, shown = post(it, f"/approvals/{hold.approval}/edit", it.session_of(SARA), body)
    assert (status, shown["state"], shown["edits"][0]["by"]) == (200, "approved", SARA)
    assert shown["edits"][0]["before"] == hold.digest != shown["digest"]
    assert it.world.store.approval(hold.approval).state is ApprovalState.APPROVED


def test_what_the_agent_would_be_denied_comes_back_with_every_finding(it: Office) -> None:
    hold = held(it)
    body = {"digest": hold.digest, "arguments": {"amount": 0, "iban": "AE07"}}
    status, problem = post(it, f"/approvals/{hold.approval}/edit", it.session_of(SARA), body)
    assert (status, problem["code"]) == (422, "edit_denied")
    assert {"grant.argument_unknown", "grant.arguments_invalid"} <= {each["code"] for each in problem["problems"]}
    assert "AE07" not in str(problem)


def test_a_question_and_what_the_agent_says(it: Office) -> None:
    hold = held(it)
    status, shown = post(it, f"/approvals/{hold.approval}/ask", it.session_of(SARA), {"text": "Why?"})
    assert (status, shown["questions"][0]["by"], "Why?" in str(shown)) == (200, SARA, False)
    run = it.world.parts.keys.salted(it.world.store.run(hold.run))
    it.world.door.reply(run, hold.approval, "The discount ends.")
    path = f"{PREFIX}/approvals/{hold.approval}/questions"
    (told,) = it.ask("GET", path, it.session_of(LINA)).json()["questions"]
    assert (told["text"], told["agent_says"]) == ("Why?", "The discount ends.")
    stranger = it.ask("GET", path, it.session(Role.APPROVER))
    assert (stranger.status_code, stranger.json()["code"]) == (409, "answer_refused")
    assert it.ask("GET", path, it.session(Role.AUDITOR)).status_code == 200


def test_a_delegate_answers_and_only_an_admin_sends_another(it: Office) -> None:
    now = it.world.clock.now()
    period = {"begins_at": now, "ends_at": now + HOUR}
    status, problem = post(it, "/delegations", it.session_of(SARA), {**period, "person": LINA, "delegate": "user:omar"})
    assert (status, problem["field"]) == (403, "person")
    admin = it.session(Role.ADMIN)
    status, made = post(it, "/delegations", admin, {**period, "person": LINA, "delegate": SARA})
    assert (status, made["made_by"]) == (201, "user:admin")
    assert it.ask("GET", f"{PREFIX}/delegations", admin).json()["delegations"][0]["id"] == made["id"]
    hold = held(it)
    body = {"digest": hold.digest, "instead_of": LINA}
    status, shown = post(it, f"/approvals/{hold.approval}/approve", it.session_of(SARA), body)
    assert (status, shown["answers"][0]["for"]) == (200, LINA)
    end = f"/delegations/{made['id']}/end"
    assert post(it, end, it.session_of(SARA), {})[0] == 403
    assert post(it, end, it.session_of(LINA), {})[1]["ended_at"] == now
    assert post(it, "/delegations/dlg_none/end", admin, {})[0] == 404


def test_no_token_delegates(it: Office) -> None:
    now = it.world.clock.now()
    body = {"begins_at": now, "ends_at": now + HOUR, "delegate": LINA}
    secret = it.credentials.make_person_token(WORKSPACE, SARA, SARA, "", 3_600).secret
    assert post(it, "/delegations", it._bearer("token of Sara", secret), body)[1]["code"] == "credential_kind"
    assert SARA not in {each.person for each in it.world.delegations.all(WORKSPACE)}
