"""The routes of the model gateway: who comes, what is asked for, and answers in the client's own words."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from remit.asgi.answers import JSON, NO_STORE, ROUTE, UNREAD, Headers, Receive, Scope, Send, answer, logged
from remit.asgi.limits import Disconnected, RequestLimits, body_of
from remit.asgi.problems import refusal_of
from remit.asgi.reception import Reception, Visit
from remit.domain.messages import Language
from remit.domain.upstream import Dialect
from remit.execution.implied_runs import TooManyRuns
from remit.gateways.llm.asked import body_from
from remit.gateways.llm.caller import Caller
from remit.gateways.llm.calls import Calls
from remit.gateways.llm.face import Face
from remit.gateways.llm.faces.chat import Chat
from remit.gateways.llm.faces.embeddings import Embeddings
from remit.gateways.llm.faces.messages import Messages
from remit.gateways.llm.faces.responses import Responses
from remit.gateways.llm.models import Models, anthropic_list, openai_list
from remit.gateways.llm.turned import Turned, Why, invalid, turned_by

OPENAI, ANTHROPIC = "/openai/v1", "/anthropic/v1"
CHAT = Chat()
MESSAGES = Messages()
FACES: Mapping[str, Face] = {
    f"{OPENAI}/chat/completions": CHAT,
    f"{OPENAI}/responses": Responses(),
    f"{OPENAI}/embeddings": Embeddings(),
    f"{ANTHROPIC}/messages": MESSAGES,
}
PASSED = ("anthropic-version", "anthropic-beta")
"""Headers that are sent on to an endpoint of the same dialect."""
LONGEST_PASSED = 500

_log = logging.getLogger("remit.gateways.llm")


class ModelGate:
    """An ASGI application for everything under /openai/v1 and /anthropic/v1."""

    def __init__(
        self,
        reception: Reception,
        limits: RequestLimits,
        calls: Calls,
        models: Models,
        answered: Callable[[str, str, int, float], None],
    ) -> None:
        self._reception = reception
        self._limits = limits
        self._calls = calls
        self._models = models
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
        face = FACES.get(path, CHAT if path.startswith(OPENAI) else MESSAGES)
        known = scope[ROUTE] = _template(path)
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
            await self._list(scope, visit, send)
            return
        if scope["method"] != "POST":
            raise Turned(Why.INVALID, "no_method", "send a POST request", status=405)
        body = body_from(await body_of(visit.headers, receive, self._limits), self._limits.payload)
        passed = _passed(visit) if face.dialect is Dialect.ANTHROPIC else {}
        caller = Caller(visit, face, _language(visit), passed, receive, send)
        await self._calls.carry_out(caller, body)

    async def _list(self, scope: Scope, visit: Visit, send: Send) -> None:
        """Answer with the models that this agent may ask for, or with one of them."""
        path = str(scope["path"])
        where = OPENAI if path.startswith(OPENAI) else ANTHROPIC
        rest = path[len(where) :]
        if scope["method"] == "GET" and (rest == "/models" or rest.startswith("/models/")):
            models = await asyncio.to_thread(self._models.of, visit)
            lists = openai_list if where == OPENAI else anthropic_list
            await answer(send, 200, lists(models, rest[len("/models/") :]))
            return
        raise Turned(Why.UNKNOWN, "no_route", "there is nothing at this address: see docs/how-to/models.md")


class _Told:
    """Sends, and remembers the status that was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _template(path: str) -> str:
    """Return what figures call a route: one of few words, whatever was asked for."""
    where = OPENAI if path.startswith(OPENAI) else ANTHROPIC
    if path in FACES or path == f"{where}/models":
        return path
    return f"{where}/models/{{model}}" if path.startswith(f"{where}/models/") else f"{where}/..."


def _passed(visit: Visit) -> Mapping[str, str]:
    found = {name: visit.headers[name] for name in PASSED if name in visit.headers}
    for name, value in found.items():
        if len(value) > LONGEST_PASSED or not value.isascii() or not value.isprintable():
            raise invalid("field.header", f"{name} is no header that can be sent on", name)
    return found


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
