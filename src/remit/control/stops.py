"""Freeze and unfreeze.

A freeze is an update of a row that every admission must lock: after its commit no admission commits.
"""

from __future__ import annotations

from dataclasses import dataclass

from remit.control.names import Names
from remit.control.transaction import changing
from remit.domain.clock import Clock
from remit.domain.facts import Scope, ScopeKind, Stop, StopKind, scope_id
from remit.domain.ids import Ids, ScopeId, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.text import is_actor
from remit.storage.port import Store, Wanted
from remit.workspace.report import closest


class StopRefused(Exception):
    """A stop that can not be set or lifted. The message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is stopped: a scope, or a tool or model on the workspace's row."""

    scope: ScopeId
    kind: ScopeKind
    what: str = ""


def target(workspace: WorkspaceName, text: str) -> Target:
    """Read `workspace`, or `run:ID`, `agent:NAME`, `team:NAME`, `user:NAME`, `service:NAME`, `system:NAME`,
    `tool:NAME`, `model:NAME`.

    Whom runs act for is named as runs name it, the kind included. Raises StopRefused.
    """
    kind, _, name = text.partition(":")
    if kind == "workspace" and not name:
        return Target(scope_id(ScopeKind.WORKSPACE, workspace), ScopeKind.WORKSPACE)
    if kind in ("tool", "model") and name:
        return Target(scope_id(ScopeKind.WORKSPACE, workspace), ScopeKind.WORKSPACE, text)
    if kind in ("run", "agent", "team") and name:
        return Target(scope_id(ScopeKind(kind), workspace, name), ScopeKind(kind))
    if is_actor(text):
        return Target(scope_id(ScopeKind.USER, workspace, text), ScopeKind.USER)
    raise StopRefused(
        f"{text!r} names nothing to stop: write workspace, run:ID, agent:NAME, team:NAME, user:NAME,"
        " service:NAME, system:NAME, tool:NAME or model:NAME"
    )


class Stops:
    """Stops of one database."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def freeze(self, workspace: WorkspaceName, text: str, by: str, reason: str, *, anyway: bool = False) -> Stop:
        """Stop at once everything within the target. Reversible by `unfreeze`.

        Raises StopRefused, also for an agent, team, tool or model that nobody knows: it would stop nothing. `anyway`
        stops a name that is not known yet, or no longer.
        """
        aim = target(workspace, text)
        if not anyway:
            self._check_known(workspace, aim, text)
        now = self._clock.now()
        with changing(self._store, Wanted(scopes=[aim.scope], workspace=workspace), now) as change:
            scope = change.loaded.scopes.get(aim.scope)
            if scope is None:
                if aim.kind is ScopeKind.RUN:
                    raise StopRefused(f"there is no run {text.partition(':')[2]} in workspace {workspace}")
                scope = Scope(aim.scope, aim.kind)
            before = scope.stops.get(aim.what)
            if before is not None and before.kind is StopKind.TERMINATION:
                raise StopRefused(f"{text} was terminated, which can not be lifted")
            stop = Stop(StopKind.FREEZE, by, reason, now)
            scope.stops[aim.what] = stop
            change.writes.stops[scope.id] = scope
            content: dict[str, object] = {"scope": scope.id, "what": aim.what, "stop": stop.as_json(), "by": by}
            change.record(self._ids.new("chg"), RecordKind.STOP_CHANGED, content)
        return stop

    def _check_known(self, workspace: WorkspaceName, aim: Target, text: str) -> None:
        kind, _, name = text.partition(":")
        if kind not in ("agent", "team", "tool", "model"):
            return  # a run is looked up under the lock, and whom runs act for is in no file
        if not aim.what and self._store.scope(aim.scope) is not None:
            return  # it has run already: there is no need to read releases first
        is_known, known = Names(self._store, workspace).look_up(kind, name)
        if not is_known:
            likely = closest(name, known)
            remedy = f"perhaps {kind}:{likely} is meant" if likely else "check the name"
            raise StopRefused(
                f"workspace {workspace} knows no {kind} {name}, so nothing would be stopped: {remedy}"
                " (--anyway freezes a name that is not known yet, or no longer)"
            )

    def unfreeze(self, workspace: WorkspaceName, text: str, by: str, reason: str) -> None:
        """Lift a freeze. A run that was stopped for looping begins its loop history afresh. Raises StopRefused."""
        aim = target(workspace, text)
        now = self._clock.now()
        with changing(self._store, Wanted(scopes=[aim.scope], workspace=workspace), now) as change:
            scope = change.loaded.scopes.get(aim.scope)
            if scope is None or aim.what not in scope.stops:
                raise StopRefused(f"{text} is not frozen")
            if scope.stops.pop(aim.what).kind is StopKind.TERMINATION:
                raise StopRefused(f"{text} was terminated, which can not be lifted")
            change.writes.stops[scope.id] = scope
            if scope.progress is not None and scope.progress.loop is not None:
                scope.progress.loop = None
                scope.history = b""
                change.writes.scopes[scope.id] = scope
                change.writes.histories[scope.id] = scope
            content: dict[str, object] = {
                "scope": scope.id,
                "what": aim.what,
                "stop": None,
                "by": by,
                "reason": reason,
            }
            change.record(self._ids.new("chg"), RecordKind.STOP_CHANGED, content)
