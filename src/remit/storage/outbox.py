"""The outbox: notices that wait, and how far the records were read for them. The same for every dialect.

Guarantees every implementation keeps:
- `fill` writes its notices and moves the cursor in one transaction, and only where the cursor is as the caller saw it:
  what was read is told, once. A notice that is there already stays as it is.
- `lease` gives a notice to one of several servers; it comes back when the lease is over and nothing was settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, and_, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from remit.domain.clock import Instant
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId, OwnerId, WorkspaceName
from remit.domain.notice import Notice, NoticeReason, NoticeState
from remit.storage import rows
from remit.storage.approval import Approval
from remit.storage.port import Store, StoreError
from remit.storage.queries import Queries
from remit.storage.tables import approvals, notice_cursors, notices, records

MAX_EXPIRING = 1_000


class Outbox(Protocol):
    """Notices of one database."""

    def cursor(self, workspace: WorkspaceName) -> int: ...

    def committed(
        self, workspace: WorkspaceName, after: int, limit: int, kinds: Sequence[str]
    ) -> tuple[int, Sequence[bytes]]:
        """Return how far one has read after reading up to `limit` rows of these kinds behind `after`, and the rows."""

    def fill(self, workspace: WorkspaceName, before: int, after: int, new: Sequence[Notice]) -> bool: ...

    def add(self, new: Sequence[Notice]) -> None: ...

    def expiring(self, workspace: WorkspaceName, now: Instant, until: Instant) -> Sequence[Approval]: ...

    def due(self, now: Instant, limit: int) -> Sequence[Notice]: ...

    def lease(self, notice: Notice, owner: OwnerId, now: Instant, until: Instant) -> bool: ...

    def settle(self, notice: Notice, owner: OwnerId) -> None:
        """Write what came of a try, where the lease is still the owner's."""

    def forget(self, before: Instant) -> None:
        """Delete what was settled and made before an instant."""

    def counts(self, workspace: WorkspaceName) -> Mapping[NoticeState, int]: ...

    def listed(self, workspace: WorkspaceName, state: NoticeState | None, limit: int) -> Sequence[Notice]:
        """Return notices, newest first."""


def outbox_of(store: Store) -> Outbox:
    """Return the outbox of a database."""
    if not isinstance(store, Queries):
        raise StoreError(f"{type(store).__name__} keeps no outbox")
    return SqlOutbox(store)


_SHOWN = "id workspace approval reason recipient address state tries next_at created_at problem".split()
_COLUMNS = [notices.c[name] for name in _SHOWN]
_ADD = text(
    f"insert into notices ({', '.join(_SHOWN)}, lease_owner, lease_until)"
    f" values ({', '.join(f':{name}' for name in _SHOWN)}, '', 0) on conflict (id) do nothing"
)
_BEGIN = text("insert into notice_cursors (workspace, last_seq) values (:w, 0) on conflict (workspace) do nothing")


class SqlOutbox:
    """The outbox by SQLAlchemy Core, over the connections of a store."""

    def __init__(self, store: Queries) -> None:
        self._engine = store._engine

    def cursor(self, workspace: WorkspaceName) -> int:
        """Return the last row that was read for notices."""
        c = notice_cursors.c
        found = self._all(select(c.last_seq).where(c.workspace == workspace))
        return found[0][0] if found else 0

    def committed(
        self, workspace: WorkspaceName, after: int, limit: int, kinds: Sequence[str]
    ) -> tuple[int, Sequence[bytes]]:
        """See Outbox. Records become visible in the order of their rows: their workspace is locked until then."""
        c = records.c
        head = select(func.max(c.seq)).where(c.workspace == workspace)
        query = select(c.seq, c.body).where(c.workspace == workspace, c.seq > after, c.kind.in_(kinds))
        last = self._all(head)[0][0] or 0  # first: what is written meanwhile is read next time
        found = self._all(query.where(c.seq <= last).order_by(c.seq).limit(limit))
        return (found[-1][0] if len(found) == limit else max(last, after)), [bytes(row[1]) for row in found]

    def fill(self, workspace: WorkspaceName, before: int, after: int, new: Sequence[Notice]) -> bool:
        """Write notices and move the cursor; False where somebody else has moved it since."""
        c = notice_cursors.c
        with self._writing() as connection:
            connection.execute(_BEGIN, {"w": workspace})
            moved = update(notice_cursors).where(c.workspace == workspace, c.last_seq == before)
            if not connection.execute(moved.values(last_seq=after)).rowcount:
                return False
            _add(connection, new)
            return True

    def add(self, new: Sequence[Notice]) -> None:
        """Write notices that are not there yet."""
        known = {row[0] for row in self._all(select(notices.c.id).where(notices.c.id.in_([n.id for n in new])))}
        missing = [notice for notice in new if notice.id not in known]
        if missing:
            with self._writing() as connection:
                _add(connection, missing)

    def expiring(self, workspace: WorkspaceName, now: Instant, until: Instant) -> Sequence[Approval]:
        """Return approvals that wait for an answer and expire before `until`."""
        c = approvals.c
        columns = [c[name.strip()] for name in rows.APPROVAL_COLUMNS.split(",")]
        waiting = and_(c.workspace == workspace, c.state == ApprovalState.PENDING.value)
        query = select(*columns).where(waiting, c.expires_at > now, c.expires_at < until).order_by(c.expires_at)
        return [rows.approval_from(row) for row in self._all(query.limit(MAX_EXPIRING))]

    def due(self, now: Instant, limit: int) -> Sequence[Notice]:
        """Return notices to be sent now that nobody is sending, those that have waited longest first."""
        c = notices.c
        free = and_(c.state == NoticeState.WAITING.value, c.next_at <= now, c.lease_until <= now)
        return [_notice(row) for row in self._all(select(*_COLUMNS).where(free).order_by(c.next_at).limit(limit))]

    def lease(self, notice: Notice, owner: OwnerId, now: Instant, until: Instant) -> bool:
        """Take a notice for this server; False where it is taken or settled."""
        c = notices.c
        free = and_(c.id == notice.id, c.state == NoticeState.WAITING.value, c.lease_until <= now)
        taken = update(notices).where(free, c.tries == notice.tries).values(lease_owner=owner, lease_until=until)
        with self._writing() as connection:
            return connection.execute(taken).rowcount == 1

    def settle(self, notice: Notice, owner: OwnerId) -> None:
        """See Outbox."""
        c = notices.c
        values = {
            "state": notice.state.value,
            "tries": notice.tries,
            "next_at": notice.next_at,
            "problem": notice.problem,
            "lease_owner": "",
            "lease_until": 0,
        }
        with self._writing() as connection:
            connection.execute(update(notices).where(c.id == notice.id, c.lease_owner == owner).values(values))

    def forget(self, before: Instant) -> None:
        """See Outbox."""
        c = notices.c
        with self._writing() as connection:
            connection.execute(delete(notices).where(c.state != NoticeState.WAITING.value, c.created_at < before))

    def counts(self, workspace: WorkspaceName) -> Mapping[NoticeState, int]:
        """Return how many notices of a workspace there are in each state."""
        c = notices.c
        query = select(c.state, func.count()).where(c.workspace == workspace).group_by(c.state)
        found = {row[0]: row[1] for row in self._all(query)}
        return {state: found.get(state.value, 0) for state in NoticeState}

    def listed(self, workspace: WorkspaceName, state: NoticeState | None, limit: int) -> Sequence[Notice]:
        """See Outbox."""
        c = notices.c
        query = select(*_COLUMNS).where(c.workspace == workspace)
        if state is not None:
            query = query.where(c.state == state.value)
        return [_notice(row) for row in self._all(query.order_by(c.created_at.desc(), c.id).limit(limit))]

    def _all(self, query: Any) -> Sequence[Any]:
        with _explained(), self._engine.connect() as connection:
            return connection.execute(query).all()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _explained(), self._engine.begin() as connection:
            yield connection


def _add(connection: Connection, new: Sequence[Notice]) -> None:
    found = [{name: getattr(notice, name) for name in _SHOWN} for notice in new]
    if found:
        connection.execute(_ADD, found)


def _notice(row: Any) -> Notice:
    id, workspace, approval, reason, recipient, address, state, tries, next_at, created_at, problem = row
    return Notice(
        id=id,
        workspace=WorkspaceName(workspace),
        approval=ApprovalId(approval),
        reason=NoticeReason(reason),
        recipient=recipient,
        address=address,
        state=NoticeState(state),
        tries=tries,
        next_at=Instant(next_at),
        created_at=Instant(created_at),
        problem=problem,
    )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the outbox can not be read or written: {error.orig}") from error
