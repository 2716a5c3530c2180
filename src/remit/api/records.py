"""Records, as they stand in the ledger."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import PAGE, Asker, Cursor, Json, Limit, Shown, cursor_of, missing, number_of
from remit.api.use_cases import UseCases
from remit.domain.identity import Role
from remit.domain.ids import RunId
from remit.domain.record import RecordKind


class RecordPage(Shown):
    """Records in the order they were written; docs/reference/records.md describes each kind."""

    records: list[Json]
    next: str | None


class RecordRoutes:
    """Records."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/records", self.all, RecordPage)

    @allow(people(Role.AUDITOR, Role.ADMIN))
    def all(
        self,
        caller: Asker,
        kind: RecordKind | None = None,
        run: str = "",
        limit: Limit = PAGE,
        cursor: Cursor = "",
    ) -> RecordPage:
        """List records, oldest first."""
        store = self._use.store
        found_run = store.run(RunId(run)) if run else None
        if run and (found_run is None or found_run.workspace != caller.workspace):
            raise missing("run", run)
        which = kind.value if kind is not None else ""
        found = store.records(caller.workspace, number_of(cursor), limit + 1, RunId(run) if run else None, which)
        page = found[:limit]
        return RecordPage(
            records=[orjson.loads(body) for _, body in page],
            next=cursor_of(page[-1][0]) if len(found) > limit else None,
        )
