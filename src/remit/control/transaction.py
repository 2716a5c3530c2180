"""One change by a person, in one transaction, with its record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from remit.domain.clock import Instant
from remit.domain.ids import WorkspaceName
from remit.domain.record import Record, RecordKind
from remit.storage.port import Loaded, Store, Wanted, Writes


class Change:
    """What was loaded, and what will be written when the block ends without an error."""

    def __init__(self, loaded: Loaded, workspace: WorkspaceName, now: Instant) -> None:
        self.loaded = loaded
        self.writes = Writes()
        self.workspace = workspace
        self.now = now

    def record(self, key: str, kind: RecordKind, content: dict[str, object]) -> None:
        """Put the change on record."""
        self.writes.records.append(Record.of(self.workspace, key, kind, self.now, None, content))


@contextmanager
def changing(store: Store, wanted: Wanted, now: Instant) -> Iterator[Change]:
    """Load and lock what is wanted, let the block decide, then write everything or nothing."""
    transactions = store.transactions()
    try:
        change = Change(transactions.begin(wanted), wanted.workspace, now)
        yield change
        transactions.commit(change.writes)
    except BaseException:
        transactions.rollback()
        raise
    finally:
        transactions.close()
