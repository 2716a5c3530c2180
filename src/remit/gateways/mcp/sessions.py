"""Sessions of clients that say `initialize`: what they have declared, what waits for them, who may use them."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from remit.asgi.answers import Refusal
from remit.asgi.reception import Visit
from remit.gateways.mcp.asked import META
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.port import Json, UpstreamRefused
from remit.gateways.mcp.record import Record
from remit.gateways.mcp.reply import Reply
from remit.gateways.mcp.rpc import METHOD_NOT_FOUND, Message, notification, question

SESSION = "mcp-session-id"

_NEEDED = {"sampling/createMessage": "sampling", "elicitation/create": "elicitation", "roots/list": "roots"}
_TIMED_OUT = -32000


@dataclass(eq=False)
class Session:
    """One conversation of one client. Owned by the event loop.

    `owner` is who began it: workspace, agent, credential, and the run its token is of.
    """

    id: str
    owner: tuple[str, str, str, str]
    version: str
    client: str
    capabilities: Json
    used: float
    level: str = "info"
    stream: Reply | None = None
    requests: int = 0
    followed: set[str] = field(default_factory=set)
    records: OrderedDict[str, Record] = field(default_factory=OrderedDict)
    questions: dict[str, asyncio.Future[Json]] = field(default_factory=dict)
    cuts: dict[str | int, Callable[[str], None]] = field(default_factory=dict)

    def tell(self, method: str, params: Json) -> None:
        """Tell the client what belongs to no request, where it listens."""
        if self.stream is not None:
            self.stream.tell(notification(method, params))

    def keep(self, record: Record, most: int) -> None:
        """Keep a stream that its client may take up again; of those that are over only the last ones."""
        self.records[record.id] = record
        over = [id for id, each in self.records.items() if each.is_over]
        for id in over[: max(0, len(over) - most)]:
            del self.records[id]

    def hear(self, message: Message) -> bool:
        """Take the client's answer to a question; whether it was waited for."""
        future = self.questions.get(message.id) if isinstance(message.id, str) else None
        if future is None or future.done():
            return False
        if message.error is not None:
            code, said = message.error.get("code"), message.error.get("message")
            refused = UpstreamRefused(
                code if isinstance(code, int) else _TIMED_OUT, str(said)[:2_000], message.error.get("data")
            )
            future.set_exception(refused)
        else:
            future.set_result(message.result or {})
        return True

    async def ask(self, reply: Reply, limits: McpLimits, method: str, params: Json) -> Json:
        """Put a server's question to the client, on the stream of the request that it belongs to.

        Raises UpstreamRefused where the client can not be asked, does not answer in time or says no.
        """
        needed = _NEEDED.get(method)
        if needed is None or needed not in self.capabilities or not reply.streams:
            raise UpstreamRefused(METHOD_NOT_FOUND, f"the client does not answer {method[:100]}")
        if len(self.questions) >= limits.questions:
            raise UpstreamRefused(_TIMED_OUT, f"{limits.questions} questions wait for the client already")
        id = f"remit-{secrets.token_hex(8)}"
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self.questions[id] = future
        try:
            if not reply.tell(question(id, method, {k: v for k, v in params.items() if not k.startswith(META)})):
                raise UpstreamRefused(_TIMED_OUT, "the client has gone")
            async with asyncio.timeout(limits.question_s):
                return await future
        except TimeoutError:
            raise UpstreamRefused(_TIMED_OUT, f"the client did not answer within {limits.question_s:g} s") from None
        finally:
            del self.questions[id]

    def close(self) -> None:
        """End what waits for the client, and what it waits for."""
        for future in self.questions.values():
            if not future.done():
                future.set_exception(UpstreamRefused(_TIMED_OUT, "the session has ended"))
        for cut in list(self.cuts.values()):
            cut("session_ended")
        if self.stream is not None:
            self.stream.end()


class Sessions:
    """All sessions of one process. Owned by the event loop."""

    def __init__(self, limits: McpLimits, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._sessions: OrderedDict[str, Session] = OrderedDict()  # the one that was used last at the end
        self._each: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, visit: Visit, version: str, client: str, capabilities: Json) -> Session:
        """Begin a session. Raises Refusal where there are too many."""
        self._sweep()
        limits, owner = self._limits, _owner(visit)
        if len(self._sessions) >= limits.sessions or self._each[owner[:2]] >= limits.sessions_each:
            raise Refusal(
                429,
                "too_many_sessions",
                f"{limits.sessions_each} sessions of one agent, or {limits.sessions} in all, are open already",
                "End those you do not use with DELETE",
                retry_after_s=30,
            )
        session = Session(secrets.token_urlsafe(24), owner, version, client, capabilities, self._monotonic())
        self._sessions[session.id] = session
        self._each[owner[:2]] += 1
        return session

    def of(self, visit: Visit) -> Session:
        """Return the session that a request names. Raises Refusal where it is not this caller's, or is over."""
        self._sweep()
        id = visit.headers.get(SESSION, "")
        if not id:
            raise Refusal(
                400, "no_session", "a request of this revision needs a session", "Begin with initialize", field=SESSION
            )
        session = self._sessions.get(id)
        if session is None or session.owner != _owner(visit):
            raise Refusal(
                404, "session_unknown", "there is no such session", "Begin anew with initialize", field=SESSION
            )
        session.used = self._monotonic()
        self._sessions.move_to_end(id)
        return session

    @contextmanager
    def using(self, session: Session) -> Iterator[None]:
        """Keep a session from being over while a request of it is under way."""
        session.requests += 1
        try:
            yield
        finally:
            session.requests -= 1
            session.used = self._monotonic()

    def end(self, session: Session) -> None:
        """End a session."""
        if self._sessions.pop(session.id, None) is not None:
            self._each[session.owner[:2]] -= 1
            self._each += Counter()  # drops the zeros
            session.close()

    def close(self) -> None:
        """End all."""
        for session in list(self._sessions.values()):
            self.end(session)

    def _sweep(self) -> None:
        now = self._monotonic()
        while self._sessions:
            session = next(iter(self._sessions.values()))
            if now - session.used < self._limits.session_idle_s:
                return
            if session.requests:
                session.used = now
                self._sessions.move_to_end(session.id)
            else:
                self.end(session)


def _owner(visit: Visit) -> tuple[str, str, str, str]:
    caller = visit.caller
    return (caller.workspace, visit.agent, caller.credential, caller.run or "")
