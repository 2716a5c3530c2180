"""Failed attempts are counted in the database, by account and by address, and slow down who makes them."""

from __future__ import annotations

from collections.abc import Iterable

from remit.control.transaction import changing, written
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.ids import WorkspaceName
from remit.storage.identity import CountFailure, Forgive
from remit.storage.port import Store, Wanted

FREE = 5
"""How many failures in a row cost nothing."""
LONGEST_WAIT_S = 900
FORGOTTEN_AFTER_S = 3_600
"""A failure later than this after the one before begins a new count."""


class TooManyAttempts(Exception):
    """Wait before trying again."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many failed attempts: try again in {wait_s} s")
        self.wait_s = wait_s


class Attempts:
    """Counts of one database."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def check(self, keys: Iterable[str]) -> None:
        """Raise TooManyAttempts where one of the keys must wait."""
        wait_s = max((self._wait_s(key) for key in keys), default=0)
        if wait_s > 0:
            raise TooManyAttempts(wait_s)

    def claim(self, workspace: WorkspaceName, key: str) -> None:
        """Count an attempt as failed before it is looked at: of many at once no more are looked at than in turn.

        In a workspace that nobody has made there is nothing to find out, and nothing is made. Raises TooManyAttempts.
        """
        if not self._store.scopes_of([scope_id(ScopeKind.WORKSPACE, workspace)]):
            self.failed([key])
            return
        with changing(self._store, Wanted(workspace=workspace), self._clock.now()) as change:
            self.check([key])
            change.writes.identity.append(self._failure(key))

    def failed(self, keys: Iterable[str]) -> None:
        """Count one more failure of each."""
        written(self._store, [self._failure(key) for key in keys])

    def _failure(self, key: str) -> CountFailure:
        now = self._clock.now()
        return CountFailure(key, now, Instant(now - FORGOTTEN_AFTER_S * MICROS_PER_SECOND))

    def succeeded(self, keys: Iterable[str]) -> None:
        """Forget the failures of each."""
        known = [key for key in keys if self._store.failures(key) is not None]
        if known:
            written(self._store, [Forgive(key) for key in known])

    def _wait_s(self, key: str) -> int:
        found = self._store.failures(key)
        if found is None or found.count <= FREE:
            return 0
        pause_s: int = min(LONGEST_WAIT_S, 1 << min(found.count - FREE, 20))
        until = found.last_at + pause_s * MICROS_PER_SECOND
        left: int = until - self._clock.now()
        return -(-left // MICROS_PER_SECOND)
