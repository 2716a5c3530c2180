"""Budget: is the worst case still within every budget it counts against?"""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.action import Cost
from remit.domain.facts import Facts, Spend
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.release import Budget, BudgetUnit
from remit.kernel.charging import charged, has_money_budget
from remit.kernel.prepared import Prepared
from remit.kernel.ruleset import Charge
from remit.kernel.window import bounds

_OK = (Finding(Code.BUDGET_OK, Verdict.ALLOW),)
# Python 3.11 looks a member up through a descriptor each time; these are asked for in every budget of every action.
_MONEY, _TOKENS = BudgetUnit.MICRO_USD, BudgetUnit.TOKENS


def check(facts: Facts, call: Prepared) -> tuple[Finding, ...]:
    """Deny what a hard budget can not cover; warn of soft ones and of shares that are reached."""
    found: list[Finding] = []
    cost = call.action.cost
    for charge, scope in charged(facts, call):
        asked = amount_in(charge.budget.unit, cost)
        if asked is not None:
            used = rolled(scope.spends.get(charge.budget.name), charge, facts).used
            if not _is_quiet(charge.budget, used + asked):
                found += _judge(charge.budget, used, asked)
    if cost.micros is None and has_money_budget(facts, call):
        found.append(Finding.of(Code.BUDGET_UNPRICED, Verdict.DENY, target=call.action.target))
    return tuple(found) or _OK


def _is_quiet(budget: Budget, after: int) -> bool:
    """Tell whether there is nothing to say of a budget: the limit is far, and so is the first share to warn at."""
    return after <= budget.amount and (not budget.warn_at or after * 100 < budget.warn_at[0] * budget.amount)


def _judge(budget: Budget, used: int, asked: int) -> Iterator[Finding]:
    if used + asked > budget.amount:
        code = Code.BUDGET_EXCEEDED if budget.hard else Code.BUDGET_SOFT_EXCEEDED
        verdict = Verdict.DENY if budget.hard else Verdict.ALLOW
        yield Finding.of(code, verdict, asked=asked, left=max(0, budget.amount - used), **_described(budget))
        return
    share = share_reached(budget, used, used + asked)
    if share:
        yield Finding.of(Code.BUDGET_WARNING, Verdict.ALLOW, share=share, used=used + asked, **_described(budget))


def _described(budget: Budget) -> dict[str, int | str]:
    return {
        "budget": budget.name,
        "limit": budget.amount,
        "unit": budget.unit.value,
        "window": budget.window.value,
        "level": budget.level.value,
    }


def amount_in(unit: BudgetUnit, cost: Cost) -> int | None:
    """Return what a cost comes to in a budget's unit; None for money where no price is known."""
    if unit is _MONEY:
        return cost.micros
    return cost.tokens if unit is _TOKENS else cost.calls


def rolled(spend: Spend | None, charge: Charge, facts: Facts) -> Spend:
    """Return the state of a budget in the window that holds now.

    The window rolls over here, not in a timer, so that a replay sees the same windows as the run did. It never
    rolls back: an instant before the window's start counts in that window.
    """
    if spend is not None and (spend.end == 0 or facts.now < spend.end):
        return spend
    return Spend(*bounds(charge.budget.window, charge.zone, facts.now))


def share_reached(budget: Budget, before: int, after: int) -> int:
    """Return the highest warning share, in per cent, that this reservation crosses; 0 for none.

    Each is reported once a window.
    """
    if not budget.warn_at or after * 100 < budget.warn_at[0] * budget.amount:
        return 0
    crossed = [s for s in budget.warn_at if before * 100 < s * budget.amount <= after * 100]
    return max(crossed, default=0)


def least_money_left(facts: Facts, call: Prepared) -> int | None:
    """Return the smallest rest among the money budgets that count, in micro-USD; None without a money budget."""
    rests = []
    for charge, scope in charged(facts, call):
        if charge.budget.unit is _MONEY:
            rests.append(charge.budget.amount - rolled(scope.spends.get(charge.budget.name), charge, facts).used)
    return max(0, min(rests)) if rests else None
