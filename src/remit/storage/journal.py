"""The journal of workflows: runs, how far their steps have come, and what they were told. A part of the storage port.

It holds what is no effect. An effect is an action, and whether it was admitted and what it came to is in the ledger.

Guarantees every implementation keeps (tests/storage holds the suite):
- A segment is one turn of one run and is claimed by one owner at a time; what an owner writes after another has taken
  the run over, or after the turn is over, changes nothing and raises LostRun.
- A run that is woken while a segment of it is under way has another segment after that one.
- What ends a run wakes its parent, and the next run that waits for its place, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from remit.domain.clock import Instant
from remit.domain.ids import AgentName, KeyId, OwnerId, ReleaseId, RunId, WorkflowName, WorkspaceName
from remit.domain.workflow_act import WorkflowAsked
from remit.domain.workflow_progress import OVER, Progress, WorkflowState

TO_UNDO = "undo"
"""What `cancel` says of a run that was over and is undone since somebody asked for that."""
NOT_UNDONE = "; not undone: "
"""Stands in the error of a run before the steps that could not be undone."""
NOT_MOVED = "not moved"
"""Begins the error of a run that was to go on under another release and could not."""
GIVEN_UP = "given_up"
"""What `cancel` says of a run that ended in errors of ours too often: what it did is undone, and nothing more done."""
MOVE = "move:"
"""Before a release: what `cancel` says of a run that ends since another goes on in its place under that one."""
NO_BOUND = -1
"""Stands for a budget where there is none."""


class LostRun(Exception):
    """Another worker has taken this run over: what this one still wanted to write was not written."""


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """A run of a workflow. `run` is the Run of its agent, whose task says which workflow and with which inputs.

    Attributes:
        most: how many runs of this workflow may be under way at the same time; 0: any number.
        deadline: when it is out of time; 0: never.
        ready_at: when its next segment is to be queued; None: something else wakes it.
        turn: which segment is the next one, or under way.
        turn_at: when this turn was first begun: what `now` is in expressions, whoever carries it out.
        claims: how often this turn was begun: more than a few times, and it kills whoever begins it.
        failures: turns in a row that ended in an error of ours.
        cancel: `cancel` or `terminate` where somebody has asked for that, TO_UNDO after it was over; GIVEN_UP.
        budget: most micro-USD it may spend in all, its children included; NO_BOUND: only what its agent may.
        shares: the run whose finished steps it began with.
        undo_run: the run in which it is undone.
    """

    run: RunId
    workspace: WorkspaceName
    workflow: WorkflowName
    agent: AgentName
    release: ReleaseId
    key: KeyId
    started_by: str
    created_at: Instant
    state: WorkflowState = WorkflowState.QUEUED
    priority: int = 50
    most: int = 0
    ended_at: int = 0
    deadline: int = 0
    ready_at: Instant | None = None
    turn: int = 0
    turn_at: Instant = Instant(0)
    wakes: int = 0
    owner: OwnerId = OwnerId("")
    claims: int = 0
    failures: int = 0
    cancel: str = ""
    cancelled_by: str = ""
    error: str = ""
    parent: str = ""
    budget: int = NO_BOUND
    spent: int = 0
    shares: str = ""
    undo_run: str = ""
    outputs: bytes = field(default=b"", repr=False)
    """Sealed; empty: none yet."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in OVER


@dataclass(frozen=True, slots=True)
class StoredStep:
    """A step as it is stored: `progress` without its output, which is sealed; empty where it has none."""

    progress: Progress
    output: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class WorkflowEvent:
    """Something a run was told. `used_by` is the path of the step that waited for it; empty: none yet."""

    id: str
    run: RunId
    name: str
    at: Instant
    used_by: str = ""
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends."""

    state: WorkflowState
    error: str = ""
    outputs: bytes = field(default=b"", repr=False)
    spent: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What a worker that carries a run out must hear of meanwhile."""

    cancel: str
    cancelled_by: str
    wakes: int


@dataclass(frozen=True, slots=True)
class Asking:
    """What a person asks, as it goes on record: `key` is the record's, `run` the one it is of; None for a schedule."""

    key: str
    workspace: WorkspaceName
    run: RunId | None
    asked: WorkflowAsked


class Journal(Protocol):
    """The runs of workflows of one database. Safe to use from any thread."""

    # -- runs

    def add(self, run: WorkflowRun, steps: Sequence[StoredStep] = ()) -> bool:
        """Write a run that is not there yet, with steps it begins with; False where it is there.

        Of steps that belong to a run that has not succeeded it becomes the owner. Where one may not stand, since its
        owner is under way again or another run has taken it over, the run is written as one whose end is asked for.
        """

    def run(self, run: RunId) -> WorkflowRun | None: ...

    def runs_of(self, runs: Sequence[RunId]) -> Mapping[RunId, WorkflowRun]: ...

    def runs(
        self,
        workspace: WorkspaceName,
        limit: int,
        before: RunId | None = None,
        workflow: str = "",
        state: WorkflowState | None = None,
        parent: str = "",
    ) -> Sequence[WorkflowRun]:
        """Return runs, newest first, before a given one."""

    def steps(self, run: RunId) -> Sequence[StoredStep]:
        """Return the steps of a run that have begun, by path."""

    def ended_badly(self, workspace: WorkspaceName, since: Instant, limit: int) -> Sequence[WorkflowRun]:
        """Return runs that ended since then and that somebody must look at, the oldest first.

        They failed, and no run above tells of it; or something was not undone; or they could not be moved to another
        release. Those that were done again are not among them.
        """

    def counts(self, workspace: WorkspaceName) -> Mapping[WorkflowState, int]: ...

    # -- segments

    def due(self, now: Instant, fresh: Instant, limit: int) -> Sequence[WorkflowRun]:
        """Return runs whose next segment is to be queued and that no worker seen since `fresh` has: urgent ones first.

        No workspace keeps the others waiting: each gives as many as its turn among them comes to.
        """

    def queued(self, runs: Sequence[WorkflowRun], again_at: Instant) -> None:
        """Note that these segments were queued, and look again at `again_at` where one was not begun by then."""

    def claim(self, run: RunId, turn: int, owner: OwnerId, now: Instant, fresh: Instant) -> WorkflowRun | None:
        """Begin a turn; None where it is over, has another owner seen since `fresh`, or its workflow no place left.

        Where its owner is not seen any more before the turn is over, it is due at once.
        """

    def save(self, run: WorkflowRun, steps: Sequence[StoredStep], used: Mapping[str, str], spent: int = 0) -> Standing:
        """Write steps, which events were used by which of them, and what the run has spent. Raises LostRun."""

    def leave(self, run: WorkflowRun, state: WorkflowState, due_at: Instant | None, now: Instant) -> None:
        """End a turn: the next is at `due_at`, or at once where the run was woken meanwhile. Raises LostRun."""

    def stumble(self, run: WorkflowRun, again_at: Instant) -> None:
        """End a turn that failed for a reason of ours."""

    def give_up(self, run: WorkflowRun, error: str, now: Instant) -> None:
        """End a turn, and have what the run did undone at once, as GIVEN_UP or as it was asked for. Raises LostRun."""

    def end(self, run: WorkflowRun, ending: Ending, now: Instant) -> None:
        """End a run. Raises LostRun."""

    def standing_on(self, run: RunId) -> Sequence[RunId]:
        """Return runs that are under way and stand on steps which belong to one, or are above it."""

    def undone_in(self, run: WorkflowRun, undo_run: RunId) -> None: ...

    def owned(self, owner: OwnerId) -> Sequence[WorkflowRun]: ...

    # -- what wakes

    def wake(self, runs: Sequence[RunId], now: Instant) -> int:
        """Have a segment of these queued, whatever they wait for; return of how many."""

    def wake_waiting(self, workspace: WorkspaceName, waits_for: str, now: Instant) -> int:
        """Wake the runs with a step that waits for exactly this."""

    # What takes an `asking` puts that on record in the same transaction, where it changes anything.

    def cancel(self, run: RunId, how: str, by: str, now: Instant, asking: Asking | None = None) -> bool:
        """Ask for the end of a run and wake it; False where it is over, or was asked for at least as much before."""

    def undo(self, run: RunId, by: str, now: Instant, asking: Asking | None = None) -> bool:
        """Have a run undone that is over; False where it is not, or a run under way stands on it: see `standing_on`."""

    def tell(self, event: WorkflowEvent, now: Instant, asking: Asking | None = None) -> bool:
        """Keep an event for a run and wake it; False where one of this id is there, or the run is over."""

    def events(self, run: RunId, *, unused: bool) -> Sequence[WorkflowEvent]:
        """Return what a run was told, the oldest first."""
