"""Freeze and unfreeze, and what is stopped now.

A freeze is an update of a row that every admission must lock: after its commit no admission commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from remit.control.names import Names
from remit.control.transaction import Change, changing
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.deadline import BadTime, deadline
from remit.domain.facts import Scope, ScopeKind, Stop, StopKind, scope_id, stop_id
from remit.domain.ids import Ids, ScopeId, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.text import is_actor, unfit
from remit.storage.port import Store, Wanted
from remit.workspace.report import closest

LONGEST_REASON = 2_000


class StopRefused(Exception):
    """A stop that can not be set or lifted. The message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is stopped: a scope, or a tool or model on the workspace's row."""

    scope: ScopeId
    kind: ScopeKind
    what: str = ""
    name: str = ""


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
        return Target(scope_id(ScopeKind(kind), workspace, name), ScopeKind(kind), name=name)
    if is_actor(text):
        return Target(scope_id(ScopeKind.USER, workspace, text), ScopeKind.USER, name=text)
    raise StopRefused(
        f"{text!r} names nothing to stop: write workspace, run:ID, agent:NAME, team:NAME, user:NAME,"
        " service:NAME, system:NAME, tool:NAME or model:NAME"
    )


def target_text(scope: ScopeId, what: str) -> str:
    """Return how a person writes what `target` has read."""
    _, _, rest = scope.partition("/")
    kind, _, name = rest.partition("/")
    if what or not rest:
        return what or ScopeKind.WORKSPACE.value
    return name if kind == ScopeKind.USER else f"{kind}:{name}"


@dataclass(frozen=True, slots=True)
class InForce:
    """A stop that holds. `told` listeners heard of it while they listened, `acknowledged` of them have said so."""

    id: str
    target: str
    scope: ScopeId
    stop: Stop
    told: int
    acknowledged: int


class Stops:
    """Stops of one database."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def freeze(
        self, workspace: WorkspaceName, text: str, by: str, reason: str, *, until: str = "", anyway: bool = False
    ) -> Stop:
        """Stop at once everything within the target. Reversible by `unfreeze`; with `until` it ends by itself then.

        Raises StopRefused, also for an agent, team, tool or model that nobody knows: it would stop nothing. `anyway`
        stops a name that is not known yet, or no longer. A freeze does not shorten one that holds: who may freeze may
        not always lift.
        """
        aim = target(workspace, text)
        check_reason(reason)
        if not anyway:
            check_known(self._store, workspace, aim, text)
        now = self._clock.now()
        end = _end(until, now)
        with changing(self._store, Wanted(scopes=[aim.scope], workspace=workspace), now) as change:
            scope = scope_of(change, aim, text)
            before = scope.stops.get(aim.what)
            if before is not None and before.holds_at(now):
                _check_not_weaker(text, before, end)
            stop = Stop(StopKind.FREEZE, by, reason, now, end)
            set_stop(change, scope, aim.what, stop, self._ids)
        return stop

    def unfreeze(self, workspace: WorkspaceName, text: str, by: str, reason: str) -> None:
        """Lift a freeze. A run that was stopped for looping begins its loop history afresh. Raises StopRefused."""
        aim = target(workspace, text)
        check_reason(reason)
        now = self._clock.now()
        with changing(self._store, Wanted(scopes=[aim.scope], workspace=workspace), now) as change:
            scope = change.loaded.scopes.get(aim.scope)
            stop = None if scope is None else scope.stops.get(aim.what)
            if scope is None or stop is None or not stop.holds_at(now):
                raise StopRefused(f"{text} is not frozen")
            if stop.kind is StopKind.TERMINATION:
                raise StopRefused(terminated(text, stop))
            if scope.progress is not None and scope.progress.loop is not None:
                scope.progress.loop = None
                scope.history = b""
                change.writes.scopes[scope.id] = scope
                change.writes.histories[scope.id] = scope
            lift_stop(change, scope, aim.what, by, reason, self._ids)

    def in_force(self, workspace: WorkspaceName, limit: int = 1_000, after: str = "") -> Sequence[InForce]:
        """Return the stops that hold now, of at most `limit` scopes behind the scope `after`, in their order."""
        now = self._clock.now()
        found = [
            (scope, what, stop)
            for scope in self._store.stopped(workspace, limit, after)
            for what, stop in sorted(scope.stops.items())
            if stop.holds_at(now)
        ]
        ids = [stop_id(scope.id, what, stop.at) for scope, what, stop in found]
        heard = self._store.acknowledgements(workspace, ids)
        return [
            InForce(id, target_text(scope.id, what), scope.id, stop, *heard.get(id, (0, 0)))
            for id, (scope, what, stop) in zip(ids, found, strict=True)
        ]


def terminated(text: str, stop: Stop) -> str:
    """Say that a termination stands in the way."""
    return (
        f"{text} was terminated by {stop.by}, which can not be lifted; what is to run again is re-activated on purpose"
        " (`remit reactivate`), except for a run"
    )


def check_reason(reason: str) -> None:
    """Raise StopRefused for words that may not stand on record."""
    why = unfit(reason, LONGEST_REASON, prose=True)
    if why is not None:
        raise StopRefused(f"the reason {why}")


def check_known(store: Store, workspace: WorkspaceName, aim: Target, text: str) -> None:
    """Raise StopRefused for an agent, team, tool or model that nobody knows."""
    kind, _, name = text.partition(":")
    if kind not in ("agent", "team", "tool", "model"):
        return  # a run is looked up under the lock, and whom runs act for is in no file
    if not aim.what and store.scope(aim.scope) is not None:
        return  # it has run already: there is no need to read releases first
    is_known, known = Names(store, workspace).look_up(kind, name)
    if not is_known:
        likely = closest(name, known)
        remedy = f"perhaps {kind}:{likely} is meant" if likely else "check the name"
        raise StopRefused(
            f"workspace {workspace} knows no {kind} {name}, so nothing would be stopped: {remedy}"
            " (--anyway stops a name that is not known yet, or no longer)"
        )


def scope_of(change: Change, aim: Target, text: str) -> Scope:
    """Return the row a stop is set on; one that nothing was counted on yet is made. Raises StopRefused for no run."""
    scope = change.loaded.scopes.get(aim.scope)
    if scope is None and aim.kind is ScopeKind.RUN:
        raise StopRefused(f"there is no run {text.partition(':')[2]} in workspace {change.workspace}")
    return Scope(aim.scope, aim.kind) if scope is None else scope


def set_stop(change: Change, scope: Scope, what: str, stop: Stop, ids: Ids) -> None:
    """Stop a scope, or a tool or model of it, and put it on record."""
    scope.stops[what] = stop
    change.writes.stops[scope.id] = scope
    content: dict[str, object] = {"scope": scope.id, "what": what, "stop": stop.as_json(), "by": stop.by}
    change.record(ids.new("chg"), RecordKind.STOP_CHANGED, content)


def lift_stop(change: Change, scope: Scope, what: str, by: str, reason: str, ids: Ids) -> None:
    """Take a stop away and put it on record."""
    del scope.stops[what]
    change.writes.stops[scope.id] = scope
    content: dict[str, object] = {"scope": scope.id, "what": what, "stop": None, "by": by, "reason": reason}
    change.record(ids.new("chg"), RecordKind.STOP_CHANGED, content)


def _end(until: str, now: Instant) -> Instant | None:
    if not until:
        return None
    try:
        return deadline(until, now)
    except BadTime as error:
        raise StopRefused(f"until: {error}") from None


def _check_not_weaker(text: str, before: Stop, end: Instant | None) -> None:
    if before.kind is StopKind.TERMINATION:
        raise StopRefused(terminated(text, before))
    if end is not None and (before.until is None or end < before.until):
        how_long = "without an end" if before.until is None else f"until {_moment(before.until)}"
        raise StopRefused(
            f"{text} is frozen already, {how_long}, by {before.by}: lift that first if it is to end sooner"
        )


def _moment(at: Instant) -> str:
    return datetime.fromtimestamp(at / MICROS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
