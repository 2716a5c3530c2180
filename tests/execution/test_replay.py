"""Every recorded decision can be made again from its record; what no longer fits says so."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.domain.record import RecordKind
from remit.execution.replay import Agreement, Replayed
from remit.storage.sealed import KeyFile, Keyring
from tests.worlds import MODEL, SARA, WORKSPACE, World, agent, budget, documents, reopened, world

CHANGES: dict[str, str | None] = {
    "budgets.yaml": documents(budget("day", "agent", "day", usd=0.35), budget("calls", "workspace", "hour", calls=14)),
    "agents/buyer.yaml": agent(
        tools=[
            {"tool": "erp.get", "calls_per_run": 4},
            "erp.status",
            "erp.scan",
            {"tool": "erp.pay", "mask": ["note"]},
        ],
        limits={"rate": "12/minute", "concurrency": 6, "wall_time": "unlimited"},
        loops={"same_result": 3},
    ),
}


def eventful_day(it: World) -> None:
    """Something of everything that a decision can rest on."""
    run = it.start()

    def attempt(tool: str, settle: str = "", result: bytes = b"", run: Any = run, **arguments: Any) -> Any:
        prepared = it.door.attempt_tool(run, tool, arguments)
        admission = it.door.admit(prepared)
        if settle and admission.state == "admitted":
            it.door.settle(prepared, it.outcome(run, prepared.action, settle).outcome, result)
        it.clock.advance(1)
        return admission

    for number in range(5):
        attempt("erp.get", "ok", b"order %d" % number, id=str(number % 2))
    attempt("erp.drop")
    attempt("erp.get", id=3)
    held = attempt("erp.pay", amount=900, note="secret")
    approval = it.store.approval(held.approval)
    it.approvals.answer(approval.id, SARA, approval.digest, approve=True)
    attempt("erp.pay", "unknown", amount=900, note="secret")
    it.stops.freeze(WORKSPACE, "tool:erp.status", SARA, "smells")
    it.stops.freeze(WORKSPACE, "run:" + run.id, SARA, "smells too")
    attempt("erp.status")
    it.stops.unfreeze(WORKSPACE, "run:" + run.id, SARA, "go on")
    for _ in range(6):
        attempt("erp.scan", "ok", b"the same")
    other = it.start(on_behalf_of="user:other")
    model = it.door.attempt_model(other, MODEL, 100, 50)
    it.door.admit(model)
    for number in range(8):
        attempt("erp.scan", run=other, page=number)
    it.apply({**CHANGES, "agents/buyer.yaml": agent(tools=[])})
    attempt("erp.status", run=other)
    it.releases.withdraw(WORKSPACE, other.release, SARA, "old")
    attempt("erp.status", run=other)
    it.clock.advance(-60)
    attempt("erp.status", run=it.start())


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path, CHANGES) as opened:
        eventful_day(opened)
        yield opened


def replayed(it: World) -> list[Replayed]:
    """Replay as another process would, which has no key in memory."""
    with reopened(it.path) as other:
        return list(other.replay.all(WORKSPACE))


def test_the_day_was_eventful(it: World) -> None:
    codes = Counter(
        finding["code"]
        for record in it.records(RecordKind.DECISION_MADE)
        for finding in record["decision"]["findings"]
        if finding["verdict"] != "allow" or finding["code"] == "oversight.approved"
    )
    assert set(codes) >= {
        "grant.tool_not_granted",
        "grant.arguments_invalid",
        "policy.hold",
        "oversight.approved",
        "stop.stopped",
        "limits.calls_per_run",
        "budget.exceeded",
        "loop.same_call_same_result",
        "standing.release_withdrawn",
        "standing.clock_went_back",
    }


def test_every_decision_comes_out_the_same(it: World) -> None:
    found = replayed(it)
    assert len(found) == len(it.records(RecordKind.DECISION_MADE))
    assert [each for each in found if each.agreement is not Agreement.SAME] == []
    assert all(each.now == each.recorded for each in found)


def test_one_run_can_be_replayed_alone(it: World) -> None:
    run = it.records(RecordKind.RUN_STARTED)[1]["run"]
    alone = list(it.replay.all(WORKSPACE, run))
    assert {each.run for each in alone} == {run}
    assert len(alone) < len(it.records(RecordKind.DECISION_MADE))


def test_what_was_erased_is_said_to_be_erased(it: World) -> None:
    db = sqlite3.connect(it.path)
    key = it.store.run(it.records(RecordKind.RUN_STARTED)[0]["run"]).key
    assert db.execute("delete from payload_keys where id = ?", (key,)).rowcount == 1
    db.commit()
    db.close()
    erased = [each for each in replayed(it) if each.agreement is Agreement.ERASED]
    assert {each.run for each in erased} == {it.records(RecordKind.RUN_STARTED)[0]["run"]}
    assert {each.now for each in erased} == {None}
    assert "has been destroyed" in erased[0].detail


def test_what_another_master_key_sealed_is_not_taken_for_erased(it: World, tmp_path: Path) -> None:
    key = it.store.run(it.records(RecordKind.RUN_STARTED)[0]["run"]).key
    wrapped = Keyring(KeyFile(tmp_path / "other.key")).make(key, it.clock.now()).wrapped
    db = sqlite3.connect(it.path)
    assert db.execute("update payload_keys set wrapped = ? where id = ?", (wrapped, key)).rowcount == 1
    db.commit()
    db.close()
    unlike = [each for each in replayed(it) if each.agreement is not Agreement.SAME]
    assert {each.agreement for each in unlike} == {Agreement.WRONG_KEY}
    assert "was wrapped under another master key" in unlike[0].detail


def admitted(it: World, target: str = "erp.get") -> dict[str, Any]:
    made = it.records(RecordKind.DECISION_MADE)
    return next(record for record in made if record["state"] == "admitted" and record["target"] == target)


def set_calls(record: dict[str, Any]) -> None:
    record["facts"]["scopes"]["run"]["state"]["progress"]["calls"] = {"erp.get": 4}


def set_spend(record: dict[str, Any]) -> None:
    record["facts"]["scopes"]["agent"]["state"]["spends"] = {"day": [0, 2**60, 350_001, 0]}


def set_stop(record: dict[str, Any]) -> None:
    stop = {"kind": "freeze", "by": "user:x", "reason": "", "at": 0, "until": None}
    record["facts"]["scopes"]["team"]["stops"] = {"": stop}


def set_finding(record: dict[str, Any]) -> None:
    record["decision"]["findings"][0]["code"] = "standing.run_ended"


def set_duties(record: dict[str, Any]) -> None:
    record["decision"]["duties"] = [{"duty": "mask", "field": "id"}]


def set_cost(record: dict[str, Any]) -> None:
    record["cost"]["micros"] = 350_001


@pytest.mark.parametrize("change", [set_calls, set_spend, set_stop, set_finding, set_duties, set_cost])
def test_a_record_that_was_altered_comes_out_different(it: World, change: Callable[[dict[str, Any]], None]) -> None:
    record = orjson.loads(orjson.dumps(admitted(it)))
    assert it.replay.one(record).agreement is Agreement.SAME
    change(record)
    assert it.replay.one(record).agreement is Agreement.DIFFERENT


def test_arguments_that_are_not_those_on_record_are_not_decided_on(it: World) -> None:
    record = {**admitted(it), "arguments_digest": "0" * 64}
    lost = it.replay.one(record)
    assert lost.agreement is Agreement.ERASED
    assert "their digest differs" in lost.detail


def test_another_kernel_and_a_lost_release_are_said(it: World) -> None:
    assert it.replay.one({**admitted(it), "kernel": 99}).agreement is Agreement.OTHER_KERNEL
    assert it.replay.one({**admitted(it), "release": "rel_none"}).agreement is Agreement.RELEASE_LOST
