"""The one seam that every request of the control plane passes: who calls, may they, is the body sound, is it new."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from remit.api.access import SAFE, declared
from remit.api.figures import Figures
from remit.api.refusals import refusal_of
from remit.asgi.answers import ROUTE, UNREAD, Refusal, Scope, logged
from remit.asgi.limits import Disconnected, RequestLimits, headers_of, json_of, key_in
from remit.control.repeats import Given, KeyTaken, Repeats, StillOpen
from remit.domain.identity import Caller
from remit.domain.text import unfit
from remit.storage.identity import Answer

_log = logging.getLogger("remit.api")

OWN_THREADS = 8
"""How many threads find out who calls, and how many carry stops out, beside the 40 that all other routes share."""
HEAVY_THREADS = 2
"""How many threads plan releases and run tests of policies."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the control plane.

    Attributes:
        writes: it changes something, so it takes an Idempotency-Key. Not every POST does: a test of a policy does not.
        large: its body may hold a whole workspace folder.
        answer: what it answers with, a pydantic model, or None for no body.
        form: how the answer is written.
        urgent: it stops something, so it does not wait for a thread behind those who look.
        heavy: it reckons for seconds, so that few at a time leave the processor to everybody else.
    """

    method: str
    path: str
    function: Callable[..., Any]
    answer: Any
    status: int = 200
    writes: bool = False
    large: bool = False
    form: type[Response] = JSONResponse
    urgent: bool = False
    heavy: bool = False


class Identifies(Protocol):
    """Says who calls."""

    def identify(self, headers: Mapping[str, str], peer: str, method: str = "GET") -> Caller:
        """Return who calls. Raises Refusal."""
        ...


@dataclass(frozen=True, slots=True)
class Seam:
    """What the seam needs.

    Attributes:
        identifying: threads that find out who calls, and do nothing else.
        stopping: threads of urgent routes. All others share those of the framework, which slow answers may take up.
        reckoning: threads of heavy routes: as many as the framework's would hold up a stop by the processor alone.
    """

    doorkeeper: Identifies
    repeats: Repeats
    figures: Figures
    limits: RequestLimits
    large_limits: RequestLimits
    identifying: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(OWN_THREADS))
    stopping: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(OWN_THREADS))
    reckoning: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(HEAVY_THREADS))

    def threads_of(self, route: Route) -> CapacityLimiter | None:
        """Return which threads carry a route out; None for those of the framework."""
        if route.heavy:
            return self.reckoning
        return self.stopping if route.urgent else None


def caller_of(request: Request) -> Caller:
    """Return who calls; the seam has seen to it that they may."""
    caller: Caller = request.state.caller
    return caller


async def asker_of(request: Request) -> Caller:
    """As caller_of, where the framework would use a thread for it."""
    return caller_of(request)


def peer_of(request: Request) -> str:
    """Return the address of whoever connected; no header is believed about it."""
    return request.client.host if request.client else ""


class GuardedRoute(APIRoute):
    """A route that asks for its function's declaration before the function is called."""

    def get_route_handler(self) -> Handler:
        """Wrap the framework's handler into the seam. Raises Undeclared for a function that declares nothing."""
        declared(self.endpoint)
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            began = time.perf_counter()
            request.scope[ROUTE] = self.path_format
            try:
                response = await self._through(request, inner)
            except Disconnected:
                return Response(status_code=400)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told what may be told
                response = problem(error, request.scope)
            seam: Seam = request.app.state.seam
            seam.figures.answered(request.method, self.path_format, response.status_code, time.perf_counter() - began)
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            return response

        return handle

    async def _through(self, request: Request, inner: Handler) -> Response:
        seam: Seam = request.app.state.seam
        route: Route = request.app.state.routes[self.name]
        headers = headers_of(request.scope, seam.limits)
        access = declared(self.endpoint)
        if not access.is_public:
            who = (headers, peer_of(request), request.method)
            caller = await run_sync(seam.doorkeeper.identify, *who, limiter=seam.identifying)
            access.check(caller)
            request.state.caller = caller
        _check_texts({**request.path_params, **request.query_params})
        if request.method in SAFE:
            return await inner(request)
        body = await _body(request, headers, seam.large_limits if route.large else seam.limits)
        request._body = body
        key = key_in(headers)
        if access.is_public or not route.writes or not key:
            return await inner(request)
        return await self._once(request, inner, key, body)

    async def _once(self, request: Request, inner: Handler, key: str, body: bytes) -> Response:
        seam: Seam = request.app.state.seam
        repeats, threads = seam.repeats, seam.threads_of(request.app.state.routes[self.name])
        asked = (caller_of(request), key, _digest(request, body))
        claim = await run_sync(_claim, repeats, *asked, limiter=threads)
        if isinstance(claim, Given):
            replayed = {"Idempotent-Replayed": "true", "Cache-Control": "no-store"}
            return Response(claim.body, claim.status, replayed, "application/json")
        try:
            response = await inner(request)
        except BaseException:
            await run_sync(repeats.give_up, claim, limiter=threads)
            raise
        await run_sync(repeats.complete, claim, response.status_code, bytes(response.body), limiter=threads)
        return response


def in_threads(function: Callable[..., Any], threads: CapacityLimiter) -> Callable[..., Any]:
    """Return the function of a route so that it is carried out in these threads, and not in the framework's."""

    @functools.wraps(function)
    async def carried_out(*args: Any, **named: Any) -> Any:
        return await run_sync(functools.partial(function, *args, **named), limiter=threads)

    return carried_out


def _check_texts(given: Mapping[str, str]) -> None:
    """Refuse what no id or filter holds, and a database may stumble over."""
    for name, value in given.items():
        why = unfit(value, 2_000)
        if why is not None:
            field = name.encode("unicode_escape").decode()[:100]
            raise Refusal(422, "field_unfit", f"{field} {why}", "Send plain text", field=field)


def _claim(repeats: Repeats, caller: Caller, key: str, request: str) -> Answer | Given:
    # Bound to who calls, not to the credential: a person who signs in again repeats the same request.
    who = str(caller.person or caller.agent)
    try:
        return repeats.claim(caller.workspace, who, key, request)
    except KeyTaken as error:
        raise Refusal(
            422, "key_reused", str(error), "Take a new key for each new request", field="Idempotency-Key"
        ) from None
    except StillOpen as error:
        raise Refusal(
            409,
            "still_open",
            str(error),
            "Wait and ask again; if it stays so, look whether it happened, and take a new key",
            field="Idempotency-Key",
            retry_after_s=1,
        ) from None


def _digest(request: Request, body: bytes) -> str:
    query = str(request.url.query)
    return hashlib.sha256(f"{request.method} {request.url.path}?{query}\n".encode() + body).hexdigest()


async def _body(request: Request, headers: Mapping[str, str], limits: RequestLimits) -> bytes:
    """Read the body within limits, once and strictly."""
    if headers.get("content-length", "") in ("", "0") and "transfer-encoding" not in headers:
        return b""
    return json.dumps(await json_of(headers, request.receive, limits)).encode()


def problem(error: Exception, scope: Scope | None = None) -> Response:
    """Return the problem document of an error (RFC 9457). One that nobody expected is logged without its words."""
    refusal = refusal_of(error)
    if refusal is None:
        places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        where = " < ".join(reversed(places[-8:]))
        about = {} if scope is None else logged(scope)
        _log.error("a request failed: %s at %s", type(error).__name__, where, extra=about)
        refusal = Refusal(500, "internal", "the request failed", "The server's log says where")
    headers = {"Cache-Control": "no-store"}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.status in UNREAD:
        headers["Connection"] = "close"
    if refusal.retry_after_s:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return Response(orjson.dumps(refusal.document()), refusal.status, headers, "application/problem+json")
