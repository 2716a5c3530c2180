"""The calls that servers are carrying out: their leases are prolonged, and a stop cuts them short.

Nothing is decided here: a stop holds at its commit, whoever hears of it. One task a workspace looks after all its
calls, and only after those that take a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from remit.asgi.commits import Commits
from remit.domain.facts import Stop
from remit.domain.ids import ActionId, RunId, WorkspaceName
from remit.domain.run import Run
from remit.execution.served import ServedDoor
from remit.storage.port import StoreError

LINGERS_S = 30.0
"""How long is gone on listening after the last call."""
LOOK_S = 0.1
"""How often is looked at most."""
AGAIN_S = 1.0
"""How often is looked at least: stops set by other processes may not be told."""
YOUNG_S = 0.15
"""How long a call may take before it is looked after."""

_log = logging.getLogger("remit.gateways.mcp")


@dataclass(eq=False)
class Flight:
    """One call that is carried out. `why` is set before it is cancelled from here."""

    door: ServedDoor
    run: Run
    action: ActionId
    target: str
    task: asyncio.Task[object]
    began: float = field(default_factory=time.monotonic)
    why: str = ""
    stop: Stop | None = None
    is_over: bool = False

    def cut(self, why: str, stop: Stop | None = None) -> None:
        """End it; the first reason is the one that counts. What has come to a result is settled with that."""
        if not self.why and not self.is_over:
            self.why, self.stop = why, stop
            self.task.cancel()


class Flights:
    """All calls of one process. Owned by the event loop."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._aboard: dict[WorkspaceName, set[Flight]] = {}
        self._watchers: dict[WorkspaceName, asyncio.Task[None]] = {}

    @contextmanager
    def aboard(self, door: ServedDoor, run: Run, action: ActionId, target: str) -> Iterator[Flight]:
        """Have a call looked after that the current task carries out."""
        task = asyncio.current_task()
        assert task is not None
        flight = Flight(door, run, action, target, task)
        aboard = self._aboard.setdefault(door.workspace, set())
        aboard.add(flight)
        watcher = self._watchers.get(door.workspace)
        if watcher is None or watcher.done():
            self._watchers[door.workspace] = asyncio.create_task(self._watch(door.workspace, aboard))
        try:
            yield flight
        finally:
            flight.is_over = True
            aboard.discard(flight)

    def cut_all(self) -> None:
        """Cut everything short: this process stops."""
        for flight in [each for aboard in self._aboard.values() for each in aboard]:
            flight.cut("closing")

    async def close(self) -> None:
        """Stop listening."""
        for watcher in self._watchers.values():
            watcher.cancel()
        for watcher in self._watchers.values():
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
        self._watchers.clear()

    async def _watch(self, workspace: WorkspaceName, aboard: set[Flight]) -> None:
        used = prolonged = time.monotonic()
        with self._commits.followed(workspace) as followed:
            while time.monotonic() - used < LINGERS_S:
                count = followed.count
                now = time.monotonic()
                if aboard:
                    used = now
                    lease_s = next(iter(aboard)).door.action_lease_s
                    await self._look(aboard, now)
                    if now - prolonged > lease_s / 3:
                        prolonged = now
                        await self._prolong(aboard)
                await asyncio.sleep(LOOK_S)
                is_young = any(time.monotonic() - each.began < YOUNG_S + LOOK_S for each in aboard)
                await followed.after(count, LOOK_S if is_young else AGAIN_S)

    async def _look(self, aboard: set[Flight], now: float) -> None:
        looked = {(each.run.id, each.target): each for each in aboard if now - each.began > YOUNG_S}
        if not looked:
            return
        try:
            found = await asyncio.to_thread(_stops_on, list(looked.values()))
        except StoreError:
            return  # what is stopped is denied its next call all the same
        for flight in [each for each in aboard if (each.run.id, each.target) in found]:
            flight.cut("stopped", found[flight.run.id, flight.target])

    async def _prolong(self, aboard: set[Flight]) -> None:
        by_run: dict[RunId, list[Flight]] = {}
        for flight in aboard:
            by_run.setdefault(flight.run.id, []).append(flight)
        for flights in by_run.values():
            one = flights[0]
            try:
                await one.door.prolong(one.run, tuple(each.action for each in flights))
            except Exception as error:  # noqa: BLE001 - it is tried again; the others must be prolonged as well
                _log.warning("the calls of %s could not be prolonged: %s", one.run.id, type(error).__name__)


def _stops_on(flights: list[Flight]) -> dict[tuple[RunId, str], Stop]:
    found = {(each.run.id, each.target): each.door.stop_on(each.run, f"tool:{each.target}") for each in flights}
    return {looked: stop for looked, stop in found.items() if stop is not None}
