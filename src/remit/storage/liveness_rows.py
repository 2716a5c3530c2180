"""Who is still there, in SQL that every dialect understands; `?` stands for a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, and_, func, literal, null, or_, select, text

from remit.domain.clock import Instant
from remit.domain.facts import Scope, ScopeKind
from remit.domain.ids import ActionId, AgentName, CredentialId, RunId, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.storage import rows, tables
from remit.storage.liveness import Acknowledgement, LeaseProlonged, LivenessWrite, RunEnded, RunHeard, RunWoken

MAX_LIST = 10_000
"""The most rows one question returns."""

_STOP_CHANGED = RecordKind.STOP_CHANGED.value
_TELL = (
    "insert into acknowledgements (workspace, stop, listener, agent, credential, told_at, acknowledged_at)"
    " values (?, ?, ?, ?, ?, ?, ?) on conflict (workspace, stop, listener) do update set"
    " acknowledged_at = coalesce(acknowledgements.acknowledged_at, excluded.acknowledged_at)"
)


def statements(writes: Iterable[LivenessWrite]) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Say what is written, in the given order."""
    for write in writes:
        if not isinstance(write, RunWoken):  # waking.py sees to it
            yield _statement(write)


def _statement(write: RunEnded | RunHeard | LeaseProlonged | Acknowledgement) -> tuple[str, list[tuple[object, ...]]]:
    match write:
        case RunEnded(run=run, at=at):
            return "update runs set ended_at = ?, heard_at = 0 where id = ?", [(at, run)]
        case RunHeard(run=run, at=at):
            return "update runs set heard_at = ? where id = ? and ended_at = 0", [(at, run)]
        case LeaseProlonged(action=action, until=until):
            return "update open_actions set lease_until = ? where id = ?", [(until, action)]
        case Acknowledgement() as a:
            row = (a.workspace, a.stop, a.listener, a.agent, a.credential, a.told_at, a.acknowledged_at)
            return _TELL, [row]


class LivenessQueries:
    """The reading half; see LivenessReads."""

    def stopped(self, workspace: WorkspaceName, limit: int, after: str = "") -> Sequence[Scope]:
        """See LivenessReads."""
        table = tables.scopes
        # Written out, not as a value: only so both databases see that the partial index has them all.
        query = select(*_SCOPE).where(text("stops != '{}'"), table.c.id.startswith(f"{workspace}/", autoescape=True))
        query = query.where(table.c.id > after).order_by(table.c.id)
        return [rows.scope_from(row) for row in self._all(query.limit(min(limit, MAX_LIST)))]

    def stop_changes(self, workspace: WorkspaceName, after: int, limit: int) -> tuple[int, Sequence[tuple[int, bytes]]]:
        """See LivenessReads."""
        t = tables.records
        # The newest comes first: what is committed between the two questions is looked at next time, too.
        newest = self._all(select(func.max(t.c.seq)).where(t.c.workspace == workspace))[0][0] or 0
        query = select(t.c.seq, t.c.body).where(t.c.workspace == workspace, t.c.seq > after, t.c.kind == _STOP_CHANGED)
        found = self._all(query.where(t.c.seq <= newest).order_by(t.c.seq).limit(limit)) if limit else ()
        last = found[-1][0] if found and len(found) == limit else max(newest, after)
        return last, [(row[0], bytes(row[1])) for row in found]

    def lapsed(self, now: Instant) -> Sequence[tuple[WorkspaceName, Scope]]:
        """See LivenessReads."""
        query = select(*_SCOPE).where(tables.scopes.c.lapses_at <= now).order_by(tables.scopes.c.id)
        scopes = [rows.scope_from(row) for row in self._all(query.limit(MAX_LIST))]
        return [(WorkspaceName(scope.id.partition("/")[0]), scope) for scope in scopes]

    def runs_within(
        self, workspace: WorkspaceName, kind: ScopeKind, name: str, limit: int, since: Instant | None = None
    ) -> Sequence[Run]:
        """See LivenessReads."""
        table = tables.runs
        is_standing = table.c.ended_at == 0
        if since is not None:
            is_standing = or_(is_standing, table.c.ended_at >= since)
        query = select(*_RUN).where(table.c.workspace == workspace, is_standing)
        match kind:
            case ScopeKind.TEAM:
                query = query.where(table.c.team == name)
            case ScopeKind.AGENT:
                query = query.where(table.c.agent == name)
            case ScopeKind.USER:
                query = query.where(table.c.on_behalf_of == name)
            case ScopeKind.RUN:
                query = query.where(or_(table.c.id == name, table.c.ancestors.contains(f" {name} ", autoescape=True)))
        return [rows.run_from(row) for row in self._all(query.order_by(table.c.id).limit(min(limit, MAX_LIST)))]

    def overdue(self, now: Instant) -> Sequence[tuple[ActionId, RunId]]:
        """See LivenessReads."""
        t = tables.open_actions
        query = select(t.c.id, t.c.run).where(t.c.unknown == 0, t.c.lease_until > 0, t.c.lease_until < now)
        return [(ActionId(row[0]), RunId(row[1])) for row in self._all(query.limit(MAX_LIST))]

    def silent(self, before: Instant, now: Instant) -> Sequence[Run]:
        """See LivenessReads."""
        t, records, approvals, actions = tables.runs, tables.records, tables.approvals, tables.open_actions
        last = select(records.c.at).where(records.c.run == t.c.id).order_by(records.c.seq.desc()).limit(1)
        is_open = and_(approvals.c.state.in_(("pending", "approved")), approvals.c.expires_at > now)
        waits = select(literal(1)).where(approvals.c.run == t.c.id, is_open)
        acts = select(literal(1)).where(actions.c.run == t.c.id, actions.c.unknown == 0)
        query = select(*_RUN).where(t.c.heard_at > 0, t.c.heard_at < before, ~waits.exists(), ~acts.exists())
        query = query.where(func.coalesce(last.scalar_subquery(), 0) < before)
        return [rows.run_from(row) for row in self._all(query.limit(MAX_LIST))]

    def acknowledgements(self, workspace: WorkspaceName, stops: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """See LivenessReads."""
        t = tables.acknowledgements
        query = select(t.c.stop, func.count(), func.count(t.c.acknowledged_at))
        query = query.where(t.c.workspace == workspace, t.c.stop.in_(stops)).group_by(t.c.stop)
        return {row[0]: (row[1], row[2]) for row in self._all(query)}

    def listeners(self, workspace: WorkspaceName, stop: str, limit: int) -> Sequence[Acknowledgement]:
        """See LivenessReads."""
        t = tables.acknowledgements
        query = select(t).where(t.c.workspace == workspace, t.c.stop == stop).order_by(t.c.listener)
        return [
            Acknowledgement(
                WorkspaceName(row.workspace),
                row.stop,
                row.listener,
                AgentName(row.agent),
                CredentialId(row.credential),
                row.told_at,
                row.acknowledged_at,
            )
            for row in self._all(query.limit(min(limit, MAX_LIST)))
        ]

    def _all(self, query: Select[Any]) -> Sequence[Any]:
        raise NotImplementedError


_SCOPE = [*(tables.scopes.c[name] for name in rows.SCOPE_COLUMNS.split(", ")), null()]
_RUN = [tables.runs.c[name] for name in rows.RUN_COLUMNS.split(", ")]
