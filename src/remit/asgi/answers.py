"""What the raw routes answer with: JSON, or a problem document of RFC 9457."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import orjson

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""ASGI 3.0, HTTP connection scope."""

REQUEST = "remit.request"
"""Where in the scope the id of a request stands: it is in the header X-Request-Id and in the log."""
ROUTE = "remit.route"
"""Where in the scope the template of the route stands, once it is found."""

Headers: TypeAlias = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")
NO_STORE = (b"cache-control", b"no-store")


class Refusal(Exception):
    """A request that is turned away.

    `code` is closed and for programs, `detail` and `remedy` are for people, `field` is a dotted path into the body or
    the name of a header.
    """

    def __init__(
        self, status: int, code: str, detail: str, remedy: str, *, field: str = "", retry_after_s: int = 0
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.field = field
        self.retry_after_s = retry_after_s

    def document(self) -> dict[str, object]:
        """Return the problem document; `about:blank` since `code` names the problem (RFC 9457, section 4.2.1)."""
        return {
            "type": "about:blank",
            "title": _TITLES.get(self.status, "Refused"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "field": self.field,
            "remedy": self.remedy,
        }


_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def logged(scope: Scope) -> dict[str, object]:
    """Return what a line of the log says of the request it is about."""
    return {"request": scope.get(REQUEST), "method": scope["method"], "route": scope.get(ROUTE)}


async def answer(send: Send, status: int, document: object, *more: tuple[bytes, bytes]) -> None:
    """Send one JSON document."""
    await _send(send, status, orjson.dumps(document), [JSON, NO_STORE, *more])


async def refuse(send: Send, refusal: Refusal) -> None:
    """Send a problem document."""
    more: Headers = [PROBLEM, NO_STORE]
    if refusal.status == 401:
        more.append((b"www-authenticate", b"Bearer"))
    if refusal.retry_after_s:
        more.append((b"retry-after", str(refusal.retry_after_s).encode()))
    if refusal.status in UNREAD:
        more.append((b"connection", b"close"))
    await _send(send, refusal.status, orjson.dumps(refusal.document()), more)


UNREAD = (408, 413, 431)
"""After these the rest of the body was not read: what comes next on the connection is no request."""


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
