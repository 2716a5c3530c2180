"""No secret is found again: not in the database's files, not in what is logged, not in an answer that came later."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from remit.domain.identity import Role
from tests.api.office import PREFIX, Office, Shows, office
from tests.worlds import SARA, VISITOR, WORKSPACE

PASSWORD, NEXT_PASSWORD = "correct horse battery staple", "quite another horse battery"
TASK, NOTE = "Pay the invoice of Dr Farida Haddad", "patient file 4711"


def scenario(it: Office) -> tuple[list[str], list[str]]:
    """Do everything that makes or takes a secret. Return the secrets, and every answer without those just told."""
    admin = it.session(*Role)
    told: list[str] = []
    answers: list[str] = []

    def ask(method: str, path: str, who: Shows, body: object = None, **headers: str) -> dict[str, object]:
        answer = it.ask(method, PREFIX + path, who, body, **headers)
        document: dict[str, object] = answer.json() if answer.content else {}
        secret = document.pop("secret", None)
        told.extend([str(secret)] if secret else [])
        answers.append(str(document) + str([(k, v) for k, v in answer.headers.items() if k != "set-cookie"]))
        return document

    person = {"id": SARA, "name": "Sara", "roles": ["approver"], "password": PASSWORD}
    ask("POST", "/people", admin, person, Idempotency_Key="p-1")
    ask("POST", f"/people/{SARA}/password", admin, {"password": NEXT_PASSWORD}, Idempotency_Key="p-2")
    ask("POST", f"/people/{SARA}/sign-in-link", admin, {}, Idempotency_Key="p-3")
    ask("POST", f"/people/{SARA}/sign-in-link", admin, {}, Idempotency_Key="p-3")
    key = ask("POST", "/keys", admin, {"agent": "buyer"}, Idempotency_Key="k-1")
    ask("POST", f"/keys/{key['id']}/rotate", admin, {"overlap_s": 60}, Idempotency_Key="k-2")
    ask("POST", "/me/tokens", admin, {"label": "laptop"}, Idempotency_Key="t-1")
    ask("POST", "/session", Shows("sara"), {"person": SARA, "password": NEXT_PASSWORD})
    ask("POST", "/session", Shows("sara"), {"person": SARA, "password": PASSWORD})
    ask("GET", "/me", Shows("guess", {"Authorization": "Bearer rmt_a_guessed-secret-guessed"}))
    run = it.world.start("buyer", VISITOR, task=TASK)
    held = it.world.door.admit(it.world.door.attempt_tool(run, "erp.pay", {"amount": 900, "note": NOTE}))
    ask("POST", f"/runs/{run.id}/token", it.agent(), {})
    ask("POST", f"/approvals/{held.approval}/reject", admin, {"digest": held.digest})
    ask("POST", f"/keys/{key['id']}/revoke", admin, {"reason": "leaked"}, Idempotency_Key="k-3")
    for path in ("people", "keys", "me/tokens", "records?limit=200", "runs", f"runs/{run.id}/actions", "approvals"):
        ask("GET", f"/{path}", admin)
    ask("GET", f"/actions/{held.action}", admin)
    ask("GET", f"/actions/{held.action}/explanation?language=ar", admin)
    assert len(told) >= 5, "the scenario makes secrets"
    secrets = [*told, *it.made, PASSWORD, NEXT_PASSWORD, "rmt_a_guessed-secret-guessed", TASK, NOTE]
    return secrets, answers


def test_no_secret_is_found_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with office(tmp_path) as it:
        secrets, answers = scenario(it)
        assert WORKSPACE in str(answers)
        memory = repr(vars(it)) + str([repr(c) for c in it.world.store.credentials(WORKSPACE)])
        memory = memory.replace(repr(it.made), "")
    stored = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()) if path.is_file())
    master = (tmp_path / "remit.key").read_text().strip()
    for secret in [*secrets, master]:
        assert secret not in caplog.text
        assert secret not in "".join(answers)
        assert secret not in memory
        if secret != master:
            assert secret.encode() not in stored
    assert b"BEGIN PRIVATE KEY" not in stored
    assert re.search(rb"rmt_[apsl]_[A-Za-z0-9_-]{20}", stored) is None


def test_the_search_would_find_one(tmp_path: Path) -> None:
    with office(tmp_path) as it:
        it.people.add(WORKSPACE, "user:leak", [], "user:test", name="rmt_a_AAAAAAAAAAAAAAAAAAAAAAAAA")
    stored = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()) if path.is_file())
    assert re.search(rb"rmt_[apsl]_[A-Za-z0-9_-]{20}", stored) is not None
