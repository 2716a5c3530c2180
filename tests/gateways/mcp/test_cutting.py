"""What ends a call before its result: a stop, a client that hangs up or takes it back, a server that fails."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from remit.domain.record import RecordKind
from tests.gateways.mcp.behind import (
    LEGACY,
    META,
    MODERN,
    Gateway,
    UpstreamFailed,
    UpstreamRefused,
    gateway,
    said,
)
from tests.worlds import SARA, WORKSPACE

TASKS: dict[str, Any] = {"extensions": {f"{META}tasks": {}}}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("cutting"), loops={"on_detection": "warn"}) as opened:
        yield opened


@pytest.fixture(autouse=True)
def anew(it: Gateway) -> None:
    """Let every test begin with a server that has done nothing, in a run of its own."""
    it.erp.calls.clear()
    it.erp.cancelled.clear()
    it.erp.handlers.clear()


async def never(_: object, __: object) -> dict[str, Any]:
    await asyncio.sleep(60)
    raise AssertionError("nobody ended it")


def failing(error: Exception) -> Any:
    async def fail(_: object, __: object) -> dict[str, Any]:
        raise error

    return fail


def until(what: Callable[[], Any], longest_s: float = 15) -> Any:
    ends = time.monotonic() + longest_s
    while not (found := what()):
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.02)
    return found


def outcome(it: Gateway, run: str) -> dict[str, Any]:
    return dict(until(lambda: [r for r in it.world.records(RecordKind.OUTCOME_REPORTED) if r["run"] == run])[-1])


class Calling(threading.Thread):
    """A call in a thread of its own, so that something can happen meanwhile."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__()
        self._call = call
        self.result: Any = None
        self.start()

    def run(self) -> None:
        self.result = self._call()

    def joined(self) -> Any:
        self.join(20)
        assert not self.is_alive()
        return self.result


@pytest.mark.parametrize(("tool", "status"), [("erp.get", "error"), ("erp.scan", "unknown")])
def test_a_stop_cuts_a_call_and_says_what_is_known_of_it(it: Gateway, tool: str, status: str) -> None:
    it.erp.handlers[tool.removeprefix("erp.")] = never
    run = it.server.start()["run"]
    calling = Calling(lambda: it.call(tool, Remit_Run=run))
    until(lambda: it.erp.dispatched)
    it.world.stops.freeze(WORKSPACE, f"run:{run}", SARA, "smells")
    result = calling.joined()
    assert result["isError"] is True
    told = "may have taken effect" if status == "unknown" else "took no effect"
    assert said(result).startswith(f"{tool} was stopped while it ran: the call was frozen by user:sara: smells.")
    assert told in said(result)
    assert it.erp.cancelled == ["tools/call"]
    assert (outcome(it, run)["status"], outcome(it, run)["error"]) == (status, "gateway.stopped")
    denied = it.call(tool, Remit_Run=run)
    assert denied["_meta"]["remit/outcome"]["findings"][0]["code"] == "stop.stopped"


def test_a_stop_of_the_tool_cuts_its_calls_and_no_others(it: Gateway) -> None:
    async def slow(_: object, __: object) -> dict[str, Any]:
        await asyncio.sleep(0.8)
        return {"content": [{"type": "text", "text": "done"}]}

    it.erp.handlers |= {"scan": never, "get": slow}
    run = it.server.start()["run"]
    stopped = Calling(lambda: it.call("erp.scan", Remit_Run=run))
    other = Calling(lambda: it.call("erp.get", Remit_Run=run))
    until(lambda: len(it.erp.dispatched) == 2)
    it.world.stops.freeze(WORKSPACE, "tool:erp.scan", SARA, "smells")
    try:
        assert "was stopped while it ran" in said(stopped.joined())
        assert said(other.joined()) == "done"
    finally:
        it.world.stops.unfreeze(WORKSPACE, "tool:erp.scan", SARA, "go on")


def test_a_client_that_hangs_up_ends_its_call(it: Gateway) -> None:
    it.erp.handlers["scan"] = never
    run = it.server.start()["run"]
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"erp.scan","arguments":{},"_meta":{'
    body += f'"{META}protocolVersion":"{MODERN}","{META}clientCapabilities":{{}}}}}}}}'.encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {it.server.key()}\r\nRemit-Run: {run}\r\n"
        f"Content-Type: application/json\r\nMCP-Protocol-Version: {MODERN}\r\nMcp-Method: tools/call\r\n"
        f"Mcp-Name: erp.scan\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((it.server.host, it.server.port)) as connection:
        connection.sendall(head.encode() + body)
        until(lambda: it.erp.dispatched)
    assert (outcome(it, run)["status"], outcome(it, run)["error"]) == ("unknown", "gateway.hung_up")
    assert it.erp.cancelled == ["tools/call"]


def test_a_client_with_a_handshake_takes_its_call_back(it: Gateway) -> None:
    it.erp.handlers["scan"] = never
    it.initialize()
    calling = Calling(lambda: it.old("tools/call", {"name": "erp.scan"}, id=7))
    until(lambda: it.erp.dispatched)
    sent = {"Mcp-Session-Id": it.session, "MCP-Protocol-Version": LEGACY}
    notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    assert it.post(notice, **sent).status == 202
    result = calling.joined().document["result"]
    assert "erp.scan was stopped while it ran: cancelled." in said(result)


def test_a_call_that_takes_long_becomes_a_task_and_a_stop_cuts_it_there(it: Gateway) -> None:
    it.erp.handlers["scan"] = never
    run = it.server.start()["run"]
    created = it.call("erp.scan", client=TASKS, Remit_Run=run)
    assert (created["resultType"], created["status"]) == ("task", "working")
    it.world.stops.freeze(WORKSPACE, f"run:{run}", SARA, "smells")
    assert outcome(it, run)["error"] == "gateway.stopped"
    seen = until(lambda: _unless_working(it, created["taskId"]))
    assert seen["result"]["isError"] is True


def test_a_task_that_is_cancelled_is_cancelled_at_its_server(it: Gateway) -> None:
    it.erp.handlers["scan"] = never
    run = it.server.start()["run"]
    created = it.call("erp.scan", client=TASKS, Remit_Run=run)
    it.result("tasks/cancel", {"taskId": created["taskId"]}, client=TASKS)
    until(lambda: it.erp.cancelled)
    assert it.result("tasks/get", {"taskId": created["taskId"]}, client=TASKS)["status"] == "cancelled"
    assert outcome(it, run)["error"] == "gateway.cancelled"


def _unless_working(it: Gateway, id: str) -> Any:
    seen = it.result("tasks/get", {"taskId": id}, client=TASKS)
    return seen if seen["status"] != "working" else None


@pytest.mark.parametrize(
    ("tool", "sent", "status"),
    [("get", True, "error"), ("scan", True, "unknown"), ("scan", False, "error"), ("pay", True, "unknown")],
)
def test_a_server_that_fails_leaves_unknown_what_may_have_taken_effect(
    it: Gateway, tool: str, sent: bool, status: str
) -> None:
    it.erp.handlers[tool] = failing(UpstreamFailed("crashed", "erp ended", sent=sent))
    run = it.server.start()["run"]
    arguments = {"amount": 1} if tool == "pay" else {}
    result = it.call(f"erp.{tool}", arguments, Remit_Run=run)
    assert said(result).startswith(f"erp.{tool} brought no result (crashed): erp ended.")
    assert ("may have taken effect" in said(result)) is (status == "unknown")
    assert (outcome(it, run)["status"], outcome(it, run)["error"]) == (status, "upstream.crashed")


def test_what_a_server_refuses_is_passed_on_as_it_says_it(it: Gateway) -> None:
    it.erp.handlers["get"] = failing(UpstreamRefused(-32602, "no such order", {"id": "1"}))
    run = it.server.start()["run"]
    reply = it.ask("tools/call", {"name": "erp.get", "arguments": {}}, Remit_Run=run)
    assert reply.status == 400
    assert reply.document["error"] == {"code": -32602, "message": "no such order", "data": {"id": "1"}}
    assert outcome(it, run)["status"] == "error"


def test_a_tools_own_error_is_its_result_and_an_error_on_record(it: Gateway) -> None:
    async def wrong(_: object, __: object) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": "no such order"}], "isError": True}

    it.erp.handlers["get"] = wrong
    run = it.server.start()["run"]
    assert said(it.call("erp.get", Remit_Run=run)) == "no such order"
    assert (outcome(it, run)["status"], outcome(it, run)["error"]) == ("error", "tool.error")
