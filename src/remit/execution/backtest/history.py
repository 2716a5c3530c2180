"""Our own recorded decisions, page by page, with the runs and the opened arguments they were made on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from remit.domain.clock import Instant
from remit.domain.flip import Gap
from remit.domain.ids import RunId, WorkspaceName
from remit.domain.payload import ARGUMENTS
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.execution.again import Past
from remit.execution.keys import Keys
from remit.storage.port import Reads, SealedPayload
from remit.storage.sealed import PayloadLost, WrongMasterKey

PAGE = 500
"""Decisions in memory at a time."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which decisions: those recorded in `[since, until)`, of one agent and one tool or model where these are named."""

    workspace: WorkspaceName
    since: Instant
    until: Instant
    agent: str = ""
    target: str = ""


@dataclass(slots=True)
class Page:
    """Some decisions in the order they were made. `passed` counts those that were looked at, wanted or not."""

    passed: int
    pasts: list[Past] = field(default_factory=list)
    lost: list[tuple[str, Gap]] = field(default_factory=list)


class History:
    """Reads history in pages of bounded size."""

    def __init__(self, store: Reads, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def count(self, span: Span) -> tuple[int, int]:
        """Return where a span begins and how many decisions of all agents and tools it holds."""
        return self._store.span(span.workspace, RecordKind.DECISION_MADE.value, span.since, span.until)

    def pages(self, span: Span) -> Iterator[Page]:
        """Yield the decisions of a span; none is left out."""
        first, total = self.count(span)
        after = first - 1
        while total > 0:
            found = self._store.records(span.workspace, after, PAGE, kind=RecordKind.DECISION_MADE.value)
            if not found:
                return
            after = found[-1][0]
            bodies = [orjson.loads(body) for _, body in found]
            within = [body for body in bodies if span.since <= body["at"] < span.until]
            total -= len(within)
            yield self._page(span, within)

    def one(self, workspace: WorkspaceName, action: str) -> Past | Gap | None:
        """Return one action's decision, why it can not be had whole, or None where there is none."""
        body = self._store.record(workspace, f"{action}/decision")
        if body is None:
            return None
        page = self._page(Span(workspace, Instant(0), Instant(0)), [orjson.loads(body)])
        return page.pasts[0] if page.pasts else page.lost[0][1]

    def _page(self, span: Span, bodies: Sequence[dict[str, Any]]) -> Page:
        page = Page(len(bodies))
        wanted = [body for body in bodies if _is_wanted(span, body)]
        runs = {run.id: run for run in self._store.runs_of(sorted({RunId(body["run"]) for body in wanted}))}
        self._keys.fetch(sorted({run.key for run in runs.values()}))
        sealed = {each.owner: each for each in self._store.payloads([body["action"] for body in wanted], ARGUMENTS)}
        for body in wanted:
            opened = self._opened(runs.get(body["run"]), sealed.get(body["action"]))
            if isinstance(opened, Gap):
                page.lost.append((body["action"], opened))
            else:
                page.pasts.append(Past(body, runs[body["run"]], orjson.loads(opened)))
        return page

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
