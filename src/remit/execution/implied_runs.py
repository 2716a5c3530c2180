"""Runs for agents that know of none: one for each conversation, begun by the first request of it.

A conversation is what its door takes for one: a session, or the beginning of a chat. It is over after a pause. Its
runs have keys that follow from it, so that every process of a database comes to the same run; one that a process meets
for the first time long after it began counts as over.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from remit.domain.admission import RunRequest
from remit.domain.clock import MICROS_PER_SECOND, Clock
from remit.domain.ids import AgentName, RunId, UserId, WorkspaceName
from remit.domain.run import Run
from remit.execution.served import ServedDoor

IDLE = "idle"
"""How the run of a conversation ends that went on no more."""
MAX_KEPT = 8_192
"""Most conversations that are remembered; others are looked up again."""
MAX_RUNS = 10_000
"""Most runs of one conversation."""


class TooManyRuns(Exception):
    """A conversation has had all the runs it can have: it must name a run of its own."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What tells conversations apart. `name` is the door's, as `mcp/SESSION`; it is kept as a digest only."""

    workspace: WorkspaceName
    agent: AgentName
    channel: str
    on_behalf_of: UserId
    name: str

    @property
    def key(self) -> str:
        """The same in every process."""
        told = "\x00".join((self.agent, self.channel, self.on_behalf_of, self.name))
        return f"conversation/{hashlib.sha256(told.encode('utf-8', 'backslashreplace')).hexdigest()}"


@dataclass(slots=True)
class _Kept:
    run: Run
    number: int
    used: float
    is_over: bool = False


class ImpliedRuns:
    """The runs of conversations. Owned by one event loop."""

    def __init__(self, clock: Clock, pause_s: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin. A conversation is over after `pause_s` without a request."""
        self._clock = clock
        self._pause_s = pause_s
        self._monotonic = monotonic
        self._kept: OrderedDict[Conversation, _Kept] = OrderedDict()
        self._of_runs: dict[RunId, Conversation] = {}

    async def of(self, door: ServedDoor, conversation: Conversation, task: Callable[[], str] = str) -> Run:
        """Return the run of a conversation, started where there is none, with `task`.

        Raises RunRefused and TooManyRuns.
        """
        kept, number = self._kept.get(conversation), 0
        if kept is not None:
            if not kept.is_over and self._monotonic() - kept.used < self._pause_s:
                kept.used = self._monotonic()
                self._kept.move_to_end(conversation)
                return kept.run
            if not kept.is_over:
                await door.end_once(kept.run, IDLE)
            number = kept.number + 1
        return await self._next(door, conversation, number, task())

    def over(self, run: Run) -> bool:
        """Hear that a run has ended; whether it was a conversation's, which then goes on in another."""
        conversation = self._of_runs.get(run.id)
        if conversation is None:
            return False
        self._kept[conversation].is_over = True
        return True

    async def _next(self, door: ServedDoor, conversation: Conversation, number: int, task: str) -> Run:
        request = RunRequest(conversation.agent, conversation.on_behalf_of, task, channel=conversation.channel)
        for tried in range(number, MAX_RUNS):
            run, repeated = await door.start_once(request, f"{conversation.key}/{tried}")
            if repeated and self._is_old(run):
                await door.end_once(run, IDLE)
                continue
            self._keep(conversation, _Kept(run, tried, self._monotonic()))
            return run
        raise TooManyRuns("start a run and name it: this conversation has had too many")

    def _is_old(self, run: Run) -> bool:
        return self._clock.now() - run.started_at > self._pause_s * MICROS_PER_SECOND

    def _keep(self, conversation: Conversation, kept: _Kept) -> None:
        before = self._kept.pop(conversation, None)
        if before is not None:
            self._of_runs.pop(before.run.id, None)
        self._kept[conversation] = kept
        self._of_runs[kept.run.id] = conversation
        if len(self._kept) > MAX_KEPT:
            _, oldest = self._kept.popitem(last=False)
            self._of_runs.pop(oldest.run.id, None)
