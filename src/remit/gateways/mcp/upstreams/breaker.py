"""When a server that fails is left alone, and when it is tried again. Pure: it is told the time."""

from __future__ import annotations

from dataclasses import dataclass, field

from remit.gateways.mcp.upstreams.bounds import UpstreamBounds


@dataclass(slots=True)
class Breaker:
    """Closed while a server answers; open after several failures in a row, for longer each time it fails again.

    Before it opens, each failure is followed by a pause, which doubles. When it has been open long enough one
    request is let through; what becomes of that one decides.
    """

    bounds: UpstreamBounds
    failures: int = field(default=0, init=False)
    opened: int = field(default=0, init=False)
    until: float = field(default=0.0, init=False)
    trying: bool = field(default=False, init=False)

    def refuses(self, now: float) -> float:
        """Return for how many more seconds nothing is let through; 0 where a request may go."""
        if self.trying and self.opened:
            return max(self.until - now, 0.1)
        return max(self.until - now, 0.0)

    def begin(self) -> None:
        """Take note that a request goes through."""
        self.trying = bool(self.opened)

    def succeeded(self) -> None:
        """Take note that the server answered, be it with an error."""
        self.failures = self.opened = 0
        self.until = 0.0
        self.trying = False

    def gave_up(self) -> None:
        """Take note that a request ended without telling anything of the server."""
        self.trying = False

    def failed(self, now: float) -> None:
        """Take note that it did not answer as it should."""
        bounds = self.bounds
        self.trying = False
        self.failures += 1
        if self.failures >= bounds.failures or self.opened:
            pause = min(bounds.open_s * 2**self.opened, bounds.open_most_s)
            self.opened = min(self.opened + 1, 16)
        else:
            pause = min(bounds.backoff_s * 2 ** (self.failures - 1), bounds.backoff_most_s)
        self.until = now + pause
