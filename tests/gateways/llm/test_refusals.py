"""What the gateway turns away, and in which words: the client's own, with nothing of the upstream's in them."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.gateways.llm.fake import answering, chat, raw
from tests.gateways.llm.gateway import KEY, Gateway, gateway, model
from tests.served import Reply
from tests.worlds import MODEL, SARA, budget

HELLO: Any = [{"role": "user", "content": "Say hello"}]
CHAT = "/openai/v1/chat/completions"
MESSAGES = "/anthropic/v1/messages"
HOLD = '@id("ask") @hold("finance") forbid (principal, action == Action::"model.call", resource);'


def client(it: Gateway, retries: int = 2) -> openai.OpenAI:
    return openai.OpenAI(base_url=it.openai, api_key=it.server.key(), timeout=20, max_retries=retries)


def ask(it: Gateway, **fields: Any) -> Reply:
    return it.server.ask("POST", CHAT, {"model": MODEL, "messages": HELLO, **fields})


def test_a_denied_call_is_denied_once_and_never_sent(tmp_path: Path) -> None:
    with gateway(tmp_path) as it, client(it) as asking:
        with pytest.raises(openai.PermissionDeniedError) as denied:
            asking.chat.completions.create(model="local/other", messages=HELLO)
        assert denied.value.code == "grant.model_not_granted"
        assert denied.value.response.headers["x-should-retry"] == "false"
        assert denied.value.response.headers["remit-action"] == it.decisions()[0]["action"]
        assert [each["state"] for each in it.decisions()] == ["denied"]
        second = anthropic.Anthropic(base_url=it.anthropic, api_key=it.server.key())
        with second, pytest.raises(anthropic.PermissionDeniedError) as told:
            second.messages.create(model="local/other", max_tokens=5, messages=HELLO)
        assert isinstance(told.value.body, dict)
        assert told.value.body["error"]["type"] == "permission_error"
        assert it.fake.requests == []


def test_a_budget_that_can_not_cover_the_worst_case_denies(tmp_path: Path) -> None:
    changes = {"budgets.yaml": budget("day", "agent", "day", usd=0.001)}
    with gateway(tmp_path, changes=changes) as it, client(it) as asking:
        with pytest.raises(openai.RateLimitError) as denied:
            asking.chat.completions.create(model=MODEL, messages=HELLO)
        assert denied.value.type == "insufficient_quota"
        assert denied.value.code == "budget.exceeded"
        assert len(it.decisions()) == 1  # the client did not try again
        reply = it.server.ask("POST", MESSAGES, {"model": MODEL, "messages": HELLO})
        assert (reply.status, reply.document["error"]["type"]) == (429, "billing_error")
        assert ask(it, max_tokens=5).status == 200  # what fits is let through


def test_a_held_call_runs_once_after_it_is_approved(tmp_path: Path) -> None:
    with gateway(tmp_path, changes={"policies/model.cedar": HOLD}) as it, client(it) as asking:
        with pytest.raises(openai.ConflictError) as held:
            asking.chat.completions.create(model=MODEL, messages=HELLO)
        error = held.value.body
        assert isinstance(error, dict)
        approval = error["remit"]["approval"]
        with pytest.raises(openai.ConflictError) as again:
            asking.chat.completions.create(model=MODEL, messages=HELLO)
        assert approval in str(again.value)
        assert it.fake.requests == []
        digest = it.decisions()[0]["arguments_digest"]
        it.world.approvals.answer(approval, SARA, digest, approve=True)
        said = asking.chat.completions.create(model=MODEL, messages=HELLO)
        assert said.choices[0].message.content == "hello"
        with pytest.raises(openai.ConflictError):  # it was for one call
            asking.chat.completions.create(model=MODEL, messages=HELLO)
        assert len(it.fake.requests) == 1


def test_what_no_request_may_ask_for(tmp_path: Path) -> None:
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]}
    for_chat: list[tuple[dict[str, Any], str]] = [
        ({"model": 7}, "field.model"),
        ({"messages": []}, "field.messages"),
        ({"n": 0}, "field.n"),
        ({"max_tokens": True}, "field.max_tokens"),
        ({"max_tokens": 1_001}, "model.output_too_long"),
        ({"stream": "yes"}, "field.stream"),
        ({"tools": [{"type": "web_search"}]}, "tools.hosted"),
        ({"web_search_options": {}}, "tools.hosted"),
        ({"service_tier": "priority"}, "field.service_tier"),
        ({"messages": [image]}, "prompt.size_unknown"),
    ]
    with gateway(tmp_path) as it:
        for fields, code in for_chat:
            reply = ask(it, **fields)
            assert (reply.status, reply.document["error"]["code"]) == (400, code), reply
            assert reply.headers["x-should-retry"] == "false"
        base = {"model": MODEL, "max_tokens": 5, "messages": HELLO}
        more: dict[str, Any]
        for more in ({"mcp_servers": [{}]}, {"tools": [{"type": "web_search_20260101"}]}, {"speed": "fast"}):
            assert it.server.ask("POST", MESSAGES, {**base, **more}).status == 400
        for more in ({"previous_response_id": "resp_1"}, {"background": True}, {"tools": [{"type": "mcp"}]}):
            reply = it.server.ask("POST", "/openai/v1/responses", {"model": MODEL, "input": "Hi", **more})
            assert reply.status == 400
        assert it.decisions() == []
        assert it.fake.requests == []


def test_bodies_that_are_none(tmp_path: Path) -> None:
    twice = b'{"model":"local/tiny-1","model":"local/other","messages":[{"role":"user","content":"Hi"}]}'
    inside = b'{"model":"local/tiny-1","messages":[{"role":"user","content":"Hi","content":"secret"}]}'
    deep = b'{"model":"local/tiny-1","messages":[{"role":"user","content":' + b"[" * 500 + b"]" * 500 + b"}]}"
    with gateway(tmp_path) as it:
        for body, code in (
            (b"", "body.not_json"),
            (b"{", "body.not_json"),
            (b"[]", "body.not_an_object"),
            (b'{"a":NaN}', "body.not_json"),
            (twice, "body.duplicate_key"),
            (inside, "body.duplicate_key"),
            (deep, "body.too_deep"),
            (b'{"model":"\xff"}', "body.not_json"),
        ):
            reply = it.server.ask("POST", CHAT, body)
            assert (reply.status, reply.document["error"]["code"]) == (400, code), (body[:80], reply)
        reply = it.server.ask("POST", CHAT, b"{}", headers={"Content-Type": "text/plain"})
        assert (reply.status, reply.document["error"]["type"]) == (415, "invalid_request_error")
        reply = it.server.ask("POST", MESSAGES, b"{}", headers={"Content-Encoding": "gzip"})
        assert (reply.status, reply.document["type"]) == (415, "error")
        assert it.server.ask("POST", CHAT, {}, key="").status == 401
        assert it.server.ask("POST", MESSAGES, {}, key="rk_wrong").document["error"]["type"] == "authentication_error"
        assert it.server.ask("GET", CHAT).status == 405
        assert it.server.ask("POST", "/openai/v1/images").status == 404
        assert it.fake.requests == []


def test_a_hundred_megabytes_are_refused_before_they_come(tmp_path: Path) -> None:
    with gateway(tmp_path) as it:
        with socket.create_connection((it.server.host, it.server.port), timeout=20) as connection:
            head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {it.server.key()}\r\n"
            head += "content-type: application/json\r\ncontent-length: 104857600\r\n\r\n"
            connection.sendall(head.encode())
            connection.sendall(b" " * 100_000)
            answer = connection.recv(4_096)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b'"body_too_large"' in answer


def test_a_header_that_is_given_twice_or_smuggled_is_refused(tmp_path: Path) -> None:
    body = json.dumps({"model": MODEL, "messages": HELLO}).encode()
    with gateway(tmp_path) as it:
        connection = http.client.HTTPConnection(it.server.host, it.server.port, timeout=20)
        connection.putrequest("POST", CHAT)
        for name, value in (
            ("Authorization", f"Bearer {it.server.key()}"),
            ("Authorization", "Bearer other"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ):
            connection.putheader(name, value)
        connection.endheaders(body)
        assert connection.getresponse().status == 400
        connection.close()
        both = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {it.server.key()}\r\n"
        both += "content-type: application/json\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
        with socket.create_connection((it.server.host, it.server.port), timeout=20) as sent:
            sent.sendall(both.encode() + b"POST /x HTTP/1.1\r\n\r\n")
            assert sent.recv(4_096).startswith(b"HTTP/1.1 400")
        headers = {"anthropic-beta": "a" * 600}
        assert it.server.ask("POST", MESSAGES, {"model": MODEL, "messages": HELLO}, headers=headers).status == 400
        assert it.fake.requests == []


GARBAGE = [
    (answering(200, b"<html>"), "upstream.broken", 502),
    (answering(200, {"choices": 7}), "upstream.broken", 502),
    (answering(200, {"choices": [7]}), "upstream.broken", 502),
    (answering(200, {"choices": [{"message": [1]}]}), "upstream.broken", 502),
    (raw(b"SSH-2.0-OpenSSH\r\n"), "upstream.broken", 502),
    (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"), "upstream.broken", 502),
    (answering(302, b"", location="http://169.254.169.254/"), "upstream.redirected", 502),
    (answering(200, b"\x1f\x8b", content_encoding="gzip"), "upstream.encoded", 502),
    (answering(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}), "upstream.status_401", 502),
    (answering(404, {"error": {"message": "no model at http://10.0.0.7"}}), "upstream.status_404", 502),
    (answering(400, {"error": {"message": f"too long; key {KEY} at https://10.0.0.7/x"}}), "upstream.status_400", 400),
]


def test_nothing_of_a_broken_upstream_comes_through(tmp_path: Path) -> None:
    with gateway(tmp_path) as it:
        said = ""
        for play, code, status in GARBAGE:
            it.fake.play(play)
            reply = ask(it)
            said = reply.document["error"]["message"]
            assert (reply.status, reply.document["error"]["code"]) == (status, code), reply
            assert KEY not in str(reply)
            assert "10.0.0.7" not in str(reply)
        assert "too long" in said
        outcomes = it.outcomes()
        assert len(outcomes) == len(GARBAGE)
        assert {each["status"] for each in outcomes} == {"error"}
        # What may have been computed costs what was reserved; an answer that says it was not costs nothing.
        worst = it.decisions()[0]["cost"]["micros"]
        expected = [worst] * 8 + [0] * 3
        assert [_micros(each, worst) for each in outcomes] == expected


def _micros(outcome: dict[str, Any], reserved: int) -> int:
    return reserved if outcome["cost"] is None else outcome["cost"]["micros"]


def test_an_upstream_that_is_not_there_costs_nothing_and_the_next_is_asked(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        with gateway(tmp_path, documents=_two_routes(gone)) as it:
            assert ask(it).status == 200
            assert it.outcomes()[0]["cost"]["micros"] == 30
        (tmp_path / "b").mkdir()
        alone = model({"dialect": "openai", "url": gone, "upstream": "x", "private": True})
        with gateway(tmp_path / "b", documents=alone) as it:
            reply = ask(it)
            assert (reply.status, reply.document["error"]["code"]) == (502, "upstream.unreachable")
            assert it.outcomes()[0]["cost"] == {"micros": 0, "tokens": 0, "calls": 0}


def _two_routes(first: str) -> str:
    routes = [
        {"dialect": "openai", "url": first, "upstream": "x", "private": True},
        {"dialect": "openai", "url": "FAKE_URL", "upstream": "y", "private": True, "weight": 0},
    ]
    return model(*routes)


def test_a_private_address_needs_to_be_meant(tmp_path: Path) -> None:
    documents = json.dumps(json.loads(model(route_here())))
    with gateway(tmp_path, documents=documents) as it:
        reply = ask(it)
        assert (reply.status, reply.document["error"]["code"]) == (502, "upstream.forbidden")
        assert it.fake.requests == []


def route_here() -> dict[str, Any]:
    return {"dialect": "openai", "url": "FAKE_URL", "upstream": "x"}


def test_busy_upstreams_are_passed_over_and_refusals_are_not(tmp_path: Path) -> None:
    documents = model(*[{**route_here(), "private": True}, {**route_here(), "private": True, "weight": 0}])
    with gateway(tmp_path, documents=documents) as it:
        it.fake.play(answering(429, {}, retry_after="7"), chat("second"))
        assert ask(it).document["choices"][0]["message"]["content"] == "second"
        it.fake.play(answering(429, {}, retry_after="7"))
        reply = ask(it)
        assert (reply.status, reply.headers["retry-after"]) == (429, "7")
        assert "x-should-retry" not in reply.headers
        count = len(it.fake.requests)
        it.fake.play(answering(400, {"error": {"message": "bad"}}), chat("never"))
        assert ask(it).status == 400
        it.fake.play(answering(504, {}), chat("never"))  # whoever stands before it gave up; it may be at work
        assert ask(it).status == 502
        assert len(it.fake.requests) == count + 2


def test_a_missing_credential_is_told_without_its_name(tmp_path: Path) -> None:
    fields = {**route_here(), "private": True, "credential": "env:NO_SUCH_VARIABLE"}
    with gateway(tmp_path, documents=model(fields)) as it:
        reply = ask(it)
        assert reply.document["error"]["code"] == "upstream.no_credential"
        assert "NO_SUCH_VARIABLE" not in str(reply)
        assert it.outcomes()[0]["cost"]["calls"] == 0


def test_errors_speak_arabic_where_asked(tmp_path: Path) -> None:
    with gateway(tmp_path) as it:
        body = {"model": "local/other", "messages": HELLO}
        reply = it.server.ask("POST", CHAT, body, headers={"Accept-Language": "ar"})
        assert any("\u0600" <= each <= "\u06ff" for each in reply.document["error"]["message"])
