"""Waiting for people: how often to look, and when to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator

from remit.domain.admission import WaitingFor
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId
from remit.sdk.port import Door

FIRST_POLL_S, LONGEST_POLL_S = 0.05, 2.0
"""How often a waiting call looks for its approval: quickly at first, then every two seconds."""
LONGEST_LOOK_S = 25.0
"""How long one look may last, where the door can wait for the answer by itself."""


class Waiting:
    """One wait for an approval: yields how long to sleep before the next look.

    It is over when people have answered, when they have asked the agent something since it began, or when the time is
    over. `patience` is how long the door may take over one look: a thread can wait there as well as here.
    """

    def __init__(self, door: Door, approval: ApprovalId, wait: float, patience: float = LONGEST_LOOK_S) -> None:
        self._door = door
        self._approval = approval
        self._wait = wait
        self._patience = patience
        self._known: frozenset[str] | None = None
        self.seen: WaitingFor | None = None

    @property
    def is_asked(self) -> bool:
        """Whether the wait was ended by a question."""
        if self.seen is None or self.seen.state is not ApprovalState.PENDING:
            return False
        return any(question.id not in (self._known or ()) for question in self.seen.unanswered)

    def __iter__(self) -> Iterator[float]:
        until, pause, left = time.monotonic() + self._wait, FIRST_POLL_S, self._wait
        patience = 0.0  # the first look tells what has been asked before
        while True:
            self.seen = self._door.waiting_for(self._approval, min(left, patience))
            if self.seen is None or self.seen.state is not ApprovalState.PENDING:
                return
            if self._known is None:
                self._known = frozenset(question.id for question in self.seen.unanswered)
            left, patience = until - time.monotonic(), self._patience
            if left <= 0 or self.is_asked:
                return
            yield min(pause, left)
            pause = min(pause * 2, LONGEST_POLL_S)
