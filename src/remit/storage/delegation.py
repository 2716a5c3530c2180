"""Who answers in whose place while they are away."""

from __future__ import annotations

from dataclasses import dataclass

from remit.domain.clock import Instant
from remit.domain.ids import UserId, WorkspaceName


@dataclass(frozen=True, slots=True)
class Delegation:
    """From `begins_at` until just before `ends_at`, or until it was ended early, `delegate` may answer for `person`."""

    id: str
    workspace: WorkspaceName
    person: UserId
    delegate: UserId
    begins_at: Instant
    ends_at: Instant
    made_by: UserId
    made_at: Instant
    ended_at: Instant | None = None

    def holds_at(self, now: Instant) -> bool:
        """Tell whether it is in force."""
        return self.ended_at is None and self.begins_at <= now < self.ends_at
