"""A client that reads a stream of events as it comes.

with Stream(it, "POST", message, **headers) as stream:
    assert stream.next()["method"] == "notifications/progress"
"""

from __future__ import annotations

import http.client
import json
from types import TracebackType
from typing import Any, Self

from tests.gateways.mcp.behind import LEGACY, META, MODERN, Gateway


class Stream:
    """One answer, event by event."""

    def __init__(self, it: Gateway, method: str, message: Any = None, **headers: str) -> None:
        self._connection = http.client.HTTPConnection(it.server.host, it.server.port, timeout=20)
        sent = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {it.server.key()}"}
        body = None
        if message is not None:
            sent["Content-Type"] = "application/json"
            body = json.dumps(message).encode()
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, "/mcp", body, sent)
        self.answer = self._connection.getresponse()
        self.last = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Hang up."""
        self.answer.close()
        self._connection.close()

    def next(self) -> dict[str, Any] | None:
        """Return the next message; None at the end. What has no data is passed over."""
        for line in self.answer:
            if line.startswith(b"id: "):
                self.last = line[4:].decode().strip()
            if line.startswith(b"data: {"):
                return dict(json.loads(line[6:]))
        return None

    def until(self, method: str) -> dict[str, Any]:
        """Return the next message of a method, passing over others."""
        while (found := self.next()) is not None:
            if found.get("method") == method:
                return found
        raise AssertionError(f"the stream ended before {method}")


def old(it: Gateway, method: str, params: Any = None, id: Any = 1) -> Stream:
    """A request of the gateway's session, answered as a stream."""
    message = {"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}
    return Stream(it, "POST", message, Mcp_Session_Id=it.session, MCP_Protocol_Version=LEGACY)


def own(it: Gateway, last: str = "") -> Stream:
    """The session's own stream, or one that is taken up again."""
    more = {"Last_Event_ID": last} if last else {}
    return Stream(it, "GET", Mcp_Session_Id=it.session, MCP_Protocol_Version=LEGACY, **more)


def modern(it: Gateway, method: str, params: Any = None, client: Any = None, meta: Any = None) -> Stream:
    """A request of a modern client, answered as a stream."""
    told = {f"{META}protocolVersion": MODERN, f"{META}clientCapabilities": client or {}, **(meta or {})}
    params = {**(params or {}), "_meta": told}
    named = {"Mcp_Name": params["name"]} if "name" in params else {}
    message = {"jsonrpc": "2.0", "id": "m", "method": method, "params": params}
    return Stream(it, "POST", message, MCP_Protocol_Version=MODERN, Mcp_Method=method, **named)
