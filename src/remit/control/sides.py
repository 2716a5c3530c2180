"""The requester's side of an approval: who may not answer it, and why.

An approval goes back to the run that asks, to those above it, and to those that one of these does again, goes on with
or undoes. Whoever owns an agent of them, whoever they act for and whoever has started one is of that side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from remit.domain.ids import AgentName, RunId, UserId
from remit.domain.release import Configuration
from remit.domain.run import Run
from remit.storage.approval import Approval
from remit.storage.port import StoreError


class Part(StrEnum):
    """What makes somebody one of the requester's side."""

    OWNS = "owns"
    ACTS_FOR = "acts_for"
    STARTED = "started"


@dataclass(frozen=True, slots=True)
class Tie:
    """What ties somebody to the requester's side: `name` is the agent they own, or the run that is theirs."""

    part: Part
    name: str

    def why(self, person: UserId, approval: Approval) -> str:
        """Say why a person may not answer an approval."""
        match self.part:
            case Part.OWNS:
                handed = "" if self.name == approval.agent else f", which has handed work to {approval.agent}"
                return f"{person} owns {self.name}{handed}: nobody approves for an agent of their own"
            case Part.ACTS_FOR:
                return f"the run acts for {person}: nobody approves what is done on their own behalf"
            case Part.STARTED:
                return f"{person} has started run {self.name}: nobody approves what they have started themselves"


class Runs(Protocol):
    """Whoever has runs: a store, or what was read of one."""

    def runs_of(self, runs: Sequence[RunId]) -> Sequence[Run]:
        """Return those of the runs that are there. Raises StoreError where one above them is not."""


class RunsRead:
    """The runs of a store, each read once, for a question about many approvals."""

    def __init__(self, store: Runs) -> None:
        self._store = store
        self._read: dict[RunId, Run] = {}

    def read_ahead(self, runs: Iterable[RunId]) -> None:
        """Read many runs, and all that they go back to, together."""
        wanted = list(dict.fromkeys(runs))
        try:
            while wanted:
                found = self.runs_of(wanted)
                wanted = list(dict.fromkeys(id for id in _before(found) if id not in self._read))
        except StoreError:
            return  # one of them is not whole: each that is not read yet is read by itself, and fails alone

    def runs_of(self, runs: Sequence[RunId]) -> Sequence[Run]:
        """Return those of the runs that are there. Raises StoreError where one above them is not."""
        unread = [id for id in runs if id not in self._read]
        if unread:
            self._read |= {run.id: run for run in self._store.runs_of(unread)}
        return [self._read[id] for id in runs if id in self._read]


def side_of(store: Runs, approval: Approval, configurations: Sequence[Configuration]) -> Mapping[UserId, Tie]:
    """Return everybody of the requester's side; who owns an agent is asked of these releases.

    Raises StoreError where a run is not stored: nobody can tell then who may answer.
    """
    found: dict[UserId, Tie] = {}
    runs = _behind(store, approval.run)
    for agent in (approval.agent, *(run.agent for run in runs)):
        for configuration in configurations:
            known = configuration.agents.get(AgentName(agent))
            if known is not None:
                found.setdefault(known.owner, Tie(Part.OWNS, agent))
    found.setdefault(approval.on_behalf_of, Tie(Part.ACTS_FOR, approval.run))
    for run in runs:
        found.setdefault(run.on_behalf_of, Tie(Part.ACTS_FOR, run.id))
        if run.started_by:
            found.setdefault(UserId(run.started_by), Tie(Part.STARTED, run.id))
    return found


def _behind(store: Runs, run: RunId) -> Sequence[Run]:
    """Return a run and all that it goes back to, the nearest first."""
    found: dict[RunId, Run] = {}
    wanted = [run]
    while wanted:
        stored = {each.id: each for each in store.runs_of(wanted)}
        missing = [id for id in wanted if id not in stored]
        if missing:
            raise StoreError(f"run {run} is stored without {missing[0]}, which it goes back to")
        found |= {id: stored[id] for id in wanted}
        wanted = list(dict.fromkeys(id for id in _before(stored.values()) if id not in found))
    return list(found.values())


def _before(runs: Iterable[Run]) -> Iterator[RunId]:
    for run in runs:
        yield from reversed(run.ancestors)
        if run.follows is not None:
            yield run.follows
