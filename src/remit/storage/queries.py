"""Questions to a database, in SQLAlchemy Core, for every dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import AbstractContextManager
from typing import Any

import orjson
from sqlalchemy import Connection, Select, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from remit.domain.clock import Instant
from remit.domain.facts import ApprovalState, Scope, ScopeKind, scope_id
from remit.domain.ids import ApprovalId, KeyId, ReleaseId, RunId, ScopeId, WorkspaceName
from remit.domain.release import Release
from remit.domain.run import Run
from remit.storage import rows, tables
from remit.storage.candidate_rows import CandidateQueries
from remit.storage.changes import Listening, Signals
from remit.storage.delegation import Delegation
from remit.storage.identity_rows import IdentityQueries
from remit.storage.liveness_rows import LivenessQueries
from remit.storage.port import (
    Activation,
    Approval,
    Changes,
    OpenAction,
    Proposal,
    SealedPayload,
    StoreError,
    WrappedKey,
)

MAX_LIST = 10_000
"""The most rows one question returns."""


def _columns(table: Any, names: str) -> list[Any]:
    return [table.c[name.strip()] for name in names.split(",")]


_RUN = _columns(tables.runs, rows.RUN_COLUMNS)
_SCOPE = _columns(tables.scopes, rows.SCOPE_COLUMNS)
_APPROVAL = _columns(tables.approvals, rows.APPROVAL_COLUMNS)
_DELEGATION = _columns(tables.delegations, rows.DELEGATION_COLUMNS)
_OPEN = _columns(tables.open_actions, rows.OPEN_COLUMNS)


class Queries(IdentityQueries, LivenessQueries, CandidateQueries):
    """The reading half of a store."""

    poll_s = 1.0
    """How often somebody who listens looks for what no signal told: another process may have written it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._signals = Signals()

    def writing(self) -> AbstractContextManager[Connection]:
        """Begin a transaction beside the admission path, which is committed unless the block raises."""
        return self._engine.begin()

    def tell(self, workspace: WorkspaceName) -> None:
        """Wake who waits for the records of a workspace: some were committed."""
        self._signals.tell([workspace])

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def run(self, run: RunId) -> Run | None:
        """Return a run as it was started, without its salt."""
        found = self.runs_of([run])
        return found[0] if found else None

    def runs_of(self, runs: Sequence[RunId]) -> Sequence[Run]:
        """Return those of the runs that are there, without their salt."""
        found = [rows.run_from(row) for row in self._all(select(*_RUN).where(tables.runs.c.id.in_(runs)))]
        wanted = sorted({ancestor for run in found for ancestor in run.ancestors})
        if not wanted:
            return found
        rows_above = self._all(select(*_RUN).where(tables.runs.c.id.in_(wanted)))
        above = {run.id: run for run in map(rows.run_from, rows_above)}
        return [rows.below(run, above) for run in found]

    def runs(
        self,
        workspace: WorkspaceName,
        limit: int,
        before: RunId | None = None,
        agent: str = "",
        on_behalf_of: str = "",
    ) -> Sequence[Run]:
        """Return runs, newest first, before a given one (keyset paging), of one agent or for one user where named."""
        c = tables.runs.c
        query = select(*_RUN).where(c.workspace == workspace).order_by(c.id.desc())
        if before is not None:
            query = query.where(c.id < before)
        if agent:
            query = query.where(c.agent == agent)
        if on_behalf_of:
            query = query.where(c.on_behalf_of == on_behalf_of)
        return [rows.run_from(row) for row in self._all(query.limit(min(limit, MAX_LIST)))]

    def scope(self, scope: ScopeId) -> Scope | None:
        """Return the facts of one scope as they stand."""
        joined = tables.scopes.outerjoin(tables.histories, tables.histories.c.scope == tables.scopes.c.id)
        columns = select(*_SCOPE, tables.histories.c.history).select_from(joined)
        found = self._all(columns.where(tables.scopes.c.id == scope))
        return rows.scope_from(found[0]) if found else None

    def scopes_of(self, scopes: Sequence[ScopeId]) -> Sequence[Scope]:
        """Return those of the scopes that are there, without their histories."""
        found = self._all(select(*_SCOPE).where(tables.scopes.c.id.in_(scopes)))
        return [rows.scope_from((*row, None)) for row in found]

    def key(self, key: KeyId) -> WrappedKey | None:
        """Return a payload key, or None where it never was or has been destroyed."""
        table = tables.payload_keys
        found = self._all(select(table.c.id, table.c.wrapped, table.c.created_at).where(table.c.id == key))
        return WrappedKey(*found[0]) if found else None

    def keys(self, keys: Sequence[KeyId]) -> Sequence[WrappedKey]:
        """Return those of the payload keys that are there; one that was destroyed is empty."""
        table = tables.payload_keys
        query = select(table.c.id, table.c.wrapped, table.c.created_at).where(table.c.id.in_(keys))
        return [WrappedKey(*row) for row in self._all(query)]

    def some_key(self) -> WrappedKey | None:
        """Return any payload key there is: the master key must open it."""
        table = tables.payload_keys
        query = select(table.c.id, table.c.wrapped, table.c.created_at).where(table.c.wrapped != b"")
        found = self._all(query.limit(1))
        return WrappedKey(*found[0]) if found else None

    def payload(self, owner: str, part: str) -> SealedPayload | None:
        """Return a sealed payload."""
        table = tables.payloads
        columns = (table.c.owner, table.c.part, table.c.key, table.c.sealed)
        found = self._all(select(*columns).where(table.c.owner == owner, table.c.part == part))
        return SealedPayload(*found[0]) if found else None

    def payloads(self, owners: Sequence[str], part: str) -> Sequence[SealedPayload]:
        """Return one part of each owner that has it."""
        table = tables.payloads
        columns = (table.c.owner, table.c.part, table.c.key, table.c.sealed)
        query = select(*columns).where(table.c.owner.in_(owners), table.c.part == part)
        return [SealedPayload(*row) for row in self._all(query)]

    def span(self, workspace: WorkspaceName, kind: str, since: Instant, until: Instant) -> tuple[int, int]:
        """Return the number of the first record of a kind in `[since, until)`, 0 for none, and how many there are."""
        table = tables.records
        within = (table.c.workspace == workspace, table.c.kind == kind, table.c.at >= since, table.c.at < until)
        columns: list[Any] = [func.min(table.c.seq), func.count()]
        first, count = self._all(select(*columns).where(*within))[0]
        return first or 0, count

    def records(
        self,
        workspace: WorkspaceName,
        after: int = 0,
        limit: int = 1000,
        run: RunId | None = None,
        kind: str = "",
    ) -> Sequence[tuple[int, bytes]]:
        """Return records with a sequence number above `after`, in order, as (number, body)."""
        table = tables.records
        query = select(table.c.seq, table.c.body).where(table.c.workspace == workspace, table.c.seq > after)
        if run is not None:
            query = query.where(table.c.run == run)
        if kind:
            query = query.where(table.c.kind == kind)
        return [(row[0], bytes(row[1])) for row in self._all(query.order_by(table.c.seq).limit(min(limit, MAX_LIST)))]

    def record(self, workspace: WorkspaceName, key: str) -> bytes | None:
        """Return one record's body."""
        table = tables.records
        found = self._all(select(table.c.body).where(table.c.workspace == workspace, table.c.key == key))
        return bytes(found[0][0]) if found else None

    def records_at(self, workspace: WorkspaceName, keys: Sequence[str]) -> Mapping[str, bytes]:
        """See port.py."""
        c = tables.records.c
        found = self._all(select(c.key, c.body).where(c.workspace == workspace, c.key.in_(keys)))
        return {row[0]: bytes(row[1]) for row in found}

    def approval(self, approval: ApprovalId) -> Approval | None:
        """Return one approval as it stands."""
        found = self._all(select(*_APPROVAL).where(tables.approvals.c.id == approval))
        return rows.approval_from(found[0]) if found else None

    def approvals(self, workspace: WorkspaceName, state: ApprovalState | None = None) -> Sequence[Approval]:
        """Return approvals, newest first."""
        query = select(*_APPROVAL).where(tables.approvals.c.workspace == workspace)
        if state is not None:
            query = query.where(tables.approvals.c.state == state.value)
        query = query.order_by(tables.approvals.c.created_at.desc(), tables.approvals.c.id.desc())
        return [rows.approval_from(row) for row in self._all(query.limit(MAX_LIST))]

    def approvals_due(self, now: Instant) -> Sequence[Approval]:
        """Return approvals of every workspace that time has changed since they were written, longest due first."""
        due_at = tables.approvals.c.due_at
        query = select(*_APPROVAL).where(due_at <= now).order_by(due_at)
        return [rows.approval_from(row) for row in self._all(query.limit(MAX_LIST))]

    def delegations(self, workspace: WorkspaceName) -> Sequence[Delegation]:
        """Return who answers in whose place, newest first, those that are over included."""
        query = select(*_DELEGATION).where(tables.delegations.c.workspace == workspace)
        query = query.order_by(tables.delegations.c.made_at.desc(), tables.delegations.c.id.desc())
        return [Delegation(*row) for row in self._all(query.limit(MAX_LIST))]

    def open_actions(self, workspace: WorkspaceName) -> Sequence[OpenAction]:
        """Return admitted actions without outcome and those whose outcome is unknown, oldest first."""
        query = select(*_OPEN).where(tables.open_actions.c.workspace == workspace)
        return [
            rows.open_from(row) for row in self._all(query.order_by(tables.open_actions.c.admitted_at).limit(MAX_LIST))
        ]

    def abandoned(self, before: Instant) -> Sequence[OpenAction]:
        """Return open actions whose process was last seen before an instant, or never."""
        table, owners = tables.open_actions, tables.owners
        alive = select(owners.c.id).where(owners.c.seen_at >= before)
        query = select(*_OPEN).where(table.c.unknown == 0, table.c.owner.not_in(alive))
        return [rows.open_from(row) for row in self._all(query.limit(MAX_LIST))]

    def release(self, workspace: WorkspaceName, release: ReleaseId) -> Release | None:
        """Return a release with its files."""
        table = tables.releases
        found = self._all(select(table).where(table.c.workspace == workspace, table.c.id == release))
        return self._release(found[0]._mapping) if found else None

    def releases(self, workspace: WorkspaceName) -> Sequence[Release]:
        """Return all releases, newest first, without their files."""
        table = tables.releases
        query = select(table).where(table.c.workspace == workspace).order_by(table.c.created_at.desc(), table.c.id)
        return [self._release(row._mapping, with_files=False) for row in self._all(query.limit(MAX_LIST))]

    def _release(self, row: Any, *, with_files: bool = True) -> Release:
        files: dict[str, bytes] = {}
        if with_files:
            manifest = orjson.loads(row["manifest"])
            table = tables.contents
            wanted = list(set(manifest.values()))
            found = self._all(select(table.c.digest, table.c.content).where(table.c.digest.in_(wanted)))
            contents = {digest: bytes(content) for digest, content in found}
            files = {path: contents[digest] for path, digest in sorted(manifest.items())}
        fields = ("id", "workspace", "author", "message", "created_at", "withdrawn_at")
        return Release(files=files, **{field: row[field] for field in fields})

    def active(self, workspace: WorkspaceName, channel: str) -> ReleaseId | None:
        """Return the release a channel points at."""
        past = self.activations(workspace, channel)
        return past[0].release if past else None

    def active_releases(self) -> Set[tuple[WorkspaceName, ReleaseId]]:
        """Return those that any channel of any workspace points at now."""
        t = tables.activations
        newest = select(func.max(t.c.seq)).group_by(t.c.workspace, t.c.channel)
        query = select(t.c.workspace, t.c.release).where(t.c.seq.in_(newest))
        return {(WorkspaceName(workspace), ReleaseId(release)) for workspace, release in self._all(query)}

    def channels(self, workspace: WorkspaceName) -> Sequence[str]:
        """Return the channels that ever pointed at a release, by name."""
        channel = tables.activations.c.channel
        query = select(channel).distinct().where(tables.activations.c.workspace == workspace).order_by(channel)
        return [row[0] for row in self._all(query.limit(MAX_LIST))]

    def proposals(self, workspace: WorkspaceName) -> Sequence[Proposal]:
        """Return the proposals that nobody has agreed to and whose channel still points where it did, oldest first."""
        t = tables.proposals
        query = select(t).where(t.c.workspace == workspace, t.c.activated_at.is_(None)).order_by(t.c.at, t.c.id)
        found = [Proposal(*row) for row in self._all(query)]
        active = {channel: self.active(workspace, channel) or "" for channel in {each.channel for each in found}}
        return [each for each in found if active[each.channel] == each.before]

    def activations(self, workspace: WorkspaceName, channel: str) -> Sequence[Activation]:
        """Return what a channel has pointed at, newest first."""
        t = tables.activations
        columns = (t.c.workspace, t.c.channel, t.c.release, t.c.author, t.c.at, t.c.message)
        query = select(*columns).where(t.c.workspace == workspace, t.c.channel == channel).order_by(t.c.seq.desc())
        return [Activation(*row) for row in self._all(query.limit(MAX_LIST))]

    def listen(self, workspace: WorkspaceName) -> Changes:
        """Wake whoever iterates when records were committed in a workspace."""
        whole = scope_id(ScopeKind.WORKSPACE, workspace)

        def records() -> int:
            scope = self.scope(whole)
            return 0 if scope is None else scope.records

        return Listening(self._signals, workspace, records, self.poll_s)

    def workspaces(self) -> Sequence[WorkspaceName]:
        """Return the workspaces that have a release, sorted."""
        column = tables.releases.c.workspace
        return [WorkspaceName(row[0]) for row in self._all(select(column).distinct().order_by(column))]

    def _all(self, query: Select[Any]) -> Sequence[Any]:
        try:
            return self._read(query)
        except DBAPIError as error:
            raise StoreError(f"the database could not be read: {error.orig}") from error

    def _read(self, query: Select[Any]) -> Sequence[Any]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(query).all()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        # The connection was lost while nobody used it. All others of its age are given up with it; one new try.
        with self._engine.connect() as connection:
            return connection.execute(query).all()
