"""Commands carried out one by one where no writer runs: what a person starts on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from remit.domain.clock import Clock
from remit.execution.commands import Batch, Command
from remit.execution.transaction import Answer, Writer, process
from remit.storage.port import Transactions


class AtOnce:
    """See Admissions. Safe to use from any thread: each command has a connection of its own."""

    def __init__(self, open_transactions: Callable[[], Transactions], clock: Clock, writer: Writer) -> None:
        self._open = open_transactions
        self._clock = clock
        self._writer = writer

    def check_process(self) -> None:
        """Nothing is shared with another process."""

    def submit(self, command: Command) -> Answer:
        """Carry out a command. Raises what failed."""
        transactions = self._open()
        try:
            batch = Batch(command.workspace, [command])
            (answer,) = process(transactions, batch, self._clock.now(), self._writer)
        except BaseException:
            transactions.rollback()
            raise
        finally:
            transactions.close()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def asubmit(self, command: Command) -> Answer:
        """As submit, without blocking the event loop."""
        return await asyncio.to_thread(self.submit, command)
