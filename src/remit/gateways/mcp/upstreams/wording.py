"""JSON-RPC 2.0 as the two eras of MCP speak it: what is written to a server, and what may come back."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import orjson

from remit.gateways.mcp.port import Json, UpstreamFailed, UpstreamRefused

MODERN = "2026-07-28"
HANDSHAKES = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Legacy revisions that are understood, newest first; the first is offered."""

CLIENT: Json = {"name": "remit", "version": version("remit")}
EVERYTHING: Json = {"sampling": {}, "elicitation": {"form": {}, "url": {}}, "roots": {}}
"""Declared where a conversation serves many clients; what the client of a request can not do is refused then."""

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CLIENT_KEY = "io.modelcontextprotocol/clientInfo"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
LOG_LEVEL_KEY = "io.modelcontextprotocol/logLevel"
SUBSCRIPTION_KEY = "io.modelcontextprotocol/subscriptionId"
MODERN_KEYS = frozenset((VERSION_KEY, CLIENT_KEY, CAPABILITIES_KEY, LOG_LEVEL_KEY))

LISTEN = "subscriptions/listen"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
CANCELLED = "notifications/cancelled"
PROGRESS = "notifications/progress"
UPDATED = "notifications/resources/updated"
LIST_CHANGED: Mapping[str, str] = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
}
"""By which word of a subscription's filter each is asked for."""

UNSUPPORTED_VERSION = -32022
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603

_DEEPEST = 200
"""Of a message in brackets that need no further look."""
LONGEST_WORDS = 2_000
"""Of a server's error, in characters."""


class Garbage(ValueError):
    """What is no message of JSON-RPC."""


def read(raw: bytes) -> dict[str, Any]:
    """Return one message. Raises Garbage."""
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Garbage("no JSON") from None
    if type(message) is not dict or message.get("jsonrpc") != "2.0":
        raise Garbage("no message of JSON-RPC 2.0")
    if raw.count(b"{") + raw.count(b"[") > _DEEPEST:
        _check_depth(message)
    method = message.get("method")
    if method is None:
        if ("result" in message) == ("error" in message):
            raise Garbage("neither a result nor an error")
    elif type(method) is not str or type(message.get("params", {})) is not dict:
        raise Garbage("a method or params of the wrong type")
    return message


def _check_depth(message: object) -> None:
    """Refuse what could be read but not be written again: the library reads deeper than it writes."""
    try:
        orjson.dumps(message)
    except TypeError:
        raise Garbage("nested too deep") from None


def written(message: Json) -> bytes:
    """Return a message as bytes without a line break inside."""
    return orjson.dumps(message)


def result_of(message: Json) -> Json:
    """Return the result that a response holds. Raises UpstreamRefused, and UpstreamFailed where it is garbage."""
    if "error" in message:
        raise refused(message["error"])
    result = message["result"]
    if type(result) is not dict:
        raise UpstreamFailed("broken", "the server answered with a result that is no object", sent=True)
    return result


def refused(error: object) -> UpstreamRefused | UpstreamFailed:
    """Return an error of a server as an exception."""
    if type(error) is dict and type(error.get("code")) is int and type(error.get("message")) is str:
        return UpstreamRefused(error["code"], error["message"][:LONGEST_WORDS], error.get("data"))
    return UpstreamFailed("broken", "the server answered with an error without a code", sent=True)


def notification(method: str, params: Json | None = None) -> Json:
    """Return a notification."""
    return {"jsonrpc": "2.0", "method": method} | ({} if params is None else {"params": params})


def answer(id: object, result: Json) -> Json:
    """Return the result of a server's request."""
    return {"jsonrpc": "2.0", "id": id, "result": result}


def refusal(id: object, code: int, message: str) -> Json:
    """Return an error to a server's request."""
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}
