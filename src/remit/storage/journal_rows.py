"""The journal by SQLAlchemy Core, the same for every dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from remit.domain.clock import Instant
from remit.domain.ids import OwnerId, RunId, WorkspaceName
from remit.domain.workflow_progress import OVER, Progress, StepState, WorkflowState
from remit.storage import sharing
from remit.storage.asking import carried_out
from remit.storage.journal import (
    GIVEN_UP,
    NOT_MOVED,
    NOT_UNDONE,
    TO_UNDO,
    Asking,
    Ending,
    Journal,
    LostRun,
    Standing,
    StoredStep,
    WorkflowEvent,
    WorkflowRun,
)
from remit.storage.journal_tables import workflow_events, workflow_runs, workflow_steps, workflow_workers
from remit.storage.port import Store, StoreError
from remit.storage.queries import Queries

MAX_LIST = 1_000
"""The most runs one question returns."""
MAX_EVENTS = 1_000
"""The most events of a run that are looked at."""

_RUN = tuple(each.name for each in fields(WorkflowRun))
_STEP = tuple(each.name for each in fields(Progress) if each.name != "output")
_EVENT = tuple(each.name for each in fields(WorkflowEvent))
_OVER = sorted(state.value for state in OVER)
_UNDER_WAY = [WorkflowState.RUNNING.value, WorkflowState.WAITING.value, WorkflowState.COMPENSATING.value]
_LOCK = text("select pg_advisory_xact_lock(hashtext(:name))")


def _put(table: str, columns: Sequence[str], conflict: str) -> Any:
    names, values = ", ".join(f'"{each}"' for each in columns), ", ".join(f":{each}" for each in columns)
    return text(f"insert into {table} ({names}) values ({values}) on conflict {conflict}")


_ADD_RUN = _put("workflow_runs", _RUN, "(run) do nothing")
_ADD_EVENT = _put("workflow_events", _EVENT, "(id) do nothing")
_CHANGING = [each for each in (*_STEP, "output") if each not in ("path", "belongs_to")]
_PUT_STEP = _put(
    "workflow_steps",
    ("run", *_STEP, "output"),
    "(run, path) do update set " + ", ".join(f"{each} = excluded.{each}" for each in _CHANGING),
)


def journal_of(store: Store) -> Journal:
    """Return the journal of a database."""
    if not isinstance(store, Queries):
        raise StoreError(f"{type(store).__name__} keeps no journal")
    return SqlJournal(store)


class SqlJournal:
    """See Journal. Works over the connections of a store."""

    def __init__(self, store: Queries) -> None:
        self._store = store
        self._engine = store._engine

    # -- runs

    def add(self, run: WorkflowRun, steps: Sequence[StoredStep] = ()) -> bool:
        """See Journal."""
        with self._writing() as connection:
            if connection.execute(_ADD_RUN, {name: getattr(run, name) for name in _RUN}).rowcount != 1:
                return False
            _put_steps(connection, run.run, steps)
            if not sharing.may_begin(connection, run, steps):
                values = {"cancel": "cancel", "cancelled_by": f"run:{run.shares}"}
                connection.execute(update(workflow_runs).where(workflow_runs.c.run == run.run).values(values))
            return True

    def run(self, run: RunId) -> WorkflowRun | None:
        """Return a run as it stands."""
        return self.runs_of([run]).get(run)

    def runs_of(self, runs: Sequence[RunId]) -> Mapping[RunId, WorkflowRun]:
        """Return those of the runs that are there."""
        c = workflow_runs.c
        return {row.run: row for row in map(_run, self._all(select(*_RUN_COLUMNS).where(c.run.in_(runs))))}

    def runs(
        self,
        workspace: WorkspaceName,
        limit: int,
        before: RunId | None = None,
        workflow: str = "",
        state: WorkflowState | None = None,
        parent: str = "",
    ) -> Sequence[WorkflowRun]:
        """See Journal. Ids of runs sort by time."""
        c = workflow_runs.c
        query = select(*_RUN_COLUMNS).where(c.workspace == workspace).order_by(c.run.desc())
        if before is not None:
            query = query.where(c.run < before)
        for column, wanted in ((c.workflow, workflow), (c.state, state and state.value), (c.parent, parent)):
            if wanted:
                query = query.where(column == wanted)
        return [_run(row) for row in self._all(query.limit(min(limit, MAX_LIST)))]

    def steps(self, run: RunId) -> Sequence[StoredStep]:
        """See Journal."""
        c = workflow_steps.c
        found = self._all(select(*_STEP_COLUMNS).where(c.run == run).order_by(c.path))
        return [StoredStep(_progress(row[:-1]), bytes(row[-1])) for row in found]

    def ended_badly(self, workspace: WorkspaceName, since: Instant, limit: int) -> Sequence[WorkflowRun]:
        """See Journal."""
        c, again = workflow_runs.c, workflow_runs.alias().c
        is_done_again = exists().where(again.shares == c.run, again.shares != literal_column("''"))  # as its index says
        told = or_(c.error.contains(NOT_UNDONE, autoescape=True), c.error.startswith(NOT_MOVED, autoescape=True))
        is_first_told = or_(told, and_(c.state == WorkflowState.FAILED.value, c.parent == ""))
        badly = c.state.in_([WorkflowState.FAILED.value, WorkflowState.CANCELLED.value])
        query = select(*_RUN_COLUMNS).where(c.workspace == workspace, badly, c.ended_at >= since, is_first_told)
        found = self._all(query.where(~is_done_again).order_by(c.ended_at, c.run).limit(min(limit, MAX_LIST)))
        return [_run(row) for row in found]

    def counts(self, workspace: WorkspaceName) -> Mapping[WorkflowState, int]:
        """Return how many runs of a workspace there are in each state."""
        c = workflow_runs.c
        query = select(c.state, func.count()).where(c.workspace == workspace).group_by(c.state)
        return {WorkflowState(row[0]): row[1] for row in self._all(query)}

    # -- segments

    def due(self, now: Instant, fresh: Instant, limit: int) -> Sequence[WorkflowRun]:
        """See Journal."""
        c = workflow_runs.c
        place = func.row_number().over(partition_by=c.workspace, order_by=(c.priority, c.ready_at, c.run))
        found = select(*_RUN_COLUMNS, place.label("place")).where(c.ready_at <= now, _free(fresh)).subquery()
        query = select(*(found.c[name] for name in _RUN)).order_by(found.c.place, found.c.priority, found.c.run)
        return [_run(row) for row in self._all(query.limit(limit))]

    def queued(self, runs: Sequence[WorkflowRun], again_at: Instant) -> None:
        """See Journal."""
        if runs:
            each = [
                {"of": row.run, "at_turn": row.turn, "begun": row.claims, "was": row.ready_at, "again": again_at}
                for row in runs
            ]
            with self._writing() as connection:
                connection.execute(_QUEUED, each)

    def claim(self, run: RunId, turn: int, owner: OwnerId, now: Instant, fresh: Instant) -> WorkflowRun | None:
        """See Journal."""
        c, others = workflow_runs.c, workflow_runs.alias()
        under_way = (
            select(func.count())
            .select_from(others)
            .where(others.c.workspace == c.workspace, others.c.workflow == c.workflow, others.c.state.in_(_UNDER_WAY))
        )
        has_place = or_(c.state != WorkflowState.QUEUED.value, c.most == 0, under_way.scalar_subquery() < c.most)
        wanted = and_(c.run == run, c.turn == turn, c.state.not_in(_OVER), or_(c.owner == owner, _free(fresh)))
        taken = (
            update(workflow_runs)
            .where(wanted, has_place)
            .values(
                owner=owner,
                ready_at=now,  # so that it is due at once when its owner is gone, whatever the queue knows
                claims=c.claims + 1,
                turn_at=case((c.claims == 0, literal(now)), else_=c.turn_at),
                state=case((c.state == WorkflowState.QUEUED.value, WorkflowState.RUNNING.value), else_=c.state),
            )
        )
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                # Two that begin at once would each not see the other's.
                name = select(c.workspace + "/" + c.workflow).where(c.run == run, c.most > 0)
                for row in connection.execute(name).all():
                    connection.execute(_LOCK, {"name": row[0]})
            if connection.execute(taken).rowcount != 1:
                return None
            return _run(connection.execute(select(*_RUN_COLUMNS).where(c.run == run)).one())

    def save(self, run: WorkflowRun, steps: Sequence[StoredStep], used: Mapping[str, str], spent: int = 0) -> Standing:
        """See Journal."""
        c = workflow_runs.c
        with self._writing() as connection:
            self._mine(connection, run, {"spent": spent})
            _put_steps(connection, run.run, steps)
            for event, path in used.items():
                is_free = and_(workflow_events.c.id == event, workflow_events.c.used_by == "")
                connection.execute(update(workflow_events).where(is_free).values(used_by=path))
            standing = select(c.cancel, c.cancelled_by, c.wakes).where(c.run == run.run)
            return Standing(*connection.execute(standing).one())

    def leave(self, run: WorkflowRun, state: WorkflowState, due_at: Instant | None, now: Instant) -> None:
        """See Journal."""
        c = workflow_runs.c
        ready_at = case((c.wakes == run.wakes, literal(due_at, c.ready_at.type)), else_=literal(now))
        values = {"state": state.value, "ready_at": ready_at, "turn": run.turn + 1, "claims": 0, "failures": 0}
        with self._writing() as connection:
            self._mine(connection, run, {**values, "owner": ""})

    def stumble(self, run: WorkflowRun, again_at: Instant) -> None:
        """See Journal."""
        values = {"ready_at": again_at, "turn": run.turn + 1, "claims": 0, "failures": run.failures + 1, "owner": ""}
        with self._writing() as connection:
            self._mine(connection, run, values)

    def give_up(self, run: WorkflowRun, error: str, now: Instant) -> None:
        """See Journal."""
        values = {
            "cancel": case((workflow_runs.c.cancel == "", GIVEN_UP), else_=workflow_runs.c.cancel),
            "error": error,
            "state": WorkflowState.COMPENSATING.value,
            "ready_at": now,
            "turn": run.turn + 1,
            "claims": 0,
            "failures": 0,
            "owner": "",
        }
        with self._writing() as connection:
            self._mine(connection, run, values)

    def end(self, run: WorkflowRun, ending: Ending, now: Instant) -> None:
        """See Journal."""
        values = {
            "state": ending.state.value,
            "error": ending.error,
            "outputs": ending.outputs,
            "spent": ending.spent,
            "ended_at": now,
            "ready_at": None,
            "owner": "",
        }
        with self._writing() as connection:
            self._mine(connection, run, values)
            if run.parent:
                connection.execute(_woken([RunId(run.parent)], now))
            if run.most:
                connection.execute(_next_of(run, now))

    def standing_on(self, run: RunId) -> Sequence[RunId]:
        """See Journal."""
        query = select(workflow_runs.c.run).where(sharing.standing_on(run)).order_by(workflow_runs.c.run)
        return [RunId(row[0]) for row in self._all(query.limit(MAX_LIST))]

    def undone_in(self, run: WorkflowRun, undo_run: RunId) -> None:
        """Note in which run a run is undone. Raises LostRun."""
        with self._writing() as connection:
            self._mine(connection, run, {"undo_run": undo_run, "state": WorkflowState.COMPENSATING.value})

    def owned(self, owner: OwnerId) -> Sequence[WorkflowRun]:
        """Return the runs that an owner has."""
        c = workflow_runs.c
        return [_run(row) for row in self._all(select(*_RUN_COLUMNS).where(c.owner == owner).limit(MAX_LIST))]

    # -- what wakes

    def wake(self, runs: Sequence[RunId], now: Instant) -> int:
        """See Journal."""
        with self._writing() as connection:
            return connection.execute(_woken(runs, now)).rowcount

    def wake_waiting(self, workspace: WorkspaceName, waits_for: str, now: Instant) -> int:
        """See Journal."""
        c, s = workflow_runs.c, workflow_steps.c
        waits = [StepState.WAITING.value, StepState.UNKNOWN.value]
        waiting = select(s.run).where(s.waits_for == waits_for, s.state.in_(waits))
        woken = update(workflow_runs).where(c.workspace == workspace, c.run.in_(waiting), c.state.not_in(_OVER))
        with self._writing() as connection:
            return connection.execute(woken.values(ready_at=now, wakes=c.wakes + 1)).rowcount

    def cancel(self, run: RunId, how: str, by: str, now: Instant, asking: Asking | None = None) -> bool:
        """See Journal."""
        c = workflow_runs.c
        weaker = ["", "cancel", GIVEN_UP] if how == "terminate" else [""]
        asked = update(workflow_runs).where(c.run == run, c.cancel.in_(weaker), c.state.not_in(_OVER))
        values = {"cancel": how, "cancelled_by": by, "ready_at": now, "wakes": c.wakes + 1}
        return self._carried_out(asking, now, lambda connection: connection.execute(asked.values(values)).rowcount == 1)

    def undo(self, run: RunId, by: str, now: Instant, asking: Asking | None = None) -> bool:
        """See Journal."""
        c = workflow_runs.c
        asked = update(workflow_runs).where(c.run == run, c.state.in_(_OVER))
        values = {
            "state": WorkflowState.COMPENSATING.value,
            "cancel": TO_UNDO,
            "cancelled_by": by,
            "ended_at": 0,
            "deadline": 0,
            "ready_at": now,
            "turn": c.turn + 1,
            "claims": 0,
            "failures": 0,
        }

        def change(connection: Connection) -> bool:
            if sharing.is_stood_on(connection, run):
                return False
            return connection.execute(asked.values(values)).rowcount == 1

        return self._carried_out(asking, now, change)

    def tell(self, event: WorkflowEvent, now: Instant, asking: Asking | None = None) -> bool:
        """See Journal."""

        def change(connection: Connection) -> bool:
            # First the run: whoever ends it meanwhile is waited for, or waits.
            if connection.execute(_woken([event.run], now)).rowcount != 1:
                return False
            return connection.execute(_ADD_EVENT, {name: getattr(event, name) for name in _EVENT}).rowcount == 1

        return self._carried_out(asking, now, change)

    def events(self, run: RunId, *, unused: bool) -> Sequence[WorkflowEvent]:
        """See Journal."""
        c = workflow_events.c
        query = select(*(c[name] for name in _EVENT)).where(c.run == run)
        if unused:
            query = query.where(c.used_by == "")
        found = self._all(query.order_by(c.at, c.id).limit(MAX_EVENTS))
        return [WorkflowEvent(**{**dict(zip(_EVENT, row, strict=True)), "data": bytes(row[-1])}) for row in found]

    # -- connections

    def _mine(self, connection: Connection, run: WorkflowRun, values: Mapping[str, Any]) -> None:
        c = workflow_runs.c
        is_mine = and_(c.run == run.run, c.turn == run.turn, c.owner == run.owner)
        if connection.execute(update(workflow_runs).where(is_mine).values(values)).rowcount != 1:
            raise LostRun(f"run {run.run} was taken over by another worker")

    def _all(self, query: Any) -> Sequence[Any]:
        with _explained(), self._engine.connect() as connection:
            return connection.execute(query).all()

    def _carried_out(self, asking: Asking | None, now: Instant, change: Callable[[Connection], bool]) -> bool:
        with _explained():
            return carried_out(self._store, asking, now, change)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _explained(), self._engine.begin() as connection:
            yield connection


_QUEUED = (
    update(workflow_runs)
    .where(
        workflow_runs.c.run == bindparam("of"),
        workflow_runs.c.turn == bindparam("at_turn"),
        workflow_runs.c.claims == bindparam("begun"),
        workflow_runs.c.ready_at == bindparam("was"),
    )
    .values(ready_at=bindparam("again"))
)
_RUN_COLUMNS = [workflow_runs.c[name] for name in _RUN]
_STEP_COLUMNS = [workflow_steps.c[name] for name in (*_STEP, "output")]


def _free(fresh: Instant) -> Any:
    workers = select(workflow_workers.c.id).where(workflow_workers.c.seen_at >= fresh)
    return or_(workflow_runs.c.owner == "", workflow_runs.c.owner.not_in(workers))


def _woken(runs: Sequence[RunId], now: Instant) -> Any:
    c = workflow_runs.c
    woken = update(workflow_runs).where(c.run.in_(runs), c.state.not_in(_OVER))
    return woken.values(ready_at=now, wakes=c.wakes + 1)


def _next_of(run: WorkflowRun, now: Instant) -> Any:
    """Wake the next run that waits for a place in its workflow."""
    c = workflow_runs.c
    waiting = and_(
        c.workspace == run.workspace,
        c.workflow == run.workflow,
        c.state == WorkflowState.QUEUED.value,
        c.run != run.run,
    )
    first = select(c.run).where(waiting).order_by(c.priority, c.created_at, c.run).limit(1)
    return update(workflow_runs).where(c.run == first.scalar_subquery()).values(ready_at=now, wakes=c.wakes + 1)


def _put_steps(connection: Connection, run: RunId, steps: Sequence[StoredStep]) -> None:
    if steps:
        connection.execute(_PUT_STEP, [_step_row(run, step) for step in steps])


def _step_row(run: RunId, step: StoredStep) -> dict[str, object]:
    progress = step.progress
    values = {name: getattr(progress, name) for name in _STEP}
    return {**values, "run": run, "state": progress.state.value, "output": step.output}


def _run(row: Any) -> WorkflowRun:
    values = dict(zip(_RUN, row, strict=True))
    return WorkflowRun(**{**values, "state": WorkflowState(values["state"]), "outputs": bytes(values["outputs"])})


def _progress(row: Sequence[Any]) -> Progress:
    values = dict(zip(_STEP, row, strict=True))
    return Progress(**{**values, "state": StepState(values["state"])})


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the journal of workflows can not be read or written: {error.orig}") from error
