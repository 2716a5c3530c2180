"""The facts of one action, from the rows that a transaction has loaded and locked."""

from __future__ import annotations

from collections.abc import MutableMapping

from remit.domain.clock import Instant
from remit.domain.facts import ApprovalFacts, Facts, Scope, ScopeKind, Superior, scope_id
from remit.domain.ids import ScopeId
from remit.domain.run import Run, RunAbove
from remit.kernel import temporal
from remit.kernel.loops.history import repeats
from remit.kernel.prepared import Prepared


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

    def superior(above: RunAbove) -> Superior:
        team = None if above.team is None else of(ScopeKind.TEAM, above.team)
        held = of(ScopeKind.RUN, above.id)
        return Superior(above.agent, above.started_at, held, of(ScopeKind.AGENT, above.agent), team)

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
        above=_stopped_above(run, scopes) if run.ancestors else (),
        line=tuple(map(superior, run.line)),
    )
    if call.rules.configuration.settings.temporal:
        facts.temporal = temporal.read(call, facts)
    return facts


def _stopped_above(run: Run, scopes: MutableMapping[ScopeId, Scope]) -> tuple[Scope, ...]:
    rows = (scopes.get(id) for id in dict.fromkeys(run.scopes) if id not in run.own_scopes)
    return tuple(scope for scope in rows if scope is not None and scope.stops)
