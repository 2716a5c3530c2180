"""What a person sees first: what needs somebody now, and what the last 24 hours came to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from pydantic import Field

from remit.api.access import allow, people
from remit.api.budgets import BudgetRoutes, BudgetShown
from remit.api.day import Day, Sums
from remit.api.route import Route
from remit.api.shapes import Asker, Shown, missing
from remit.api.use_cases import UseCases
from remit.control.stops import InForce
from remit.domain.clock import Instant
from remit.domain.facts import ApprovalState, ScopeKind
from remit.domain.identity import Caller
from remit.domain.ids import AgentName, WorkspaceName
from remit.domain.release import BudgetUnit, BudgetWindow
from remit.domain.run import Run
from remit.storage.outbox import outbox_of

MAX_RUNS = 1_000
MAX_AGENTS = 100
"""Agents in one answer: those of the highest cost."""
NEAR_PER_CENT = 80


class AttentionCode(StrEnum):
    """Why somebody is needed, the most urgent first; whoever shows it has the words."""

    LEDGER_ALARM = "ledger_alarm"
    APPROVALS_PENDING = "approvals_pending"
    ACTIONS_UNKNOWN = "actions_unknown"
    BUDGET_EXHAUSTED = "budget_exhausted"
    STOPS_IN_FORCE = "stops_in_force"
    BUDGET_NEAR = "budget_near"


class AttentionShown(Shown):
    """Something that needs a person."""

    code: AttentionCode
    count: int
    subject: str = Field(description="The approval that expires first, the oldest action's run, a target, whose budget")
    budget: str = Field(description="A budget's name, or empty.")
    until: int | None = Field(description="When the first approval expires, or the budget's window ends.")
    per_cent: int | None = Field(description="How much of the budget is spent and set aside.")


class OpenRunsShown(Shown):
    """Runs that have not ended, at most 1,000, and how many of them a stop of their own holds."""

    open: int
    stopped: int


class HourShown(Shown):
    """What was decided in the hour from `start`, and what calls that ended in it cost, in micro-USD."""

    start: int
    allow: int
    hold: int
    deny: int
    errors: int
    cost: int


class AgentDayShown(Shown):
    """One agent's sums since `since`; `open` are its runs that have not ended."""

    agent: str
    runs: int
    open: int
    allow: int
    hold: int
    deny: int
    errors: int
    cost: int


class AgentHoursShown(Shown):
    """One agent's last 24 hours by hour, since `since` or less where so much happened."""

    agent: str
    since: int
    hours: list[HourShown]


class OverviewShown(Shown):
    """A workspace as it is at `at`.

    `hours` and `agents` are since `since`: 24 hours, or less where so much happened that its beginning is not summed.
    `budget` is the workspace's own in money: the day's, or else the hour's, or else the month's.
    """

    at: int
    since: int
    attention: list[AttentionShown]
    runs: OpenRunsShown
    hours: list[HourShown]
    agents: list[AgentDayShown]
    budget: BudgetShown | None


class OverviewRoutes:
    """The overview."""

    def __init__(self, use: UseCases) -> None:
        self._use = use
        self._budgets = BudgetRoutes(use)
        self._lock = threading.Lock()
        self._days: dict[WorkspaceName, Day] = {}

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/overview", self.all, OverviewShown)
        yield Route("GET", "/overview/agents/{agent}", self.of_agent, AgentHoursShown)

    @allow(people())
    def all(self, caller: Asker) -> OverviewShown:
        """Return what needs a person now, the open runs, and the last 24 hours by hour and by agent."""
        where, now = caller.workspace, self._use.clock.now()
        figures = self._day(where).at(now)
        stops = self._use.stops.in_force(where)
        runs = self._use.store.runs_within(where, ScopeKind.WORKSPACE, "", MAX_RUNS)
        budgets = self._budgets_of(caller)
        stopped = {stop.target.removeprefix("run:") for stop in stops if stop.target.startswith("run:")}
        return OverviewShown(
            at=now,
            since=figures.since,
            attention=[*self._waiting(where, now), *_stops(stops), *_budgets(budgets)],
            runs=OpenRunsShown(open=len(runs), stopped=sum(run.id in stopped for run in runs)),
            hours=[_hour(start, sums) for start, sums in sorted(figures.hours.items())],
            agents=_agents(figures.agents, runs),
            budget=_main(budgets),
        )

    @allow(people())
    def of_agent(self, agent: str, caller: Asker) -> AgentHoursShown:
        """Return what was decided of one agent's actions in the last 24 hours, by hour, and what they cost."""
        rules = self._use.rules(caller.workspace)
        if rules is None or rules.agent(AgentName(agent)) is None:
            raise missing("agent", agent)
        figures = self._day(caller.workspace).of(agent, self._use.clock.now())
        hours = [_hour(start, sums) for start, sums in sorted(figures.hours.items())]
        return AgentHoursShown(agent=agent, since=figures.since, hours=hours)

    def _day(self, workspace: WorkspaceName) -> Day:
        with self._lock:
            if workspace not in self._days:
                store = self._use.store
                self._days[workspace] = Day(workspace, store, outbox_of(store))
            return self._days[workspace]

    def _budgets_of(self, caller: Caller) -> Sequence[BudgetShown]:
        return [] if self._use.rules(caller.workspace) is None else self._budgets.all(caller).budgets

    def _waiting(self, where: WorkspaceName, now: Instant) -> Iterator[AttentionShown]:
        store = self._use.store
        if self._use.evidence(where).lag(now).alarm:
            yield _attention(AttentionCode.LEDGER_ALARM, 1)
        pending = [
            each for each in store.approvals(where, ApprovalState.PENDING) if each.lapsed(now).state == each.state
        ]
        if pending:
            first = min(pending, key=lambda each: each.expires_at)
            yield _attention(AttentionCode.APPROVALS_PENDING, len(pending), first.id, until=first.expires_at)
        unknown = [action for action in store.open_actions(where) if action.unknown]
        if unknown:
            yield _attention(AttentionCode.ACTIONS_UNKNOWN, len(unknown), unknown[0].run)


def _attention(
    code: AttentionCode,
    count: int,
    subject: str = "",
    budget: str = "",
    until: int | None = None,
    per_cent: int | None = None,
) -> AttentionShown:
    return AttentionShown(code=code, count=count, subject=subject, budget=budget, until=until, per_cent=per_cent)


def _stops(stops: Sequence[InForce]) -> Iterator[AttentionShown]:
    """Say what is stopped, but for single runs: the loop check stops many, and most of them have ended."""
    found = [stop for stop in stops if not stop.target.startswith("run:")]
    if found:
        newest = max(found, key=lambda each: each.stop.at)
        yield _attention(AttentionCode.STOPS_IN_FORCE, len(found), newest.target)


def _budgets(budgets: Sequence[BudgetShown]) -> Iterator[AttentionShown]:
    """Say which budgets are near their end, the fullest first."""
    used = [(100 * (budget.spent + budget.reserved) // max(1, budget.amount), budget) for budget in budgets]
    for per_cent, budget in sorted(used, key=lambda each: each[0], reverse=True):
        if per_cent >= NEAR_PER_CENT:
            code = AttentionCode.BUDGET_EXHAUSTED if per_cent >= 100 else AttentionCode.BUDGET_NEAR
            yield _attention(code, 1, budget.subject, budget.name, budget.window_end or None, per_cent)


_LENGTHS = {BudgetWindow.DAY.value: 0, BudgetWindow.HOUR.value: 1, BudgetWindow.MONTH.value: 2}


def _main(budgets: Sequence[BudgetShown]) -> BudgetShown | None:
    """Return the workspace's budget to measure a day by: the day's own before all others."""
    fit = [
        each for each in budgets if each.level == ScopeKind.WORKSPACE.value and each.unit == BudgetUnit.MICRO_USD.value
    ]
    return min(fit, key=lambda each: _LENGTHS.get(each.window, 3), default=None)


def _hour(start: int, sums: Sums) -> HourShown:
    return HourShown(start=start, allow=sums.allow, hold=sums.hold, deny=sums.deny, errors=sums.errors, cost=sums.cost)


def _agents(counted: Mapping[str, Sums], runs: Sequence[Run]) -> list[AgentDayShown]:
    """Return the agents that did anything or are at work, the dearest first."""
    at_work = Counter(str(run.agent) for run in runs)
    shown = [_agent(name, counted.get(name, Sums()), at_work[name]) for name in {*counted, *at_work}]
    return sorted(shown, key=lambda each: (-each.cost, -each.runs, each.agent))[:MAX_AGENTS]


def _agent(name: str, sums: Sums, at_work: int) -> AgentDayShown:
    return AgentDayShown(
        agent=name,
        runs=sums.runs,
        open=at_work,
        allow=sums.allow,
        hold=sums.hold,
        deny=sums.deny,
        errors=sums.errors,
        cost=sums.cost,
    )
