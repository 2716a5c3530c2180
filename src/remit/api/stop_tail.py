"""What changes about stops in one workspace, read once for all agents who listen, and whom each stop touches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from remit.asgi.commits import Commits
from remit.control.stops import target_text
from remit.domain.clock import Clock, Instant
from remit.domain.facts import ScopeKind, stop_id
from remit.domain.identity import Caller
from remit.domain.ids import CredentialId, RunId, ScopeId, WorkspaceName
from remit.domain.run import Run
from remit.storage.liveness import Acknowledgement
from remit.storage.port import Store, StoreError, Wanted, Writes

LOOK_AGAIN_S = 1.0
"""How often changes are looked for that nobody told of."""
GATHER_S = 0.02
"""How long a burst of commits may gather before it is read."""
MOST_WAITING = 256
"""Most changes that wait for one listener; one that is further behind is cut, and begins anew."""
PAGE = 500
MOST_RUNS = 10_000
"""Most open runs that are looked at to find out whom a stop touches."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Whom a stop touches: everybody, one agent, or those who carry out some runs."""

    kind: ScopeKind
    agent: str = ""
    runs: frozenset[tuple[str, str]] = frozenset()
    """Agent and run."""

    def touches(self, caller: Caller) -> bool:
        """Tell whether an agent's credential is told of it; a run's token only hears of what holds that run."""
        if self.kind is ScopeKind.WORKSPACE:
            return True
        if self.kind is ScopeKind.AGENT:
            return caller.agent == self.agent
        return any(agent == caller.agent and caller.run in (None, run) for agent, run in self.runs)


@dataclass(frozen=True, slots=True)
class Changed:
    """One stop that was set, or lifted. `line` is the event as it is sent."""

    id: str
    is_set: bool
    touched: Touched
    line: bytes


@dataclass(eq=False)
class Listener:
    """One agent's process that listens. `name` is what it calls itself."""

    caller: Caller
    name: str
    waiting: asyncio.Queue[Changed] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    is_cut: bool = False


class StopTail:
    """The changes of one workspace, and who listens to them. Owned by the event loop; what reads goes to a thread."""

    def __init__(self, workspace: WorkspaceName, store: Store, commits: Commits, clock: Clock) -> None:
        self._workspace = workspace
        self._store = store
        self._commits = commits
        self._clock = clock
        self._last = 0
        self._reader: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self.listeners: set[Listener] = set()

    async def join(self, listener: Listener) -> None:
        """Begin to hear of changes; the first who joins begins the reading."""
        self.listeners.add(listener)
        if self._reader is None:
            self._last, _ = await asyncio.to_thread(self._store.stop_changes, self._workspace, 0, 0)
            if self._reader is None:
                self._reader = asyncio.create_task(self._read())

    def leave(self, listener: Listener) -> None:
        """Hear no more; the reading ends with the last."""
        self.listeners.discard(listener)
        if not self.listeners and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def cut(self) -> None:
        """Let everybody come back and begin anew."""
        for listener in self.listeners:
            listener.is_cut = True

    async def snapshot(self, caller: Caller) -> Sequence[bytes]:
        """Return what is stopped now and touches a caller, as events."""
        return await asyncio.to_thread(self._snapshot, caller)

    async def _read(self) -> None:
        try:
            with self._commits.followed(self._workspace) as followed:
                while True:
                    count = followed.count
                    last, found = await asyncio.to_thread(self._page)
                    for changed in found:
                        self._tell(changed)
                    self._last = last
                    if len(found) < PAGE:
                        await followed.after(count, LOOK_AGAIN_S)
                        await asyncio.sleep(GATHER_S)
        except StoreError:  # whoever listens comes back, and begins with what is stopped by then
            self._reader = None
            self.cut()

    def _tell(self, changed: Changed) -> None:
        told = [each for each in self.listeners if not each.is_cut and changed.touched.touches(each.caller)]
        for listener in told:
            try:
                listener.waiting.put_nowait(changed)
            except asyncio.QueueFull:
                listener.is_cut = True
        if told and changed.is_set:
            # Behind the telling: who is told of a stop must not wait until that is written down.
            task = asyncio.create_task(asyncio.to_thread(self._write_down, changed.id, told))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    # -- in a thread

    def _page(self) -> tuple[int, list[Changed]]:
        last, found = self._store.stop_changes(self._workspace, self._last, PAGE)
        return last, [self._changed(seq, orjson.loads(body)) for seq, body in found]

    def _changed(self, seq: int, record: dict[str, Any]) -> Changed:
        scope, what, stop = ScopeId(record["scope"]), str(record["what"]), record["stop"]
        at = Instant(record["at"] if stop is None else stop["at"])
        shown = {"target": target_text(scope, what), "stop": stop}
        if stop is not None:
            shown["id"] = stop_id(scope, what, at)
        line = b"event: %b\nid: %d\ndata: %b\n\n" % (
            b"lifted" if stop is None else b"stopped",
            seq,
            orjson.dumps(shown),
        )
        return Changed(str(shown.get("id", "")), stop is not None, self._touched(scope, at), line)

    def _touched(self, scope: ScopeId, at: Instant) -> Touched:
        kind, name = _parts(scope)
        if kind in (ScopeKind.WORKSPACE, ScopeKind.AGENT):
            return Touched(kind, name)
        # A termination ends runs behind its stop: those that ended since are touched as well.
        found = self._store.runs_within(self._workspace, kind, name, MOST_RUNS, since=at)
        return Touched(kind, runs=frozenset((run.agent, run.id) for run in found))

    def _snapshot(self, caller: Caller) -> list[bytes]:
        assert caller.agent is not None, "only agents listen here"
        kind, name = (ScopeKind.AGENT, str(caller.agent)) if caller.run is None else (ScopeKind.RUN, str(caller.run))
        runs = self._store.runs_within(self._workspace, kind, name, MOST_RUNS)
        runs = [run for run in runs if caller.run in (None, run.id)]
        now = self._clock.now()
        return [
            b"event: stopped\ndata: %b\n\n"
            % orjson.dumps(
                {
                    "target": target_text(scope.id, what),
                    "stop": stop.as_json(),
                    "id": stop_id(scope.id, what, stop.at),
                    "before": True,
                }
            )
            for scope in self._store.stopped(self._workspace, MOST_RUNS)
            if _holds(scope.id, caller, runs)
            for what, stop in scope.stops.items()
            if stop.holds_at(now)
        ]

    def _write_down(self, stop: str, told: Sequence[Listener]) -> None:
        now = self._clock.now()
        rows = [
            Acknowledgement(
                self._workspace, stop, each.name, each.caller.agent, CredentialId(each.caller.credential), now
            )
            for each in told
            if each.caller.agent is not None
        ]
        try:
            write_down(self._store, rows)
        except StoreError:
            return  # only a count: who was told was told


def write_down(store: Store, told: Sequence[Acknowledgement]) -> None:
    """Put who was told, or has acknowledged, where it is counted. Raises StoreError."""
    transactions = store.transactions()
    try:
        transactions.begin(Wanted())
        transactions.commit(Writes(liveness=list(told)))
    except BaseException:
        transactions.rollback()
        raise
    finally:
        transactions.close()


def _parts(scope: ScopeId) -> tuple[ScopeKind, str]:
    rest = scope.partition("/")[2]
    kind, _, name = rest.partition("/")
    return (ScopeKind(kind), name) if rest else (ScopeKind.WORKSPACE, "")


def _holds(scope: ScopeId, caller: Caller, runs: Sequence[Run]) -> bool:
    kind, name = _parts(scope)
    match kind:
        case ScopeKind.WORKSPACE:
            return True
        case ScopeKind.AGENT:
            return name == caller.agent
        case ScopeKind.TEAM:
            return any(run.team == name for run in runs)
        case ScopeKind.USER:
            return any(run.on_behalf_of == name for run in runs)
    return any(RunId(name) in (run.id, *run.ancestors) for run in runs)
