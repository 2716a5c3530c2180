"""What the writer tells those who count and trace, once everybody who waited has their answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from remit.execution.commands import Command
from remit.execution.transaction import Answer


@dataclass(frozen=True, slots=True)
class Carried:
    """One command that was carried out, or failed.

    `at` is when it was put into the queue, by time.perf_counter(); `context` is what `Watch.queued` said then.
    """

    command: Command
    answer: Answer | Exception
    at: float
    context: object


@dataclass(frozen=True, slots=True)
class Transaction:
    """The commands of one transaction, when it was begun and when it was over, by time.perf_counter()."""

    carried: Sequence[Carried]
    begun: float
    over: float


Told: TypeAlias = Callable[[Transaction], None]
"""Called in the writer thread: must be quick, and what it raises is lost."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody who watches.

    `queued` is called where a command is put into the queue, in its caller's context; `closed` once the last one is
    carried out.
    """

    told: Told
    queued: Callable[[], object] | None = None
    closed: Callable[[], None] | None = None
