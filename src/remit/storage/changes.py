"""Who waits for new records is woken: at once within a process, by polling or NOTIFY across processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from remit.domain.ids import WorkspaceName
from remit.storage.port import StoreError


class Signals:
    """Counts what was heard of each workspace, and wakes who waits. Shared by all threads of a store."""

    def __init__(self) -> None:
        self._heard = threading.Condition()
        self._counts: dict[str, int] = {}  # guarded by _heard, like _all
        self._all = 0

    def tell(self, workspaces: Iterable[str]) -> None:
        """Wake who waits for one of these workspaces."""
        with self._heard:
            for workspace in workspaces:
                self._counts[workspace] = self._counts.get(workspace, 0) + 1
            self._heard.notify_all()

    def tell_everybody(self) -> None:
        """Wake everybody: something may have happened that nobody heard."""
        with self._heard:
            self._all += 1
            self._heard.notify_all()

    def count(self, workspace: str) -> int:
        """Return a number that grows with everything heard of a workspace."""
        with self._heard:
            return self._count(workspace)

    def wait(self, workspace: str, seen: int, timeout_s: float) -> int:
        """Return the count once it is not `seen` any more, or as it is after `timeout_s`."""
        with self._heard:
            self._heard.wait_for(lambda: self._count(workspace) != seen, timeout_s)
            return self._count(workspace)

    def _count(self, workspace: str) -> int:
        return self._all + self._counts.get(workspace, 0)


class Listening:
    """Changes of one workspace: woken by signals, and by looking every `poll_s` whether one was missed."""

    def __init__(self, signals: Signals, workspace: WorkspaceName, records: Callable[[], int], poll_s: float) -> None:
        self._signals = signals
        self._workspace = workspace
        self._records = records
        self._poll_s = poll_s
        self._closed = threading.Event()
        self._seen = signals.count(workspace)
        self._counted = self._count()

    def __iter__(self) -> Listening:
        """Return itself."""
        return self

    def __next__(self) -> None:
        """Block until there may be new records, or until it is closed."""
        while not self._closed.is_set():
            seen = self._signals.wait(self._workspace, self._seen, self._poll_s)
            if seen != self._seen:
                self._seen = seen
                if not self._closed.is_set():
                    return
            counted = self._count()
            if counted != self._counted:
                self._counted = counted
                return
        raise StopIteration

    def close(self) -> None:
        """End the iteration, in whichever thread it waits."""
        self._closed.set()
        self._signals.tell([self._workspace])

    def _count(self) -> int:
        try:
            return self._records()
        except StoreError:  # gone for the moment: what it holds when it is back will not be what it held
            return -1
