"""What has to end of the calls under way: a stop was set since they were admitted, or a hard budget is overspent.

Nothing is decided here and nothing recorded: whoever carries a call out asks, breaks it off and settles it. A stop that
was in force when a call was admitted has denied it, so only changes since then are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remit.domain.clock import Clock
from remit.domain.facts import Scope, ScopeKind, scope_id
from remit.domain.finding import ABOVE, Code, Finding, Verdict
from remit.domain.ids import ActionId, ScopeId, WorkspaceName
from remit.domain.run import Run
from remit.execution.rulesets import Rulesets
from remit.kernel.ruleset import Charge
from remit.storage.port import Reads

MOST_CHANGES = 1
"""One is enough to look at everything; of several, the next look finds the next."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A call that is carried out: `target` as in its action, `kind` as in `tool:NAME` of a stop."""

    action: ActionId
    run: Run
    kind: str
    target: str


class Looking:
    """Looks at one workspace. `begin` before the first call is admitted; one thread at a time."""

    def __init__(self, workspace: WorkspaceName, store: Reads, rulesets: Rulesets, clock: Clock) -> None:
        self._workspace = workspace
        self._store = store
        self._rulesets = rulesets
        self._clock = clock
        self._last = 0

    def begin(self) -> None:
        """Pass over everything that is on record: who is admitted from now on was admitted in spite of it."""
        self._last, _ = self._store.stop_changes(self._workspace, 0, 0)

    def look(self, calls: Iterable[UnderWay]) -> Mapping[ActionId, Finding]:
        """Return the calls that have to end, each with why. Raises StoreError."""
        under_way = list(calls)
        found: dict[ActionId, Finding] = {}
        self._last, changes = self._store.stop_changes(self._workspace, self._last, MOST_CHANGES)
        if changes:
            scopes = self._read({id for call in under_way for id in call.run.scopes})
            found = {call.action: stop for call in under_way if (stop := self._stop(call, scopes)) is not None}
        left = [call for call in under_way if call.action not in found]
        charged = {id for call in left for id, _ in self._charges(call.run)}
        if charged:
            scopes = self._read(charged)
            found |= {call.action: over for call in left if (over := self._overspent(call, scopes)) is not None}
        return found

    def _read(self, ids: Iterable[ScopeId]) -> Mapping[ScopeId, Scope]:
        return {scope.id: scope for scope in self._store.scopes_of(sorted(set(ids)))}

    def _stop(self, call: UnderWay, scopes: Mapping[ScopeId, Scope]) -> Finding | None:
        now = self._clock.now()
        own = call.run.own_scopes
        for id in call.run.scopes:
            scope = scopes.get(id)
            for what, stop in scope.stops.items() if scope is not None else ():
                applies = what == "" or (what == f"{call.kind}:{call.target}" and id in own)
                if applies and stop.holds_at(now) and scope is not None:
                    name = what.partition(":")[0] or (scope.kind.value if id in own else ABOVE)
                    kind, by, reason = stop.kind.value, stop.by, stop.reason
                    return Finding.of(Code.STOPPED, Verdict.DENY, scope=name, stop=kind, by=by, reason=reason)
        return None

    def _charges(self, run: Run) -> list[tuple[ScopeId, Charge]]:
        """Return the hard budgets that a run counts against, each with its row."""
        names = {
            ScopeKind.WORKSPACE: "",
            ScopeKind.TEAM: run.team or "",
            ScopeKind.AGENT: run.agent,
            ScopeKind.USER: run.on_behalf_of,
            ScopeKind.RUN: run.id,
        }
        rules = self._rulesets.of(run.workspace, run.release)
        return [
            (scope_id(charge.scope, run.workspace, names[charge.scope]), charge)
            for charge in rules.charges(run.agent)
            if charge.budget.hard and charge.applies_to(run.on_behalf_of)
        ]

    def _overspent(self, call: UnderWay, scopes: Mapping[ScopeId, Scope]) -> Finding | None:
        """Say which hard budget is past its limit: what is reserved for the call is not there any more."""
        now = self._clock.now()
        for id, charge in self._charges(call.run):
            scope, budget = scopes.get(id), charge.budget
            spend = None if scope is None else scope.spends.get(budget.name)
            if spend is None or (spend.end and spend.end <= now) or spend.used <= budget.amount:
                continue
            return Finding.of(
                Code.BUDGET_EXCEEDED,
                Verdict.DENY,
                asked=spend.reserved,
                left=0,
                budget=budget.name,
                limit=budget.amount,
                unit=budget.unit.value,
                window=budget.window.value,
                level=budget.level.value,
            )
        return None
