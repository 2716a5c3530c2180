"""GET /api/v1/events: records as they are committed, as server-sent events (WHATWG HTML, section 9.2).

An event's id is its record's number in the database, and `Last-Event-ID` goes on behind it: whoever reconnects misses
nothing. Nothing is buffered for a single reader: each reads from one bounded tail that all share, or, further back,
from the records themselves. One that takes too long to read what it was sent is cut.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson

from remit.asgi.answers import ROUTE, Receive, Refusal, Scope, Send, refuse
from remit.asgi.callers import Authenticator, caller_of, peer_of
from remit.asgi.commits import Commits
from remit.asgi.limits import RequestLimits, headers_of
from remit.asgi.problems import refusal_of
from remit.domain.identity import Caller, Role
from remit.domain.ids import RunId, WorkspaceName
from remit.domain.record import RecordKind
from remit.storage.port import Reads, StoreError

PATH = "/api/v1/events"


@dataclass(frozen=True, slots=True)
class EventLimits:
    """Bounds of the streams of one server.

    Attributes:
        streams: most open streams at once, `streams_each` of one credential.
        kept: how many events of a workspace stay in memory; who is further behind reads the database.
        page: most records read in one go.
        heartbeat_s: how often a silent stream says that it is there, and its credential is looked at again.
        look_again_s: how often records of other processes are looked for.
        gather_s: how long the tail lets records gather before it reads them, so that a burst is few reads.
        slowest_s: how long a reader may take to accept what it is sent.
    """

    streams: int = 256
    streams_each: int = 16
    kept: int = 4096
    page: int = 500
    heartbeat_s: float = 15.0
    look_again_s: float = 1.0
    gather_s: float = 0.05
    slowest_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Event:
    """What is said of one record: never a payload, a digest or what a person wrote."""

    seq: int
    kind: str
    run: str | None
    agent: str | None
    line: bytes


_TOLD = (
    *("no", "at", "kind", "run", "agent", "action", "action_kind", "target", "state", "status", "approval", "answer"),
    *("release", "channel", "on_behalf_of", "loop", "overrun", "error", "scope", "what", "assurance", "steps"),
    *("verified", "workflow"),
)
"""Fields of records that events carry. Task, purpose, comments, facts and digests stay behind."""

_FOR_EVERY_ROLE = frozenset(
    {
        RecordKind.RUN_STARTED.value,
        RecordKind.DECISION_MADE.value,
        RecordKind.OUTCOME_REPORTED.value,
        RecordKind.RUN_ENDED.value,
        RecordKind.APPROVAL_ANSWERED.value,
        RecordKind.APPROVAL_ESCALATED.value,
        RecordKind.APPROVAL_EXPIRED.value,
        RecordKind.APPROVAL_EDITED.value,
        RecordKind.QUESTION_ASKED.value,
        RecordKind.QUESTION_ANSWERED.value,
        RecordKind.STOP_CHANGED.value,
        RecordKind.WORKFLOW_ASKED.value,
        RecordKind.RELEASE_MADE.value,
        RecordKind.RELEASE_PROPOSED.value,
        RecordKind.RELEASE_ACTIVATED.value,
        RecordKind.RELEASE_WITHDRAWN.value,
    }
)
"""Other kinds, of keys, people and payloads, are for auditors and admins."""


def event_of(seq: int, body: bytes, agent_of: Callable[[str], str | None]) -> Event:
    """Return what is said of a record. `agent_of` names the agent of a run whose record does not."""
    record: dict[str, Any] = orjson.loads(body)
    told = {name: record[name] for name in _TOLD if record.get(name) is not None}
    run = record.get("run") or record.get("run_id")
    agent = record.get("agent") or (agent_of(run) if run else None)
    told |= {"run": run, "agent": agent}
    decision = record.get("decision")
    if isinstance(decision, dict):
        told["verdict"] = decision["verdict"]
        told["reasons"] = [f["code"] for f in decision["findings"] if f["verdict"] == decision["verdict"] != "allow"]
    if isinstance(record.get("stop"), dict):
        told["stop"] = {name: record["stop"].get(name) for name in ("kind", "by", "until")}
    kind = str(record["kind"])
    line = b"id: %d\nevent: %b\ndata: %b\n\n" % (seq, kind.encode(), orjson.dumps(told))
    return Event(seq, kind, run, agent, line)


def may_see(caller: Caller, event: Event) -> bool:
    """Tell whether a caller may know of an event: an agent of its own runs, a person by role."""
    if caller.is_person:
        if event.kind in _FOR_EVERY_ROLE:
            return bool(caller.roles)
        return bool(caller.roles & {Role.AUDITOR, Role.ADMIN})
    return event.run is not None and event.agent == caller.agent and caller.run in (None, event.run)


class Tail:
    """The last events of one workspace, read once for all who follow it. Owned by the event loop."""

    def __init__(
        self,
        workspace: WorkspaceName,
        store: Reads,
        newest: Callable[[WorkspaceName], int],
        commits: Commits,
        limits: EventLimits,
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._newest = newest
        self._commits = commits
        self._limits = limits
        self._kept: deque[Event] = deque()
        self._agents: OrderedDict[str, str | None] = (
            OrderedDict()
        )  # of the reading threads; a lost update is read again
        self._reader: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._failure: Exception | None = None
        self._first = 0  # every event behind this one, up to `last`, is kept
        self.last = 0
        self.followers = 0

    async def follow(self) -> int:
        """Begin to read, with the first who follows. Return the newest record's number."""
        self.followers += 1
        newest = await asyncio.to_thread(self._newest, self._workspace)
        if self._reader is None:
            self._failure, self._first, self.last = None, newest, newest
            self._reader = asyncio.create_task(self._read())
        return newest

    def leave(self) -> None:
        """Stop reading with the last who follows."""
        self.followers -= 1
        if self.followers == 0 and self._reader is not None:
            self._reader.cancel()
            self._reader = None
            self._kept.clear()

    async def after(self, seq: int) -> Sequence[Event]:
        """Return events behind `seq`, at most a page; none where there are none yet. Raises what reading raised."""
        if self._failure is not None:
            raise self._failure
        if seq >= self.last:
            return ()
        if seq < self._first:
            return await asyncio.to_thread(self._page, seq)
        found: deque[Event] = deque(maxlen=self._limits.page)  # the oldest of those behind `seq` stay
        for event in reversed(self._kept):
            if event.seq <= seq:
                break
            found.appendleft(event)
        return tuple(found)

    async def moved(self, longest_s: float) -> None:
        """Wait until there is more, or until the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._moved.wait()

    def wake(self) -> None:
        """Let everybody look again."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def _read(self) -> None:
        try:
            with self._commits.followed(self._workspace) as followed:
                while True:
                    count = followed.count
                    events = await asyncio.to_thread(self._page, self.last)
                    for event in events:
                        self._keep(event)
                    if events:
                        self.wake()
                    if len(events) < self._limits.page:
                        await followed.after(count, self._limits.look_again_s)
                        await asyncio.sleep(self._limits.gather_s)
        except Exception as error:  # noqa: BLE001 - whoever follows is told, comes back and finds out
            self._failure, self._reader = error, None
            self.wake()

    def _keep(self, event: Event) -> None:
        self._kept.append(event)
        self.last = event.seq
        if len(self._kept) > self._limits.kept:
            self._first = self._kept.popleft().seq

    # -- in a thread

    def _page(self, after: int) -> list[Event]:
        found = self._store.records(self._workspace, after, self._limits.page)
        return [event_of(seq, body, self._agent_of) for seq, body in found]

    def _agent_of(self, run: str) -> str | None:
        if run not in self._agents:
            found = self._store.run(RunId(run))
            self._agents[run] = None if found is None else found.agent
            if len(self._agents) > self._limits.kept:
                self._agents.popitem(last=False)
        return self._agents.get(run)


class EventRoute:
    """An ASGI application of one route."""

    def __init__(
        self,
        authenticator: Authenticator,
        store: Reads,
        newest: Callable[[WorkspaceName], int],
        commits: Commits,
        limits: EventLimits | None = None,
        request_limits: RequestLimits | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._store = store
        self._newest = newest
        self._commits = commits
        self._limits = limits or EventLimits()
        self._request_limits = request_limits or RequestLimits()
        self._tails: dict[WorkspaceName, Tail] = {}
        self._open: Counter[str] = Counter()  # streams by credential
        self._closing = False

    def takes(self, scope: Scope) -> bool:
        """Whether a request is for this route."""
        return bool(scope["method"] == "GET" and scope["path"] == PATH)

    def close(self) -> None:
        """End every stream, so that its reader goes on with another process."""
        self._closing = True
        for tail in self._tails.values():
            tail.wake()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with a stream."""
        scope[ROUTE] = PATH
        try:
            caller, headers = await self._admitted(scope)
            cursor = _cursor_of(headers, scope["query_string"])
        except Exception as error:  # noqa: BLE001 - turned into a problem
            await refuse(send, refusal_of(error))
            return
        tail = self._tails.get(caller.workspace)
        if tail is None:
            tail = Tail(caller.workspace, self._store, self._newest, self._commits, self._limits)
            self._tails[caller.workspace] = tail
        self._open[caller.credential] += 1
        listening = asyncio.create_task(_hung_up(receive, tail))
        try:
            newest = await tail.follow()
            # A cursor from the future is of another database: its reader begins at the end of this one.
            reader = _Reader(caller, headers, newest if cursor is None else min(cursor, newest))
            await self._stream(scope, reader, tail, send, listening)
        except (TimeoutError, StoreError, Refusal):
            return  # the connection is closed half-way: its reader knows from that, and comes back
        finally:
            listening.cancel()
            tail.leave()
            self._open[caller.credential] -= 1
            self._open += Counter()  # drops the zeros
            if tail.followers == 0:
                self._tails.pop(caller.workspace, None)

    async def _admitted(self, scope: Scope) -> tuple[Caller, Mapping[str, str]]:
        headers = headers_of(scope, self._request_limits)
        caller = await caller_of(self._authenticator, headers, peer_of(scope))
        if caller.is_person and not caller.roles:
            raise Refusal(403, "no_role", "you have no role in this workspace", "Ask an admin for one")
        limits = self._limits
        if self._open.total() >= limits.streams or self._open[caller.credential] >= limits.streams_each:
            raise Refusal(
                429,
                "too_many_streams",
                f"{limits.streams_each} streams of one credential, or {limits.streams} in all, are open already",
                "Close one, or share it",
                retry_after_s=5,
            )
        return caller, headers

    async def _stream(
        self, scope: Scope, reader: _Reader, tail: Tail, send: Send, listening: asyncio.Task[None]
    ) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": list(_HEADERS)}
        await send(start)
        # An id without data moves the reader's Last-Event-ID on and fires nothing (section 9.2.6).
        await self._send(send, b"retry: 1000\nid: %d\n\n" % reader.cursor)
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + self._limits.heartbeat_s
        while not self._closing and not listening.done():
            events = await tail.after(reader.cursor)
            lines = reader.lines(events)
            if lines:
                await self._send(send, lines)
            if loop.time() >= beat_at:
                beat_at = loop.time() + self._limits.heartbeat_s
                # What was revoked in the meantime hears no more.
                reader.caller = await caller_of(self._authenticator, reader.headers, peer_of(scope))
                await self._send(send, b": still here\nid: %d\n\n" % reader.cursor)
            if not events:
                await tail.moved(max(0.0, beat_at - loop.time()))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(self._limits.slowest_s):
            await send({"type": "http.response.body", "body": body, "more_body": True})


@dataclass(slots=True)
class _Reader:
    """Who reads a stream, and how far."""

    caller: Caller
    headers: Mapping[str, str]
    cursor: int

    def lines(self, events: Sequence[Event]) -> bytes:
        """Return what this reader may see of the events, and move on behind them."""
        if events:
            self.cursor = events[-1].seq
        return b"".join(event.line for event in events if may_see(self.caller, event))


_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


async def _hung_up(receive: Receive, tail: Tail) -> None:
    """Return when the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    tail.wake()


def _cursor_of(headers: Mapping[str, str], query: bytes) -> int | None:
    """Return the record behind which to go on; None for what is committed from now on."""
    given = headers.get("last-event-id") or parse_qs(query.decode("latin-1"), max_num_fields=10).get("after", [""])[0]
    if not given:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) <= 18):
        raise Refusal(
            400,
            "bad_cursor",
            "Last-Event-ID is no number",
            "Send the id of the last event you saw",
            field="Last-Event-ID",
        )
    return int(given)
