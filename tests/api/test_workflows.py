"""Workflows over the API: who may, what is told, and that one key starts one run."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.domain.identity import Role
from tests.api.office import PREFIX, Office, office_of
from tests.served import served
from tests.workflows.shop import workflow
from tests.workflows.test_steps import step
from tests.workflows.till import Till, till

FLOW = workflow(
    step("a"),
    {"id": "w", "wait": {"event": "go"}},
    schedules=[{"cron": "0 9 * * 1", "inputs": {"n": 1}}],
    triggers=[{"event": "late", "inputs": {"n": 2}}, {"webhook": "hook", "secret": "env:HOOK", "inputs": {"n": 3}}],
    outputs={"a": "${steps.a}"},
)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Till]:
    with till(tmp_path, FLOW) as opened:
        yield opened


@pytest.fixture
def office(it: Till, monkeypatch: pytest.MonkeyPatch) -> Office:
    return office_of(it.world, "shop", monkeypatch)


def test_a_run_from_its_start_to_its_end(it: Till, office: Office) -> None:
    operator, auditor, viewer = (office.token(role) for role in (Role.OPERATOR, Role.AUDITOR, Role.VIEWER))
    (shown,) = office.ask("GET", f"{PREFIX}/workflows", viewer).json()["workflows"]
    assert [(each["id"], each["kind"], each["of"]) for each in shown["steps"]] == [
        ("a", "tool", "till.order"),
        ("w", "wait", "go"),
    ]
    path = f"{PREFIX}/workflows/flow/runs"
    assert office.ask("POST", path, viewer, {"inputs": {"n": 5}}).status_code == 403
    bad = office.ask("POST", path, operator, {"inputs": {"n": "secret"}})
    assert (bad.status_code, bad.json()["code"]) == (422, "inputs_unfit")
    assert bad.json()["problems"] == [{"field": "n", "message": "type integer"}]
    assert office.ask("POST", f"{PREFIX}/workflows/none/runs", operator, {}).status_code == 404
    first = office.ask("POST", path, operator, {"inputs": {"n": 5}}, Idempotency_Key="k1")
    again = office.ask("POST", path, operator, {"inputs": {"n": 5}}, Idempotency_Key="k1")
    assert (first.status_code, first.json()["run"]) == (201, again.json()["run"])
    run = first.json()["run"]
    it.carry_out()
    whole = office.ask("GET", f"{PREFIX}/workflow-runs/{run}", viewer).json()
    assert [(each["path"], each["state"], len(each["actions"])) for each in whole["steps"]] == [
        ("a", "done", 1),
        ("w", "waiting", 0),
    ]
    assert office.ask("GET", f"{PREFIX}/workflow-runs/{run}/payload?path=a", viewer).status_code == 403
    payload = office.ask("GET", f"{PREFIX}/workflow-runs/{run}/payload?path=a", auditor).json()
    assert payload == {"given": '{"n":5}', "output": '{"order":"o-5","n":5}'}
    events = f"{PREFIX}/workflow-runs/{run}/events"
    assert office.ask("POST", events, operator, {"name": "go", "data": 1, "id": "e"}).json() == {"told": True}
    assert office.ask("POST", events, operator, {"name": "go", "data": 1, "id": "e"}).json() == {"told": False}
    it.carry_out()
    page = office.ask("GET", f"{PREFIX}/workflow-runs?state=succeeded", viewer).json()
    assert [each["run"] for each in page["runs"]] == [run]
    one = office.ask("GET", f"{PREFIX}/workflow-runs?run={run}", viewer).json()
    assert [each["workflow"] for each in one["runs"]] == [page["runs"][0]["workflow"]]
    assert office.ask("GET", f"{PREFIX}/workflow-runs?run=run_38h9b4djsw34dtzwdkk5", viewer).json()["runs"] == []
    late = office.ask("POST", events, operator, {"name": "go"})
    assert (late.status_code, late.json()["code"]) == (409, "run_over")
    assert office.ask("POST", f"{PREFIX}/workflow-runs/{run}/cancel", operator, {}).status_code == 409


BACK = workflow(
    {**step("a"), "compensate": {"tool": "till.cancel", "arguments": {"n": "${inputs.n}"}}},
    {"id": "w", "wait": {"event": "go"}},
    name="back",
    outputs={"a": "${steps.a}"},
)


def test_what_has_succeeded_is_undone_when_somebody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a run of its own, once; the run keeps what it came to."""
    for module in ("tests.api.office", "tests.worlds"):
        monkeypatch.setattr(f"{module}.WORKSPACE", "shop")
    with till(tmp_path, FLOW, BACK) as it:
        office = Office(it.world)
        operator = office.token(Role.OPERATOR)
        one = f"{PREFIX}/workflow-runs/{it.start('back', n=5)}"
        it.carry_out()
        early = office.ask("POST", f"{one}/undo", operator, {})
        assert (early.status_code, early.json()["code"]) == (409, "not_again")
        office.ask("POST", f"{one}/events", operator, {"name": "go"})
        it.carry_out()
        run = office.ask("GET", one, operator).json()
        assert run["state"] == "succeeded"
        assert office.ask("POST", f"{one}/undo", office.token(Role.VIEWER), {}).status_code == 403
        before = len(it.tools.names())
        for _ in range(2):
            assert office.ask("POST", f"{one}/undo", operator, {"reason": "the wrong one"}).status_code == 202
        it.carry_out()
        after = office.ask("GET", one, operator).json()
        assert (after["state"], bool(after["undo_run"])) == ("cancelled", True)
        assert after["error"].endswith(": the wrong one")
        assert after["error"].startswith("undone by ")
        assert it.tools.names()[before:] == ["cancel(5)"]
        assert it.output(run["run"])["a"]
        assert office.ask("POST", f"{one}/undo", operator, {}).status_code == 409
        plain = it.start(n=1)
        it.carry_out()
        office.ask("POST", f"{PREFIX}/workflow-runs/{plain}/events", operator, {"name": "go"})
        it.carry_out()
        nothing = office.ask("POST", f"{PREFIX}/workflow-runs/{plain}/undo", operator, {})
        assert "give such steps a `compensate`" in nothing.json()["detail"]
        assert office.ask("GET", f"{PREFIX}/workflow-runs/{plain}", operator).json()["state"] == "succeeded"


def test_cancelling_doing_again_and_starting_by_an_event(it: Till, office: Office) -> None:
    operator = office.token(Role.OPERATOR)
    started = office.ask("POST", f"{PREFIX}/workflow-events", operator, {"name": "late", "id": "x"}).json()["runs"]
    run = started[0]["run"]
    it.carry_out()
    assert office.ask("POST", f"{PREFIX}/workflow-runs/{run}/retry", operator, {}).json()["code"] == "not_again"
    cancelled = office.ask("POST", f"{PREFIX}/workflow-runs/{run}/cancel", operator, {"reason": "twice"})
    assert cancelled.json()["cancel"] == "cancel"
    it.carry_out()
    shown = office.ask("GET", f"{PREFIX}/workflow-runs/{run}", operator).json()
    assert shown["error"].endswith(": twice")
    again = office.ask("POST", f"{PREFIX}/workflow-runs/{run}/retry", operator, {}).json()
    assert again["shares"] == run


def test_a_signed_request_starts_a_run_and_its_copy_does_not(it: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "shared")
    it.world.clock.at = int(time.time()) * 1_000_000
    body, stamp = b'{ "x": 1 }', str(int(time.time()))
    signature = "sha256=" + hmac.new(b"shared", f"{stamp}:shop/hook:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Remit-Timestamp": stamp, "Remit-Signature": signature}
    with served(it.world) as server:
        first = server.ask("POST", "/hooks/shop/hook", body, key="", headers=headers)
        assert first.status == 202, first
        assert server.ask("POST", "/hooks/shop/hook", body, key="", headers=headers).status == 409
        assert server.ask("POST", "/hooks/shop/hook", b'{"x": 1}', key="", headers=headers).status == 401
        # What is not signed is not even read.
        assert server.ask("POST", "/hooks/shop/hook", b"{", key="", headers=headers).status == 401
        assert server.ask("POST", "/hooks/shop/none", body, key="", headers=headers).status == 401
    assert it.run(first.document["run"]).started_by == "webhook:hook"
