"""The storage port: what admission and the control plane may ask of a database, and what they may rely on.

Guarantees every implementation keeps (tests/storage holds the suite):
- `begin` takes the locks before it reads, the workspace's scope first, then the others in id order.
- `commit` returns only when everything in `Writes` is durable; if it raises, nothing of it may be assumed
either way, and a
  retry with the same record keys finds out.
- Records are never changed and never deleted.
- With a key that is destroyed go the loop histories of the runs sealed under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

from remit.domain.clock import Instant
from remit.domain.facts import ApprovalState, Scope
from remit.domain.ids import (
    ActionId,
    AgentName,
    ApprovalId,
    BudgetName,
    KeyId,
    OwnerId,
    ReleaseId,
    RunId,
    ScopeId,
    WorkspaceName,
)
from remit.domain.record import Record
from remit.domain.release import BudgetUnit, Release
from remit.domain.run import Run
from remit.storage.approval import Approval as Approval
from remit.storage.candidate import CandidateReads, CandidateWrite
from remit.storage.delegation import Delegation
from remit.storage.identity import IdentityReads, IdentityWrite
from remit.storage.liveness import LivenessReads, LivenessWrite


class StoreError(Exception):
    """The database did not do what was asked: full, read-only, locked, gone.

    Nothing may be admitted; the message says what to do.
    """


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one admitted action holds of one budget, in the window that begins at `start`."""

    scope: ScopeId
    budget: BudgetName
    unit: BudgetUnit
    start: int
    amount: int


@dataclass(frozen=True, slots=True)
class OpenAction:
    """An admitted action without an outcome, or with the outcome `unknown`."""

    id: ActionId
    workspace: WorkspaceName
    run: RunId
    agent: AgentName
    target: str
    owner: OwnerId
    admitted_at: Instant
    reservations: tuple[Reservation, ...]
    unknown: bool = False
    lease_until: int = 0
    """When its outcome is given up; 0 where that is only when its owner is gone."""


@dataclass(frozen=True, slots=True)
class SealedPayload:
    """Arguments, a result or a task text, encrypted under a run's or a data subject's key."""

    owner: str
    part: str
    key: KeyId
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A payload key, encrypted under the master key. Destroying it makes every payload under it unreadable for ever."""

    id: KeyId
    wrapped: bytes = field(repr=False)
    created_at: Instant

    @property
    def is_destroyed(self) -> bool:
        """Whether this is a tombstone: the key is gone, and none is made in its place. `created_at` then says when."""
        return not self.wrapped


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a transaction needs to have loaded and locked."""

    scopes: Iterable[ScopeId] = ()
    record_keys: Sequence[str] = ()
    open_actions: Sequence[ActionId] = ()
    approvals: Sequence[tuple[RunId, str]] = ()
    approval_ids: Sequence[ApprovalId] = ()
    releases: Iterable[ReleaseId] = ()
    workspace: WorkspaceName = WorkspaceName("")


@dataclass(slots=True)
class Loaded:
    """What was found; a missing key was not there."""

    scopes: dict[ScopeId, Scope] = field(default_factory=dict)
    records: dict[str, bytes] = field(default_factory=dict)
    open_actions: dict[ActionId, OpenAction] = field(default_factory=dict)
    approvals: dict[tuple[RunId, str], Approval] = field(default_factory=dict)
    approvals_by_id: dict[ApprovalId, Approval] = field(default_factory=dict)
    withdrawn: set[ReleaseId] = field(default_factory=set)


@dataclass(slots=True)
class Writes:
    """What a transaction writes, in bulk, at its end."""

    scopes: dict[ScopeId, Scope] = field(default_factory=dict)
    histories: dict[ScopeId, Scope] = field(default_factory=dict)
    stops: dict[ScopeId, Scope] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    opened: list[OpenAction] = field(default_factory=list)
    closed: list[ActionId] = field(default_factory=list)
    unknown: list[ActionId] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    voided: list[RunId] = field(default_factory=list)
    keys: list[WrappedKey] = field(default_factory=list)
    destroyed: list[tuple[KeyId, Instant]] = field(default_factory=list)
    payloads: list[SealedPayload] = field(default_factory=list)
    approvals: dict[ApprovalId, Approval] = field(default_factory=dict)
    heartbeat: tuple[OwnerId, Instant] | None = None
    releases: list[Release] = field(default_factory=list)
    activations: list[Activation] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    withdrawn: list[tuple[WorkspaceName, ReleaseId, Instant]] = field(default_factory=list)
    identity: list[IdentityWrite] = field(default_factory=list)
    delegations: list[Delegation] = field(default_factory=list)
    liveness: list[LivenessWrite] = field(default_factory=list)
    candidates: list[CandidateWrite] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Activation:
    """A channel was pointed at a release."""

    workspace: WorkspaceName
    channel: str
    release: ReleaseId
    by: str
    at: Instant
    message: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """One person wants a channel to point at a release, and another is to agree. Only who agreed, and when, changes.

    `before` is what the channel pointed at then, or empty: once it points elsewhere the proposal is void.
    """

    id: str
    workspace: WorkspaceName
    channel: str
    release: ReleaseId
    before: str
    by: str
    at: Instant
    message: str
    activated_by: str | None = None
    activated_at: Instant | None = None


class Transactions(Protocol):
    """One connection that one thread owns. `begin` … `commit` or `rollback`, never nested."""

    def begin(self, wanted: Wanted) -> Loaded: ...

    def commit(self, writes: Writes) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class Reads(LivenessReads, CandidateReads, Protocol):
    """Questions of the control plane and of door start-up.

    Each is one consistent read; safe to call from any thread.
    """

    def run(self, run: RunId) -> Run | None: ...

    def runs(
        self,
        workspace: WorkspaceName,
        limit: int,
        before: RunId | None = None,
        agent: str = "",
        on_behalf_of: str = "",
    ) -> Sequence[Run]: ...
    def runs_of(self, runs: Sequence[RunId]) -> Sequence[Run]: ...

    def scope(self, scope: ScopeId) -> Scope | None: ...

    def scopes_of(self, scopes: Sequence[ScopeId]) -> Sequence[Scope]: ...

    def key(self, key: KeyId) -> WrappedKey | None: ...

    def keys(self, keys: Sequence[KeyId]) -> Sequence[WrappedKey]: ...

    def some_key(self) -> WrappedKey | None: ...

    def payload(self, owner: str, part: str) -> SealedPayload | None: ...

    def payloads(self, owners: Sequence[str], part: str) -> Sequence[SealedPayload]: ...

    def records(
        self,
        workspace: WorkspaceName,
        after: int = 0,
        limit: int = 1000,
        run: RunId | None = None,
        kind: str = "",
    ) -> Sequence[tuple[int, bytes]]: ...

    def span(self, workspace: WorkspaceName, kind: str, since: Instant, until: Instant) -> tuple[int, int]: ...

    def record(self, workspace: WorkspaceName, key: str) -> bytes | None: ...

    def records_at(self, workspace: WorkspaceName, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The bodies of those records that there are, by key; of a page's worth of keys."""

    def approval(self, approval: ApprovalId) -> Approval | None: ...

    def approvals(self, workspace: WorkspaceName, state: ApprovalState | None = None) -> Sequence[Approval]: ...

    def approvals_due(self, now: Instant) -> Sequence[Approval]:
        """Those of every workspace that time has changed since they were written."""

    def delegations(self, workspace: WorkspaceName) -> Sequence[Delegation]:
        """Newest first, those that are over included."""

    def open_actions(self, workspace: WorkspaceName) -> Sequence[OpenAction]: ...

    def abandoned(self, before: Instant) -> Sequence[OpenAction]: ...

    def release(self, workspace: WorkspaceName, release: ReleaseId) -> Release | None: ...

    def releases(self, workspace: WorkspaceName) -> Sequence[Release]: ...

    def active(self, workspace: WorkspaceName, channel: str) -> ReleaseId | None: ...

    def active_releases(self) -> Set[tuple[WorkspaceName, ReleaseId]]:
        """Those that any channel of any workspace points at now."""

    def channels(self, workspace: WorkspaceName) -> Sequence[str]: ...

    def activations(self, workspace: WorkspaceName, channel: str) -> Sequence[Activation]: ...

    def proposals(self, workspace: WorkspaceName) -> Sequence[Proposal]: ...

    def workspaces(self) -> Sequence[WorkspaceName]: ...


class Changes(Protocol):
    """Says that a workspace may have new records; which, whoever listens reads, after the last it has seen.

    Each step blocks until records were committed, by whichever process, since `listen` or the step before; several
    commits may be one step, and a step may come for nothing. None is missed for longer than the store's polling takes:
    a second on SQLite, five on PostgreSQL where a NOTIFY was lost. `close` may be called by any thread and ends the
    iteration.
    """

    def __iter__(self) -> Iterator[None]: ...

    def __next__(self) -> None: ...

    def close(self) -> None: ...


class Store(Reads, IdentityReads, Protocol):
    """A database. `transactions` opens a connection of its own for the thread that calls it."""

    def transactions(self) -> Transactions: ...

    def listen(self, workspace: WorkspaceName) -> Changes: ...

    def close(self) -> None: ...
