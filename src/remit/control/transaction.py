"""One change by a person, in one transaction, with its record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from remit.domain.clock import Instant
from remit.domain.facts import Scope, ScopeKind, scope_id
from remit.domain.ids import RunId, WorkspaceName
from remit.domain.record import Record, RecordKind
from remit.storage.approval import Approval, lapses
from remit.storage.identity import IdentityWrite
from remit.storage.port import Loaded, Store, Wanted, Writes
from remit.storage.writing import put


class Change:
    """What was loaded, and what will be written when the block ends without an error."""

    def __init__(self, loaded: Loaded, workspace: WorkspaceName, now: Instant) -> None:
        self.loaded = loaded
        self.writes = Writes()
        self.workspace = workspace
        self.now = now
        id = scope_id(ScopeKind.WORKSPACE, workspace)
        self._scope = loaded.scopes.get(id) or Scope(id, ScopeKind.WORKSPACE)

    def record(self, key: str, kind: RecordKind, content: dict[str, object], run: RunId | None = None) -> None:
        """Put the change on record, where it is of one run, as a record of that run."""
        self._scope.records += 1
        self._scope.last_at = max(self._scope.last_at, self.now)
        self.writes.scopes[self._scope.id] = self._scope
        record = Record.of(self.workspace, self._scope.records, key, kind, self.now, run, content)
        self.writes.records.append(record)

    def put_approval(self, approval: Approval) -> None:
        """Write an approval that was loaded, and put on record what time alone has changed of it."""
        for key, kind, content in lapses(self.loaded.approvals_by_id[approval.id], approval):
            self.record(key, kind, content)
        self.writes.approvals[approval.id] = approval


@contextmanager
def changing(store: Store, wanted: Wanted, now: Instant) -> Iterator[Change]:
    """Load and lock what is wanted and the workspace, let the block decide, then write everything or nothing."""
    transactions = store.transactions()
    try:
        whole = scope_id(ScopeKind.WORKSPACE, wanted.workspace)
        wanted = replace(wanted, scopes=sorted({whole, *wanted.scopes}))
        change = Change(transactions.begin(wanted), wanted.workspace, now)
        yield change
        transactions.commit(change.writes)
    except BaseException:
        transactions.rollback()
        raise
    finally:
        transactions.close()


def written(store: Store, writes: Sequence[IdentityWrite]) -> None:
    """Write what needs no record: a count, an answer kept for a repetition, when a credential was last seen."""
    put(store, Writes(identity=list(writes)))
