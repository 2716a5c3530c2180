"""Our own recorded decisions, page by page, with the runs and the opened arguments they were made on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from remit.domain.clock import Instant
from remit.domain.flip import Gap
from remit.domain.ids import RunId, WorkspaceName
from remit.domain.payload import ARGUMENTS
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.execution.again import Past
from remit.execution.backtest.unchanged import none_is_unchanged
from remit.execution.keys import Keys
from remit.storage.port import Reads, SealedPayload
from remit.storage.sealed import PayloadLost, WrongMasterKey

PAGE = 500
"""Decisions in memory at a time."""


_Wanted = tuple[bytes, str, str]
"""A record, its run and its action."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which decisions: those recorded in `[since, until)`, of one agent and one tool or model where these are named."""

    workspace: WorkspaceName
    since: Instant
    until: Instant
    agent: str = ""
    target: str = ""


Lost = tuple[str, Gap]
"""An action whose decision can not be had whole, and why."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some decisions in the order they were made.

    Attributes:
        passed: those that were looked at, wanted or not.
        unchanged: those that were wanted, and are known to come out the same.
        found: the others. To be gone through once: a record is read when its turn comes, since a page of them in
            memory keeps the garbage collector busier than reading them twice.
    """

    passed: int
    unchanged: int
    found: Iterator[Past | Lost]


class History:
    """Reads history in pages of bounded size."""

    def __init__(self, store: Reads, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def count(self, span: Span) -> tuple[int, int]:
        """Return where a span begins and how many decisions of all agents and tools it holds."""
        return self._store.span(span.workspace, RecordKind.DECISION_MADE.value, span.since, span.until)

    def pages(self, span: Span, unchanged: Callable[[Mapping[str, Any]], bool] = none_is_unchanged) -> Iterator[Page]:
        """Yield the decisions of a span; none is left out. What is `unchanged` is counted and not opened."""
        first, total = self.count(span)
        after = first - 1
        while total > 0:
            found = self._store.records(span.workspace, after, PAGE, kind=RecordKind.DECISION_MADE.value)
            if not found:
                return
            after = found[-1][0]
            page = self._page(span, [body for _, body in found], unchanged)
            total -= page.passed
            yield page

    def one(self, workspace: WorkspaceName, action: str) -> Past | Gap | None:
        """Return one action's decision, why it can not be had whole, or None where there is none."""
        body = self._store.record(workspace, f"{action}/decision")
        if body is None:
            return None
        found = next(self._read([(body, orjson.loads(body)["run"], action)]))
        return found if isinstance(found, Past) else found[1]

    def _page(self, span: Span, bodies: Sequence[bytes], unchanged: Callable[[Mapping[str, Any]], bool]) -> Page:
        passed = same = 0
        wanted: list[_Wanted] = []
        for body in bodies:
            record = orjson.loads(body)
            if not span.since <= record["at"] < span.until:
                continue
            passed += 1
            if not _is_wanted(span, record):
                continue
            if unchanged(record):
                same += 1
            else:
                wanted.append((body, record["run"], record["action"]))
        return Page(passed, same, self._read(wanted))

    def _read(self, wanted: Sequence[_Wanted]) -> Iterator[Past | Lost]:
        runs = {run.id: run for run in self._store.runs_of(sorted({RunId(run) for _, run, _ in wanted}))}
        self._keys.fetch(sorted({run.key for run in runs.values()}))
        sealed = {each.owner: each for each in self._store.payloads([action for _, _, action in wanted], ARGUMENTS)}
        for body, run, action in wanted:
            opened = self._opened(runs.get(RunId(run)), sealed.get(action))
            if isinstance(opened, Gap):
                yield action, opened
            else:
                yield Past(orjson.loads(body), runs[RunId(run)], orjson.loads(opened))

    def _opened(self, run: Run | None, payload: SealedPayload | None) -> bytes | Gap:
        if run is None or payload is None:
            return Gap.ARGUMENTS_ERASED
        try:
            return self._keys.of_run(run).open(payload)
        except WrongMasterKey:
            return Gap.WRONG_KEY
        except PayloadLost:
            return Gap.ARGUMENTS_ERASED


def _is_wanted(span: Span, body: dict[str, Any]) -> bool:
    return (not span.agent or body["agent"] == span.agent) and (not span.target or body["target"] == span.target)
