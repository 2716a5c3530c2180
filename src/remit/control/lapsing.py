"""What time does to approvals that nobody looks at: they pass on to other groups, and expire."""

from __future__ import annotations

import threading
from collections.abc import Callable

from remit.control.transaction import changing
from remit.domain.clock import Clock
from remit.storage.port import Store, StoreError, Wanted

INTERVAL_S = 5.0
"""How often a server looks. Whoever answers or uses an approval in between sees it as it is: this puts it on record."""


class Lapsing:
    """Puts on record what has become due. Any number of processes may do it on one database."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def once(self) -> int:
        """Look at what is due, and return how many approvals have changed."""
        now = self._clock.now()
        changed = 0
        for due in self._store.approvals_due(now):
            with changing(self._store, Wanted(approval_ids=[due.id], workspace=due.workspace), now) as change:
                approval = change.loaded.approvals_by_id[due.id]
                if approval.due_at is not None and approval.due_at <= now:
                    change.put_approval(approval.lapsed(now))
                    changed += 1
        return changed


class LapsingThread:
    """Looks every five seconds until it is closed. Failures are told, and tried again."""

    def __init__(self, lapsing: Lapsing, tell: Callable[[str], None], interval_s: float = INTERVAL_S) -> None:
        self._lapsing = lapsing
        self._tell = tell
        self._interval_s = interval_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="remit-lapsing", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._interval_s):
            try:
                self._lapsing.once()
            except StoreError as error:
                self._tell(str(error))
