"""JSON-RPC as MCP uses it: one message a body, errors with the codes and HTTP statuses that clients expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from remit.asgi.answers import Refusal
from remit.domain.arguments import MAX_INTEGER, BadArguments, PayloadLimits, check_values
from remit.gateways.mcp.port import Json

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
RESOURCE_NOT_FOUND = -32002
"""Of clients before 2026-07-28; since then it is INVALID_PARAMS."""
HEADER_MISMATCH = -32020
MISSING_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022
REFUSED = -32001
"""What our own refusals are: no credential, too many sessions; the data says which."""
DENIED = -32003
"""What was denied, where a result has no room to say so."""

_STATUSES = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    MISSING_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}

LONGEST_ID = 256
LONGEST_METHOD = 128


class RpcError(Exception):
    """An answer that is an error.

    `status` is the HTTP status of an answer to a modern client; legacy ones read the body, whatever it is.
    """

    def __init__(self, code: int, message: str, data: Any = None, *, status: int = 0, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
        self.status = status or _STATUSES.get(code, 200)
        self.retry_after_s = retry_after_s

    def document(self) -> dict[str, Any]:
        """Return the error as JSON-RPC has it."""
        found = {"code": self.code, "message": str(self)}
        return found if self.data is None else found | {"data": self.data}


def refused(refusal: Refusal) -> RpcError:
    """Put a refusal of ours into the dialect: its code and remedy are the data."""
    code = {400: INVALID_REQUEST, 500: INTERNAL_ERROR}.get(refusal.status, REFUSED)
    if refusal.code.startswith("body.not_json"):
        code = PARSE_ERROR
    data = {"code": refusal.code, "remedy": refusal.remedy}
    if refusal.field:
        data["field"] = refusal.field
    return RpcError(code, str(refusal), data, status=refusal.status, retry_after_s=refusal.retry_after_s)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a client. `id` is None for a notification; `method` is empty for an answer."""

    id: str | int | None
    method: str
    params: dict[str, Any] = field(default_factory=dict)
    result: Json | None = None
    error: Json | None = None

    @property
    def meta(self) -> Json:
        """What stands in `_meta`."""
        found = self.params.get("_meta")
        return found if isinstance(found, Mapping) else {}


def message_in(body: bytes, limits: PayloadLimits) -> tuple[Message, dict[str, Any]]:
    """Parse a body into one message, and return what was parsed. Raises RpcError."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RpcError(PARSE_ERROR, "the body is no JSON", {"remedy": "Check it with a JSON parser"}) from None
    if not isinstance(found, dict):
        said = "a batch of messages" if isinstance(found, list) else "no JSON-RPC message"
        raise RpcError(INVALID_REQUEST, f"the body is {said}", {"remedy": "Send one JSON-RPC object a request"})
    try:
        check_values(found, limits)
    except BadArguments as error:
        raise RpcError(INVALID_REQUEST, str(error), {"code": f"body.{error.code}"}) from None
    return _message(found), found


def _message(found: dict[str, Any]) -> Message:
    id = _id_of(found)
    if found.get("jsonrpc") != "2.0":
        raise _IdentifiedError(id, "jsonrpc must be 2.0")
    method, params = found.get("method"), found.get("params", {})
    if method is None and id is not None and ("result" in found or "error" in found):
        result, error = found.get("result"), found.get("error")
        if not isinstance(result if error is None else error, dict):
            raise _IdentifiedError(None, "the answer holds no object")
        return Message(id, "", {}, result, error)
    if not isinstance(method, str) or not 0 < len(method) <= LONGEST_METHOD:
        raise _IdentifiedError(id, f"method must be a text of at most {LONGEST_METHOD} characters")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise _IdentifiedError(id, "params must be an object")
    return Message(id, method, params)


def _id_of(found: dict[str, Any]) -> str | int | None:
    if "id" not in found:
        return None
    id = found["id"]
    fits = isinstance(id, str) and len(id) <= LONGEST_ID
    if not fits and not (type(id) is int and -MAX_INTEGER <= id <= MAX_INTEGER):
        raise RpcError(INVALID_REQUEST, f"id must be a text of at most {LONGEST_ID} characters, or a whole number")
    return id  # type: ignore[no-any-return]


class _IdentifiedError(RpcError):
    """A malformed message whose id could be read."""

    def __init__(self, id: str | int | None, message: str) -> None:
        super().__init__(INVALID_REQUEST, message)
        self.id = id


def id_of(error: Exception) -> str | int | None:
    """Return the id of the message that an error is about, where it could be read."""
    return error.id if isinstance(error, _IdentifiedError) else None


def success(id: str | int | None, result: bytes) -> bytes:
    """Return the message that answers a request with a result that is written already."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (orjson.dumps(id), result)


def failure(id: str | int | None, error: RpcError) -> bytes:
    """Return the message that answers a request with an error."""
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "error": error.document()}, default=str)


def notification(method: str, params: Json) -> bytes:
    """Return a notification as a message."""
    return orjson.dumps({"jsonrpc": "2.0", "method": method, "params": params})


def question(id: str, method: str, params: Json) -> bytes:
    """Return a request to the client as a message."""
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
