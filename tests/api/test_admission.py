"""The raw routes of agents: one request, one durable answer; whose it is, how large it may be, and what is refused."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.api.admission import AgentRoutes
from remit.asgi.limits import RequestLimits
from remit.control.credentials import Credentials
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.domain.identity import Role
from remit.domain.ids import AgentName, UserId
from remit.domain.record import RecordKind
from remit.execution.replay import Agreement
from remit.sdk.client import Client
from remit.sdk.errors import Refused
from remit.sdk.http import HttpDoor
from remit.sdk.wire import Reach
from remit.storage.port import StoreError
from tests.served import Reply, Served, route_of, served
from tests.worlds import MODEL, OWNER, SARA, WORKSPACE, agent, world

TWO_AGENTS = {"agents/seller.yaml": agent("seller")}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Served]:
    with world(tmp_path, TWO_AGENTS) as opened, served(opened) as server:
        yield server


def get(it: Served, run_id: str, key: str = "k1", arguments: Any = None, **more: Any) -> Reply:
    asked = {"kind": "tool", "target": "erp.get", "arguments": arguments or {"id": "7"}, "id": key, **more}
    return it.ask("POST", f"/api/v1/runs/{run_id}/actions", asked)


def problem(reply: Reply) -> tuple[int, str, str]:
    assert reply.headers["content-type"] == "application/problem+json"
    document = reply.document
    assert set(document) == {"type", "title", "status", "code", "detail", "field", "remedy"}
    assert document["status"] == reply.status
    assert document["detail"]
    assert document["remedy"]
    return reply.status, document["code"], document["field"]


# -- the way of an action


def test_a_run_from_start_to_end(it: Served) -> None:
    run = it.start(task="buy", purpose="stock")
    assert (run["agent"], run["workspace"], run["repeated"]) == ("buyer", WORKSPACE, False)
    admitted = get(it, run["run"]).document
    assert (admitted["state"], admitted["decision"]["verdict"]) == ("admitted", "allow")
    assert {finding["words"] for finding in admitted["decision"]["findings"]} >= {"nothing is stopped"}
    outcome = f"/api/v1/runs/{run['run']}/actions/{admitted['action']}/outcome"
    settled = it.ask("POST", outcome, {"status": "ok", "result": {"id": "7", "total": 3}}).document
    assert settled == {"action": admitted["action"], "status": "ok", "overrun": False, "loop": "", "repeated": False}
    assert it.ask("POST", f"/api/v1/runs/{run['run']}/end", {}).document == {"run": run["run"], "repeated": False}
    kinds = [record["kind"] for record in it.world.records(run=run["run"])]
    assert kinds == ["run_started", "decision_made", "outcome_reported", "run_ended"]
    (decision,) = it.world.records(RecordKind.DECISION_MADE)
    assert decision["assurance"] == "cooperative"
    assert it.world.replay.one(decision).agreement is Agreement.SAME


def test_a_denial_says_why_in_english_and_arabic(it: Served) -> None:
    path = f"/api/v1/runs/{it.start()['run']}/actions"
    asked = {"kind": "tool", "target": "erp.drop", "arguments": {}}
    for language, words in (
        ("en", "erp.drop is not in the remit of buyer"),
        ("ar-AE", "الأداة erp.drop ليست ضمن صلاحية buyer"),
    ):
        decision = it.ask("POST", path, asked, headers={"Accept-Language": language}).document["decision"]
        assert decision["verdict"] == "deny"
        assert words in [finding["words"] for finding in decision["findings"]]


def test_a_model_call_is_priced_by_the_server(it: Served) -> None:
    run = it.start()["run"]
    asked = {"kind": "model", "target": MODEL, "input_tokens": 10_000_000, "max_output_tokens": 1_000_000}
    admitted = it.ask("POST", f"/api/v1/runs/{run}/actions", asked).document
    assert admitted["reserved"] == {"micros": 12_000_000, "tokens": 11_000_000, "calls": 1}
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}
    path = f"/api/v1/runs/{run}/actions/{admitted['action']}/outcome"
    assert it.ask("POST", path, {"status": "ok", "usage": usage}).status == 200
    (record,) = it.world.records(RecordKind.OUTCOME_REPORTED)
    assert record["cost"] == {"micros": 1_000_000, "tokens": 1_000_000, "calls": 1}


def test_a_hold_is_answered_and_admits_once(it: Served) -> None:
    run = it.start()["run"]
    asked = {"kind": "tool", "target": "erp.pay", "arguments": {"amount": 900}}
    held = it.ask("POST", f"/api/v1/runs/{run}/actions", asked).document
    assert held["state"] == "held"
    path = f"/api/v1/approvals/{held['approval']}/state"
    assert it.ask("GET", path).document["state"] == "pending"
    answered = threading.Timer(
        0.3, it.world.approvals.answer, (held["approval"], SARA, held["digest"]), {"approve": True}
    )
    answered.start()
    begin = time.monotonic()
    assert it.ask("GET", f"{path}?wait=15").document["state"] == "approved"
    assert time.monotonic() - begin < 10
    states = [it.ask("POST", f"/api/v1/runs/{run}/actions", asked).document["state"] for _ in range(2)]
    assert states == ["admitted", "held"]


# -- once and the same


def test_the_same_key_gets_the_same_run_and_another_request_is_refused(it: Served) -> None:
    body = {"on_behalf_of": "user:visitor", "task": "buy"}
    headers = {"Idempotency-Key": "2f1c"}
    first, second = (it.ask("POST", "/api/v1/runs", body, headers=headers).document for _ in range(2))
    assert (first["run"], False, True) == (second["run"], first["repeated"], second["repeated"])
    for other in ({"task": "sell"}, {"on_behalf_of": "user:sara"}, {"purpose": "other"}, {"subject": "s"}):
        refused = it.ask("POST", "/api/v1/runs", {**body, **other}, headers=headers)
        assert problem(refused)[:2] == (422, "key_reused")
    assert len(it.world.records(RecordKind.RUN_STARTED)) == 1
    assert it.start(it.key("seller"), id="2f1c")["run"] != first["run"], "another agent's keys are its own"


def test_the_same_key_gets_the_same_decision_and_other_arguments_are_refused(it: Served) -> None:
    run = it.start()["run"]
    first, second = get(it, run), get(it, run)
    assert first.document | {"repeated": True} == second.document
    assert problem(get(it, run, arguments={"id": "8"}))[:2] == (422, "key_reused")
    assert len(it.world.records(RecordKind.DECISION_MADE)) == 1
    assert get(it, it.start()["run"]).document["repeated"] is False, "a key is of one run"


def test_of_many_at_once_with_one_key_one_starts_and_all_get_its_answer(it: Served) -> None:
    """Nobody is told that the first is still under way: the writer takes them in turn, and the others wait for it."""
    key = it.key()
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: it.start(key, id="once"), range(8)))
        decided = list(pool.map(lambda _: get(it, runs[0]["run"]).document, range(8)))
    assert len({run["run"] for run in runs}) == len({one["action"] for one in decided}) == 1
    assert sorted(run["repeated"] for run in runs) == sorted(one["repeated"] for one in decided)
    assert [run["repeated"] for run in runs].count(False) == 1
    assert len(it.world.records(RecordKind.RUN_STARTED)) == len(it.world.records(RecordKind.DECISION_MADE)) == 1


def test_every_write_takes_the_header_and_refuses_one_that_is_none(it: Served) -> None:
    run = it.start()["run"]
    action = get(it, run).document["action"]
    told: list[tuple[str, dict[str, object]]] = [
        ("", {"on_behalf_of": "user:visitor"}),
        (f"/{run}/actions", {"kind": "tool", "target": "erp.get", "arguments": {"id": "1"}}),
        (f"/{run}/actions/{action}/outcome", {"status": "ok"}),
        (f"/{run}/end", {}),
    ]
    for path, body in told:
        long = it.ask("POST", f"/api/v1/runs{path}", body, headers={"Idempotency-Key": "k" * 201})
        assert problem(long) == (400, "key_unfit", "Idempotency-Key"), path
    for path, body in told:
        once, again = (
            it.ask("POST", f"/api/v1/runs{path}", body, headers={"Idempotency-Key": "k"}).document for _ in range(2)
        )
        assert (once["repeated"], again["repeated"]) == (False, True), path


def test_an_outcome_and_an_end_are_told_once(it: Served) -> None:
    run = it.start()["run"]
    path = f"/api/v1/runs/{run}/actions/{get(it, run).document['action']}/outcome"
    told = {"status": "error", "error": "TimeoutError", "result_text": "too slow"}
    assert [it.ask("POST", path, told).document["repeated"] for _ in range(2)] == [False, True]
    assert problem(it.ask("POST", path, {"status": "ok"}))[:2] == (422, "key_reused")
    end = f"/api/v1/runs/{run}/end"
    assert [it.ask("POST", end, {"status": "ok"}).document["repeated"] for _ in range(2)] == [False, True]
    assert problem(it.ask("POST", end, {"status": "failed"}))[:2] == (422, "key_reused")


def test_an_outcome_is_taken_by_the_callers_own_key_and_after_the_server_has_forgotten_the_call(it: Served) -> None:
    """Who was cut off before the answer came knows only the key; another process has the call on record only."""
    run = it.start()["run"]
    action = get(it, run, "k1").document["action"]
    nothing = {"status": "error", "error": "not_dispatched", "dispatched": False}
    settled = it.ask("POST", f"/api/v1/runs/{run}/actions/k1/outcome", nothing).document
    assert settled["action"] == action
    second = get(it, run, "k2").document["action"]
    for door in doors(it):
        door._calls.clear()
    path = f"/api/v1/runs/{run}/actions/{second}/outcome"
    assert it.ask("POST", path, {"status": "ok", "result": {"id": "7"}}).status == 200
    costs = [record["cost"] for record in it.world.records(RecordKind.OUTCOME_REPORTED)]
    assert costs == [{"micros": 0, "tokens": 0, "calls": 0}, None]


def doors(it: Served) -> list[Any]:
    agents = route_of(it, AgentRoutes)
    return list(agents._door_of.__self__._doors.values())


def test_a_result_known_by_its_digest_only_is_bound_all_the_same(it: Served) -> None:
    run = it.start()["run"]
    action = get(it, run).document["action"]
    digest = hashlib.sha256(b"large").hexdigest()
    path = f"/api/v1/runs/{run}/actions/{action}/outcome"
    assert it.ask("POST", path, {"status": "ok", "result_sha256": digest}).status == 200
    (record,) = it.world.records(RecordKind.OUTCOME_REPORTED)
    assert record["result_digest"] not in ("", digest)
    assert it.world.store.payload(action, "result") is None


def test_a_store_that_fails_once_is_asked_again_and_one_that_fails_admits_nothing(
    it: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = it.start()["run"]
    carry_out, failures = it.world.queue._carry_out, [1]

    def fail(commands: Any) -> Any:
        failures[0] -= 1
        return [StoreError("the disk is full")] * len(commands) if failures[0] >= 0 else carry_out(commands)

    monkeypatch.setattr(it.world.queue, "_carry_out", fail)
    assert get(it, run).document["state"] == "admitted"
    failures[0] = 2
    refused = get(it, run, "k2")
    assert problem(refused)[:2] == (503, "store_failed")
    assert refused.headers["retry-after"] == "1"
    assert len(it.world.records(RecordKind.DECISION_MADE)) == 1


# -- whose it is


def test_an_agent_reaches_its_own_runs_and_approvals_only(it: Served) -> None:
    run = it.start()["run"]
    action = get(it, run).document["action"]
    asked = {"kind": "tool", "target": "erp.pay", "arguments": {"amount": 900}}
    approval = it.ask("POST", f"/api/v1/runs/{run}/actions", asked).document["approval"]
    other = it.key("seller")
    for method, path, body in (
        ("POST", f"/api/v1/runs/{run}/actions", asked),
        ("POST", f"/api/v1/runs/{run}/actions/{action}/outcome", {"status": "ok"}),
        ("POST", f"/api/v1/runs/{run}/end", {}),
        ("GET", f"/api/v1/approvals/{approval}/state", None),
    ):
        reply = it.ask(method, path, body, key=other)
        assert reply.status == 404, (path, reply)
        assert problem(reply)[1] in ("no_run", "no_approval")


def test_one_run_can_not_settle_another_runs_action(it: Served) -> None:
    first, second = it.start()["run"], it.start()["run"]
    action = get(it, first).document["action"]
    refused = it.ask("POST", f"/api/v1/runs/{second}/actions/{action}/outcome", {"status": "ok"})
    assert problem(refused)[:2] == (409, "nothing_open")


def test_a_runs_token_is_for_that_run_and_starts_no_other(it: Served) -> None:
    first, second = it.start(), it.start()
    asked = {"kind": "tool", "target": "erp.get", "arguments": {"id": "1"}}
    token = first["token"]
    assert it.ask("POST", f"/api/v1/runs/{first['run']}/actions", asked, key=token).status == 200
    assert it.ask("POST", f"/api/v1/runs/{second['run']}/actions", asked, key=token).status == 404
    refused = it.ask("POST", "/api/v1/runs", {"on_behalf_of": "user:visitor"}, key=token)
    assert problem(refused)[:2] == (403, "run_token")
    it.world.clock.advance(3_601)
    assert it.ask("POST", f"/api/v1/runs/{first['run']}/actions", asked, key=token).status == 401


def test_the_agent_is_the_credentials_and_never_the_bodys(it: Served) -> None:
    refused = it.ask("POST", "/api/v1/runs", {"agent": "seller", "on_behalf_of": "user:visitor"})
    assert problem(refused) == (403, "other_agent", "agent")
    run = it.start()["run"]
    for field in ("agent", "workspace", "run", "assurance", "cost", "on_behalf_of"):
        assert problem(get(it, run, **{field: "x"})) == (422, "field_unknown", field)


def test_the_channel_is_the_keys_and_never_the_bodys(it: Served) -> None:
    lax = it.world.apply({**TWO_AGENTS, "policies/pay.cedar": None}, "staging")
    strict = it.world.store.active(WORKSPACE, "production")
    assert lax.id != strict
    credentials = Credentials(it.world.store, it.world.clock, it.world.ids)
    made = credentials.make_agent_key(WORKSPACE, AgentName("buyer"), OWNER, channel="staging")
    successor = credentials.rotate(WORKSPACE, made.credential.id, OWNER, 60)
    for key, release in ((it.key(), strict), (made.secret, lax.id), (successor.secret, lax.id)):
        assert it.start(key=key)["release"] == release
    assert it.start(channel="production")["release"] == strict
    for key, channel in ((it.key(), "staging"), (made.secret, "production"), (it.key(), "nowhere")):
        reply = it.ask("POST", "/api/v1/runs", {"on_behalf_of": "user:visitor", "channel": channel}, key=key)
        assert problem(reply) == (403, "other_channel", "channel")
    with Client(HttpDoor(Reach(it.url, made.secret, timeout_s=20))) as client:
        with client.run("buyer", on_behalf_of="user:visitor") as run:
            assert it.world.store.run(run.id).release == lax.id
        with (
            pytest.raises(Refused, match="another channel"),
            client.run("buyer", on_behalf_of="user:visitor", channel="production"),
        ):
            pass


def test_nobody_and_a_wrong_key_are_turned_away(it: Served) -> None:
    nobody = it.ask("POST", "/api/v1/runs", {}, key="")
    assert problem(nobody)[0] == 401
    assert nobody.headers["www-authenticate"] == "Bearer"
    assert problem(it.ask("POST", "/api/v1/runs", {}, key="rmt_a_wrong"))[0] == 401


# -- what is refused before anything is decided


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "body.not_json"),
        (b"{", 400, "body.not_json"),
        (b"[]", 400, "body.not_an_object"),
        (b'{"a": 1, "a": 2}', 400, "body.duplicate_key"),
        (b'{"kind": NaN}', 400, "body.not_finite"),
        (b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}", 400, "body.too_deep"),
        (b"[" * 100_000, 400, "body.too_deep"),
        (b'{"a": ' + b"9" * 40 + b"}", 400, "body.integer_too_large"),
        (b'{"kind": "tool", "target": "\\ud800"}', 400, "body.lone_surrogate"),
        (b"\xff\xfe", 400, "body.not_json"),
        (b'{"kind": "tool"}', 422, "field_missing"),
        (b'{"kind": "memory", "target": "x"}', 422, "field_unfit"),
        (b'{"kind": "tool", "target": 5}', 422, "field_unfit"),
        (b'{"kind": "tool", "target": "erp.get", "arguments": []}', 422, "field_unfit"),
        (b'{"kind": "tool", "target": "erp.get", "argumens": {}}', 422, "field_unknown"),
        (b'{"kind": "model", "target": "a/b", "input_tokens": -1, "max_output_tokens": 1}', 422, "field_unfit"),
        (b'{"kind": "model", "target": "a/b", "input_tokens": true, "max_output_tokens": 1}', 422, "field_unfit"),
        (b'{"kind": "model", "target": "a/b", "input_tokens": 1, "max_output_tokens": 0}', 422, "field_unfit"),
    ],
)
def test_a_bad_body_is_refused_and_nothing_is_recorded(it: Served, body: bytes, status: int, code: str) -> None:
    run = it.start()["run"]
    assert problem(it.ask("POST", f"/api/v1/runs/{run}/actions", body))[:2] == (status, code)
    assert it.world.records(RecordKind.DECISION_MADE) == []


def test_a_misspelt_field_is_told_what_may_be_meant(it: Served) -> None:
    refused = get(it, it.start()["run"], argumens={})
    assert refused.document["remedy"] == "Perhaps arguments is meant"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, 415, "not_json"),
        ({"Content-Encoding": "gzip"}, 415, "encoded"),
        ({"X-Long": "x" * 20_000}, 431, "head_too_large"),
        ({"Idempotency-Key": "k" * 300}, 400, "key_unfit"),
        ({"Idempotency-Key": "other"}, 400, "keys_differ"),
    ],
)
def test_bad_headers_are_refused(it: Served, headers: dict[str, str], status: int, code: str) -> None:
    body = {"on_behalf_of": "user:visitor", "id": "k"}
    assert problem(it.ask("POST", "/api/v1/runs", body, headers=headers))[:2] == (status, code)


def test_a_body_beyond_the_limit_is_refused_unread(it: Served) -> None:
    with socket.create_connection((it.host, it.port), timeout=20) as raw:
        head = (
            f"POST /api/v1/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {it.key()}\r\n"
            "Content-Type: application/json\r\nContent-Length: 999999999\r\n\r\n"
        )
        raw.sendall(head.encode())
        assert raw.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_arguments_beyond_their_own_limit_are_refused(it: Served) -> None:
    large = get(it, it.start()["run"], arguments={"id": "x" * 1_100_000})
    assert problem(large)[:2] == (422, "arguments.too_large")


# -- callers that take their time


def test_slow_heads_and_slow_bodies_are_cut_and_endless_heads_too(tmp_path: Path) -> None:
    limits = RequestLimits(arrival_s=0.3, head_bytes=2_000)
    with world(tmp_path) as opened, served(opened, requests=limits) as it:
        half = b"POST /api/v1/runs HTTP/1.1\r\nHost: x\r\n"
        assert said(it, b"").startswith(b"HTTP/1.1 408 ")
        assert said(it, half).startswith(b"HTTP/1.1 408 ")
        assert said(it, half + b"X-A: y\r\n" * 1_000).startswith(b"HTTP/1.1 431 ")
        assert it.ask("GET", "/healthz", key="").status == 200


@pytest.mark.parametrize("who", ["agent", "person", "nobody"])
def test_a_body_that_comes_byte_by_byte_is_cut(tmp_path: Path, who: str) -> None:
    """Whoever sends it, and also where it was refused unread: no connection is held with a byte now and then."""
    limits = RequestLimits(arrival_s=0.4, message_s=1.0)
    with world(tmp_path) as opened, served(opened, requests=limits) as it:
        route_of(it, AgentRoutes)._limits = limits
        seam = it.server.config.app._rest.state.seam  # type: ignore[union-attr]
        it.server.config.app._rest.state.seam = replace(seam, limits=limits)  # type: ignore[union-attr]
        path, secret = {
            "agent": ("/api/v1/runs", it.key()),
            "person": ("/api/v1/stops", token_of(it)),
            "nobody": ("/api/v1/runs", "rmt_a_wrong"),
        }[who]
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        )
        answer = trickled(it, head.encode(), b"{")
        assert answer.startswith(b"HTTP/1.1 401 " if who == "nobody" else b"HTTP/1.1 408 "), answer
        assert it.ask("GET", "/healthz", key="").status == 200


def token_of(it: Served) -> str:
    store, clock, ids = it.world.store, it.world.clock, it.world.ids
    People(store, clock, ids, Passwords()).add(WORKSPACE, UserId("user:op"), [Role.OPERATOR], OWNER)
    return Credentials(store, clock, ids).make_person_token(WORKSPACE, UserId("user:op"), OWNER, "test", 3_600).secret


def trickled(it: Served, head: bytes, more: bytes) -> bytes:
    """Send a head, and then a byte now and then until the server hangs up; return what it said."""
    answer = b""
    with socket.create_connection((it.host, it.port), timeout=0.05) as raw:
        raw.sendall(head)
        for _ in range(400):
            try:
                raw.sendall(more)
                piece = raw.recv(65_536)
            except TimeoutError:
                continue
            except OSError:  # it has hung up
                return answer
            answer += piece
            if not piece:
                return answer
    raise AssertionError(f"the connection is still open after 20 s: {answer!r}")


def said(it: Served, sent: bytes) -> bytes:
    """Send the beginning of a request and nothing more; return what the server says before it hangs up."""
    with socket.create_connection((it.host, it.port), timeout=20) as raw:
        raw.sendall(sent)
        answer = b""
        while piece := raw.recv(65_536):
            answer += piece
        return answer


def test_an_agent_hands_work_on_below_its_own_runs_and_no_others(it: Served) -> None:
    it.world.apply({"agents/buyer.yaml": agent(agents=["seller"]), **TWO_AGENTS})
    top = it.start()
    below = it.start(agent="seller", parent=top["run"], id="once")
    assert (below["agent"], below["parent"], below["on_behalf_of"]) == ("seller", top["run"], "user:visitor")
    assert it.start(agent="seller", parent=top["run"], id="once")["run"] == below["run"]
    path, asked = (
        f"/api/v1/runs/{below['run']}/actions",
        {"kind": "tool", "target": "erp.get", "arguments": {"id": "1"}},
    )
    assert it.ask("POST", path, asked, key=below["token"]).document["state"] == "admitted"
    assert it.ask("POST", path, asked).status == 404, "the run is the other agent's, and so is its token"
    again = it.ask("POST", "/api/v1/runs", {"parent": top["run"], "agent": "seller"}, key=top["token"])
    assert again.status == 201, "a run's token hands on what is its run's"
    assert it.ask("POST", path, asked, key=again.document["token"]).status == 404
    for key in (it.key("seller"), below["token"]):
        refused = it.ask("POST", "/api/v1/runs", {"on_behalf_of": "user:visitor", "parent": top["run"]}, key=key)
        assert refused.status in (403, 404), "nobody puts a run below another agent's"
    other = it.ask("POST", "/api/v1/runs", {"agent": "seller", "parent": below["run"]})
    assert problem(other)[:2] == (404, "no_run")
    states = [each["target"] for each in it.world.records(RecordKind.DECISION_MADE)]
    assert states.count("delegate.seller") == 2


def test_a_token_below_is_over_with_the_key_of_the_agent_above(it: Served) -> None:
    it.world.apply({"agents/buyer.yaml": agent(agents=["seller"]), **TWO_AGENTS})
    top = it.start()
    below = it.start(agent="seller", parent=top["run"])
    asked = {"kind": "tool", "target": "erp.get", "arguments": {"id": "1"}}
    path = f"/api/v1/runs/{below['run']}/actions"
    assert it.ask("POST", path, asked, key=below["token"]).status == 200
    store = it.world.store
    credentials = Credentials(store, it.world.clock, it.world.ids)
    for each in store.credentials(WORKSPACE):
        credentials.revoke(WORKSPACE, each.id, SARA)
    it.world.clock.advance(2)
    assert it.ask("POST", path, asked, key=below["token"]).status == 401
