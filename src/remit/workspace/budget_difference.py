"""What changes about a budget, of the workspace or of a remit."""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.release import Budget
from remit.domain.said import Said
from remit.workspace.wording import amount, amount_per, changed_from, differing_fields, said, shown, whose


def budget_summary(budget: Budget) -> Iterator[Said]:
    """Say what a new budget allows."""
    code = "budget.new" if budget.hard else "budget.new_soft"
    yield said(code, name=budget.name, amount=amount_per(budget), whose=whose(budget))


def budget_changes(before: Budget, after: Budget) -> Iterator[Said]:
    """Say what a budget's fields were and become."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        if changed == "amount" and before.unit is after.unit:
            code = "budget.raised" if new > old else "budget.lowered"
            yield said(code, name=name, old=amount(before), new=amount(after))
        elif changed == "hard":
            yield said("budget.refuses" if new else "budget.reports", name=name)
        elif changed == "subject" or changed == "level":
            yield said("budget.counts", name=name, new=whose(after), old=whose(before), field=changed)
        elif changed == "window":
            was, now = (said(f"window.{each.value}") for each in (old, new))
            yield said("budget.window", name=name, new=now, old=was)
        elif changed == "warn_at":
            yield said("budget.warns", name=name, new=shown(new), old=shown(old))
        else:
            yield changed_from(said("thing.budget", name=name), changed, shown(old), shown(new))
