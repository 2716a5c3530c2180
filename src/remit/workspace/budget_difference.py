"""What changes about a budget, of the workspace or of a remit."""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.release import Budget
from remit.workspace.wording import amount, differing_fields, per, shown, whose


def budget_summary(budget: Budget) -> Iterator[str]:
    """Say what a new budget allows."""
    kind = "" if budget.hard else "soft "
    yield f"{kind}budget {budget.name} is new: {amount(budget)} {per(budget.window)} for {whose(budget)}"


def budget_changes(before: Budget, after: Budget) -> Iterator[str]:
    """Say what a budget's fields were and become."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        if changed == "amount" and before.unit is after.unit:
            verb = "raised" if new > old else "lowered"
            yield f"budget {name} {verb} from {amount(before)} to {amount(after)}"
        elif changed == "hard":
            yield f"budget {name} now {'refuses' if new else 'only reports'} what would exceed it"
        elif changed == "subject" or changed == "level":
            yield f"budget {name} now counts {whose(after)} instead of {whose(before)} ({changed})"
        elif changed == "window":
            yield f"budget {name} now starts afresh every {new.value} instead of every {old.value}"
        elif changed == "warn_at":
            yield f"budget {name} now warns at {shown(new)} per cent instead of {shown(old)}"
        else:
            yield f"budget {name}: {changed} changed from {shown(old)} to {shown(new)}"
