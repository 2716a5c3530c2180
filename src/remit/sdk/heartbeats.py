"""An agent far away says now and then that it still carries out its runs, and which of its actions still go on.

A server that hears nothing takes an action for unknown after a while, and a run for abandoned: its agent may be gone.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

from remit.domain.ids import ActionId, RunId
from remit.sdk.errors import RemitError

BEATS = 3
"""How often in the time of a lease: one or two may be lost."""
MOST_ACTIONS = 256
"""Most actions in one heartbeat."""

Send = Callable[[RunId, list[ActionId]], None]


class Heartbeats:
    """What goes on. Shared by all threads of a client; one thread of its own speaks up, rarely."""

    def __init__(self, send: Send) -> None:
        """Take what sends one heartbeat of a run; it may raise RemitError."""
        self._send = send
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._changed = threading.Condition()  # guards all below
        self._runs: dict[RunId, dict[ActionId, None]] = {}
        self._every_s = 0.0
        self._thread: threading.Thread | None = None
        self._closed = False

    def opened(self, run: RunId, lease_s: int) -> None:
        """Speak for a run from now on. A server that grants no lease (0) waits for no word."""
        if os.getpid() != self._process:
            self._begin()
        if lease_s <= 0:
            return
        with self._changed:
            self._runs[run] = {}
            self._every_s = lease_s / BEATS
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="remit-heartbeats", daemon=True)
                self._thread.start()

    def admitted(self, run: RunId, action: ActionId) -> None:
        """Speak for an action until it is settled."""
        with self._changed:
            if run in self._runs:
                self._runs[run][action] = None

    def settled(self, run: RunId, action: ActionId) -> None:
        """Its outcome is told, or nobody will tell it."""
        with self._changed:
            self._runs.get(run, {}).pop(action, None)

    def ended(self, run: RunId) -> None:
        """Speak for this run no longer."""
        with self._changed:
            self._runs.pop(run, None)

    def close(self) -> None:
        """Speak no more. The thread ends by itself."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def beat(self) -> None:
        """Speak for every run now."""
        with self._changed:
            runs = {run: list(actions)[:MOST_ACTIONS] for run, actions in self._runs.items()}
        for run, actions in runs.items():
            with contextlib.suppress(RemitError):  # the server is gone for the moment, or knows the run no more
                self._send(run, actions)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._every_s)
                if self._closed:
                    return
            self.beat()
