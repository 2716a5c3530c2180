"""What the writer is asked to do. Everything costly was worked out before: parsing, checking, sealing, sketching."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from remit.domain import ending
from remit.domain.action import Outcome
from remit.domain.clock import Instant
from remit.domain.facts import stop_id
from remit.domain.ids import ActionId, ApprovalId, RunId, ScopeId, WorkspaceName
from remit.domain.release import LoopRule
from remit.domain.run import Run
from remit.domain.workflow_act import WorkflowAsked
from remit.kernel.loops.sketch import CallSketch, ResultSketch
from remit.kernel.prepared import Prepared
from remit.storage.port import SealedPayload, WrappedKey


class OnRun:
    """What a command on a run says of itself."""

    __slots__ = ()
    run: Run

    @property
    def workspace(self) -> WorkspaceName:
        """The workspace whose transaction it belongs to."""
        return self.run.workspace

    @property
    def scopes(self) -> tuple[ScopeId, ...]:
        """The rows it locks."""
        return self.run.own_scopes


@dataclass(frozen=True, slots=True)
class StartRun(OnRun):
    """Put a run on record.

    `leased`: somebody far away carries it out, and must be heard of now and then. `verified`: an identity provider has
    said for whom it acts. `asked`: what a person has asked for, where that is a run of a workflow.
    """

    run: Run
    key: WrappedKey | None
    task_digest: str
    payloads: tuple[SealedPayload, ...] = ()
    leased: bool = False
    verified: bool = False
    asked: WorkflowAsked | None = None

    @property
    def record_key(self) -> str:
        """Unique in the workspace."""
        return f"{self.run.id}/started"


@dataclass(frozen=True, slots=True)
class Admit:
    """Decide an action, reserve for it and put it on record.

    With `lease_s` its outcome is given up after so long, by the clock of whoever decides; without, only when the
    process that admitted it is gone.
    """

    call: Prepared
    payloads: tuple[SealedPayload, ...] = ()
    lease_s: int = 0
    under: ApprovalId | None = None
    """The approval that the agent acts on: this one or nothing."""

    @property
    def run(self) -> Run:
        """The run the action belongs to."""
        return self.call.run

    @property
    def workspace(self) -> WorkspaceName:
        """The workspace whose transaction it belongs to."""
        return self.run.workspace

    @property
    def scopes(self) -> tuple[ScopeId, ...]:
        """The rows it locks."""
        return self.run.scopes

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
class Settle(OnRun):
    """Put on record what became of an admitted action, and release what it did not spend.

    `reconciles` marks an answer to an outcome that was unknown so far, `by` who gave it. `if_overdue` holds only where
    the action's lease is over by then: it may have been prolonged meanwhile.
    """

    run: Run
    outcome: Outcome
    observation: Observation | None = None
    result_digest: str = ""
    payloads: tuple[SealedPayload, ...] = ()
    reconciles: bool = False
    by: str = ""
    if_overdue: bool = False

    @property
    def scopes(self) -> tuple[ScopeId, ...]:
        """The rows it locks: what was set aside is set aside on those of the runs above, too."""
        return self.run.scopes

    @property
    def record_key(self) -> str:
        """Unique in the workspace."""
        return self.late_key if self.reconciles else f"{self.outcome.action}/outcome"

    @property
    def late_key(self) -> str:
        """Its key where the outcome was put on record as unknown before."""
        return f"{self.outcome.action}/reconciled"

    def late(self) -> Settle:
        """Return this outcome as one that comes after it was put on record as unknown."""
        return replace(self, reconciles=True, by=self.by or LATE)


@dataclass(frozen=True, slots=True)
class EndRun(OnRun):
    """Put the end of a run on record; nothing is admitted in it afterwards. `by` is who ended it, if not its agent."""

    run: Run
    status: str
    by: str = ""

    @property
    def record_key(self) -> str:
        """Unique in the workspace."""
        return ending.record_key(self.run)


@dataclass(frozen=True, slots=True)
class Prolong(OnRun):
    """Hear that a run is still carried out, and wait longer for the outcomes of these actions. Not put on record."""

    run: Run
    actions: tuple[ActionId, ...]
    lease_s: int

    @property
    def record_key(self) -> str:
        """No record has it: prolonging twice is as good as once."""
        return f"{self.run.id}/prolonged"


@dataclass(frozen=True, slots=True)
class Lapse:
    """Take a stop whose end has come off its row, and put that on record."""

    workspace: WorkspaceName
    scope: ScopeId
    what: str
    at: Instant

    @property
    def record_key(self) -> str:
        """Unique in the workspace: of whoever sees it at once, one writes it."""
        return f"{stop_id(self.scope, self.what, self.at)}/lapsed"

    @property
    def scopes(self) -> tuple[ScopeId, ...]:
        """The rows it locks."""
        return (self.scope,)


@dataclass(frozen=True, slots=True)
class Reply(OnRun):
    """Put an agent's answer to a person's question on record. `payload` is the text, `digest` of it salted by run."""

    run: Run
    approval: ApprovalId
    question: str
    digest: str
    payload: SealedPayload

    @property
    def record_key(self) -> str:
        """Unique in the workspace."""
        return f"{self.question}/reply"


Command = StartRun | Admit | Settle | EndRun | Prolong | Lapse | Reply


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


@dataclass(frozen=True, slots=True)
class Prolonged:
    """The actions that are waited for longer; the others are settled, unknown, or never were admitted."""

    actions: tuple[ActionId, ...]


@dataclass(frozen=True, slots=True)
class Lapsed:
    """The durable answer to Lapse; `lifted` is false where the stop was gone, or was set again without that end."""

    lifted: bool


@dataclass(slots=True)
class Batch:
    """Commands on one workspace that share a transaction."""

    workspace: WorkspaceName
    commands: list[Command] = field(default_factory=list)
