"""What a process that vanished has left open: its actions become unknown, and stay so until somebody finds out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remit.domain.action import Outcome, OutcomeStatus
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.ending import ABANDONED
from remit.execution.admission import HEARTBEAT_S
from remit.execution.commands import Command, EndRun, Lapse, Settle
from remit.storage.port import Reads

LEASE_S = 12 * HEARTBEAT_S
"""A process not seen for this long is taken to be gone: twice as long as a heartbeat may wait for the database."""


BY = "remit:recovery"
"""Who puts on record what somebody left behind."""


@dataclass(frozen=True, slots=True)
class Leases:
    """How long is waited for agents far away, whose process can vanish while the server's lives on.

    Attributes:
        action_s: for the outcome of an action, from its admission or the last heartbeat on.
        run_s: for anything at all in a run.
    """

    action_s: int = 900
    run_s: int = 86_400


def due(store: Reads, leases: Leases, now: Instant) -> Sequence[Command]:
    """Return what time alone has brought about, whoever notices first: what was left behind, and stops that end."""
    return (*abandoned(store, now), *overdue(store, now), *silent(store, leases, now), *lapsed(store, now))


def abandoned(store: Reads, now: Instant) -> Sequence[Command]:
    """Return the commands that record every open action of a vanished process as `unknown`."""
    commands: list[Command] = []
    for action in store.abandoned(Instant(now - LEASE_S * MICROS_PER_SECOND)):
        run = store.run(action.run)
        if run is not None:
            outcome = Outcome(action.id, OutcomeStatus.UNKNOWN, error="process_vanished")
            commands.append(Settle(run, outcome, by=BY))
    return commands


def overdue(store: Reads, now: Instant) -> Sequence[Command]:
    """Return the commands that record every open action whose lease is over as `unknown`.

    Its reservation stays: the effect may have happened. An outcome that comes late still reconciles it.
    """
    commands: list[Command] = []
    for action, id in store.overdue(now):
        run = store.run(id)
        if run is not None:
            outcome = Outcome(action, OutcomeStatus.UNKNOWN, error="lease_over")
            commands.append(Settle(run, outcome, by=BY, if_overdue=True))
    return commands


def silent(store: Reads, leases: Leases, now: Instant) -> Sequence[Command]:
    """Return the commands that end every leased run of which nothing was heard, and that waits for nobody."""
    before = Instant(now - leases.run_s * MICROS_PER_SECOND)
    return [EndRun(run, ABANDONED, BY) for run in store.silent(before, now)]


def lapsed(store: Reads, now: Instant) -> Sequence[Command]:
    """Return the commands that clear away stops whose end has come. They hold nothing any more as it is."""
    return [
        Lapse(workspace, scope.id, what, stop.at)
        for workspace, scope in store.lapsed(now)
        for what, stop in scope.stops.items()
        if not stop.holds_at(now)
    ]
