"""What a process that vanished has left open: its actions become unknown, and stay so until somebody finds out."""

from __future__ import annotations

from collections.abc import Sequence

from remit.domain.action import Outcome, OutcomeStatus
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.execution.admission import HEARTBEAT_S
from remit.execution.commands import Command, Settle
from remit.storage.port import Reads

LEASE_S = 12 * HEARTBEAT_S
"""A process not seen for this long is taken to be gone: twice as long as a heartbeat may wait for the database."""


def abandoned(store: Reads, now: Instant) -> Sequence[Command]:
    """Return the commands that record every open action of a vanished process as `unknown`."""
    commands: list[Command] = []
    for action in store.abandoned(Instant(now - LEASE_S * MICROS_PER_SECOND)):
        run = store.run(action.run)
        if run is not None:
            outcome = Outcome(action.id, OutcomeStatus.UNKNOWN, error="process_vanished")
            commands.append(Settle(run, outcome, by="remit:recovery"))
    return commands
