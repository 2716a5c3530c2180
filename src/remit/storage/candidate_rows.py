"""Backtests and trials in SQL that every dialect understands; `?` stands for a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import orjson
from sqlalchemy import Select, select

from remit.domain.flip import Comparison
from remit.domain.ids import AgentName, WorkspaceName
from remit.storage.candidate import (
    Backtest,
    BacktestState,
    CandidateWrite,
    Trial,
    TrialCount,
    TrialKind,
    TrialState,
)
from remit.storage.candidate_tables import backtests, trial_counts, trials

MAX_LIST = 200
"""The most rows one question returns."""

Statement = tuple[str, list[tuple[object, ...]]]


def _put(table: str, columns: Sequence[str], conflict: str) -> str:
    names, places = ", ".join(f'"{column}"' for column in columns), ", ".join("?" for _ in columns)
    return f"insert into {table} ({names}) values ({places}) on conflict {conflict}"


_BACKTEST = tuple(field.name for field in fields(Backtest))
_TRIAL = tuple(field.name for field in fields(Trial))
_PUT_BACKTEST = _put(
    "backtests",
    _BACKTEST,
    "(id) do update set state = excluded.state, seen_at = excluded.seen_at, decided = excluded.decided,"
    " total = excluded.total, comparison = excluded.comparison, fault = excluded.fault"
    " where backtests.state = 'running'",
)
_PUT_TRIAL = _put(
    "trials",
    _TRIAL,
    "(id) do update set state = excluded.state, ended_at = excluded.ended_at, ended_by = excluded.ended_by",
)
_PUT_COUNT = _put(
    "trial_counts",
    ("trial", "owner", "at", "comparison"),
    "(trial, owner) do update set at = excluded.at, comparison = excluded.comparison",
)


def statements(writes: Iterable[CandidateWrite]) -> Iterator[Statement]:
    """Say what is written, in the given order."""
    for write in writes:
        match write:
            case Backtest():
                yield _PUT_BACKTEST, [_row(write, _BACKTEST)]
            case Trial():
                yield _PUT_TRIAL, [_row(write, _TRIAL)]
            case TrialCount():
                yield _PUT_COUNT, [(write.trial, write.owner, write.at, _stored(write.comparison))]


def _row(value: object, columns: Iterable[str]) -> tuple[object, ...]:
    return tuple(_stored(getattr(value, column)) for column in columns)


def _stored(value: object) -> object:
    match value:
        case Comparison():
            return orjson.dumps(value.as_json())
        case BacktestState() | TrialKind() | TrialState():
            return value.value
        case tuple():
            return " ".join(value)
    return value


class CandidateQueries:
    """The reading half, of whatever store can run a query."""

    def _all(self, query: Select[Any]) -> Sequence[Any]:
        raise NotImplementedError

    def backtest(self, workspace: WorkspaceName, id: str) -> Backtest | None:
        """Return a backtest as far as it is."""
        found = self._all(select(backtests).where(backtests.c.workspace == workspace, backtests.c.id == id))
        return _backtest(found[0]._mapping) if found else None

    def backtests(self, workspace: WorkspaceName, release: str = "") -> Sequence[Backtest]:
        """Return backtests, newest first; without what they found where no release is named."""
        kept = [column for column in backtests.c if release or column.name != "comparison"]
        query = select(*kept).where(backtests.c.workspace == workspace)
        if release:
            query = query.where(backtests.c.release == release)
        query = query.order_by(backtests.c.started_at.desc(), backtests.c.id.desc())
        return [_backtest(row._mapping) for row in self._all(query.limit(MAX_LIST))]

    def trial(self, workspace: WorkspaceName, id: str) -> Trial | None:
        """Return a trial."""
        found = self._all(select(trials).where(trials.c.workspace == workspace, trials.c.id == id))
        return _trial(found[0]._mapping) if found else None

    def trials(self, workspace: WorkspaceName | None = None, *, running: bool = False) -> Sequence[Trial]:
        """Return trials, newest first; of all workspaces where none is named."""
        query = select(trials)
        if workspace:
            query = query.where(trials.c.workspace == workspace)
        if running:
            query = query.where(trials.c.state == TrialState.RUNNING.value)
        query = query.order_by(trials.c.started_at.desc(), trials.c.id.desc())
        return [_trial(row._mapping) for row in self._all(query.limit(MAX_LIST))]

    def trial_counts(self, trial: str) -> Sequence[TrialCount]:
        """Return what each process has seen of a trial."""
        columns = (trial_counts.c.trial, trial_counts.c.owner, trial_counts.c.at, trial_counts.c.comparison)
        query = select(*columns).where(trial_counts.c.trial == trial).order_by(trial_counts.c.owner)
        return [TrialCount(row[0], row[1], row[2], _compared(row[3])) for row in self._all(query)]


def _backtest(row: Mapping[str, Any]) -> Backtest:
    values = dict(row)
    values["state"] = BacktestState(values["state"])
    if "comparison" in values:
        values["comparison"] = _compared(values["comparison"])
    return Backtest(**values)


def _trial(row: Mapping[str, Any]) -> Trial:
    values = dict(row)
    values["kind"], values["state"] = TrialKind(values["kind"]), TrialState(values["state"])
    values["agents"] = tuple(map(AgentName, values["agents"].split()))
    return Trial(**values)


def _compared(stored: bytes) -> Comparison:
    return Comparison.from_json(orjson.loads(bytes(stored)))
