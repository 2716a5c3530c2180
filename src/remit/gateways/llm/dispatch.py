"""An admitted call on its way: to one endpoint after the other until the first byte, back to the client, settled."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import orjson

from remit.asgi.answers import JSON, NO_STORE, Headers, Receive
from remit.asgi.outbound import Answer, Outbound, OutboundFailed
from remit.domain.action import NOT_SENT, Outcome, OutcomeStatus
from remit.domain.clock import MICROS_PER_SECOND, Clock
from remit.domain.ids import ActionId
from remit.domain.run import Run
from remit.domain.upstream import Model, ModelRoute
from remit.execution.served import Result
from remit.gateways.llm.asked import Asked
from remit.gateways.llm.caller import Caller
from remit.gateways.llm.face import Follower, Seen, UpstreamBroken
from remit.gateways.llm.open_calls import OpenCall
from remit.gateways.llm.routes import (
    ANOTHER_TRY,
    IN_BETWEEN,
    THEIRS,
    Random,
    Tried,
    failure,
    headers_for,
    in_order,
    no_credential,
    refused_by,
    sent,
    worth_another,
)
from remit.gateways.llm.settling import NOT_DONE, Settlement, result_of, settlement
from remit.gateways.llm.size import LONGEST_TOKEN, Size
from remit.gateways.llm.speaking import Speaking
from remit.gateways.llm.turned import Turned, Why
from remit.kernel.ruleset import Ruleset
from remit.storage.vault import NoSecret, Vault

LONGEST_SAID = 500
"""Characters of an endpoint's own words that are passed on."""
MOST_ERROR_BYTES = 65_536
MARGIN_BYTES = 65_536
"""What an answer may have beyond the longest that its tokens can be, before it is taken for one without an end."""

_log = logging.getLogger("remit.gateways.llm")
_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that was admitted, with all that sending and settling it takes."""

    caller: Caller
    asked: Asked
    run: Run
    rules: Ruleset
    model: Model
    size: Size
    action: ActionId
    open: OpenCall

    @property
    def headers(self) -> Headers:
        """What every answer says of it."""
        return [NO_STORE, (b"remit-run", self.run.id.encode()), (b"remit-action", self.action.encode())]


@dataclass(slots=True)
class _Reached:
    """An endpoint that has taken the call and begins to answer."""

    answer: Answer
    route: ModelRoute
    number: int
    speaking: Speaking


class Dispatch:
    """Sends admitted calls. Owned by one event loop."""

    def __init__(self, outbound: Outbound, vault: Vault, random: Random, clock: Clock) -> None:
        self._clock = clock
        self._outbound = outbound
        self._vault = vault
        self._random = random

    async def carry_out(self, it: Admitted) -> None:
        """Send a call, relay what comes and settle it. Raises Turned where the client has been sent nothing yet."""
        tried = Tried()
        try:
            with it.open.breakable():
                reached = await self._reach(it, tried)
        except Turned as turned:
            await self._settle(it, _unanswered(it.action, tried, turned), Seen(), {})
            raise turned.of(action=it.action, run=it.run.id) from None
        except asyncio.CancelledError:
            tried.is_sent = True
            await self._settle(it, _unanswered(it.action, tried, _ENDED), Seen(), {})
            raise
        async with reached.answer:
            await (self._stream(it, reached) if it.asked.is_stream else self._whole(it, reached))

    # -- to the endpoint

    async def _reach(self, it: Admitted, tried: Tried) -> _Reached:
        """Return the first endpoint that begins to answer. Raises Turned."""
        left = list(enumerate(in_order(it.model, self._random)))
        while True:
            number, route = left.pop(0)
            try:
                speaking = Speaking(it.caller.face, it.asked, route, it.model.name.partition("/")[0])
                answer = await self._try(it, route, speaking, tried)
            except OutboundFailed as error:
                tried.failed(failure(error, it.model.name), is_sent=error.sent)
            except NoSecret as error:
                tried.failed(no_credential(error, it.model.name), is_sent=False)
            except Turned as unsaid:  # it can not be said in this endpoint's dialect, maybe in another's
                tried.failed(unsaid, is_sent=False)
            else:
                if answer.status == 200:
                    return _Reached(answer, route, number, speaking)
                async with answer:
                    said = await self._said(answer, route) if answer.status in THEIRS else ""
                turned = refused_by(answer.status, said, answer.headers, it.model.name)
                tried.failed(turned, is_sent=answer.status in IN_BETWEEN)
                tried.is_answered = True
                if answer.status not in ANOTHER_TRY:
                    raise turned
            if not worth_another(tried, [each for _, each in left]):
                raise tried.why

    async def _try(self, it: Admitted, route: ModelRoute, speaking: Speaking, tried: Tried) -> Answer:
        letter = speaking.letter(max(1, it.size.written // it.asked.answers))
        passed = it.caller.passed if speaking.is_alike else {}
        headers = headers_for(route, self._vault, passed, letter, self._clock.now())
        tried.is_sent = True  # until it is known better: it may be cut while it is on its way
        try:
            answer = await sent(self._outbound, route, headers, letter)
        except OutboundFailed:
            tried.is_sent = False
            raise
        tried.is_sent = False
        return answer

    async def _said(self, answer: Answer, route: ModelRoute) -> str:
        """Return why an endpoint refuses a request, in its own words, without what must not be passed on."""
        raw = b""
        with contextlib.suppress(OutboundFailed):
            async for piece in answer.pieces():
                raw += piece
                if len(raw) > MOST_ERROR_BYTES:
                    return ""
        try:
            document = orjson.loads(raw)
            told = document.get("error", document)
            text = told.get("message", "") if isinstance(told, dict) else told
        except (orjson.JSONDecodeError, AttributeError):
            return ""
        return harmless(text if isinstance(text, str) else "", route, self._vault)

    # -- back to the client

    def _seconds(self) -> int:
        return self._clock.now() // MICROS_PER_SECOND

    async def _whole(self, it: Admitted, reached: _Reached) -> None:
        seen = Seen()
        try:
            with it.open.breakable(), _broken(it):
                raw = await reached.answer.read()
                body = reached.speaking.whole(it.action, self._seconds(), raw, seen)
        except (Turned, asyncio.CancelledError) as error:
            await self._settle_part(it, reached, seen, error)
            if isinstance(error, Turned):
                raise error.of(action=it.action, run=it.run.id) from None
            raise
        await self._settle_whole(it, reached, seen)
        headers = [JSON, *it.headers, (b"content-length", str(len(body)).encode())]
        await it.caller.send({"type": "http.response.start", "status": 200, "headers": headers})
        await it.caller.send({"type": "http.response.body", "body": body})

    async def _stream(self, it: Admitted, reached: _Reached) -> None:
        follower = reached.speaking.follow(it.action, self._seconds())
        gone = asyncio.create_task(_hung_up(it.caller.receive))
        gone.add_done_callback(lambda _: it.open.cut(_GONE))
        try:
            await it.caller.send({"type": "http.response.start", "status": 200, "headers": [_STREAM, *it.headers]})
            try:
                with it.open.breakable(), _broken(it):
                    await self._relay(it, reached, follower)
                    last = follower.end()
            except Turned as turned:
                await self._settle_part(it, reached, follower.seen, turned)
                last = follower.cut(turned.of(action=it.action, run=it.run.id))
            except asyncio.CancelledError as error:
                await self._settle_part(it, reached, follower.seen, error)
                raise
            else:
                await self._settle_whole(it, reached, follower.seen)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_S):
                    await it.caller.send({"type": "http.response.body", "body": last})
        finally:
            gone.cancel()

    async def _relay(self, it: Admitted, reached: _Reached, follower: Follower) -> None:
        if reached.answer.kind != reached.speaking.kind:
            raise UpstreamBroken("answered a stream with something else")
        send, call, now = it.caller.send, it.open, asyncio.get_running_loop().time
        seen, most = follower.seen, it.size.written * LONGEST_TOKEN + MARGIN_BYTES
        async for piece in reached.answer.pieces():
            more = follower.feed(piece)
            if more:
                call.sending_since = now()
                await send({"type": "http.response.body", "body": more, "more_body": True})
                call.sending_since = 0.0
            if follower.broken is not None:
                raise follower.broken
            if seen.is_whole:
                return
            if seen.written > most:
                raise UpstreamBroken("writes on beyond the most it was asked for")

    # -- settled

    async def _settle_whole(self, it: Admitted, reached: _Reached, seen: Seen) -> None:
        hides = it.asked.thinks or _may_hide(it.model, reached.route)
        found = settlement(it.action, seen, it.size, it.rules, it.model.name, hides=hides)
        await self._settle(it, found, seen, {"route": reached.number})

    async def _settle_part(self, it: Admitted, reached: _Reached, seen: Seen, error: BaseException) -> None:
        hides = it.asked.thinks or _may_hide(it.model, reached.route) or not it.asked.is_stream
        word = "Cancelled"
        if isinstance(error, Turned):
            word = _WORDS.get(error.code) or _FAMILIES.get(error.code.partition(".")[0], "Stopped")
        found = settlement(it.action, seen, it.size, it.rules, it.model.name, hides=hides, error=word)
        await self._settle(it, found, seen, {"route": reached.number, "cut": word})

    async def _settle(self, it: Admitted, found: Settlement, seen: Seen, told: dict[str, Any]) -> None:
        """Put the outcome on record, whoever stops waiting for it meanwhile."""
        told = {"model": it.model.name, "endpoint": it.caller.face.name, **told}
        content = Result(result_of(seen, told))
        await _surely(it.caller.visit.door.settle_once(it.run, found.outcome, content, found.usage), it.action)


LAST_S = 5.0
"""How long a client may take for the end of its answer, once everything else is done."""
_GONE = Turned(Why.TIMED_OUT, "client_gone", "the client has hung up")
_ENDED = Turned(Why.OVERLOADED, "closing", "the server stops")
_WORDS = {
    "client_gone": "ClientGone",
    "client_too_slow": "ClientGone",
    "call_too_long": "TooLong",
    "closing": "ServerClosing",
    "store_failed": "StoreFailed",
}
_FAMILIES = {"upstream": "UpstreamBroken", "translation": "NotTranslated"}


@contextlib.contextmanager
def _broken(it: Admitted) -> Any:
    """Turn what an endpoint does wrong into what the client is told."""
    target = it.model.name
    try:
        yield
    except OutboundFailed as error:
        raise failure(error, target) from None
    except UpstreamBroken as error:
        _log.warning("the endpoint of %s %s", target, error)
        raise Turned(Why.UPSTREAM, "upstream.broken", f"the endpoint of {target} {error}") from None


def _unanswered(action: ActionId, tried: Tried, turned: Turned) -> Settlement:
    """Return how a call is settled that no endpoint answered: as reserved where one may be at work on it."""
    error = _WORDS.get(turned.code) or _FAMILIES.get(turned.code.partition(".")[0], "Stopped")
    if tried.is_sent:
        return Settlement(Outcome(action, OutcomeStatus.ERROR, error=error))
    cost = NOT_DONE if tried.is_answered else NOT_SENT
    return Settlement(Outcome(action, OutcomeStatus.ERROR, cost, error=error))


_THINKERS = re.compile(r"(?:o[0-9]|gpt-[5-9]|codex|computer-use)")


def _may_hide(model: Model, route: ModelRoute) -> bool:
    """Tell whether a model may write tokens that nobody is shown, as reasoning models of OpenAI do."""
    first_party = model.name.partition("/")[0] in ("openai", "azure")
    return first_party and _THINKERS.match(route.upstream.rpartition("/")[2]) is not None


async def _hung_up(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _surely(settling: Coroutine[Any, Any, object], action: ActionId) -> None:
    """Carry a settlement out to its end. One that fails leaves the action open: it becomes unknown, fully reserved."""
    task = asyncio.ensure_future(settling)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=LAST_S)
        raise
    except Exception as error:  # noqa: BLE001 - the answer is there and paid for; the reservation stays
        _log.error("the outcome of %s could not be put on record: %s", action, type(error).__name__)


_SECRETS = re.compile(r"\b(?:sk|key|pk|api|token|Bearer)[-_ ][A-Za-z0-9_\-.*]{6,}|https?://\S+|\b[A-Za-z0-9+/_-]{40,}")


def harmless(text: str, route: ModelRoute, vault: Vault) -> str:
    """Return words of an endpoint without credentials, addresses, or anything that looks like one."""
    if route.credential:
        with contextlib.suppress(NoSecret):
            text = text.replace(vault.secret(route.credential), "[masked]")
    text = _SECRETS.sub("[masked]", text).replace(route.upstream, "the model")
    return "".join(each if each.isprintable() else " " for each in text)[:LONGEST_SAID].strip()
