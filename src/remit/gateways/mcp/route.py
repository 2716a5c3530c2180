"""/mcp: the endpoint of the MCP gateway, for clients with a handshake and for those without, on one address."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import orjson

from remit.asgi.answers import ROUTE, UNREAD, Receive, Refusal, Scope, Send, logged
from remit.asgi.limits import Disconnected, body_of
from remit.asgi.problems import refusal_of
from remit.asgi.reception import Reception, Visit
from remit.execution.implied_runs import TooManyRuns
from remit.gateways.mcp.asked import META, Asked, Era
from remit.gateways.mcp.gate import Gate
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.listening import Listening
from remit.gateways.mcp.methods import LEGACY_VERSIONS, SERVER, Methods
from remit.gateways.mcp.record import Record, place_in
from remit.gateways.mcp.reply import Reply
from remit.gateways.mcp.rpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    Message,
    RpcError,
    failure,
    id_of,
    message_in,
    refused,
    success,
)
from remit.gateways.mcp.sessions import SESSION, Session, Sessions

if TYPE_CHECKING:
    from mcp.shared.inbound import InboundLadderRejection

PATH = "/mcp"
VERSION = "mcp-protocol-version"

_log = logging.getLogger("remit.gateways.mcp")
_METHODS = ("POST", "GET", "DELETE")
_TASK_METHODS = ("tasks/get", "tasks/update", "tasks/cancel")


class McpRoute:
    """An ASGI application of one endpoint. Owned by one event loop."""

    def __init__(
        self,
        reception: Reception,
        gate: Gate,
        methods: Methods,
        sessions: Sessions,
        listening: Listening,
        limits: McpLimits,
        answered: Callable[[str, str, int, float], None],
    ) -> None:
        """Begin. `answered` takes method, route, status and seconds of each request."""
        self._reception = reception
        self._gate = gate
        self._methods = methods
        self._sessions = sessions
        self._listening = listening
        self._limits = limits
        self._answered = answered
        self._is_loaded = False

    def takes(self, scope: Scope) -> bool:
        """Whether a request is for this endpoint."""
        path: str = scope["path"]
        return path == PATH or path.startswith(f"{PATH}/")

    def close(self) -> None:
        """End sessions and streams, and cut calls short: their clients go on with another process."""
        self._listening.close()
        self._sessions.close()
        self._methods.close()

    async def let_go(self) -> None:
        """Stop the servers that were started for calls."""
        await self._methods.let_go()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = time.perf_counter()
        scope[ROUTE] = PATH
        accept = _accept_of(scope)
        reply = Reply(receive, send, self._limits, streams=b"text/event-stream" in accept or b"*/*" in accept)
        try:
            await self._answer(scope, receive, reply)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - turned into an error of the dialect, which tells nothing else
            await self._fail(scope, reply, error)
        finally:
            reply.close()
        if reply.status:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._answered(method, PATH, reply.status, time.perf_counter() - begun)

    async def _fail(self, scope: Scope, reply: Reply, error: Exception, id: str | int | None = None) -> None:
        said = _error_of(error)
        if said.status == 500:
            places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
            where = " < ".join(reversed(places[-8:]))
            _log.error("a request failed: %s at %s", type(error).__name__, where, extra=logged(scope))
        more: list[tuple[bytes, bytes]] = []
        if said.status == 401:
            more.append((b"www-authenticate", b"Bearer"))
        if said.status == 405:
            more.append((b"allow", b"GET, POST, DELETE"))
        if said.retry_after_s:
            more.append((b"retry-after", str(said.retry_after_s).encode()))
        if said.status in UNREAD:
            more.append((b"connection", b"close"))
        await reply.finish(failure(id_of(error) if id is None else id, said), said.status, tuple(more))

    async def _answer(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        method = scope["method"]
        self._gate.check(scope)
        if method not in _METHODS:
            raise Refusal(405, "method_unknown", f"this endpoint takes no {method[:20]}", "Send POST, GET or DELETE")
        visit = _trimmed(await self._reception.visit(scope))
        named = scope["path"].removeprefix(PATH).removeprefix("/")
        if named and named != visit.caller.workspace:
            raise Refusal(404, "other_workspace", "the key is of another workspace", f"Use {PATH}: the key says which")
        if not self._is_loaded:
            # A server whose agents do not speak MCP does without the official library. In a thread, as that takes a
            # second; whatever imports from it further on has it at once.
            await asyncio.to_thread(import_module, "mcp.shared.inbound")
            self._is_loaded = True
        if method == "POST":
            await self._post(scope, visit, await body_of(visit.headers, receive, self._reception.limits), reply)
        elif visit.headers.get(VERSION, LEGACY_VERSIONS[0]) not in LEGACY_VERSIONS:
            raise Refusal(405, "method_unknown", "this revision of the protocol only sends POST", "Send POST")
        elif method == "GET":
            await self._get(visit, reply)
        else:
            self._sessions.end(self._sessions.of(visit))
            await reply.empty(204)

    async def _post(self, scope: Scope, visit: Visit, body: bytes, reply: Reply) -> None:
        message, parsed = message_in(body, self._reception.limits.payload)
        try:
            if _is_modern(visit.headers, message):
                await self._modern(visit, message, parsed, reply)
            else:
                await self._legacy(visit, message, reply)
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 - answered with the id that the request has
            await self._fail(scope, reply, error, message.id)

    # -- clients that say all in each request (2026-07-28)

    async def _modern(self, visit: Visit, message: Message, parsed: Mapping[str, Any], reply: Reply) -> None:
        from mcp.shared.inbound import (
            InboundLadderRejection,
            classify_inbound_request,
            decode_header_value,
            unsupported_protocol_version_rejection,
        )

        if message.id is None or not message.method:
            if not message.method:
                raise RpcError(INVALID_REQUEST, "a client of this revision answers nothing: it calls again")
            _raise(unsupported_protocol_version_rejection(visit.headers.get(VERSION, "")))
            await reply.empty(202)
            return
        found = classify_inbound_request(parsed, headers=visit.headers)
        if isinstance(found, InboundLadderRejection):
            raise RpcError(found.code, found.message, found.data)
        capabilities = found.client_capabilities
        if not isinstance(capabilities, dict):
            raise RpcError(INVALID_PARAMS, f"_meta {META}clientCapabilities must be an object")
        if message.method in _TASK_METHODS:
            named = decode_header_value(visit.headers.get("mcp-name"))
            if named != message.params.get("taskId"):
                raise RpcError(HEADER_MISMATCH, "mcp-name header does not match the request body's 'taskId' parameter")
        client = found.client_info.get("name", "") if isinstance(found.client_info, dict) else ""
        asked = Asked(
            visit,
            message.id,
            message.method,
            message.params,
            Era.MODERN,
            reply,
            f"mcp/{str(client)[:200]}/{visit.caller.credential}",
            capabilities=capabilities,
            level=str(message.meta.get(f"{META}logLevel", "")),
        )
        if message.method == "subscriptions/listen":
            await self._listening.serve(asked)
            return
        await reply.finish(success(message.id, await self._methods.answer(asked)))

    # -- clients with a handshake (2025-11-25 and before)

    async def _legacy(self, visit: Visit, message: Message, reply: Reply) -> None:
        if message.method == "initialize" and message.id is not None:
            await self._initialize(visit, message, reply)
            return
        session = self._sessions.of(visit)
        version = visit.headers.get(VERSION, session.version)
        if version not in LEGACY_VERSIONS:
            raise Refusal(
                400, "version_unknown", "this revision is not spoken here", "Send the one agreed", field=VERSION
            )
        if not message.method:
            session.hear(message)
            await reply.empty(202)
        elif message.id is None:
            self._noticed(session, message)
            await reply.empty(202)
        else:
            await self._legacy_request(visit, session, message, reply)

    async def _initialize(self, visit: Visit, message: Message, reply: Reply) -> None:
        params = message.params
        capabilities, info = params.get("capabilities"), params.get("clientInfo")
        wanted = params.get("protocolVersion")
        if not isinstance(wanted, str) or not isinstance(capabilities, dict):
            raise RpcError(INVALID_PARAMS, "initialize needs protocolVersion, capabilities and clientInfo")
        version = wanted if wanted in LEGACY_VERSIONS else LEGACY_VERSIONS[0]
        client = str(info.get("name", ""))[:200] if isinstance(info, dict) else ""
        session = self._sessions.begin(visit, version, client, capabilities)
        try:
            asked = self._asked(visit, session, message, reply)
            result = {
                "protocolVersion": version,
                "capabilities": await self._methods.capabilities(asked),
                "serverInfo": SERVER,
                "instructions": self._methods.instructions(asked),
            }
        except BaseException:
            self._sessions.end(session)
            raise
        header = ((SESSION.encode(), session.id.encode()),)
        await reply.finish(success(message.id, orjson.dumps(result)), headers=header)

    async def _legacy_request(self, visit: Visit, session: Session, message: Message, reply: Reply) -> None:
        assert message.id is not None
        asked = self._asked(visit, session, message, reply)
        if reply.streams and session.version == LEGACY_VERSIONS[0]:
            reply.record = Record(self._limits.events)
            session.records[reply.record.id] = reply.record
        with self._sessions.using(session):
            try:
                if message.method == "logging/setLevel":
                    result = self._level(session, message)
                else:
                    result = await self._methods.answer(asked)
                    self._follow(session, message)
            except RpcError as error:
                # What a method says is an answer; by another status such a client takes the connection for broken.
                await reply.finish(failure(message.id, error), 200)
                return
            finally:
                session.cuts.pop(message.id, None)
                self._part(session, reply)
            await reply.finish(success(message.id, result))

    def _part(self, session: Session, reply: Reply) -> None:
        """Keep what was said only where the client has gone and may come back for it."""
        if reply.record is not None:
            reply.record.is_over = True
            del session.records[reply.record.id]
            if reply.is_gone:
                session.keep(reply.record, self._limits.broken)

    def _asked(self, visit: Visit, session: Session, message: Message, reply: Reply) -> Asked:
        assert message.id is not None

        async def ask(method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
            return await session.ask(reply, self._limits, method, params)

        return Asked(
            visit,
            message.id,
            message.method,
            message.params,
            Era.LEGACY,
            reply,
            f"mcp/{session.id}",
            session.id,
            session.capabilities,
            ask,
            session.level,
            cuts=session.cuts,
        )

    def _level(self, session: Session, message: Message) -> bytes:
        from remit.gateways.mcp.asked import is_grave

        level = message.params.get("level")
        if not is_grave(level, "debug"):
            raise RpcError(INVALID_PARAMS, "params.level is no level of a log message", {"field": "params.level"})
        session.level = str(level)
        return b"{}"

    def _follow(self, session: Session, message: Message) -> None:
        uri = str(message.params.get("uri"))
        if message.method == "resources/subscribe" and len(session.followed) < self._limits.questions:
            session.followed.add(uri)
        elif message.method == "resources/unsubscribe":
            session.followed.discard(uri)

    def _noticed(self, session: Session, message: Message) -> None:
        if message.method == "notifications/cancelled":
            id = message.params.get("requestId")
            cut = session.cuts.get(id) if isinstance(id, str | int) else None
            if cut is not None:
                cut("cancelled")

    async def _get(self, visit: Visit, reply: Reply) -> None:
        if not reply.streams:
            raise Refusal(406, "no_stream", "GET opens a stream of events", "Send Accept: text/event-stream")
        session = self._sessions.of(visit)
        id, number = place_in(visit.headers.get("last-event-id", ""))
        record = session.records.get(id)
        if record is not None:
            await self._resume(session, record, number, reply)
            return
        if session.stream is not None and not session.stream.is_gone:
            raise Refusal(409, "stream_open", "this session's stream is open already", "Close it first")
        await self._listening.session(visit, session, self._sessions, reply)

    async def _resume(self, session: Session, record: Record, number: int, reply: Reply) -> None:
        """Go on with a stream that broke off, from the event on that its client has."""
        reply.tell_raw(b": here again\n\n" + record.after(number))
        if not record.is_over:
            record.reply = reply
            with self._sessions.using(session):
                await reply.over_or_gone()
            if not record.is_over:
                record.reply = None
        await reply.finish(b"")


def _is_modern(headers: Mapping[str, str], message: Message) -> bool:
    """Tell how a client speaks: by the header, or by what only a modern one writes into its requests."""
    version = headers.get(VERSION)
    if version is not None and version not in LEGACY_VERSIONS:
        return True
    return f"{META}protocolVersion" in message.meta


def _trimmed(visit: Visit) -> Visit:
    """Take off the blanks around the protocol's own headers, which are no part of a value (RFC 9110, 5.5)."""
    if not any(name.startswith("mcp-") and value != value.strip(" \t") for name, value in visit.headers.items()):
        return visit
    return replace(visit, headers={name: value.strip(" \t") for name, value in visit.headers.items()})


def _accept_of(scope: Scope) -> bytes:
    return b",".join(value for name, value in scope["headers"] if name == b"accept")


def _raise(found: InboundLadderRejection | None) -> None:
    if found is not None:
        raise RpcError(found.code, found.message, found.data)


def _error_of(error: Exception) -> RpcError:
    if isinstance(error, RpcError):
        return error
    if isinstance(error, TooManyRuns):
        error = Refusal(429, "too_many_runs", str(error), "Start a run and name it in Remit-Run")
    return refused(refusal_of(error))
