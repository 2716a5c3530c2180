"""What the writer is asked to do. Everything costly was worked out before: parsing, checking, sealing, sketching."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from remit.domain.action import Outcome
from remit.domain.ids import ActionId, RunId, WorkspaceName
from remit.domain.release import LoopRule
from remit.domain.run import Run
from remit.kernel.loops.sketch import CallSketch, ResultSketch
from remit.kernel.prepared import Prepared
from remit.storage.port import SealedPayload, WrappedKey


@dataclass(frozen=True, slots=True)
class StartRun:
    """Put a run on record."""

    run: Run
    key: WrappedKey | None
    task_digest: str
    payloads: tuple[SealedPayload, ...] = ()

    @property
    def record_key(self) -> str:
        """Unique in the workspace."""
        return f"{self.run.id}/started"


@dataclass(frozen=True, slots=True)
class Admit:
    """Decide an action, reserve for it and put it on record."""

    call: Prepared
    payloads: tuple[SealedPayload, ...] = ()

    @property
    def run(self) -> Run:
        """The run the action belongs to."""
        return self.call.run

    @property
    def record_key(self) -> str:
        """Unique in the workspace."""
        return f"{self.call.action.id}/decision"


@dataclass(frozen=True, slots=True)
class Observation:
    """What the loop check learns from an outcome."""

    call: CallSketch
    result: ResultSketch
    pollable: bool
    rule: LoopRule


LATE = "remit:door"
"""Who reconciles an outcome that came late: the door that the action went through."""


@dataclass(frozen=True, slots=True)
class Settle:
    """Put on record what became of an admitted action, and release what it did not spend.

    `reconciles` marks an answer to an outcome that was unknown so far, `by` who gave it.
    """

    run: Run
    outcome: Outcome
    observation: Observation | None = None
    result_digest: str = ""
    payloads: tuple[SealedPayload, ...] = ()
    reconciles: bool = False
    by: str = ""

    @property
    def record_key(self) -> str:
        """Unique in the workspace."""
        return f"{self.outcome.action}/{'reconciled' if self.reconciles else 'outcome'}"

    def late(self) -> Settle:
        """Return this outcome as one that comes after it was put on record as unknown."""
        return replace(self, reconciles=True, by=self.by or LATE)


@dataclass(frozen=True, slots=True)
class EndRun:
    """Put the end of a run on record; nothing is admitted in it afterwards."""

    run: Run
    status: str

    @property
    def record_key(self) -> str:
        """Unique in the workspace."""
        return f"{self.run.id}/ended"


Command = StartRun | Admit | Settle | EndRun


@dataclass(frozen=True, slots=True)
class Settled:
    """The durable answer to Settle."""

    action: ActionId
    status: str
    overrun: bool = False
    loop: str = ""
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class RunStanding:
    """The durable answer to StartRun and EndRun."""

    run: RunId
    repeated: bool = False


@dataclass(slots=True)
class Batch:
    """Commands on one workspace that share a transaction."""

    workspace: WorkspaceName
    commands: list[Command] = field(default_factory=list)
