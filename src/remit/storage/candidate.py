"""What is kept of candidate releases on their way: backtests over history, observation and canaries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from remit.domain.clock import Instant
from remit.domain.flip import NOTHING_COMPARED, Comparison
from remit.domain.ids import AgentName, OwnerId, ReleaseId, RunId, WorkspaceName


class BacktestState(StrEnum):
    """Where a backtest stands. One whose process vanished stays `running` and is no longer seen."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Backtest:
    """A candidate against the recorded decisions of `[since, until)`.

    Attributes:
        release: the candidate's id by content; it need not be stored.
        base: the release that was active, whose own flips do not count against the candidate; empty where none was.
        agent, target: what it was narrowed to; empty for everything.
        seen_at: when its process last said how far it is.
        decided, total: how many decisions it has come past, and how many there are.
        fault: why it failed.
    """

    id: str
    workspace: WorkspaceName
    release: ReleaseId
    base: str
    since: Instant
    until: Instant
    agent: str
    target: str
    by: str
    state: BacktestState
    started_at: Instant
    seen_at: Instant
    decided: int = 0
    total: int = 0
    comparison: Comparison = NOTHING_COMPARED
    fault: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it went over everything in its time, to the end."""
        return self.state is BacktestState.DONE and not self.agent and not self.target


class TrialKind(StrEnum):
    """What a candidate does: decide beside the live release, or for some of the new runs."""

    OBSERVE = "observe"
    CANARY = "canary"


class TrialState(StrEnum):
    """Where a trial stands."""

    RUNNING = "running"
    STOPPED = "stopped"
    PROMOTED = "promoted"


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate on live traffic.

    Attributes:
        agents: the agents whose runs are concerned; where there are none, those of all.
        share: how many runs of ten thousand are concerned, chosen by their id; 10,000 are all.
    """

    id: str
    workspace: WorkspaceName
    channel: str
    release: ReleaseId
    kind: TrialKind
    agents: tuple[AgentName, ...]
    share: int
    by: str
    state: TrialState
    started_at: Instant
    ended_at: Instant | None = None
    ended_by: str = ""

    def concerns(self, agent: AgentName, run: RunId) -> bool:
        """Tell whether a run is among those concerned: the same answer for the same run, in whatever process."""
        return (not self.agents or agent in self.agents) and lot(self.id, run) < self.share


WHOLE = 10_000
"""All runs, as a share."""


def lot(trial: str, run: RunId) -> int:
    """Return a run's lot in a trial, from 0 to 9,999. Another trial draws other runs."""
    digest = hashlib.sha256(f"{trial}/{run}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % WHOLE


@dataclass(frozen=True, slots=True)
class TrialCount:
    """What one process has seen of a trial. Each writes its own row, so that none overwrites another's."""

    trial: str
    owner: OwnerId
    at: Instant
    comparison: Comparison


CandidateWrite = Backtest | Trial | TrialCount
"""Each is written whole, except that a backtest which was cancelled stays so."""


class CandidateReads(Protocol):
    """Questions about candidates; each is one consistent read, safe from any thread."""

    def backtest(self, workspace: WorkspaceName, id: str) -> Backtest | None: ...

    def backtests(self, workspace: WorkspaceName, release: str = "") -> Sequence[Backtest]:
        """Newest first, without what they found where no release is named."""

    def trial(self, workspace: WorkspaceName, id: str) -> Trial | None: ...

    def trials(self, workspace: WorkspaceName | None = None, *, running: bool = False) -> Sequence[Trial]:
        """Newest first; of all workspaces where none is named."""

    def trial_counts(self, trial: str) -> Sequence[TrialCount]: ...
