"""One execution of an agent, as it was started. What changes while it runs is in facts.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from remit.domain.clock import Instant
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.ids import AgentName, KeyId, ReleaseId, RunId, ScopeId, TeamName, UserId, WorkspaceName


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
        started_by: who or what asked for it, as `user:sara` or `schedule:ID`; empty: its agent, by itself.
        verified: whether it is known for whom it acts: an identity provider has said so, or no agent named them.
        follows: the run that it does again, goes on with or undoes. Whoever had a part in that has one in this.
        salt: makes digests of its payloads unguessable; derived from the key and destroyed with it.
        own_scopes: the rows that what happens in this run counts on.
        scopes: those whose locks whoever decides something in this run takes: its own, and of the runs above it.
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
    started_by: str = ""
    follows: RunId | None = None
    verified: bool = False
    salt: bytes = field(default=b"", repr=False)
    own_scopes: tuple[ScopeId, ...] = field(init=False, repr=False, compare=False)
    scopes: tuple[ScopeId, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out the rows once; every action of the run asks for them."""
        own = (
            scope_id(ScopeKind.WORKSPACE, self.workspace),
            *(() if self.team is None else (scope_id(ScopeKind.TEAM, self.workspace, self.team),)),
            scope_id(ScopeKind.AGENT, self.workspace, self.agent),
            scope_id(ScopeKind.USER, self.workspace, self.on_behalf_of),
            scope_id(ScopeKind.RUN, self.workspace, self.id),
        )
        object.__setattr__(self, "own_scopes", own)
        object.__setattr__(self, "scopes", own + tuple(self._scopes_above()))

    def _scopes_above(self) -> Iterator[ScopeId]:
        for ancestor in self.ancestors:
            yield scope_id(ScopeKind.RUN, self.workspace, ancestor)
        for above in self.line:
            yield scope_id(ScopeKind.AGENT, self.workspace, above.agent)
            if above.team is not None:
                yield scope_id(ScopeKind.TEAM, self.workspace, above.team)
