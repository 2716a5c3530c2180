"""How fast somebody may talk unasked."""

from __future__ import annotations


class Pace:
    """Counts what comes, second by second."""

    __slots__ = ("_began", "_count", "_most")

    def __init__(self, most_per_s: int) -> None:
        self._most = most_per_s
        self._began = float("-inf")
        self._count = 0

    def exceeded(self, now: float) -> bool:
        """Count one more, and tell whether that is too many for its second."""
        if now - self._began >= 1:
            self._began, self._count = now, 0
        self._count += 1
        return self._count > self._most
