"""The routes of the model gateway: who comes, what is asked for, and answers in the client's own words."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from remit.asgi.answers import JSON, NO_STORE, ROUTE, UNREAD, Headers, Receive, Scope, Send, logged
from remit.asgi.limits import Disconnected, RequestLimits, body_of
from remit.asgi.problems import refusal_of
from remit.asgi.reception import Reception, Visit
from remit.domain.messages import Language
from remit.execution.implied_runs import TooManyRuns
from remit.gateways.llm.asked import body_from
from remit.gateways.llm.caller import Caller
from remit.gateways.llm.calls import Calls
from remit.gateways.llm.face import Face
from remit.gateways.llm.faces.chat import Chat
from remit.gateways.llm.turned import Turned, Why, turned_by

OPENAI, ANTHROPIC = "/openai/v1", "/anthropic/v1"
CHAT = Chat()
FACES: Mapping[str, Face] = {f"{OPENAI}/chat/completions": CHAT}

_log = logging.getLogger("remit.gateways.llm")


class ModelGate:
    """An ASGI application for everything under /openai/v1 and /anthropic/v1."""

    def __init__(
        self,
        reception: Reception,
        limits: RequestLimits,
        calls: Calls,
        answered: Callable[[str, str, int, float], None],
    ) -> None:
        self._reception = reception
        self._limits = limits
        self._calls = calls
        self._answered = answered

    def takes(self, scope: Scope) -> bool:
        """Whether a request is for one of these routes."""
        return str(scope["path"]).startswith((f"{OPENAI}/", f"{ANTHROPIC}/"))

    def close(self) -> None:
        """Break off what goes on for long."""
        self._calls.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = time.perf_counter()
        path = scope["path"]
        face = FACES.get(path, CHAT)
        known = path if path in FACES else f"{path[: path.index('/', 1)]}/v1/..."
        scope[ROUTE] = known
        told = _Told(send)
        try:
            await self._answer(scope, path, receive, told)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told in its own words
            turned = _turned(error, scope)
            await _refuse(told, face, turned)
        self._answered(scope["method"], known, told.status, time.perf_counter() - begun)

    async def _answer(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        visit = await self._reception.visit(scope)
        face = FACES.get(path)
        if face is None:
            raise Turned(Why.UNKNOWN, "no_route", "there is nothing at this address: see docs/how-to/models.md")
        if scope["method"] != "POST":
            raise Turned(Why.INVALID, "no_method", "send a POST request", status=405)
        body = body_from(await body_of(visit.headers, receive, self._limits), self._limits.payload)
        asked = face.read(body)
        caller = Caller(visit, face, _language(visit), {}, receive, send)
        await self._calls.carry_out(caller, asked)


class _Told:
    """Sends, and remembers the status that was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _language(visit: Visit) -> Language:
    return "ar" if visit.headers.get("accept-language", "").lower().startswith("ar") else "en"


def _turned(error: Exception, scope: Scope) -> Turned:
    if isinstance(error, Turned):
        return error
    if isinstance(error, TooManyRuns):
        return Turned(Why.SPENT, "too_many_runs", str(error))
    refusal = refusal_of(error)
    if refusal.status == 500:
        places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        where = " < ".join(reversed(places[-8:]))
        _log.error("a request failed: %s at %s", type(error).__name__, where, extra=logged(scope))
    return turned_by(refusal)


async def _refuse(told: _Told, face: Face, turned: Turned) -> None:
    """Answer with a refusal. Clients that would send the same request again are told whether that may help."""
    if told.status:  # the answer has begun: what is cut short is cut by whoever relays it
        return
    body = orjson.dumps(face.refusal(turned))
    headers: Headers = [JSON, NO_STORE, (b"content-length", str(len(body)).encode())]
    headers += [(b"remit-" + name.encode(), turned.told[name].encode()) for name in _IDS if name in turned.told]
    if not turned.may_retry:
        headers.append((b"x-should-retry", b"false"))
    if turned.retry_after_s:
        headers.append((b"retry-after", str(turned.retry_after_s).encode()))
    if turned.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if turned.status in UNREAD:
        headers.append((b"connection", b"close"))
    await told({"type": "http.response.start", "status": turned.status, "headers": headers})
    await told({"type": "http.response.body", "body": body})


_IDS = ("run", "action")
