"""The calls that a server carries out: cut where they have to end, where their client has gone or does not read.

A look every tenth of a second, and soon after a commit that this process hears of, keeps what comes after a stop
below a quarter of a second. A look costs one question however many calls are open, and more only after a stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from remit.asgi.commits import Commits
from remit.domain.ids import WorkspaceName
from remit.domain.messages import Language
from remit.execution.served import ServedDoor
from remit.execution.under_way import Looking, UnderWay
from remit.gateways.llm.turned import Turned, Why, stopped_by
from remit.storage.port import StoreError

LOOK_S = 0.1
GATHER_S = 0.03
"""How long a burst of commits may gather before it is looked at."""
SHARE = 10
"""A look is followed by a pause of so many times what it took, up to LOOK_S: looking never takes a server over."""
LINGER_S = 10.0
"""How long commits are listened to after the last call: beginning to listen starts a thread."""

_log = logging.getLogger("remit.gateways.llm")


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Bounds of the calls of one server.

    Attributes:
        open: most at the same time.
        slowest_s: how long a client may take to accept what it is sent.
        longest_s: how long one call may take.
    """

    open: int = 512
    slowest_s: float = 30.0
    longest_s: float = 3_600.0


@dataclass(eq=False, slots=True)
class OpenCall:
    """One call. Owned by the event loop.

    Attributes:
        among: the open calls of its workspace.
        cut_for: why it is cut.
        sending_since: since when the client has not accepted what it was sent; 0: it has.
    """

    door: ServedDoor
    under_way: UnderWay
    language: Language
    begun: float
    heard: float
    among: set[OpenCall]
    cut_for: Turned | None = None
    sending_since: float = 0.0
    task: asyncio.Task[Any] | None = None

    def cut(self, turned: Turned) -> None:
        """Break it off, now or when it begins to wait for upstream."""
        if self.cut_for is None:
            self.cut_for = turned
            if self.task is not None:
                self.task.cancel()

    def breakable(self) -> _Breakable:
        """Let what waits within be broken off: it then raises the Turned that it was cut for."""
        return _Breakable(self)


class _Breakable:
    __slots__ = ("_call",)

    def __init__(self, call: OpenCall) -> None:
        self._call = call

    def __enter__(self) -> None:
        if self._call.cut_for is not None:
            raise self._call.cut_for
        self._call.task = asyncio.current_task()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        call, task = self._call, self._call.task
        call.task = None
        # Cancelled by `cut`, or by whoever ends this server: only the first is ours to swallow.
        is_ours = isinstance(error, asyncio.CancelledError) and call.cut_for is not None
        if is_ours and task is not None and task.uncancel() == 0:
            assert call.cut_for is not None
            raise call.cut_for from None


@dataclass(eq=False, slots=True)
class _Watched:
    """The open calls of one workspace."""

    looking: Looking
    calls: set[OpenCall] = field(default_factory=set)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class OpenCalls:
    """All calls of a server, by workspace. Owned by one event loop."""

    def __init__(
        self, looking_of: Callable[[WorkspaceName], Looking], commits: Commits, limits: CallLimits | None = None
    ) -> None:
        self._looking_of = looking_of
        self._commits = commits
        self.limits = limits or CallLimits()
        self._watched: dict[WorkspaceName, _Watched] = {}
        self._beginning: dict[WorkspaceName, asyncio.Task[_Watched]] = {}
        self._prolonging: set[asyncio.Task[Any]] = set()
        self._open = 0
        self._closing = False

    def close(self) -> None:
        """Break off every call, so that a server stops in time."""
        self._closing = True
        over = Turned(Why.OVERLOADED, "closing", "the server stops: send the request again", may_retry=True)
        for watched in self._watched.values():
            for call in watched.calls:
                call.cut(over)
            watched.more.set()

    async def begin(self, door: ServedDoor, under_way: UnderWay, language: Language) -> OpenCall:
        """Look after a call from before its admission until its `end`. Raises Turned where there are too many."""
        if self._open >= self.limits.open or self._closing:
            text = f"{self.limits.open} calls are open already: send it again in a moment"
            raise Turned(Why.OVERLOADED, "too_many_calls", text, may_retry=True, retry_after_s=1)
        self._open += 1
        try:
            watched = await self._watch(under_way.run.workspace)
        except BaseException:
            self._open -= 1
            raise
        now = asyncio.get_running_loop().time()
        call = OpenCall(door, under_way, language, now, now, watched.calls)
        watched.calls.add(call)
        watched.more.set()
        return call

    def end(self, call: OpenCall) -> None:
        """Look after a call no more: it is settled, or was not admitted."""
        call.among.discard(call)
        self._open -= 1

    async def _watch(self, workspace: WorkspaceName) -> _Watched:
        found = self._watched.get(workspace)
        if found is not None:
            return found
        beginning = self._beginning.get(workspace)
        if beginning is None:
            beginning = self._beginning[workspace] = asyncio.create_task(self._begin(workspace))
        return await asyncio.shield(beginning)

    async def _begin(self, workspace: WorkspaceName) -> _Watched:
        try:
            looking = self._looking_of(workspace)
            await asyncio.to_thread(looking.begin)
            watched = self._watched[workspace] = _Watched(looking)
            watched.task = asyncio.create_task(self._look_after(workspace, watched))
            return watched
        finally:
            del self._beginning[workspace]

    async def _look_after(self, workspace: WorkspaceName, watched: _Watched) -> None:
        with self._commits.followed(workspace) as followed:
            while not self._closing:
                if not watched.calls:
                    watched.more.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(watched.more.wait(), LINGER_S)
                    if not watched.calls:
                        break
                count, begun = followed.count, asyncio.get_running_loop().time()
                await self._look(watched)
                self._tend(watched)
                took_s = asyncio.get_running_loop().time() - begun
                pause_s = min(LOOK_S, max(GATHER_S, took_s * SHARE))
                await followed.after(count, LOOK_S - pause_s)
                await asyncio.sleep(pause_s)
        # Nothing was awaited since the last look at `calls`: whoever comes now begins anew.
        del self._watched[workspace]

    async def _look(self, watched: _Watched) -> None:
        calls = {call.under_way.action: call for call in watched.calls}
        try:
            found = await asyncio.to_thread(watched.looking.look, [call.under_way for call in calls.values()])
        except StoreError as error:
            # Nobody can tell whether they may go on: they may not.
            _log.error("open calls are cut: %s", error)
            gone = Turned(Why.INTERNAL, "store_failed", "whether this call may go on can not be told: the store failed")
            for call in calls.values():
                call.cut(gone)
            return
        for action, finding in found.items():
            calls[action].cut(stopped_by(finding, calls[action].language))

    def _tend(self, watched: _Watched) -> None:
        """Cut what takes too long, and have the outcomes of the others waited for."""
        now = asyncio.get_running_loop().time()
        for call in watched.calls:
            if call.sending_since and now - call.sending_since > self.limits.slowest_s:
                call.cut(Turned(Why.TIMED_OUT, "client_too_slow", "the answer was not read for too long"))
            elif now - call.begun > self.limits.longest_s:
                call.cut(Turned(Why.TIMED_OUT, "call_too_long", f"the call took over {self.limits.longest_s:g} s"))
            elif now - call.heard > call.door.action_lease_s / 3:
                call.heard = now
                prolonging = asyncio.create_task(_prolong(call))
                self._prolonging.add(prolonging)
                prolonging.add_done_callback(self._prolonging.discard)


async def _prolong(call: OpenCall) -> None:
    try:
        await call.door.prolong(call.under_way.run, (call.under_way.action,))
    except Exception as error:  # noqa: BLE001 - the next time may go better; else the action becomes unknown
        _log.warning("a lease could not be prolonged: %s", type(error).__name__)
