"""Budgets of every level, unit and window, in any order of events: exactly what a much simpler model says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from remit.domain.action import ActionState, Cost, OutcomeStatus
from remit.domain.facts import ScopeKind
from remit.domain.finding import Code
from remit.domain.ids import BudgetName
from remit.domain.money import Micros
from remit.domain.release import Budget, BudgetLevel, BudgetUnit, BudgetWindow
from remit.domain.run import Run
from remit.execution.commands import Admit
from remit.kernel.window import bounds
from tests.execution.desk import TEAMS, Desk, configured

USERS = ("user:a", "user:b")
SUBJECTS: dict[BudgetLevel, tuple[str | None, ...]] = {
    BudgetLevel.WORKSPACE: (None,),
    BudgetLevel.TEAM: (None, "procurement"),
    BudgetLevel.AGENT: (None, "buyer"),
    BudgetLevel.USER: (None, "user:a"),
    BudgetLevel.RUN: (None, "clerk"),
}
TIMED = (BudgetWindow.HOUR, BudgetWindow.DAY, BudgetWindow.MONTH)


@st.composite
def budgets(draw: st.DrawFn) -> list[Budget]:
    made = []
    for number in range(draw(st.integers(1, 4))):
        level = draw(st.sampled_from(BudgetLevel))
        window = BudgetWindow.RUN if level is BudgetLevel.RUN else draw(st.sampled_from(TIMED))
        made.append(
            Budget(
                name=BudgetName(f"budget-{number}"),
                level=level,
                unit=draw(st.sampled_from(BudgetUnit)),
                window=window,
                amount=draw(st.integers(1, 12)),
                subject=draw(st.sampled_from(SUBJECTS[level])),
                timezone=draw(st.sampled_from(["UTC", "Asia/Dubai", "America/New_York"])),
                hard=draw(st.booleans()),
            )
        )
    return made


amounts = st.integers(0, 5)
costs = st.builds(Cost, amounts.map(Micros), amounts, st.just(1))


def in_units(cost: Cost) -> dict[BudgetUnit, int]:
    assert cost.micros is not None
    return {BudgetUnit.MICRO_USD: cost.micros, BudgetUnit.TOKENS: cost.tokens, BudgetUnit.CALLS: cost.calls}


@dataclass
class Held:
    """What the model remembers of one admitted action in one budget."""

    row: tuple[BudgetName, str]
    start: int
    amount: int


class Budgets(RuleBasedStateMachine):
    """Acts on the real transaction; beside it, a dictionary of sums."""

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.template = template
        self.runs: list[Run] = []
        self.open: list[Admit] = []
        self.unknown: list[Admit] = []
        self.held: dict[str, list[Held]] = {}
        self.starts: dict[tuple[BudgetName, str], int] = {}
        self.used: dict[tuple[BudgetName, str], int] = {}

    @initialize(budgets=budgets())
    def open_desk(self, budgets: list[Budget]) -> None:
        self.budgets = budgets
        self.desk = Desk(self.template, configured(budgets=budgets))
        self.latest = self.desk.clock.now()

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.close()

    # -- the model

    def concerned(self, run: Run, cost: Cost) -> Iterator[tuple[Budget, tuple[BudgetName, str], int]]:
        """Which rows an action counts on, and how much."""
        amount_of = in_units(cost)
        name_of = {
            BudgetLevel.WORKSPACE: "",
            BudgetLevel.TEAM: run.team,
            BudgetLevel.AGENT: run.agent,
            BudgetLevel.USER: run.on_behalf_of,
            BudgetLevel.RUN: run.id,
        }
        for budget in self.budgets:
            name = name_of[budget.level]
            # A run's budget is for the runs of one agent, and counts each apart.
            subject = run.agent if budget.level is BudgetLevel.RUN else name
            if name is not None and budget.subject in (None, subject):
                yield budget, (budget.name, name), amount_of[budget.unit]

    def window(self, budget: Budget) -> int:
        return bounds(budget.window, ZoneInfo(budget.timezone), self.latest)[0]

    def used_now(self, budget: Budget, row: tuple[BudgetName, str]) -> int:
        return self.used.get(row, 0) if self.starts.get(row) == self.window(budget) else 0

    # -- what happens

    @rule(agent=st.sampled_from(sorted(TEAMS)), user=st.sampled_from(USERS))
    def start(self, agent: str, user: str) -> None:
        self.runs.append(self.desk.start(agent, user))

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0), cost=costs)
    def act(self, which: int, cost: Cost) -> None:
        run = self.runs[which % len(self.runs)]
        attempt = self.desk.attempt(run, cost=cost)
        rows = list(self.concerned(run, cost))
        short = {budget.name for budget, row, asked in rows if self.used_now(budget, row) + asked > budget.amount}
        hard = {budget.name for budget, _, _ in rows if budget.hard} & short

        admission = self.desk.admit(attempt)
        found = admission.decision.findings
        assert admission.state is (ActionState.DENIED if hard else ActionState.ADMITTED)
        assert {f.param("budget") for f in found if f.code is Code.BUDGET_EXCEEDED} == hard
        assert {f.param("budget") for f in found if f.code is Code.BUDGET_SOFT_EXCEEDED} == short - hard
        if hard:
            return
        self.open.append(attempt)
        self.held[admission.action] = []
        for budget, row, asked in rows:  # an action that asks for nothing may cost something all the same
            self.used[row] = self.used_now(budget, row) + asked
            self.starts[row] = self.window(budget)
            self.held[admission.action].append(Held(row, self.starts[row], asked))

    def give_back(self, attempt: Admit, cost: Cost | None) -> bool:
        """Settle in the model; return whether more was spent than reserved."""
        overrun = False
        unit_of = {budget.name: budget.unit for budget in self.budgets}
        for held in self.held.pop(attempt.call.action.id):
            actual = held.amount
            if cost is not None:
                actual = in_units(cost)[unit_of[held.row[0]]]
            overrun = overrun or actual > held.amount
            if self.starts[held.row] == held.start:
                self.used[held.row] += actual - held.amount
        return overrun

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0), status=st.sampled_from([OutcomeStatus.OK, OutcomeStatus.ERROR]), cost=st.none() | costs)
    def settle(self, which: int, status: OutcomeStatus, cost: Cost | None) -> None:
        attempt = self.open.pop(which % len(self.open))
        assert self.desk.settle(attempt, status, cost).overrun == self.give_back(attempt, cost)

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0))
    def lose(self, which: int) -> None:
        attempt = self.open.pop(which % len(self.open))
        self.desk.settle(attempt, OutcomeStatus.UNKNOWN, Cost(Micros(0), 0, 0))
        self.unknown.append(attempt)

    @precondition(lambda self: self.unknown)
    @rule(which=st.integers(0), cost=st.none() | costs)
    def find_out(self, which: int, cost: Cost | None) -> None:
        attempt = self.unknown.pop(which % len(self.unknown))
        self.desk.settle(attempt, OutcomeStatus.OK, cost, reconciles=True)
        self.give_back(attempt, cost)

    @rule(seconds=st.sampled_from([1, 600, 1800, 3600, 20 * 3600, 86_400, 9 * 86_400, 31 * 86_400]))
    def pass_time(self, seconds: int) -> None:
        self.desk.clock.at = max(self.desk.clock.at, self.latest)
        self.desk.clock.advance(seconds)
        self.latest = self.desk.clock.now()
        self.desk.start()  # puts the time on record

    @rule(seconds=st.integers(1, 4))
    def step_back_a_little(self, seconds: int) -> None:
        """A clock may lag a little behind what is on record; the record's time then counts."""
        self.desk.start()
        self.desk.clock.at = self.latest - seconds * 1_000_000

    # -- what must hold

    @invariant()
    def the_rows_say_what_the_model_says(self) -> None:
        level_of = {budget.name: budget.level for budget in getattr(self, "budgets", ())}
        for (name, subject), used in self.used.items():
            scope = self.desk.scope(ScopeKind(level_of[name].value), subject)
            assert scope.spends[name].used == used
            assert scope.spends[name].start == self.starts[name, subject]
            assert scope.spends[name].reserved >= 0

    @invariant()
    def no_reservation_goes_missing(self) -> None:
        """What is still open is set aside in full, whatever else happened in its window."""
        for row in self.used:
            level = next(budget.level for budget in self.budgets if budget.name == row[0])
            reserved = self.desk.scope(ScopeKind(level.value), row[1]).spends[row[0]].reserved
            held = [each for many in self.held.values() for each in many if each.row == row]
            assert reserved == sum(each.amount for each in held if each.start == self.starts[row])


@pytest.mark.slow
def test_budgets_are_what_the_model_says_in_any_order_of_events(tmp_path: Path) -> None:
    template = Desk.template(tmp_path)
    assert settings().stateful_step_count >= 50
    run_state_machine_as_test(lambda: Budgets(template))  # type: ignore[arg-type]  # a factory will do
