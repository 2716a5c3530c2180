"""Who is still there: ends and leases of runs and actions, and who was told of a stop.

What is written here besides a run's end is no part of the ledger: losing it loses no decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from remit.domain.clock import Instant
from remit.domain.facts import Scope, ScopeKind
from remit.domain.ids import ActionId, AgentName, CredentialId, RunId, WorkspaceName
from remit.domain.run import Run


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Nobody waits to hear of this run any more."""

    run: RunId
    at: Instant


@dataclass(frozen=True, slots=True)
class RunHeard:
    """Somebody said that they still carry this run out. The first time begins its lease."""

    run: RunId
    at: Instant


@dataclass(frozen=True, slots=True)
class RunWoken:
    """Something has become known that a workflow's run may wait for."""

    run: RunId


@dataclass(frozen=True, slots=True)
class LeaseProlonged:
    """The outcome of an action is waited for until then."""

    action: ActionId
    until: Instant


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A listener was told of a stop, and perhaps has said so. Believed for show only: nothing is decided by it."""

    workspace: WorkspaceName
    stop: str
    listener: str
    agent: AgentName
    credential: CredentialId
    told_at: Instant
    acknowledged_at: Instant | None = None


LivenessWrite = RunEnded | RunHeard | RunWoken | LeaseProlonged | Acknowledgement


class LivenessReads(Protocol):
    """Questions about who is still there. Each is one consistent read."""

    def stopped(self, workspace: WorkspaceName, limit: int, after: str = "") -> Sequence[Scope]:
        """Return the scopes with stops, whether they hold still or not, in the order of their ids, behind `after`."""

    def stop_changes(self, workspace: WorkspaceName, after: int, limit: int) -> tuple[int, Sequence[tuple[int, bytes]]]:
        """Return up to which record was looked, and those behind `after` that say of stops, as (number, body)."""

    def lapsed(self, now: Instant) -> Sequence[tuple[WorkspaceName, Scope]]:
        """Return scopes of all workspaces that hold a stop whose end has come."""

    def runs_within(
        self, workspace: WorkspaceName, kind: ScopeKind, name: str, limit: int, since: Instant | None = None
    ) -> Sequence[Run]:
        """Return the open runs within a scope, those below a run included, and with `since` those ended from then on.

        `kind` and `name` are as in domain/facts.scope_id.
        """

    def overdue(self, now: Instant) -> Sequence[tuple[ActionId, RunId]]:
        """Return open actions whose lease is over."""

    def silent(self, before: Instant, now: Instant) -> Sequence[Run]:
        """Return open runs with a lease that nothing was heard of since `before`, and that wait for nobody."""

    def acknowledgements(self, workspace: WorkspaceName, stops: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """Return how many were told of each stop and how many have acknowledged it, of those anybody was told of."""

    def listeners(self, workspace: WorkspaceName, stop: str, limit: int) -> Sequence[Acknowledgement]:
        """Return who was told of a stop, by listener."""
