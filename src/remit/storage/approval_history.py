"""Approvals beside one another: what waits, what was like it, the path its run has taken. Reads only, each bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Select, select
from sqlalchemy.exc import DBAPIError

from remit.domain.clock import Instant
from remit.domain.facts import ApprovalState
from remit.domain.ids import ActionId, AgentName, RunId, WorkspaceName
from remit.domain.record import RecordKind
from remit.storage import rows
from remit.storage.approval import Approval
from remit.storage.port import Store, StoreError
from remit.storage.queries import Queries
from remit.storage.tables import approvals, records

_COLUMNS = [approvals.c[name.strip()] for name in rows.APPROVAL_COLUMNS.split(",")]
OUTCOMES = ("reconciled", "outcome")
"""The records that tell what came of an action, the weightier first."""


class ApprovalHistory(Protocol):
    """What came before an approval."""

    def similar(
        self, workspace: WorkspaceName, agent: AgentName, target: str, since: Instant, limit: int
    ) -> Sequence[Approval]:
        """Return approvals of one agent and target created at or after `since`, newest first."""

    def waiting(self, workspace: WorkspaceName, limit: int) -> Sequence[Approval]:
        """Return approvals that wait for people, the oldest first, as they were written: some may have expired."""

    def decided(self, workspace: WorkspaceName, run: RunId, action: ActionId, limit: int) -> Sequence[bytes]:
        """Return the decision records of a run before that of `action`: the last `limit`, oldest first."""

    def outcomes(self, workspace: WorkspaceName, actions: Sequence[ActionId]) -> Mapping[ActionId, bytes]:
        """Return what is known of outcomes, as records, by action."""


def approval_history_of(store: Store) -> ApprovalHistory:
    """Return the history that a database keeps."""
    if not isinstance(store, Queries):
        raise StoreError(f"{type(store).__name__} keeps no history of approvals")
    return SqlApprovalHistory(store)


class SqlApprovalHistory:
    """The history by SQLAlchemy Core, over the connections of a store."""

    def __init__(self, store: Queries) -> None:
        self._store = store
        self._engine = store._engine

    def similar(
        self, workspace: WorkspaceName, agent: AgentName, target: str, since: Instant, limit: int
    ) -> Sequence[Approval]:
        """See ApprovalHistory."""
        c = approvals.c
        query = select(*_COLUMNS).where(
            c.workspace == workspace, c.agent == agent, c.target == target, c.created_at >= since
        )
        found = self._all(query.order_by(c.created_at.desc(), c.id.desc()).limit(limit))
        return [rows.approval_from(row) for row in found]

    def waiting(self, workspace: WorkspaceName, limit: int) -> Sequence[Approval]:
        """See ApprovalHistory."""
        c = approvals.c
        query = select(*_COLUMNS).where(c.workspace == workspace, c.state == ApprovalState.PENDING.value)
        return [rows.approval_from(row) for row in self._all(query.order_by(c.created_at, c.id).limit(limit))]

    def decided(self, workspace: WorkspaceName, run: RunId, action: ActionId, limit: int) -> Sequence[bytes]:
        """See ApprovalHistory."""
        c = records.c
        itself = select(c.seq).where(c.workspace == workspace, c.key == f"{action}/decision").scalar_subquery()
        query = select(c.body).where(
            c.workspace == workspace, c.run == run, c.kind == RecordKind.DECISION_MADE.value, c.seq < itself
        )
        return [bytes(row[0]) for row in reversed(self._all(query.order_by(c.seq.desc()).limit(limit)))]

    def outcomes(self, workspace: WorkspaceName, actions: Sequence[ActionId]) -> Mapping[ActionId, bytes]:
        """See ApprovalHistory."""
        keys = {f"{action}/{part}": action for action in actions for part in OUTCOMES}
        by_key = self._store.records_at(workspace, list(keys))
        told: dict[ActionId, bytes] = {}
        for key, action in keys.items():
            if key in by_key:
                told.setdefault(action, by_key[key])
        return told

    def _all(self, query: Select[Any]) -> Sequence[Any]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(query).all()
        except DBAPIError as error:
            raise StoreError(f"the database can not be read: {error.orig}") from error
