"""Records, as they stand in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import orjson
from fastapi import Query

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import PAGE, Asker, Cursor, Json, Limit, Shown, cursor_of, missing, number_of
from remit.api.use_cases import UseCases
from remit.domain.identity import Role
from remit.domain.ids import RunId
from remit.domain.record import RecordKind

MAX_SCANNED = 5_000
"""How many records are looked through for one page of a search: their text has no index."""
SCANNED_AT_ONCE = 500


class RecordPage(Shown):
    """Records in the order they were written; docs/reference/records.md describes each kind.

    `partial`: the search was broken off before the page was full; `next` goes on with it.
    """

    records: list[Json]
    next: str | None
    partial: bool = False


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
        find: Annotated[
            str, Query(max_length=200, description="Text that stands in the record, as an id or a name.")
        ] = "",
        limit: Limit = PAGE,
        cursor: Cursor = "",
    ) -> RecordPage:
        """List records, oldest first.

        `find` is looked for in 5,000 records for one page: where the page is not full by then, `partial` says so, and
        `next` goes on behind the last one that was looked at.
        """
        store = self._use.store
        found_run = store.run(RunId(run)) if run else None
        if run and (found_run is None or found_run.workspace != caller.workspace):
            raise missing("run", run)
        which = kind.value if kind is not None else ""
        wanted, after = find.casefold(), number_of(cursor)
        page: list[bytes] = []
        for _ in range(0, MAX_SCANNED if wanted else 1, SCANNED_AT_ONCE):
            most = SCANNED_AT_ONCE if wanted else limit + 1
            read = store.records(caller.workspace, after, most, RunId(run) if run else None, which)
            for place, body in read:
                if len(page) == limit:
                    return _page(page, after)
                page += [body] if wanted in body.decode().casefold() else []
                after = place
            if len(read) < most:
                return _page(page, None)
        return _page(page, after, partial=True)


def _page(bodies: list[bytes], after: int | None, *, partial: bool = False) -> RecordPage:
    return RecordPage(
        records=[orjson.loads(body) for body in bodies],
        next=None if after is None else cursor_of(after),
        partial=partial,
    )
