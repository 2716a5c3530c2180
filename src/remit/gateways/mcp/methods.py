"""What each method of the protocol does, for clients of both eras."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, TypeVar

import orjson

from remit.asgi.reception import Reception
from remit.domain.arguments import BadArguments
from remit.domain.run import Run
from remit.domain.upstream import Via
from remit.gateways.mcp import words
from remit.gateways.mcp.asked import LEVELS, META, TASKS, Asked, Era
from remit.gateways.mcp.calls import Admitted, Calls, Done, Held, NotDone, Wish
from remit.gateways.mcp.catalog import Catalog, Target
from remit.gateways.mcp.catalogs import Catalogs
from remit.gateways.mcp.flights import Flight, Flights
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.port import Exchange, Json, Upstreams
from remit.gateways.mcp.rounds import Resumed, Rounds
from remit.gateways.mcp.rpc import (
    DENIED,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    RESOURCE_NOT_FOUND,
    RpcError,
)
from remit.gateways.mcp.task import Task
from remit.gateways.mcp.tasks import Tasks, asking, created

LEGACY_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""The newest first: what a client is offered that asks for none of them."""
MODERN_VERSIONS = ("2026-07-28",)
SERVER = {"name": "remit", "title": "Remit", "version": version("remit")}
NOT_SEEN = "unreachable"

Handler = Callable[[Asked], Awaitable[bytes]]
T = TypeVar("T")


class Methods:
    """Answers requests. Owned by the event loop."""

    def __init__(
        self,
        reception: Reception,
        upstreams: Upstreams,
        calls: Calls,
        flights: Flights,
        catalogs: Catalogs,
        rounds: Rounds,
        tasks: Tasks,
        limits: McpLimits,
    ) -> None:
        self._reception = reception
        self._upstreams = upstreams
        self._calls = calls
        self._flights = flights
        self._catalogs = catalogs
        self._rounds = rounds
        self._tasks = tasks
        self._limits = limits
        both: dict[str, Handler] = {
            "tools/list": self._tools,
            "resources/list": self._resources,
            "resources/templates/list": self._templates,
            "prompts/list": self._prompts,
            "tools/call": self._call,
            "resources/read": self._read,
            "prompts/get": self._get,
            "completion/complete": self._complete,
        }
        legacy: dict[str, Handler] = {
            "ping": self._ping,
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._subscribe,
        }
        modern: dict[str, Handler] = {
            "server/discover": self._discover,
            "tasks/get": self._on_task(tasks.get),
            "tasks/update": self._on_task(tasks.update),
            "tasks/cancel": self._on_task(tasks.cancel),
        }
        self._handlers: Mapping[Era, Mapping[str, Handler]] = {
            Era.LEGACY: {**both, **legacy},
            Era.MODERN: {**both, **modern},
        }

    async def answer(self, asked: Asked) -> bytes:
        """Return the result of a request, written. Raises RpcError, Refusal and what the run's door raises."""
        handler = self._handlers[asked.era].get(asked.method)
        if handler is None:
            raise RpcError(METHOD_NOT_FOUND, f"there is no method {asked.method[:100]}")
        return await handler(asked)

    def close(self) -> None:
        """Let go of what waits for clients, and cut calls short."""
        self._flights.cut_all()
        self._tasks.close()
        self._rounds.close()

    async def let_go(self) -> None:
        """Stop listening, and stop the servers."""
        await self._flights.close()
        await self._upstreams.close()

    # -- who we are

    async def capabilities(self, asked: Asked) -> dict[str, Any]:
        """Return what an agent's client can ask for."""
        catalog = await self._catalog(asked)
        found: dict[str, Any] = {"tools": {"listChanged": True}}
        if catalog.has(Via.RESOURCE):
            found["resources"] = {"listChanged": True, "subscribe": True}
        if catalog.has(Via.PROMPT):
            found["prompts"] = {"listChanged": True}
        if catalog.capability("completions"):
            found["completions"] = {}
        if asked.era is Era.LEGACY:
            return found | {"logging": {}}
        return found | {"extensions": {TASKS: {}}}

    def instructions(self, asked: Asked) -> str:
        """Return what a model should know of this server: our words, never those of the servers behind it."""
        return (
            f"These tools are run by Remit within the remit of agent {asked.visit.agent}. A call that is denied says"
            " why: do not repeat it unchanged. A call that waits for an approval has not run: call it again with"
            " exactly the same arguments once it is approved."
        )

    async def _discover(self, asked: Asked) -> bytes:
        return _written(
            asked,
            {
                "supportedVersions": list(MODERN_VERSIONS),
                "capabilities": await self.capabilities(asked),
                "instructions": self.instructions(asked),
                "_meta": {f"{META}serverInfo": SERVER},
            },
            self._cached,
        )

    async def _ping(self, asked: Asked) -> bytes:
        return _written(asked, {})

    # -- lists

    @property
    def _cached(self) -> dict[str, Any]:
        return {"ttlMs": self._limits.list_ttl_ms, "cacheScope": "private"}

    async def _catalog(self, asked: Asked) -> Catalog:
        return await self._catalogs.of(asked.visit.door, await self.run_of(asked))

    async def catalog_of(self, asked: Asked) -> Catalog:
        """Return what an agent sees now."""
        return await self._catalog(asked)

    async def run_of(self, asked: Asked) -> Run:
        """Return the run that a request belongs to."""
        return await self._reception.run_of(asked.visit, asked.conversation)

    async def _list(self, asked: Asked, key: str, part: Callable[[Catalog], tuple[Json, ...]]) -> bytes:
        if asked.params.get("cursor") is not None:
            raise RpcError(INVALID_PARAMS, "there is no such page: lists have one", {"code": "cursor_unfit"})
        return _written(asked, {key: list(part(await self._catalog(asked)))}, self._cached)

    async def _tools(self, asked: Asked) -> bytes:
        return await self._list(asked, "tools", lambda catalog: catalog.tools)

    async def _resources(self, asked: Asked) -> bytes:
        return await self._list(asked, "resources", lambda catalog: catalog.resources)

    async def _templates(self, asked: Asked) -> bytes:
        return await self._list(asked, "resourceTemplates", lambda catalog: catalog.templates)

    async def _prompts(self, asked: Asked) -> bytes:
        return await self._list(asked, "prompts", lambda catalog: catalog.prompts)

    # -- what is done

    async def _call(self, asked: Asked) -> bytes:
        name, arguments = asked.text("name"), asked.params.get("arguments")
        if not name:
            raise RpcError(INVALID_PARAMS, "params.name must name a tool", {"field": "params.name"})
        if arguments is not None and not isinstance(arguments, dict):
            raise RpcError(INVALID_PARAMS, "params.arguments must be an object", {"field": "params.arguments"})

        async def wish(run: Run) -> Wish:
            tool = asked.visit.door.rules_of(run).named(name)
            catalog = await self._catalogs.for_tool(asked.visit.door, run, tool)
            if asked.era is Era.MODERN:
                _check_mirrored(catalog.schema(tool), arguments or {}, asked)
            return Wish(catalog.tool(tool), arguments or {})

        try:
            return await self._do(asked, wish)
        except NotDone as error:
            return _written(asked, error.as_result())
        except BadArguments as error:
            data = {"outcome": "denied", "code": f"arguments.{error.code}", "field": error.path}
            return _written(asked, NotDone(str(error), data).as_result())

    async def _read(self, asked: Asked) -> bytes:
        uri = asked.text("uri")
        if not uri:
            raise RpcError(INVALID_PARAMS, "params.uri must be a URI", {"field": "params.uri"})

        async def wish(run: Run) -> Wish:
            target = (await self._catalogs.of(asked.visit.door, run)).resource(uri)
            if target is None:
                code = INVALID_PARAMS if asked.era is Era.MODERN else RESOURCE_NOT_FOUND
                raise RpcError(code, "there is no such resource", {"uri": uri})
            return Wish(target, {"uri": target.upstream})

        return await self._done_or_error(asked, wish)

    async def _get(self, asked: Asked) -> bytes:
        name, arguments = asked.text("name"), asked.params.get("arguments")
        if not name:
            raise RpcError(INVALID_PARAMS, "params.name must name a prompt", {"field": "params.name"})
        if arguments is not None and not isinstance(arguments, dict):
            raise RpcError(INVALID_PARAMS, "params.arguments must be an object", {"field": "params.arguments"})

        async def wish(run: Run) -> Wish:
            target = (await self._catalogs.of(asked.visit.door, run)).prompt(name)
            if target is None:
                raise RpcError(INVALID_PARAMS, "there is no such prompt", {"name": name})
            return Wish(target, {"name": target.upstream, "arguments": arguments or {}})

        return await self._done_or_error(asked, wish)

    async def _done_or_error(self, asked: Asked, wish: Callable[[Run], Awaitable[Wish]]) -> bytes:
        """As _do, for methods whose results have no room for an error."""
        try:
            return await self._do(asked, wish)
        except NotDone as error:
            raise RpcError(DENIED, error.words, error.data) from None
        except BadArguments as error:
            raise RpcError(INVALID_PARAMS, str(error), {"code": f"arguments.{error.code}"}) from None

    async def _do(self, asked: Asked, wish_of: Callable[[Run], Awaitable[Wish]]) -> bytes:
        run = await self.run_of(asked)
        try:
            return await self._do_in(asked, run, await wish_of(run))
        except NotDone as error:
            if not self._calls.has_ended(error) or not self._reception.goes_on(run):
                raise
        run = await self.run_of(asked)
        return await self._do_in(asked, run, await wish_of(run))

    async def _do_in(self, asked: Asked, run: Run, wish: Wish) -> bytes:
        target = wish.target
        if target.tool is not None and (target.server is None or not target.is_seen):
            self._check_there(asked, run, target)
        resumed = await self._rounds.resumed(asked, wish)
        if resumed.parked:
            return await self._unpark(asked, resumed)
        if resumed.open is not None:
            return await self._carry_out(asked, resumed.open, resumed.rounds)
        found = await self._calls.admit(asked.visit, run, resumed.wish, asked.language)
        if isinstance(found, Held):
            return self._held(asked, found)
        return await self._carry_out(asked, found, resumed.rounds)

    def _check_there(self, asked: Asked, run: Run, target: Target) -> None:
        """Say of a granted tool that it can not be called; what is not granted is denied like anything else."""
        assert target.tool is not None
        rules = asked.visit.door.rules_of(run)
        if rules.grant(run.agent, target.name) is None:
            return
        code, why = NOT_SEEN, f"server {target.tool.server} can not be reached"
        if target.tool.via is not target.via:
            code, why = "no_tool", "it is no tool at its server: read the resource, or get the prompt, by its own name"
        elif target.server is None:
            code, why = "no_server", f"no server {target.tool.server} is behind this gateway"
        raise NotDone(*words.failed(target.name, code, why, "", asked.language))

    def _held(self, asked: Asked, held: Held) -> bytes:
        said, data = words.held(held.wish.target.name, held.admission, held.approval, asked.language)
        if asked.knows_tasks:
            task = self._tasks.hold(asked, held, said)
            if task is not None:
                return _written(asked, created(task))
        if asked.era is Era.MODERN and asked.opens_urls:
            return _written(asked, self._rounds.holding(asked, held))
        raise NotDone(said, data)

    async def _carry_out(self, asked: Asked, it: Admitted, rounds: int) -> bytes:
        if asked.knows_tasks or asked.can_be_asked:
            found = await self._tasks.carry_out(asked, it, exchange_of(asked))
            return await self._found(asked, it, found, rounds)

        def watch(flight: Flight) -> None:
            asked.reply.watch(lambda: flight.cut("hung_up"))
            asked.cuts[asked.id] = flight.cut

        done = await self._calls.carry_out(it, exchange_of(asked), asked.language, watch)
        return await self._found(asked, it, done, rounds)

    async def _found(self, asked: Asked, it: Admitted, found: Done | Task, rounds: int) -> bytes:
        if isinstance(found, Task):
            if found.is_shown:
                return _written(asked, created(found))
            found.parked = it
            return _written(asked, asking(found, self._rounds.parking(asked, it, found.id)))
        if found.is_open:
            return _written(asked, await self._rounds.asking(asked, it, found, rounds))
        return _passed_on(asked, found)

    async def _unpark(self, asked: Asked, resumed: Resumed) -> bytes:
        """Hand a parked call what its client has answered, and wait for what comes next."""
        task = self._tasks.parked(asked.visit, resumed.parked)
        if task is None or task.parked is None:
            raise RpcError(INVALID_PARAMS, "the call that asked this is over", {"code": "state_unfit"})
        responses = resumed.wish.inputs.get("inputResponses")
        task.hear(responses if isinstance(responses, dict) else {})
        asked.reply.watch(lambda: None)
        return await self._found(asked, task.parked, await self._tasks.awaited(asked, task), 0)

    def _on_task(self, method: Callable[[Asked], Awaitable[dict[str, Any]]]) -> Handler:
        async def answer(asked: Asked) -> bytes:
            return orjson.dumps(await method(asked))

        return answer

    # -- what is asked about resources and prompts

    async def _complete(self, asked: Asked) -> bytes:
        reference = asked.params.get("ref")
        reference = reference if isinstance(reference, dict) else {}
        run = await self.run_of(asked)
        catalog = await self._catalogs.of(asked.visit.door, run)
        name = reference.get("name") if reference.get("type") == "ref/prompt" else reference.get("uri")
        target = None
        if isinstance(name, str):
            is_prompt = reference.get("type") == "ref/prompt"
            target = catalog.listed_prompt(name) if is_prompt else catalog.listed_template(name)
        if target is None or target.server is None:
            raise RpcError(INVALID_PARAMS, "ref names no prompt or resource template of the lists", {"field": "ref"})
        key = "name" if target.via is Via.PROMPT else "uri"
        argument = _texts(asked.params.get("argument"))
        told: dict[str, Any] = {key: target.upstream}
        if target.via is Via.PROMPT:
            told["arguments"] = {argument.get("name", ""): argument.get("value", "")}
        params = {"ref": {"type": reference["type"], key: target.upstream}, "argument": argument}
        context = asked.params.get("context")
        before = _texts(context.get("arguments")) if isinstance(context, dict) else {}
        if before:
            told["arguments"] = before | told.get("arguments", {})
            params["context"] = {"arguments": before}
        return await self._completed(asked, run, Wish(target, told), params)

    async def _completed(self, asked: Asked, run: Run, wish: Wish, params: Json) -> bytes:
        """Have a server complete an argument, which is told what was typed: that is admitted like the use of it."""
        assert wish.target.server is not None, "what is listed has a server"
        try:
            found = await self._calls.admit(asked.visit, run, wish, asked.language)
            if isinstance(found, Held):
                raise NotDone(*words.held(wish.target.name, found.admission, found.approval, asked.language))
            workspace, exchange = asked.visit.door.workspace, exchange_of(asked)
            work = self._upstreams.request(workspace, wish.target.server, "completion/complete", params, exchange)
            done = await self._calls.settled(found, asked.language, lambda _: None, work)
        except NotDone as error:
            raise RpcError(DENIED, error.words, error.data) from None
        except BadArguments as error:
            raise RpcError(INVALID_PARAMS, str(error), {"code": f"arguments.{error.code}"}) from None
        return _passed_on(asked, done)

    async def _subscribe(self, asked: Asked) -> bytes:
        """A resource that the agent may read can be followed; what is heard of it is passed on by the session."""
        uri = asked.text("uri")
        catalog = await self._catalog(asked)
        if uri is None or catalog.listed_resource(uri) is None:
            raise RpcError(RESOURCE_NOT_FOUND, "there is no such resource in the list", {"uri": uri})
        return _written(asked, {})


def _check_mirrored(schema: Any, arguments: Json, asked: Asked) -> None:
    """Refuse a call whose Mcp-Param headers say something else than its arguments."""
    if schema is None or (not arguments and not any(name.startswith("mcp-param-") for name in asked.visit.headers)):
        return
    from mcp.shared.inbound import validate_mcp_param_headers

    found = validate_mcp_param_headers(schema, arguments, asked.visit.headers)
    if found is not None:
        raise RpcError(found.code, found.message, found.data)


_PASSED_ON = {
    "traceparent": re.compile(r"[0-9a-f]{2}(?:-[0-9a-f]{1,32}){3}"),
    "tracestate": re.compile(r"[\x20-\x7e]{1,512}"),
}
"""What of a request's `_meta` its server is told, besides the token of its progress: no policy sees it, so it is no
place for anything else. `baggage` is whatever a client likes, and stays here."""


def exchange_of(asked: Asked) -> Exchange:
    """Return what accompanies a call to its server."""
    meta, own = asked.meta, dict[str, Any]()
    for name, form in _PASSED_ON.items():
        if isinstance(meta.get(name), str) and form.fullmatch(meta[name]):
            own[name] = meta[name]
    token = meta.get("progressToken")
    if isinstance(token, str | int):
        own["progressToken"] = token
    if asked.level in LEVELS:
        own[f"{META}logLevel"] = asked.level
    return Exchange(asked.notify, asked.ask, client=asked.declared, session=asked.session, meta=own)


def _texts(found: object) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


_MODERN_ONLY = ("resultType", "ttlMs", "cacheScope")


def _passed_on(asked: Asked, done: Done) -> bytes:
    """Return a server's result as this client reads it; nearly always it is the bytes as they were settled."""
    if asked.era is Era.LEGACY:
        if any(name in done.result for name in _MODERN_ONLY):
            return orjson.dumps({name: each for name, each in done.result.items() if name not in _MODERN_ONLY})
        return done.raw
    added: dict[str, Any] = {}
    if "resultType" not in done.result:
        added["resultType"] = "complete"
    if asked.method == "resources/read":
        # What one agent may read is for nobody else, whatever its server says.
        ttl = done.result.get("ttlMs")
        added |= {"ttlMs": ttl if type(ttl) is int and ttl >= 0 else 0, "cacheScope": "private"}
    return orjson.dumps({**done.result, **added}) if added else done.raw


def _written(asked: Asked, result: Mapping[str, Any], modern: Mapping[str, Any] | None = None) -> bytes:
    if asked.era is Era.LEGACY:
        return orjson.dumps(result)
    return orjson.dumps({"resultType": "complete", **result, **(modern or {})})
