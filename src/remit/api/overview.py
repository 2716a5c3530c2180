"""What a person sees first: what needs somebody now, and what the last 24 hours came to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from remit.api.access import allow, people
from remit.api.actions import ToldIn
from remit.api.attention import Attention, AttentionShown, MoreShown
from remit.api.budgets import BudgetRoutes, BudgetShown
from remit.api.day import Day, Sums
from remit.api.incidents import IncidentRoutes
from remit.api.route import Route
from remit.api.shapes import Asker, Shown, missing
from remit.api.use_cases import UseCases
from remit.domain.facts import ScopeKind
from remit.domain.identity import Caller
from remit.domain.ids import AgentName, WorkspaceName
from remit.domain.release import BudgetUnit, BudgetWindow
from remit.domain.run import Run
from remit.storage.outbox import outbox_of

MAX_RUNS = 1_000
MAX_AGENTS = 100
"""Agents in one answer: those of the highest cost."""


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

    `attention` is at most five things of each kind, the most urgent kind first, within it what the caller is asked and
    then the oldest; `more` counts the others. `hours` and `agents` are since `since`: 24 hours, or less where so much
    happened that its beginning is not summed. `budget` is the workspace's own in money: the day's, or else the hour's,
    or else the month's.
    """

    at: int
    since: int
    attention: list[AttentionShown]
    more: list[MoreShown]
    runs: OpenRunsShown
    hours: list[HourShown]
    agents: list[AgentDayShown]
    budget: BudgetShown | None


class OverviewRoutes:
    """The overview."""

    def __init__(self, use: UseCases, incidents: IncidentRoutes) -> None:
        self._use = use
        self._attention = Attention(use, incidents)
        self._budgets = BudgetRoutes(use)
        self._lock = threading.Lock()
        self._days: dict[WorkspaceName, Day] = {}

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/overview", self.all, OverviewShown)
        yield Route("GET", "/overview/agents/{agent}", self.of_agent, AgentHoursShown)

    @allow(people())
    def all(self, caller: Asker, language: ToldIn = "en") -> OverviewShown:
        """Return what needs a person now, the open runs, and the last 24 hours by hour and by agent."""
        where, now = caller.workspace, self._use.clock.now()
        figures = self._day(where).at(now)
        stops = self._use.stops.in_force(where)
        runs = self._use.store.runs_within(where, ScopeKind.WORKSPACE, "", MAX_RUNS)
        budgets = self._budgets_of(caller)
        attention, more = self._attention.of(caller, stops, budgets, language)
        stopped = {stop.target.removeprefix("run:") for stop in stops if stop.target.startswith("run:")}
        return OverviewShown(
            at=now,
            since=figures.since,
            attention=attention,
            more=more,
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
