"""Where time comes from, as integers: microseconds since 1970-01-01 UTC."""

from __future__ import annotations

import threading
import time
from typing import NewType, Protocol

Instant = NewType("Instant", int)
"""Microseconds since the epoch."""

MICROS_PER_SECOND = 1_000_000


class Clock(Protocol):
    """Where time comes from. Monotonic within a process: a later call never returns an earlier instant."""

    def now(self) -> Instant: ...


class SystemClock:
    """The machine's clock, held back from running backwards within this process."""

    def __init__(self) -> None:
        self._last = 0  # owned by whoever holds _lock
        self._lock = threading.Lock()

    def now(self) -> Instant:
        """Return the wall clock, or the last answer where the wall clock has stepped back."""
        with self._lock:
            self._last = max(self._last, time.time_ns() // 1000)
            return Instant(self._last)


class ManualClock:
    """A clock that moves only when told to, for tests, simulations and replays."""

    def __init__(self, start: int = 1_700_000_000 * MICROS_PER_SECOND) -> None:
        self.at = start

    def now(self) -> Instant:
        """Return the instant it was set to."""
        return Instant(self.at)

    def advance(self, seconds: float) -> None:
        """Move by `seconds`; a negative number steps back, which a real clock can do across restarts."""
        self.at += int(seconds * MICROS_PER_SECOND)
