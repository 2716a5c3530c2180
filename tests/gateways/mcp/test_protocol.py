"""What comes in that is not as it should be is refused in the client's own dialect, and nothing else is told."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from remit.control.credentials import Credentials
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.domain.identity import Role
from remit.domain.record import RecordKind
from tests.gateways.mcp.behind import LEGACY, META, MODERN, Gateway, erp, gateway, said, written
from tests.worlds import LINA, SARA, VISITOR, WORKSPACE, agent, budget, documents

MODERN_META = {f"{META}protocolVersion": MODERN, f"{META}clientCapabilities": {}}
CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "erp.get", "arguments": {}, "_meta": MODERN_META},
}
HEADERS = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "erp.get"}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("protocol"), loops={"on_detection": "warn"}) as opened:
        yield opened


def changed(**fields: Any) -> dict[str, Any]:
    return {**CALL, **fields}


def with_params(**params: Any) -> dict[str, Any]:
    return changed(params={**CALL["params"], **params})


BAD: dict[str, tuple[Any, dict[str, str], int, int, Any]] = {
    "no JSON": (b"{", {}, 400, -32700, None),
    "not UTF-8": (b'{"a":"\xff"}', {}, 400, -32700, None),
    "nothing": (b"", {}, 400, -32700, None),
    "a batch": ([CALL, CALL], HEADERS, 400, -32600, None),
    "a text": ("hello", {}, 400, -32600, None),
    "null": (b"null", {}, 400, -32600, None),
    "NaN": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}', {}, 400, -32700, None),
    "half a pair": (b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', {}, 400, -32700, None),
    "nested too deeply": (b'{"a":' * 200 + b"1" + b"}" * 200, {}, 400, -32600, None),
    "nested beyond a stack": (b"[" * 200_000, {}, 400, -32700, None),
    "too many values": (b'{"a":[' + b"1," * 120_000 + b"1]}", {}, 400, -32600, None),
    "an id that is null": (changed(id=None), HEADERS, 400, -32600, None),
    "an id that is a fraction": (changed(id=1.5), HEADERS, 400, -32600, None),
    "an id that is true": (changed(id=True), HEADERS, 400, -32600, None),
    "an id that is an object": (changed(id={}), HEADERS, 400, -32600, None),
    "an id that is long": (changed(id="x" * 300), HEADERS, 400, -32600, None),
    "another jsonrpc": (changed(jsonrpc="1.0"), HEADERS, 400, -32600, 1),
    "a method that is none": (changed(method=7), HEADERS, 400, -32600, 1),
    "params that are a list": (changed(params=[1]), HEADERS, 400, -32600, 1),
    "an answer of a modern client": (
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"MCP-Protocol-Version": MODERN},
        400,
        -32600,
        1,
    ),
    "no envelope": (with_params(_meta={}), HEADERS, 400, -32602, 1),
    "capabilities that are none": (
        with_params(_meta={**MODERN_META, f"{META}clientCapabilities": 7}),
        HEADERS,
        400,
        -32602,
        1,
    ),
    "another revision": (
        with_params(_meta={**MODERN_META, f"{META}protocolVersion": "2027-01-01"}),
        {**HEADERS, "MCP-Protocol-Version": "2027-01-01"},
        400,
        -32022,
        1,
    ),
    "a revision in the header alone": (CALL, {**HEADERS, "MCP-Protocol-Version": LEGACY}, 400, -32020, 1),
    "no revision in the header": (CALL, {"Mcp-Method": "tools/call", "Mcp-Name": "erp.get"}, 400, -32020, 1),
    "another method in the header": (CALL, {**HEADERS, "Mcp-Method": "tools/list"}, 400, -32020, 1),
    "another tool in the header": (CALL, {**HEADERS, "Mcp-Name": "erp.pay"}, 400, -32020, 1),
    "no tool in the header": (CALL, {k: v for k, v in HEADERS.items() if k != "Mcp-Name"}, 400, -32020, 1),
    "a method that is not there": (changed(method="x/y"), {**HEADERS, "Mcp-Method": "x/y"}, 404, -32601, 1),
    "a method of old": (changed(method="ping"), {**HEADERS, "Mcp-Method": "ping"}, 404, -32601, 1),
    "no session": ({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, {}, 400, -32600, 1),
    "a session that is not there": (
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        {"Mcp-Session-Id": "x" * 32},
        404,
        -32001,
        1,
    ),
    "initialize without capabilities": (
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": LEGACY}},
        {},
        400,
        -32602,
        1,
    ),
    "another media type": (json.dumps(CALL).encode(), {"Content-Type": "text/plain"}, 415, -32001, None),
    "compressed": (json.dumps(CALL).encode(), {"Content-Encoding": "gzip"}, 415, -32001, None),
    "a foreign page": (CALL, {**HEADERS, "Origin": "https://evil.example"}, 403, -32001, None),
    "a page of nowhere": (CALL, {**HEADERS, "Origin": "null"}, 403, -32001, None),
    "a foreign host": (CALL, {**HEADERS, "Host": "evil.example"}, 421, -32001, None),
    "a host with a user": (CALL, {**HEADERS, "Host": "a@127.0.0.1"}, 421, -32001, None),
    "a key that is none": (CALL, {**HEADERS, "key": "rmt_nothing"}, 401, -32001, None),
    "a run that is not there": (CALL, {**HEADERS, "Remit-Run": "run_nothing"}, 404, -32001, 1),
    "nobody to act for": (CALL, {**HEADERS, "Remit-On-Behalf-Of": "sara"}, 422, -32001, 1),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_refused_in_the_dialect(it: Gateway, name: str) -> None:
    body, headers, status, code, id = BAD[name]
    before = len(it.erp.dispatched)
    reply = it.post(body, **headers)
    assert (reply.status, reply.document["error"]["code"], reply.document["id"]) == (status, code, id), reply
    assert reply.document["jsonrpc"] == "2.0"
    assert reply.document["error"]["message"]
    assert "Traceback" not in json.dumps(reply.document)
    assert len(it.erp.dispatched) == before
    assert said(in_a_run_of_its_own(it)).startswith("tools/call"), "the next one is served"


def in_a_run_of_its_own(it: Gateway, **more: Any) -> dict[str, Any]:
    """A call that is like no other to the loop check."""
    return it.call("erp.get", Remit_Run=it.server.start()["run"], **more)


def raw(it: Gateway, head: str, body: bytes = b"") -> bytes:
    with socket.create_connection((it.server.host, it.server.port), timeout=20) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + body)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while part := connection.recv(65_536):
            found += part
        return found


@pytest.mark.parametrize(
    "line",
    [
        "Mcp-Name: erp.get\nMcp-Name: erp.pay",
        "Mcp-Name: erp.get\nmcp-method: tools/list",
        "Mcp-Name: erp.get\nHost: evil.example",
        "Mcp-Name: erp.get\nMcp-Session-Id: a\nMcp-Session-Id: b",
        "Mcp-Name: erp.get\nRemit-Run: a\nRemit-Run: b",
        "Mcp-Name: erp.get\nContent-Type: application/json",
        "Mcp-Name: erp.get\nAuthorization: Bearer x",
        "Mcp-Name: erp.get\nContent-Length: 3",
        "Mcp-Name: erp.get\nTransfer-Encoding: chunked",
    ],
)
def test_a_header_that_two_readers_could_take_differently_is_refused(it: Gateway, line: str) -> None:
    body = json.dumps(CALL).encode()
    before = len(it.erp.calls)
    answer = raw(
        it,
        f"POST /mcp HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Bearer {it.server.key()}\nConnection: close\n"
        f"Content-Type: application/json\nMCP-Protocol-Version: {MODERN}\nMcp-Method: tools/call\n{line}\n"
        f"Content-Length: {len(body)}\n\n",
        body,
    )
    assert answer.split(b" ", 2)[1] == b"400", answer[:200]
    assert len(it.erp.calls) == before


def test_a_body_of_a_hundred_megabytes_is_refused_before_it_is_kept(it: Gateway) -> None:
    connection = http.client.HTTPConnection(it.server.host, it.server.port, timeout=20)
    try:
        connection.putrequest("POST", "/mcp")
        connection.putheader("Authorization", f"Bearer {it.server.key()}")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(100 * 1_048_576))
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert json.loads(answer.read())["error"]["data"]["code"] == "body_too_large"
    finally:
        connection.close()


@pytest.mark.slow
def test_a_body_that_comes_drop_by_drop_is_not_waited_for(it: Gateway) -> None:
    answer = raw_slowly(it)
    assert b"408" in answer[:40]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["data"]["code"] == "body_too_slow"


def raw_slowly(it: Gateway) -> bytes:
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {it.server.key()}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection((it.server.host, it.server.port), timeout=20) as connection:
        connection.sendall(head.encode())
        for _ in range(100):
            try:
                connection.sendall(b" ")
            except OSError:
                break
            time.sleep(0.02)
        return connection.recv(65_536)


def test_one_id_on_many_connections_gets_each_its_own_answer(it: Gateway) -> None:
    runs = [it.server.start()["run"] for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(it.call, "erp.get", {"id": run}, id="same", Remit_Run=run) for run in runs]
        results = [each.result() for each in asked]
    assert [json.loads(said(each).partition(" ")[2])["arguments"]["id"] for each in results] == runs


def test_a_workspace_in_the_address_must_be_the_keys_own(it: Gateway) -> None:
    sent = {"Accept": "application/json", **HEADERS}
    assert it.server.ask("POST", "/mcp/tiny", CALL, headers=sent).status == 200
    other = it.server.ask("POST", "/mcp/other", CALL, headers=sent)
    assert (other.status, other.document["error"]["data"]["code"]) == (404, "other_workspace")
    assert it.server.ask("POST", "/mcpx", CALL, headers=sent).status == 404


def test_only_agents_come_in_and_a_run_token_stays_in_its_run(it: Gateway) -> None:
    nobody = it.post(CALL, **HEADERS, key="")
    assert (nobody.status, nobody.headers["www-authenticate"]) == (401, "Bearer")
    started = it.server.start(on_behalf_of=VISITOR)
    assert said(it.call("erp.get", key=started["token"])).startswith("tools/call")
    decision = it.world.records(RecordKind.DECISION_MADE)[-1]
    assert decision["run"] == started["run"]
    other = it.server.start()["run"]
    assert it.ask("tools/call", {"name": "erp.get"}, key=started["token"], Remit_Run=other).status == 404


def test_requests_are_counted_by_status(it: Gateway) -> None:
    in_a_run_of_its_own(it)
    it.post(b"{")
    assert it.server.ask("PATCH", "/mcp").headers["allow"] == "GET, POST, DELETE"
    people = People(it.world.store, it.world.clock, it.world.ids, Passwords())
    people.add(WORKSPACE, LINA, (Role.OPERATOR,), "user:test")
    credentials = Credentials(it.world.store, it.world.clock, it.world.ids)
    token = credentials.make_person_token(WORKSPACE, LINA, "user:test", "", 3_600).secret
    connection = http.client.HTTPConnection(it.server.host, it.server.port, timeout=20)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        lines = connection.getresponse().read().decode().splitlines()
    finally:
        connection.close()
    ours = [line for line in lines if 'route="/mcp"' in line]
    assert any('method="POST"' in line and 'status="2xx"' in line for line in ours)
    assert any('method="POST"' in line and 'status="4xx"' in line for line in ours)
    assert any('method="other"' in line for line in ours)
    assert not any("PATCH" in line for line in ours)


def test_no_persons_credential_opens_it_whatever_their_roles(it: Gateway) -> None:
    people = People(it.world.store, it.world.clock, it.world.ids, Passwords())
    people.add(WORKSPACE, SARA, tuple(Role), "user:test")
    credentials = Credentials(it.world.store, it.world.clock, it.world.ids)
    token = credentials.make_person_token(WORKSPACE, SARA, "user:test", "", 3_600).secret
    for method, body in (("POST", CALL), ("GET", None), ("DELETE", None)):
        sent = {"Accept": "application/json, text/event-stream", **(HEADERS if body else {})}
        reply = it.server.ask(method, "/mcp", body, key=token, headers=sent)
        assert (reply.status, reply.document["error"]["data"]["code"]) == (403, "agents_only")
        assert it.server.ask(method, "/mcp", body, key="", headers=sent).status == 401


def test_calls_of_one_client_are_one_run_and_the_next_begins_when_that_has_ended(it: Gateway) -> None:
    def run_of_a_call() -> str:
        it.call("erp.get", {"id": "1"}, Remit_On_Behalf_Of="user:nobody-else")
        return str(it.world.records(RecordKind.DECISION_MADE)[-1]["run"])

    first = run_of_a_call()
    assert run_of_a_call() == first
    assert it.server.ask("POST", f"/api/v1/runs/{first}/end", {}).status == 200
    assert run_of_a_call() != first
    assert it.world.records(RecordKind.OUTCOME_REPORTED)[-1]["status"] == "ok"


def test_a_masked_argument_is_masked_before_it_is_sent(tmp_path: Path) -> None:
    tools = [{"tool": "erp.pay", "mask": ["note"]}]
    with gateway(tmp_path, {"agents/buyer.yaml": agent(tools=tools)}) as it:
        it.call("erp.pay", {"amount": 5, "note": "IBAN"})
        assert it.erp.dispatched == [("tools/call", {"name": "pay", "arguments": {"amount": 5, "note": "[masked]"}})]


def test_a_tool_costs_what_it_costs_and_a_budget_holds(tmp_path: Path) -> None:
    behind = erp()
    tools = written("erp", behind, {"get": "read"}, get={"cost_per_call": 0.10})
    budgets = budget("day-money", "agent", "day", usd=0.25)
    changes = {"tools/erp.yaml": documents(*tools), "budgets.yaml": budgets, "policies/pay.cedar": None}
    with gateway(tmp_path, changes, {"erp": behind}, granted=("erp.get",)) as it:
        results = [it.call("erp.get", {"id": str(number)}) for number in range(3)]
        assert ["isError" in each for each in results] == [False, False, True]
        assert "budget day-money has" in said(results[2])
        assert len(it.erp.dispatched) == 2


def test_arguments_that_do_not_fit_are_denied_in_words(it: Gateway) -> None:
    result = it.call("erp.pay", {"amount": "much"})
    assert "argument amount of erp.pay does not fit the schema" in said(result)
    assert result["isError"] is True
