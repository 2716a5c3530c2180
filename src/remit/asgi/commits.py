"""Word that records were committed, from the store's threads to whoever waits on the server's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from remit.domain.ids import WorkspaceName
from remit.storage.port import Changes

Listen = Callable[[WorkspaceName], Changes]


class Followed:
    """The commits of one workspace. Made and left on the event loop; told of by a thread that listens to the store."""

    def __init__(self, workspace: WorkspaceName, listen: Listen) -> None:
        self.count = 0
        self.followers = 0
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()  # owned by the event loop
        self._left = threading.Event()
        self._changes: Changes | None = None
        self._thread = threading.Thread(target=self._hear, args=(workspace, listen), name="remit-heard", daemon=True)
        self._thread.start()

    async def after(self, count: int, longest_s: float) -> int:
        """Wait until there are other commits than `count`, or until the time is over; return how many there are."""
        if self.count != count:
            return self.count
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(longest_s):
                await future
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(future)
        return self.count

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self.count += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def leave(self) -> None:
        """Stop listening; the thread ends by itself."""
        self._left.set()
        if self._changes is not None:
            self._changes.close()

    def _hear(self, workspace: WorkspaceName, listen: Listen) -> None:
        self._changes = listen(workspace)
        if self._left.is_set():  # it was left before there was anything to close
            self._changes.close()
        with contextlib.suppress(RuntimeError):  # the event loop was closed
            for _ in self._changes:
                self._loop.call_soon_threadsafe(self.wake)


class Commits:
    """What is committed in the workspaces that somebody follows. Owned by the event loop."""

    def __init__(self, listen: Listen) -> None:
        self._listen = listen
        self._followed: dict[WorkspaceName, Followed] = {}

    @contextmanager
    def followed(self, workspace: WorkspaceName) -> Iterator[Followed]:
        """Hear of one workspace's commits; a thread listens as long as anybody does."""
        found = self._followed.get(workspace)
        if found is None:
            found = self._followed[workspace] = Followed(workspace, self._listen)
        found.followers += 1
        try:
            yield found
        finally:
            found.followers -= 1
            if not found.followers:
                del self._followed[workspace]
                found.leave()

    def wake(self) -> None:
        """Let everybody who waits look again."""
        for followed in self._followed.values():
            followed.wake()
