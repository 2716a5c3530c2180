"""Runs, and the actions in them. An agent sees its own; with a run's token, that run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated

import orjson
from fastapi import Query

from remit.api.access import allow, everyone
from remit.api.actions import ActionShown, ToldIn, actions_of
from remit.api.route import Route
from remit.api.shapes import PAGE, Asker, Cursor, Limit, Shown, cursor_of, missing, number_of, place_of
from remit.api.use_cases import UseCases
from remit.domain.facts import Scope, ScopeKind, scope_id
from remit.domain.identity import Caller
from remit.domain.ids import RunId
from remit.domain.record import RecordKind
from remit.domain.run import Run

MAX_SCANNED = 2_000
"""How many runs are looked at for one page: a run's state has no index."""

Filter = Annotated[str, Query(max_length=300)]


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    STOPPED = "stopped"
    ENDED = "ended"


class RunShown(Shown):
    """A run. The task text is sealed and not here."""

    id: str
    agent: str
    team: str | None
    release: str
    on_behalf_of: str
    purpose: str
    started_at: int
    ended_at: int | None
    parent: str | None
    depth: int
    state: RunState
    steps: int
    tool_calls: int
    model_calls: int


class RunPage(Shown):
    """Runs, newest first. `next` is the cursor of the page behind this one.

    `partial`: not all that would fit on this page were found before the search was broken off; `next` goes on with it.
    """

    runs: list[RunShown]
    next: str | None
    partial: bool = False


class ActionPage(Shown):
    """Actions of a run, in the order they were decided."""

    run: RunShown
    actions: list[ActionShown]
    next: str | None


class RunRoutes:
    """Runs."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/runs", self.all, RunPage)
        yield Route("GET", "/runs/{run}", self.one, RunShown)
        yield Route("GET", "/runs/{run}/actions", self.actions, ActionPage)

    @allow(everyone())
    def all(
        self,
        caller: Asker,
        agent: Filter = "",
        user: Filter = "",
        state: RunState | None = None,
        since: Annotated[int, Query(ge=0, description="Started at or after this instant.")] = 0,
        before: Annotated[str, Query(max_length=300, description="Older than this run.")] = "",
        parent: Annotated[str, Query(max_length=300, description="Begun by this run, as those of its delegates.")] = "",
        limit: Limit = PAGE,
        cursor: Cursor = "",
    ) -> RunPage:
        """List runs, newest first; `user` is whom they act for.

        `state`, `since` and `parent` are looked for in the runs that fit the rest, 2,000 of them for one page: where
        the page is not full by then, `partial` says so, and `next` goes on behind the last one that was looked at.
        """
        since = max(since, self._seen(parent, caller).started_at if parent else 0)
        if not caller.is_person and agent not in ("", caller.agent):
            return RunPage(runs=[], next=None)
        agent = agent if caller.is_person else str(caller.agent)
        found: list[RunShown] = []
        last = place_of(cursor) or before or None
        scanned = 0
        while scanned < MAX_SCANNED:
            page = self._page(caller, None if last is None else RunId(last), agent, user)
            for run in page:
                last = run.id
                if run.started_at < since:
                    return RunPage(runs=found, next=None)
                if parent in ("", run.parent):
                    shown = self._shown(run)
                    found += [shown] if state in (None, shown.state) else []
                if len(found) == limit:
                    return RunPage(runs=found, next=cursor_of(run.id))
            scanned += len(page)
            if len(page) < PAGE:
                return RunPage(runs=found, next=None)
        return RunPage(runs=found, next=cursor_of(str(last)), partial=True)

    def _page(self, caller: Caller, before: RunId | None, agent: str, user: str) -> Sequence[Run]:
        """Return the next runs, newest first, that this caller may see; with a run's token that is one."""
        store = self._use.store
        if caller.run is None:
            return store.runs(caller.workspace, PAGE, before, agent, user)
        own = store.run(caller.run) if before is None else None
        return [own] if own is not None and _is_seen(caller, own) and user in ("", own.on_behalf_of) else []

    @allow(everyone())
    def one(self, run: str, caller: Asker) -> RunShown:
        """Return one run as it stands."""
        return self._shown(self._seen(run, caller))

    @allow(everyone())
    def actions(
        self, run: str, caller: Asker, limit: Limit = PAGE, cursor: Cursor = "", language: ToldIn = "en"
    ) -> ActionPage:
        """Return a run with its actions."""
        found = self._seen(run, caller)
        store, where = self._use.store, caller.workspace
        decided = store.records(where, number_of(cursor), limit + 1, found.id, RecordKind.DECISION_MADE.value)
        page = decided[:limit]
        return ActionPage(
            run=self._shown(found),
            actions=actions_of(store, where, [orjson.loads(body) for _, body in page], language),
            next=cursor_of(page[-1][0]) if len(decided) > limit else None,
        )

    def _seen(self, id: str, caller: Caller) -> Run:
        found = self._use.store.run(RunId(id))
        if found is None or not _is_seen(caller, found):
            raise missing("run", id)
        return found

    def _shown(self, run: Run) -> RunShown:
        scope = self._use.store.scope(scope_id(ScopeKind.RUN, run.workspace, run.id))
        progress = None if scope is None else scope.progress
        return RunShown(
            id=run.id,
            agent=run.agent,
            team=run.team,
            release=run.release,
            on_behalf_of=run.on_behalf_of,
            purpose=run.purpose,
            started_at=run.started_at,
            ended_at=(progress.ended_at or None) if progress else None,
            parent=run.parent,
            depth=run.depth,
            state=_state(scope, self._use.clock.now()),
            steps=progress.steps if progress else 0,
            tool_calls=progress.tool_calls if progress else 0,
            model_calls=progress.model_calls if progress else 0,
        )


def _state(scope: Scope | None, now: int) -> RunState:
    if scope is None:
        return RunState.RUNNING
    if scope.progress is not None and scope.progress.ended_at:
        return RunState.ENDED
    is_stopped = any(stop.until is None or now < stop.until for stop in scope.stops.values())
    return RunState.STOPPED if is_stopped else RunState.RUNNING


def _is_seen(caller: Caller, run: Run) -> bool:
    """Tell whether a caller may see a run: a person all of the workspace, an agent its own."""
    if run.workspace != caller.workspace:
        return False
    return caller.is_person or (run.agent == caller.agent and caller.run in (None, run.id))
