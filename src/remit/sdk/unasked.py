"""What an agent has read while its server could not be reached, until the server is told of it.

Only where the setting allows it, and only tools of which the server has said that they read. It comes on record as
`observed`: decided, and counted, when it is told.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from remit.domain.arguments import BadArguments
from remit.domain.ids import RunId
from remit.sdk.errors import Refused, Unavailable, Unreachable

MOST = 100
"""Reads that wait to be told; one more is denied."""
TRIES = 3
"""How often a server that answers is told of one it can not take: its data may be erased."""

_log = logging.getLogger("remit.sdk")


@dataclass(frozen=True, slots=True)
class Read:
    """One read that was carried out unasked, with what its request would have been and what came of it."""

    run: RunId
    tool: str
    asked: dict[str, object]
    outcome: dict[str, object]


class Unasked:
    """The reads of one client. Shared by its threads; nothing waits for the network but `tell`."""

    def __init__(self, send: Callable[[Read], None], *, allowed: bool) -> None:
        """Take what tells a server of one read; it raises Unavailable where there is still none."""
        self._send = send
        self._allowed = allowed
        self._lock = threading.Lock()  # guards the two below, and is held for a moment only
        self._tools: dict[RunId, frozenset[str]] = {}
        self._waiting: deque[Read] = deque()
        self._failed = 0  # how often the first of them has; guarded by _telling
        self._telling = threading.Lock()  # one at a time, in the order in which it happened

    def opened(self, run: RunId, tools: Iterable[str]) -> None:
        """Remember which tools of a run do nothing but read."""
        if self._allowed:
            with self._lock:
                self._tools[run] = frozenset(tools)

    def ended(self, run: RunId) -> None:
        """Let nothing more of this run through."""
        with self._lock:
            self._tools.pop(run, None)

    def lets(self, run: RunId, tool: str) -> bool:
        """Whether a call may go ahead though nobody can be asked."""
        with self._lock:
            return tool in self._tools.get(run, ()) and len(self._waiting) < MOST

    def keep(self, read: Read) -> None:
        """Keep a read until it is told."""
        with self._lock:
            self._waiting.append(read)

    def tell(self) -> None:
        """Tell the server of every read that waits. Raises Unavailable while there is none; they go on waiting."""
        if not self._waiting:
            return
        with self._telling:
            while True:
                with self._lock:
                    if not self._waiting:
                        return
                    read = self._waiting[0]
                self._told(read)
                with self._lock:
                    self._waiting.popleft()
                self._failed = 0

    def _told(self, read: Read) -> None:
        """Tell of one, or give it up where it would be refused for ever: the run or the key is over."""
        try:
            self._send(read)
        except Unreachable:
            raise
        except (Unavailable, Refused, BadArguments) as error:
            self._failed += 1
            if isinstance(error, Unavailable) and self._failed < TRIES:
                raise
            _log.warning("a read of %s in run %s is not on record: %s", read.tool, read.run, error)
