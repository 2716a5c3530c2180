"""How a run ends, whoever ends it: its agent, a person, or the time nothing was heard of it."""

from __future__ import annotations

from remit.domain.clock import Instant
from remit.domain.facts import Scope
from remit.domain.run import Run

TERMINATED = "terminated"
"""The status of a run that a person ended with a termination."""
ABANDONED = "abandoned"
"""The status of a run that nothing was heard of for too long."""
BY_OTHERS = frozenset({TERMINATED, ABANDONED})
"""Endings that the run's own agent did not ask for, and may come too late to know of."""


def record_key(run: Run) -> str:
    """Return the key of the record: a run ends once."""
    return f"{run.id}/ended"


def end(run: Run, scope: Scope, status: str, by: str, now: Instant) -> dict[str, object]:
    """Mark a run as ended and return what its record says. What it left open, and its approvals, are the caller's."""
    assert scope.progress is not None, "a run's own scope is handed in"
    scope.progress.ended_at = now
    scope.history = b""  # nothing is admitted any more that it could judge
    progress = scope.progress
    content: dict[str, object] = {
        "agent": run.agent,
        "status": status,
        "steps": progress.steps,
        "denials": progress.denials,
    }
    return content | ({"by": by} if by else {})
