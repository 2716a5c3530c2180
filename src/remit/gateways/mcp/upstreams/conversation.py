"""One conversation with a server, in the era of the protocol that it speaks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from remit.gateways.mcp.port import Exchange, Json, UpstreamFailed, UpstreamRefused
from remit.gateways.mcp.upstreams import wording
from remit.gateways.mcp.upstreams.bounds import UpstreamBounds
from remit.gateways.mcp.upstreams.call import Call
from remit.gateways.mcp.upstreams.headers import Mirrored, headers_for
from remit.gateways.mcp.upstreams.link import Link, Message, Turned
from remit.gateways.mcp.upstreams.subscription import Subscription
from remit.gateways.mcp.upstreams.wording import HANDSHAKES, LIST_CHANGED, LISTEN, MODERN

PROBE_SHARE = 0.4
"""Of the time a server has to start: how long it may take to say that it is modern; some old ones say nothing."""

_ENTITLED = "sampling/createMessage elicitation/create roots/list".split()


async def _silent(method: str, params: Json) -> None:
    """Tell nobody."""


QUIET = Exchange(notify=_silent, client=wording.EVERYTHING)
"""Of what the gateway asks for itself."""

_AGAIN_S = 5.0
"""After which pause a server is listened to again that stopped talking."""


class Conversation:
    """Requests and what belongs to them, over one link. Owned by the event loop.

    Attributes:
        modern: whether the server keeps no state between requests, so that one conversation serves everybody.
        capabilities: of the server. `instructions`: what it says of itself.
        mirrored: of each tool, which arguments are mirrored into headers; whoever reads the tools fills it in.
    """

    def __init__(
        self, name: str, link: Link, bounds: UpstreamBounds, client: Json, changed: Callable[[], None], *, shared: bool
    ) -> None:
        self.modern = False
        self.capabilities: Json = {}
        self.instructions = ""
        self.mirrored: Mapping[str, Mirrored] = {}
        self.used = 0.0
        self._name = name
        self._link = link
        self._bounds = bounds
        self._client = client
        self._changed = changed
        self._shared = shared
        self._ids = itertools.count(1)
        self._calls: dict[int, Call] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        link.hear = self._hear

    @property
    def failed(self) -> UpstreamFailed | None:
        """Why it takes no more requests."""
        return self._link.failed

    @property
    def busy(self) -> bool:
        """Whether a request is open."""
        return bool(self._calls or self._subscriptions)

    async def begin(self, start_s: float, *, handshake: bool = False) -> None:
        """Find out which era the server speaks, unless a handshake is wanted of it. Raises UpstreamFailed."""
        try:
            async with asyncio.timeout(start_s):
                self.modern = not handshake and await self._is_modern(start_s * PROBE_SHARE)
                if not self.modern:
                    await self._shake_hands()
        except TimeoutError:
            raise UpstreamFailed("timed_out", f"{self._name} did not start within {start_s:g} s", sent=False) from None
        except UpstreamRefused as error:
            raise UpstreamFailed("broken", f"{self._name} refused to begin: {error}", sent=False) from None
        self._spawn(self._listen())

    async def request(
        self, method: str, params: Json, exchange: Exchange, within: asyncio.Timeout | None = None
    ) -> Json:
        """See Upstreams.request; the time-out is the caller's, and stands still while the client is asked something."""
        if method == LISTEN and not self.modern:
            return await self._subscribed(params, exchange)
        for _ in range(self._bounds.rounds):
            call = Call(next(self._ids), method, exchange, self._bounds)
            call.timeout = within
            result = await self._sent(call, params)
            if exchange.ask is None or not exchange.rounds or result.get("resultType") != "input_required":
                return result
            params = await _with_input(call, params, result)
        raise UpstreamFailed("broken", f"{self._name} asked for input more than {self._bounds.rounds} times", sent=True)

    async def alive(self) -> bool:
        """Tell whether the server still answers anything at all."""
        try:
            async with asyncio.timeout(self._bounds.alive_s):
                await self.request("server/discover" if self.modern else "ping", {}, QUIET)
        except UpstreamRefused:
            return True
        except (UpstreamFailed, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """Part from the server."""
        for task in tuple(self._tasks):
            task.cancel()
        await self._link.close()

    # -- sending

    async def _sent(self, call: Call, params: Json) -> Json:
        self._calls[call.id] = call
        try:
            answer = await self._link.request(call, *self._message(call, params))
            await call.told()
            return wording.result_of(answer)
        finally:
            del self._calls[call.id]
            call.end()

    def _message(self, call: Call, params: Json) -> tuple[Json, Mapping[str, str]]:
        """Return a request with what the server's era wants in it, and the headers beside it."""
        exchange, method = call.exchange, call.method
        meta = {**params.get("_meta", {}), **exchange.meta}
        token = meta.pop("progressToken", None)
        if token is not None:
            call.token, meta["progressToken"] = token, call.id
        headers: Mapping[str, str] = {}
        if self.modern or method == "server/discover":
            meta[wording.VERSION_KEY] = MODERN
            meta[wording.CLIENT_KEY] = wording.CLIENT
            meta[wording.CAPABILITIES_KEY] = exchange.client
            headers = headers_for(method, params, self.mirrored.get(params.get("name", ""), {}))
        else:
            for key in wording.MODERN_KEYS & meta.keys():
                del meta[key]
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": call.id, "method": method}
        if meta:
            message["params"] = {**params, "_meta": meta}
        else:
            message["params"] = {key: value for key, value in params.items() if key != "_meta"}
        return message, headers

    # -- beginning

    async def _is_modern(self, probe_s: float) -> bool:
        try:
            async with asyncio.timeout(probe_s):
                found = await self._sent(Call(next(self._ids), "server/discover", QUIET, self._bounds), {})
        except UpstreamRefused as error:
            supported = error.data.get("supported") if isinstance(error.data, dict) else None
            if error.code != wording.UNSUPPORTED_VERSION or not isinstance(supported, list):
                return False
            if not set(HANDSHAKES) & {each for each in supported if isinstance(each, str)}:
                raise UpstreamFailed(
                    "broken", f"{self._name} speaks no revision of MCP that is known here", sent=False
                ) from None
            return False
        except TimeoutError:
            return False
        except Turned as turned:
            if turned.status in (401, 403, 429, 503):
                raise
            return False
        if MODERN not in _list(found.get("supportedVersions")):
            return False
        self._introduced(found)
        self._link.agreed(MODERN)
        return True

    async def _shake_hands(self) -> None:
        asked = {"protocolVersion": HANDSHAKES[0], "capabilities": self._client, "clientInfo": wording.CLIENT}
        found = await self._sent(Call(next(self._ids), "initialize", QUIET, self._bounds), asked)
        version = found.get("protocolVersion")
        if version not in HANDSHAKES:
            raise UpstreamFailed("broken", f"{self._name} speaks no revision of MCP that is known here", sent=False)
        self._introduced(found)
        self._link.agreed(str(version))
        await self._link.tell(wording.notification("notifications/initialized"))

    def _introduced(self, found: Json) -> None:
        capabilities, instructions = found.get("capabilities"), found.get("instructions")
        self.capabilities = capabilities if isinstance(capabilities, dict) else {}
        self.instructions = instructions if isinstance(instructions, str) else ""

    async def _listen(self) -> None:
        """Hear that lists changed, where the server says so; where it does not, lists are read again by age alone."""
        wanted = {
            word: True
            for word, of in (("toolsListChanged", "tools"), ("promptsListChanged", "prompts"))
            if isinstance(self.capabilities.get(of), dict) and self.capabilities[of].get("listChanged")
        }
        resources = self.capabilities.get("resources")
        if isinstance(resources, dict) and resources.get("listChanged"):
            wanted["resourcesListChanged"] = True
        while self.failed is None:
            try:
                if not self.modern and not await self._link.listen():
                    return
                if self.modern and not wanted:
                    return
                if self.modern:
                    await self.request(LISTEN, {"notifications": wanted}, QUIET)
            except UpstreamRefused:
                return
            except UpstreamFailed:
                pass
            self._changed()  # what was said meanwhile was not heard
            await asyncio.sleep(_AGAIN_S)

    # -- hearing

    def _hear(self, message: Message, call: Call | None) -> None:
        params = message.get("params", {})
        if "id" in message:
            self._asked(message["id"], message["method"], params, call)
            return
        method = message["method"]
        if method in LIST_CHANGED:
            self._changed()
        if method in LIST_CHANGED or method == wording.UPDATED:
            for subscription in self._subscriptions.values():
                subscription.hear(method, params)
        found = call or self._belonging(method, params)
        if found is not None:
            found.hear(method, _in_its_words(found, method, params))

    def _belonging(self, method: str, params: Json) -> Call | None:
        """Return the call that a notification is about, where it can be told."""
        if method == wording.PROGRESS:
            return self._call(params.get("progressToken"))
        meta = params.get("_meta")
        if isinstance(meta, dict) and wording.SUBSCRIPTION_KEY in meta:
            return self._call(meta[wording.SUBSCRIPTION_KEY])
        if method in LIST_CHANGED or method in (wording.UPDATED, wording.CANCELLED):
            return None
        return self._only()

    def _call(self, id: object) -> Call | None:
        return self._calls.get(id) if type(id) is int else None

    def _only(self) -> Call | None:
        """Return the call that is open; of several in one client's conversation the last, of several clients' none."""
        open_calls = [call for call in self._calls.values() if call.method != LISTEN and call.exchange is not QUIET]
        if not open_calls or (self._shared and len(open_calls) > 1):
            return None
        return open_calls[-1]

    def _asked(self, id: object, method: str, params: Json, call: Call | None) -> None:
        """Answer what the server wants to know, by itself or by the client whose request it belongs to."""
        if method == "ping":
            self._spawn(self._tell(wording.answer(id, {})))
            return
        found = call or self._only()
        takes = not self.modern and method in _ENTITLED and found is not None
        if takes and found is not None and found.ask(id, method, params, self._tell):
            return
        text = "there is no client here that takes this request"
        self._spawn(self._tell(wording.refusal(id, wording.METHOD_NOT_FOUND, text)))

    async def _tell(self, message: Json) -> None:
        try:
            await self._link.tell(message)
        except UpstreamFailed:
            return

    # -- subscriptions with a server that has none of its own

    async def _subscribed(self, params: Json, exchange: Exchange) -> Json:
        id = next(self._ids)
        if len(self._subscriptions) >= self._bounds.listening:
            raise UpstreamFailed("busy", f"{self._name} has as many subscriptions as it may", sent=False)
        subscription = Subscription(Call(id, LISTEN, exchange, self._bounds), params)
        self._subscriptions[id] = subscription
        try:
            for uri in subscription.uris:
                await self._sent(Call(next(self._ids), "resources/subscribe", QUIET, self._bounds), {"uri": uri})
            subscription.acknowledge(self.capabilities)
            while self.failed is None:  # noqa: ASYNC110 - a process that ended is noticed soon enough
                await asyncio.sleep(1.0)
        finally:
            del self._subscriptions[id]
            subscription.call.end()
            self._spawn(self._unsubscribe(subscription.uris))
        raise UpstreamFailed("crashed", f"{self._name} ended", sent=False)

    async def _unsubscribe(self, uris: tuple[str, ...]) -> None:
        others = {uri for other in self._subscriptions.values() for uri in other.uris}
        try:
            async with asyncio.timeout(self._bounds.alive_s):
                for uri in uris:
                    if uri not in others:
                        call = Call(next(self._ids), "resources/unsubscribe", QUIET, self._bounds)
                        await self._sent(call, {"uri": uri})
        except (UpstreamFailed, UpstreamRefused, TimeoutError):
            return

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _in_its_words(call: Call, method: str, params: Json) -> Json:
    """Return a notification's params with the client's own token of progress."""
    if method == wording.PROGRESS and call.token is not None:
        return {**params, "progressToken": call.token}
    return params


async def _with_input(call: Call, params: Json, result: Json) -> Json:
    """Return the params of the next round: with what the client answered (2026-07-28, multi round-trip requests)."""
    asked = result.get("inputRequests", {})
    if not isinstance(asked, dict) or not all(isinstance(each, dict) for each in asked.values()):
        raise UpstreamFailed("broken", "it asked for input in a form that is none", sent=True)
    answers = {}
    for key, each in asked.items():
        if each.get("method") not in _ENTITLED or not isinstance(each.get("params", {}), dict):
            raise UpstreamFailed("broken", "it asked for an input that there is not", sent=True)
        answers[key] = await call.asked(each["method"], each.get("params", {}))
    again = {key: value for key, value in params.items() if key not in ("inputResponses", "requestState")}
    if asked:
        again["inputResponses"] = answers
    if "requestState" in result:
        again["requestState"] = result["requestState"]
    return again
