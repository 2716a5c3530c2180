"""One execution of an agent, as it was started. What changes while it runs is in facts.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from remit.domain.clock import Instant
from remit.domain.ids import AgentName, KeyId, ReleaseId, RunId, TeamName, UserId, WorkspaceName


@dataclass(frozen=True, slots=True)
class RunAbove:
    """A run above another one, as far as it bounds what may be done below it."""

    id: RunId
    agent: AgentName
    team: TeamName | None
    started_at: Instant


@dataclass(frozen=True, slots=True)
class Run:
    """A run and what it is pinned to.

    Attributes:
        release: the release it began with and keeps, unless that is withdrawn.
        parent: the run whose agent delegated to this one.
        ancestors: the runs above it, the one at the top first and `parent` last. A stop on any of them holds it, too.
        line: what is to be known of `ancestors`, in the same order: nothing is admitted here that they may not do.
        depth: 0 for a run a person or a system started, one more for each delegation.
        key: the key its payloads are sealed under: the data subject's where one was named, else its own.
        salt: makes digests of its payloads unguessable; derived from the key and destroyed with it.
    """

    id: RunId
    workspace: WorkspaceName
    agent: AgentName
    team: TeamName | None
    release: ReleaseId
    on_behalf_of: UserId
    purpose: str
    started_at: Instant
    key: KeyId
    parent: RunId | None = None
    depth: int = 0
    ancestors: tuple[RunId, ...] = ()
    line: tuple[RunAbove, ...] = ()
    salt: bytes = field(default=b"", repr=False)
