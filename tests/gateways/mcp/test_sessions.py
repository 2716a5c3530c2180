"""Clients with a handshake: sessions, streams, what servers say and ask on the way; and the streams of modern ones."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.domain.record import RecordKind
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.sessions import Sessions
from tests.gateways.mcp.behind import LEGACY, META, Gateway, UpstreamRefused, gateway, said
from tests.gateways.mcp.streaming import modern, old, own
from tests.worlds import agent

CALL = {"name": "erp.scan", "arguments": {}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    other = {"agents/other.yaml": agent("other", tools=["erp.get"])}
    with gateway(tmp_path_factory.mktemp("sessions"), other, loops={"on_detection": "warn"}) as opened:
        yield opened


@pytest.fixture
def it(shared: Gateway) -> Gateway:
    """A session of its own."""
    shared.erp.handlers.clear()
    shared.erp.cancelled.clear()
    shared.initialize(capabilities={"elicitation": {}, "sampling": {}})
    return shared


@pytest.mark.parametrize(
    ("asked", "agreed"),
    [(LEGACY, LEGACY), ("2024-11-05", "2024-11-05"), ("1999-01-01", LEGACY), ("2026-07-28", LEGACY)],
)
def test_a_revision_is_agreed_on(shared: Gateway, asked: str, agreed: str) -> None:
    told = shared.initialize(asked).document["result"]
    assert told["protocolVersion"] == agreed
    assert told["serverInfo"]["name"] == "remit"
    assert told["capabilities"]["tools"] == {"listChanged": True}


def test_a_session_is_its_agents_and_over_when_it_is_deleted(it: Gateway) -> None:
    assert it.old("ping").document["result"] == {}
    assert it.old("ping", key=it.server.key("other")).status == 404
    assert it.old("ping", key=it.server.start()["token"]).status == 404
    sent = {"Mcp-Session-Id": it.session}
    assert it.server.ask("DELETE", "/mcp", headers=sent).status == 204
    assert it.old("ping").status == 404
    assert it.server.ask("DELETE", "/mcp", headers=sent).status == 404


def test_what_a_server_says_on_the_way_is_told_in_the_stream(it: Gateway) -> None:
    async def busy(params: Any, exchange: Any) -> dict[str, Any]:
        await exchange.notify("notifications/progress", {"progressToken": 7, "progress": 1})
        await exchange.notify("notifications/message", {"level": "debug", "data": "detail"})
        await exchange.notify("notifications/message", {"level": "warning", "data": "careful"})
        return {"content": [{"type": "text", "text": "done"}]}

    it.erp.handlers["scan"] = busy
    with old(it, "tools/call", {**CALL, "_meta": {"progressToken": 7}}) as stream:
        assert stream.answer.headers["content-type"] == "text/event-stream"
        assert stream.next() == {
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {"progressToken": 7, "progress": 1},
        }
        assert stream.next()["params"]["data"] == "careful"  # type: ignore[index]
        assert said(stream.next()["result"]) == "done"  # type: ignore[index]
        assert stream.next() is None
    assert it.erp.exchanges[-1].meta == {"progressToken": 7, f"{META}logLevel": "info"}
    assert it.old("logging/setLevel", {"level": "debug"}).document["result"] == {}
    with old(it, "tools/call", CALL) as stream:
        assert stream.until("notifications/message")["params"]["data"] == "detail"


def test_a_modern_client_hears_of_logs_only_where_it_asks_for_them(it: Gateway) -> None:
    async def busy(params: Any, exchange: Any) -> dict[str, Any]:
        await exchange.notify("notifications/message", {"level": "error", "data": "careful"})
        return {"content": [{"type": "text", "text": "done"}]}

    it.erp.handlers["scan"] = busy
    with modern(it, "tools/call", CALL) as stream:
        assert stream.answer.headers["content-type"] == "application/json"
    with modern(it, "tools/call", CALL, meta={f"{META}logLevel": "info"}) as stream:
        assert stream.until("notifications/message")["params"]["data"] == "careful"


def test_a_server_asks_the_client_in_the_middle_of_a_call(it: Gateway) -> None:
    async def asking(params: Any, exchange: Any) -> dict[str, Any]:
        found = await exchange.ask("elicitation/create", {"message": "Sure?", "requestedSchema": {}})
        return {"content": [{"type": "text", "text": found["action"]}]}

    it.erp.handlers["scan"] = asking
    with old(it, "tools/call", CALL) as stream:
        question = stream.until("elicitation/create")
        answer = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept"}}
        sent = {"Mcp-Session-Id": it.session, "MCP-Protocol-Version": LEGACY}
        assert it.post({**answer, "id": "remit-guess"}, **sent).status == 202, "nobody asked that"
        assert it.post(answer, **sent).status == 202
        assert said(stream.next()["result"]) == "accept"  # type: ignore[index]
    assert it.world.records(RecordKind.OUTCOME_REPORTED)[-1]["status"] == "ok"


@pytest.mark.parametrize(("method", "params"), [("roots/list", {}), ("tools/call", {"name": "x"})])
def test_a_server_asks_only_what_the_client_answers(it: Gateway, method: str, params: Any) -> None:
    async def asking(_: Any, exchange: Any) -> dict[str, Any]:
        try:
            await exchange.ask(method, params)
        except UpstreamRefused as error:
            return {"content": [{"type": "text", "text": str(error)}]}
        raise AssertionError("it was asked")

    it.erp.handlers["scan"] = asking
    with old(it, "tools/call", CALL) as stream:
        assert said(stream.next()["result"]) == f"the client does not answer {method}"  # type: ignore[index]


def test_a_modern_client_is_asked_in_the_result_and_its_call_goes_on(it: Gateway) -> None:
    async def asking(_: Any, exchange: Any) -> dict[str, Any]:
        first = await exchange.ask("elicitation/create", {"message": "Who?"})
        second = await exchange.ask("elicitation/create", {"message": "Sure?"})
        return {"content": [{"type": "text", "text": first["content"]["name"] + second["action"]}]}

    it.erp.handlers["scan"] = asking
    client: dict[str, Any] = {"elicitation": {}}
    before = len(it.world.records(RecordKind.DECISION_MADE))
    asked = it.call("erp.scan", client=client)
    for number, answer in enumerate(({"action": "accept", "content": {"name": "Sara"}}, {"action": "accept"})):
        assert asked["resultType"] == "input_required"
        [(key, question)] = asked["inputRequests"].items()
        assert question["params"]["message"] == ("Who?", "Sure?")[number]
        params = {**CALL, "inputResponses": {key: answer}, "requestState": asked["requestState"]}
        asked = it.result("tools/call", params, client=client)
    assert said(asked) == "Saraaccept"
    assert len(it.world.records(RecordKind.DECISION_MADE)) == before + 1, "it is one action"


def test_what_a_modern_server_asks_is_passed_on_with_its_state_sealed_in_ours(it: Gateway) -> None:
    async def asking(params: Any, _: Any) -> dict[str, Any]:
        if "inputResponses" not in params:
            return {"resultType": "input_required", "inputRequests": {"k": {"method": "x"}}, "requestState": "theirs"}
        assert params["requestState"] == "theirs"
        return {"content": [{"type": "text", "text": json.dumps(params["inputResponses"])}]}

    it.erp.handlers["scan"] = asking
    before = len(it.world.records(RecordKind.DECISION_MADE))
    asked = it.call("erp.scan")
    assert asked["inputRequests"] == {"k": {"method": "x"}}
    assert "theirs" not in asked["requestState"]
    params = {**CALL, "inputResponses": {"k": {"a": 1}}, "requestState": asked["requestState"]}
    assert said(it.result("tools/call", params)) == '{"k": {"a": 1}}'
    assert it.ask("tools/call", params).document["error"]["data"]["code"] == "state_unfit"
    assert len(it.world.records(RecordKind.DECISION_MADE)) == before + 1, "it is one action"
    assert it.world.records(RecordKind.OUTCOME_REPORTED)[-1]["status"] == "ok"


def test_a_stream_that_broke_off_is_taken_up_again(it: Gateway) -> None:
    async def slow(params: Any, exchange: Any) -> dict[str, Any]:
        for number in range(3):
            await exchange.notify("notifications/progress", {"progressToken": 1, "progress": number})
            await asyncio.sleep(0.3)
        return {"content": [{"type": "text", "text": "done"}]}

    it.erp.handlers["scan"] = slow
    with old(it, "tools/call", CALL) as stream:
        assert stream.next()["params"]["progress"] == 0  # type: ignore[index]
        last = stream.last
    time.sleep(0.1)
    with own(it, last) as again:
        assert [again.next()["params"]["progress"] for _ in range(2)] == [1, 2]  # type: ignore[index]
        assert said(again.next()["result"]) == "done"  # type: ignore[index]
        assert again.next() is None
    assert it.erp.cancelled == []
    assert it.world.records(RecordKind.OUTCOME_REPORTED)[-1]["status"] == "ok"


def test_a_result_waits_for_a_client_that_comes_back(it: Gateway) -> None:
    async def slow(params: Any, exchange: Any) -> dict[str, Any]:
        await exchange.notify("notifications/progress", {"progressToken": 1, "progress": 0})
        await asyncio.sleep(0.4)
        return {"content": [{"type": "text", "text": "done"}]}

    it.erp.handlers["scan"] = slow
    before = len(it.world.records(RecordKind.OUTCOME_REPORTED))
    with old(it, "tools/call", CALL) as stream:
        stream.next()
        last = stream.last
    while len(it.world.records(RecordKind.OUTCOME_REPORTED)) == before:
        time.sleep(0.05)
    with own(it, last) as again:
        assert said(again.next()["result"]) == "done"  # type: ignore[index]


def test_a_sessions_stream_tells_what_changes_and_only_of_what_is_followed(it: Gateway) -> None:
    assert it.old("resources/subscribe", {"uri": "erp://orders"}).document["result"] == {}
    assert it.old("resources/subscribe", {"uri": "erp://nothing"}).document["error"]["code"] == -32002
    with own(it) as stream:
        assert it.server.ask("GET", "/mcp", headers={"Mcp-Session-Id": it.session, "Accept": "*/*"}).status == 409
        wanted, exchange = _listening(it, "resourceSubscriptions")
        assert wanted["resourceSubscriptions"] == ["erp://orders"]
        _tell(it, exchange, "notifications/resources/updated", {"uri": "erp://secret"})
        _tell(it, exchange, "notifications/resources/updated", {"uri": "erp://orders"})
        assert stream.until("notifications/resources/updated")["params"] == {"uri": "erp://orders"}
        _tell(it, exchange, "notifications/prompts/list_changed", {})
        assert stream.until("notifications/prompts/list_changed")["params"] == {}


def test_a_modern_stream_says_first_what_it_will_tell(it: Gateway) -> None:
    wanted = {"toolsListChanged": True, "resourceSubscriptions": ["erp://orders", "erp://secret"], "other": 1}
    with modern(it, "subscriptions/listen", {"notifications": wanted}) as stream:
        first = stream.next()
        assert first is not None
        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert first["params"]["notifications"] == {"toolsListChanged": True, "resourceSubscriptions": ["erp://orders"]}
        assert first["params"]["_meta"] == {f"{META}subscriptionId": "m"}
        it.erp.tools["extra"]["description"] = f"another {time.monotonic()}"
        changed = stream.until("notifications/tools/list_changed")
        assert changed["params"]["_meta"] == {f"{META}subscriptionId": "m"}


def _listening(it: Gateway, key: str) -> Any:
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        found = [each for each in it.erp.listening if key in each[0]]
        if found:
            return found[-1]
        time.sleep(0.02)
    raise AssertionError("nobody listens")


def _tell(it: Gateway, exchange: Any, method: str, params: Any) -> None:
    asyncio.run_coroutine_threadsafe(exchange.notify(method, params), it.servers.loop).result(10)


def test_sessions_end_by_themselves_and_are_not_more_than_allowed() -> None:
    from remit.asgi.answers import Refusal
    from remit.asgi.reception import Visit
    from remit.domain.identity import Caller, CredentialKind
    from remit.domain.ids import AgentName, WorkspaceName

    now = [0.0]
    sessions = Sessions(McpLimits(sessions=3, sessions_each=2, session_idle_s=10), lambda: now[0])

    def visit(agent: str, session: str = "") -> Visit:
        caller = Caller(CredentialKind.AGENT_KEY, WorkspaceName("w"), f"key-{agent}", agent=AgentName(agent))
        return Visit(caller, AgentName(agent), None, {"mcp-session-id": session})  # type: ignore[arg-type]

    begun = [sessions.begin(visit("a"), LEGACY, "", {}) for _ in range(2)]
    with pytest.raises(Refusal, match="2 sessions of one agent"):
        sessions.begin(visit("a"), LEGACY, "", {})
    sessions.begin(visit("b"), LEGACY, "", {})
    with pytest.raises(Refusal, match="or 3 in all"):
        sessions.begin(visit("c"), LEGACY, "", {})
    now[0] = 9
    assert sessions.of(visit("a", begun[0].id)) is begun[0]
    now[0] = 11
    with pytest.raises(Refusal, match="no such session"):
        sessions.of(visit("a", begun[1].id))
    assert len(sessions) == 1
    with sessions.using(begun[0]):
        now[0] = 100
        assert sessions.of(visit("a", begun[0].id)) is begun[0], "a request of it is under way"


def test_no_more_streams_are_open_than_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_MCP_STREAMS_EACH", "1")
    with gateway(tmp_path) as it:
        wanted = {"notifications": {"toolsListChanged": True}}
        with modern(it, "subscriptions/listen", wanted) as first:
            first.next()
            with modern(it, "subscriptions/listen", wanted) as second:
                assert second.answer.status == 429
                assert json.loads(second.answer.read())["error"]["data"]["code"] == "too_many_streams"
