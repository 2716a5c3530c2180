"""Word that something was committed, from whichever thread, to whoever waits on the server's event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from remit.storage.port import Loaded, Transactions, Wanted, Writes


class Commits:
    """Counts commits of this process. Other processes' commits are not seen: who waits also looks by itself."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: dict[asyncio.Future[None], asyncio.AbstractEventLoop] = {}

    def tell(self) -> None:
        """Say that something was committed. May be called from any thread; costs next to nothing if nobody waits."""
        self.count += 1
        for future, loop in list(self._waiting.items()):
            with contextlib.suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(_wake, future)

    async def after(self, count: int, longest_s: float) -> int:
        """Wait until there are other commits than `count`, or until the time is over; return how many there are."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting[future] = loop
        try:
            if self.count == count:  # read after the future is in its place: a commit in between is not missed
                async with asyncio.timeout(longest_s):
                    await future
        except TimeoutError:
            pass
        finally:
            del self._waiting[future]
        return self.count


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class TellingTransactions:
    """Transactions that tell of each commit once it is durable."""

    def __init__(self, transactions: Transactions, tell: Callable[[], None]) -> None:
        self._transactions = transactions
        self._tell = tell

    def begin(self, wanted: Wanted) -> Loaded:
        """See Transactions."""
        return self._transactions.begin(wanted)

    def commit(self, writes: Writes) -> None:
        """See Transactions."""
        self._transactions.commit(writes)
        if writes.records:
            self._tell()

    def rollback(self) -> None:
        """See Transactions."""
        self._transactions.rollback()

    def close(self) -> None:
        """See Transactions."""
        self._transactions.close()
