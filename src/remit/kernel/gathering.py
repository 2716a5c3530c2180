"""The facts of one action, from the rows that a transaction has loaded and locked."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from remit.domain.clock import Instant
from remit.domain.facts import ApprovalFacts, Facts, Scope, ScopeKind, scope_id
from remit.domain.ids import ScopeId
from remit.domain.run import Run
from remit.kernel import temporal
from remit.kernel.loops.history import repeats
from remit.kernel.prepared import Prepared


def scopes_of(run: Run) -> Iterator[ScopeId]:
    """Name the rows whose locks whoever decides something in this run takes: its own, and of the runs above it."""
    yield from own_scopes_of(run)
    yield from _above(run)


def _above(run: Run) -> Iterator[ScopeId]:
    return (scope_id(ScopeKind.RUN, run.workspace, ancestor) for ancestor in run.ancestors)


def own_scopes_of(run: Run) -> Iterator[ScopeId]:
    """Name the rows that what happens in this run counts on."""
    yield scope_id(ScopeKind.WORKSPACE, run.workspace)
    if run.team is not None:
        yield scope_id(ScopeKind.TEAM, run.workspace, run.team)
    yield scope_id(ScopeKind.AGENT, run.workspace, run.agent)
    yield scope_id(ScopeKind.USER, run.workspace, run.on_behalf_of)
    yield scope_id(ScopeKind.RUN, run.workspace, run.id)


def row(scopes: MutableMapping[ScopeId, Scope], id: ScopeId, kind: ScopeKind) -> Scope:
    """Return a scope's row; one that nothing was counted on yet is empty, and from now on among the others."""
    scope = scopes.get(id)
    if scope is None:
        scope = scopes[id] = Scope(id, kind)
    return scope


def facts_of(
    call: Prepared,
    scopes: MutableMapping[ScopeId, Scope],
    now: Instant,
    *,
    withdrawn: bool,
    approval: ApprovalFacts | None,
) -> Facts:
    """Return what an action is decided on. The rows are those of `scopes`, not copies."""
    run = call.run

    def of(kind: ScopeKind, name: str = "") -> Scope:
        return row(scopes, scope_id(kind, run.workspace, name), kind)

    scope = scopes.get(scope_id(ScopeKind.RUN, run.workspace, run.id))
    facts = Facts(
        now=now,
        workspace=of(ScopeKind.WORKSPACE),
        team=None if run.team is None else of(ScopeKind.TEAM, run.team),
        agent=of(ScopeKind.AGENT, run.agent),
        user=of(ScopeKind.USER, run.on_behalf_of),
        run=scope,
        repeats=repeats(scope.history, call.sketch.exact) if scope is not None and scope.history else 0,
        withdrawn=withdrawn,
        approval=approval,
        above=tuple(held for id in _above(run) if (held := scopes.get(id)) is not None and held.stops),
    )
    if call.rules.configuration.settings.temporal:
        facts.temporal = temporal.read(call, facts)
    return facts
