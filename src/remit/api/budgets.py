"""Budgets: what is spent and set aside in the current window, how fast, and where that leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pydantic import Field

from remit.api.access import allow, people
from remit.api.policies import rules_of
from remit.api.route import Route
from remit.api.shapes import Asker, Shown, missing
from remit.api.use_cases import UseCases
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.facts import ScopeKind, Spend, scope_id
from remit.domain.identity import Caller
from remit.domain.ids import AgentName, RunId
from remit.domain.release import Budget, BudgetLevel, Configuration
from remit.kernel.window import bounds


class BudgetApart(Shown):
    """A budget per user or run of whom none was named, so that there is nothing to say of what is spent.

    `subject` is the one user it is for, or the agent in whose remit it stands, or empty.
    """

    name: str
    level: str
    subject: str
    unit: str
    window: str
    hard: bool
    amount: int


class BudgetShown(BudgetApart):
    """One budget at one scope, in its unit: micro-USD, tokens or calls.

    `burn_per_hour` is the pace of the current window so far. `forecast` is where that pace leads by the window's end,
    and `exhausted_at` when it meets the amount, both null where there is no pace or no end to speak of.
    """

    spent: int
    reserved: int
    left: int
    window_start: int
    window_end: int
    burn_per_hour: int | None
    forecast: int | None
    exhausted_at: int | None


class BudgetsShown(Shown):
    """Budgets of the active release. Those per user or run are of the user or run asked for; else they are `apart`."""

    release: str
    at: int
    budgets: list[BudgetShown]
    apart: list[BudgetApart] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """One budget and the scope it counts in."""

    budget: Budget
    kind: ScopeKind
    subject: str


class BudgetRoutes:
    """Budgets."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/budgets", self.all, BudgetsShown)

    @allow(people())
    def all(self, caller: Asker, user: str = "", run: str = "") -> BudgetsShown:
        """Return every budget with its state, burn and forecast."""
        rules = rules_of(self._use, caller)
        now = self._use.clock.now()
        agent = self._agent_of(run, caller) if run else None
        places = _places(rules.configuration, user, run, agent)
        shown = [self._shown(place, caller, now) for place in places]
        unnamed = {level for level, name in ((BudgetLevel.USER, user), (BudgetLevel.RUN, run)) if not name}
        apart = [_apart(budget) for budget in _all(rules.configuration) if budget.level in unnamed]
        return BudgetsShown(release=rules.release, at=now, budgets=shown, apart=apart)

    def _agent_of(self, run: str, caller: Caller) -> AgentName:
        found = self._use.store.run(RunId(run))
        if found is None or found.workspace != caller.workspace:
            raise missing("run", run)
        return found.agent

    def _shown(self, place: _Place, caller: Caller, now: Instant) -> BudgetShown:
        budget = place.budget
        name = "" if place.kind is ScopeKind.WORKSPACE else place.subject
        scope = self._use.store.scope(scope_id(place.kind, caller.workspace, name))
        start, end = bounds(budget.window, ZoneInfo(budget.timezone), now)
        spend = None if scope is None else scope.spends.get(budget.name)
        if spend is None or spend.start != start:
            spend = Spend(start, end)  # what was spent in an earlier window does not count
        pace = _pace(spend, now, budget.amount)
        return BudgetShown(
            name=budget.name,
            level=budget.level.value,
            subject=place.subject,
            unit=budget.unit.value,
            window=budget.window.value,
            hard=budget.hard,
            amount=budget.amount,
            spent=spend.spent,
            reserved=spend.reserved,
            left=budget.amount - spend.used,
            window_start=start,
            window_end=end,
            burn_per_hour=pace.per_hour,
            forecast=pace.forecast,
            exhausted_at=pace.exhausted_at,
        )


@dataclass(frozen=True, slots=True)
class _Pace:
    per_hour: int | None = None
    forecast: int | None = None
    exhausted_at: int | None = None


def _pace(spend: Spend, now: Instant, amount: int) -> _Pace:
    """Work out how fast a window's budget goes, as a straight line through what was spent so far."""
    elapsed = now - spend.start
    if not spend.end or elapsed <= 0:
        return _Pace()
    per_hour = spend.spent * 3_600 * MICROS_PER_SECOND // elapsed
    forecast = spend.spent * (spend.end - spend.start) // elapsed
    if forecast <= amount or not spend.spent:
        return _Pace(per_hour, forecast)
    return _Pace(per_hour, forecast, max(now, spend.start + amount * elapsed // spend.spent))


def _all(configuration: Configuration) -> Iterator[Budget]:
    yield from configuration.budgets
    for agent in configuration.agents.values():
        yield from agent.remit.budgets


def _apart(budget: Budget) -> BudgetApart:
    return BudgetApart(
        name=budget.name,
        level=budget.level.value,
        subject=budget.subject or "",
        unit=budget.unit.value,
        window=budget.window.value,
        hard=budget.hard,
        amount=budget.amount,
    )


def _places(configuration: Configuration, user: str, run: str, agent: AgentName | None) -> Iterator[_Place]:
    """Yield every budget once for each scope it counts in."""
    agents = configuration.agents.values()
    teams: list[str] = sorted({each.team for each in agents if each.team})
    named: dict[BudgetLevel, list[str]] = {
        BudgetLevel.WORKSPACE: [configuration.settings.name],
        BudgetLevel.TEAM: teams,
        BudgetLevel.AGENT: [*sorted(configuration.agents)],
        BudgetLevel.USER: [user] if user else [],
        BudgetLevel.RUN: [run] if run else [],
    }
    for budget in configuration.budgets:
        for subject in named[budget.level]:
            if budget.subject in (None, subject) or budget.level is BudgetLevel.RUN:
                yield _Place(budget, ScopeKind(budget.level.value), subject)
    for each in agents:
        for budget in each.remit.budgets:
            subjects: dict[BudgetLevel, list[str]] = {
                BudgetLevel.AGENT: [each.name],
                BudgetLevel.RUN: [run] if agent == each.name else [],
            }
            for subject in subjects.get(budget.level, named[budget.level]):
                yield _Place(budget, ScopeKind(budget.level.value), subject)
