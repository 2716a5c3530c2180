"""Servers that are reached by streamable HTTP, of both eras, good and bad."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from remit.asgi.outbound import OutboundFailed
from remit.domain.upstream import Via
from remit.gateways.mcp.port import UpstreamFailed, UpstreamRefused
from remit.gateways.mcp.upstreams.call import Call
from remit.gateways.mcp.upstreams.endpoint import Endpoint
from remit.storage.vault import MachineVault
from tests.gateways.mcp.upstreams.asking import QUICK, SHOP, Told, asking, eventually, run
from tests.gateways.mcp.upstreams.web import at as web
from tests.gateways.mcp.upstreams.web import odd_web, serving, write

LEGACY = pytest.mark.parametrize("legacy", [True, False])


@LEGACY
def test_a_server_of_the_sdk_is_used_whole(legacy):
    client = Told({"action": "accept", "content": {"name": "Layla"}})

    async def work():
        async with serving(legacy=legacy) as port, asking() as at:
            server = web(port)
            offer = await at.servers.offer(SHOP, server)
            exchange = client.exchange(client={"elicitation": {"form": {}}}, session="s")
            said = [
                await at.call(server, "add", {"a": 1, "b": 2}),
                await at.call(server, "count", exchange=exchange, _meta={"progressToken": "t"}),
                # On the modern revision the SDK asks in results alone: test_exchanges.
                await at.call(server, "ask", exchange=exchange) if legacy else "hello Layla",
            ]
            read = await at.servers.request(SHOP, server, "resources/read", {"uri": "shop://terms"}, exchange)
            prompt = {"name": "remind", "arguments": {"name": "Omar"}}
            got = await at.servers.request(SHOP, server, "prompts/get", prompt, exchange)
            return offer, said, read["contents"][0]["text"], got["messages"][0]["content"]["text"]

    offer, said, read, got = run(work)
    assert said == ["3", "three", "hello Layla"]
    assert (read, got) == ("Pay within 30 days.", "Remind Omar.")
    assert [params["progress"] for method, params in client.told if method == "notifications/progress"] == [0, 1, 2]
    assert all(params["progressToken"] == "t" for _, params in client.told if "progress" in params)
    assert sorted(offer.tools) == ["add", "ask", "count", "headers", "wait"]
    assert [each["uri"] for each in offer.resources] == ["shop://terms"]
    assert [each["name"] for each in offer.prompts] == ["remind"]
    assert offer.instructions == "As people write them."
    assert offer.digest_of(Via.RESOURCE, "").startswith("sha256:")
    assert offer.digest_of(Via.PROMPT, "").startswith("sha256:")


def test_credentials_are_sent_and_resolved_anew_each_time():
    machine = {"TOKEN": "Bearer first"}

    async def work():
        async with serving(legacy=False) as port, asking(environment=machine) as at:
            server = web(port, headers={"Authorization": "env:TOKEN", "X-Plain": "as it is"})
            first = await at.json(server, "headers")
            machine["TOKEN"] = "Bearer second"
            return first, await at.json(server, "headers")

    first, second = run(work)
    assert (first["authorization"], second["authorization"]) == ("Bearer first", "Bearer second")
    assert first["x-plain"] == "as it is"


@LEGACY
def test_a_call_that_takes_too_long_is_given_up_and_the_server_goes_on(legacy):
    async def work():
        async with serving(legacy=legacy) as port, asking() as at:
            server = web(port)
            with pytest.raises(UpstreamFailed) as caught:
                await at.call(server, "wait", exchange=Told().exchange(answer_s=0.3))
            return caught.value, await at.call(server, "add", {"a": 1, "b": 2})

    failed, said = run(work)
    assert (failed.code, failed.sent) == ("timed_out", True)
    assert said == "3"


def test_this_machine_is_not_reached_unless_the_document_says_so():
    async def work():
        async with serving(legacy=False) as port, asking() as at:
            with pytest.raises(UpstreamFailed) as caught:
                await at.call(web(port, private=False), "add")
            return caught.value

    failed = run(work)
    assert (failed.code, failed.sent) == ("unreachable", False)
    assert "private: true" in str(failed)


def odd_failure(reply, **fields) -> UpstreamFailed:
    """Call a tool of a server that replies so."""

    async def work():
        async with odd_web(reply) as port, asking(message_bytes=100_000) as at:
            with pytest.raises(UpstreamFailed) as caught:
                await at.call(web(port, **fields), "sql", {"q": "x"})
            failed: UpstreamFailed = caught.value
            return failed

    found: UpstreamFailed = run(work)
    return found


def on_call(act):
    async def reply(message, headers, writer):
        if message.get("method") != "tools/call":
            return False
        act(message, writer)
        return True

    return reply


def test_a_redirect_to_another_host_is_not_followed():
    failed = odd_failure(
        on_call(lambda _, writer: write(writer, b"", "307 X", "text/plain", "location: http://169.254.169.254/"))
    )
    assert (failed.code, failed.sent) == ("unreachable", True)
    assert "redirects elsewhere" in str(failed)


@pytest.mark.parametrize(
    "body",
    [
        b"garbage",
        b"[]",
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":99,"result":{}}',
        b'{"jsonrpc":"2.0","id":true,"result":{}}',
        b'{"jsonrpc":"2.0","id":2,"result":[]}',
        b'{"jsonrpc":"2.0","method":"ping","id":2}',
        b"{" * 100_000,
        b'"\xff"',
    ],
)
def test_garbage_is_broken(body):
    failed = odd_failure(on_call(lambda _, writer: write(writer, body)))
    assert (failed.code, failed.sent) == ("broken", True)


@pytest.mark.parametrize(
    ("status", "code", "sent"),
    [
        ("401 X", "unreachable", False),
        ("403 X", "unreachable", False),
        ("429 X", "busy", False),
        ("503 X", "busy", False),
        ("404 X", "broken", False),
        ("500 X", "broken", True),
        ("502 X", "broken", True),
    ],
)
def test_an_error_of_http_says_whether_the_call_may_have_been_carried_out(status, code, sent):
    failed = odd_failure(on_call(lambda _, writer: write(writer, b"no", status, "text/plain")))
    assert (failed.code, failed.sent) == (code, sent)


def test_an_error_of_the_protocol_that_comes_with_one_of_http_is_a_refusal():
    def act(message, writer):
        error = {"code": -32021, "message": "needs sampling", "data": {"requiredCapabilities": {"sampling": {}}}}
        write(writer, {"jsonrpc": "2.0", "id": message["id"], "error": error}, "400 Bad Request")

    async def work():
        async with odd_web(on_call(act)) as port, asking() as at:
            with pytest.raises(UpstreamRefused) as caught:
                await at.call(web(port), "sql")
            return caught.value

    assert run(work).code == -32021


def test_an_event_that_is_too_large_is_broken():
    def act(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: " + b"x" * 200_000 + b"\n\n")

    failed = odd_failure(on_call(act))
    assert (failed.code, failed.sent) == ("broken", True)
    assert "more than 100,000 bytes" in str(failed)


def test_a_stream_that_ends_without_an_answer_is_broken():
    def act(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n: hello\r\n\r\n")
        writer.close()

    failed = odd_failure(on_call(act))
    assert (failed.code, failed.sent) == ("broken", True)


def test_an_answer_in_a_stream_comes_after_what_belongs_to_it():
    client = Told()

    def act(message, writer):
        token = message["params"]["_meta"]["progressToken"]
        news = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": 1}}
        done = {"jsonrpc": "2.0", "id": message["id"], "result": {"content": [{"type": "text", "text": "end"}]}}
        body = b"".join(b"event: message\r\ndata: " + orjson.dumps(each) + b"\r\n\r\n" for each in (news, done))
        write(writer, body, "200 OK", "text/event-stream")

    async def work():
        async with odd_web(on_call(act)) as port, asking() as at:
            return await at.call(web(port), "sql", exchange=client.exchange(), _meta={"progressToken": "mine"})

    assert run(work) == "end"
    assert client.told == [("notifications/progress", {"progressToken": "mine", "progress": 1})]


def test_what_a_schema_wants_mirrored_goes_into_headers_and_a_tool_that_wants_it_wrongly_is_left_out():
    heard = []

    async def reply(message, headers, writer):
        heard.append((message, headers))
        return False

    async def work():
        async with odd_web(reply) as port, asking() as at:
            server = web(port)
            offer = await at.servers.offer(SHOP, server)
            await at.call(server, "sql", {"region": "über", "q": "x"})
            await at.call(server, "sql", {"region": "us-1", "q": "x"})
            return sorted(offer.tools)

    assert run(work) == ["sql"]
    calls = [headers for message, headers in heard if message["method"] == "tools/call"]
    assert [call["mcp-param-region"] for call in calls] == ["=?base64?w7xiZXI=?=", "us-1"]
    assert {(call["mcp-method"], call["mcp-name"], call["mcp-protocol-version"]) for call in calls} == {
        ("tools/call", "sql", "2026-07-28")
    }


def test_a_legacy_session_that_is_gone_is_begun_again():
    sessions: list[str] = []

    async def reply(message, headers, writer):
        method = message.get("method")
        if method == "server/discover":
            write(writer, b"", "400 Bad Request", "text/plain")
        elif method == "initialize":
            sessions.append(f"s{len(sessions)}")
            result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
            write(writer, answer, "200 OK", "application/json", f"mcp-session-id: {sessions[-1]}")
        elif method in ("notifications/initialized", "DELETE"):
            write(writer, b"", "202 Accepted")
        elif method == "GET":
            write(writer, b"", "405 Method Not Allowed")
        elif headers.get("mcp-session-id") == "s0":
            write(writer, b"", "404 Not Found", "text/plain")
        else:
            return False
        return True

    async def work():
        async with odd_web(reply) as port, asking() as at:
            server = web(port)
            with pytest.raises(UpstreamFailed) as caught:
                await at.call(server, "sql")
            return caught.value, await at.call(server, "sql")

    failed, said = run(work)
    assert (failed.code, failed.sent) == ("crashed", False)
    assert said == "well"
    assert sessions == ["s0", "s1"]


def test_a_stream_that_a_legacy_server_breaks_off_is_taken_up_again():
    seen: list[str] = []

    async def reply(message, headers, writer):
        method = message.get("method")
        if method == "server/discover":
            write(writer, b"", "405 Method Not Allowed", "text/plain")
        elif method == "initialize":
            agreed = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            write(writer, {"jsonrpc": "2.0", "id": message["id"], "result": agreed})
        elif method == "notifications/initialized":
            write(writer, b"", "202 Accepted")
        elif method == "tools/call":
            seen.append(str(message["id"]))
            write(writer, b"id: e1\nretry: 10\ndata: \n\n", "200 OK", "text/event-stream")
        elif method == "GET" and "last-event-id" in headers:
            seen.append(headers["last-event-id"])
            result = {"content": [{"type": "text", "text": "after all"}]}
            answer = orjson.dumps({"jsonrpc": "2.0", "id": int(seen[0]), "result": result})
            write(writer, b"data: " + answer + b"\n\n", "200 OK", "text/event-stream")
        else:
            write(writer, b"", "405 Method Not Allowed")
        return True

    async def work():
        async with odd_web(reply) as port, asking() as at:
            return await at.call(web(port), "sql")

    assert run(work) == "after all"
    assert seen[1:] == ["e1"]


class BrokenOff:
    """A way out on which a stream breaks off, and then nobody is there any more."""

    status, kind = 200, "text/event-stream"

    async def send(self, method, url, **_):
        if method == "GET":
            raise OutboundFailed("unreachable", "127.0.0.1:1 can not be reached", sent=False)
        return self

    async def pieces(self):
        yield b"id: e1\nretry: 10\ndata: \n\n"

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()

    def close(self):
        pass


def test_a_stream_that_can_not_be_taken_up_again_leaves_unknown_what_was_sent():
    async def work():
        outbound: Any = BrokenOff()
        endpoint = Endpoint(web(1), MachineVault({}), outbound, QUICK)
        endpoint.agreed("2025-11-25")
        with pytest.raises(UpstreamFailed) as caught:
            await endpoint.request(Call(1, "tools/call", Told().exchange(), QUICK), {}, {})
        return caught.value

    failed = run(work)
    assert (failed.code, failed.sent) == ("broken", True)


def test_a_modern_server_says_that_its_lists_changed():
    listening: list[asyncio.StreamWriter] = []
    words = ["before"]

    async def reply(message, headers, writer):
        method, id = message.get("method"), message.get("id")
        if method == "server/discover":
            known: dict = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {"listChanged": True}}}
            write(writer, {"jsonrpc": "2.0", "id": id, "result": known})
        elif method == "tools/list":
            tools: list[dict] = [{"name": "sql", "description": words[-1], "inputSchema": {"type": "object"}}]
            write(writer, {"jsonrpc": "2.0", "id": id, "result": {"tools": tools}})
        elif method == "subscriptions/listen":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            listening.append(writer)
        return True

    async def work():
        async with odd_web(reply) as port, asking(fresh_s=60) as at:
            server = web(port)
            before = await at.servers.offer(SHOP, server)
            assert await eventually(lambda: bool(listening))
            words.append("after")
            news = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": {}}
            listening[0].write(b"data: " + orjson.dumps(news) + b"\n\n")
            await asyncio.sleep(0.2)
            return before, await at.servers.offer(SHOP, server)

    before, after = run(work)
    assert [one.tools["sql"].content["description"] for one in (before, after)] == ["before", "after"]


def test_two_tools_of_one_name_are_broken():
    async def reply(message, headers, writer):
        if message.get("method") != "tools/list":
            return False
        tool = {"name": "pay", "inputSchema": {"type": "object"}}
        write(
            writer, {"jsonrpc": "2.0", "id": message["id"], "result": {"tools": [tool, {**tool, "description": "x"}]}}
        )
        return True

    async def work():
        async with odd_web(reply) as port, asking() as at:
            with pytest.raises(UpstreamFailed) as caught:
                await at.servers.offer(SHOP, web(port))
            return caught.value

    assert str(run(work)) == "web offers two tools of one name"


@pytest.mark.parametrize("description", ["x" * 5_000_000, "deep"])
def test_a_list_that_is_too_large_or_too_deep_is_broken(description):
    async def reply(message, headers, writer):
        if message.get("method") != "tools/list":
            return False
        tool = {"name": "pay", "description": description, "inputSchema": 0}
        text = '{"type":"object"}'
        for _ in range(300 if description == "deep" else 0):
            text = '{"properties":{"a":' + text + "}}"
        raw = orjson.dumps(tool).decode().replace('"inputSchema":0', f'"inputSchema":{text}')
        write(writer, f'{{"jsonrpc":"2.0","id":{message["id"]},"result":{{"tools":[{raw}]}}}}'.encode())
        return True

    async def work():
        async with odd_web(reply) as port, asking() as at:
            with pytest.raises(UpstreamFailed) as caught:
                await at.servers.offer(SHOP, web(port))
            return caught.value

    assert run(work).code == "broken"


def test_a_list_without_an_end_is_broken():
    async def reply(message, headers, writer):
        if message.get("method") != "tools/list":
            return False
        result = {"tools": [], "nextCursor": "again"}
        write(writer, {"jsonrpc": "2.0", "id": message["id"], "result": result})
        return True

    async def work():
        async with odd_web(reply) as port, asking(pages=5) as at:
            with pytest.raises(UpstreamFailed) as caught:
                await at.servers.offer(SHOP, web(port))
            return caught.value

    assert str(run(work)) == "tools/list has more than 5 pages"
