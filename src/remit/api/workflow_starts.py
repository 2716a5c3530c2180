"""What starts workflows beside people: schedules and events. Webhooks are in hooks.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Named, Reason, Shown, missing, words
from remit.api.use_cases import UseCases
from remit.api.workflow_runs import said
from remit.api.workflow_shapes import WorkflowRunShown, run_shown
from remit.api.workflows import RepeatKey, WorkflowUse
from remit.asgi.answers import Refusal
from remit.domain.identity import Caller, Role
from remit.domain.ids import UserId
from remit.domain.workflow_act import WorkflowAct, WorkflowAsked
from remit.execution.workflows.schedules import Scheduled
from remit.storage.journal import Asking
from remit.workspace.fire_times import NeverComes


class ScheduleShown(Shown):
    """A schedule of the release in use. `problem` says why it could not start what was due, or never will."""

    id: str
    workflow: str
    cron: str
    timezone: str
    missed: str
    last_at: int | None
    next_at: int | None
    paused_at: int | None
    paused_by: str | None
    problem: str


class ScheduleList(Shown):
    """The schedules of the release in use."""

    schedules: list[ScheduleShown]


class HappenedBody(Body):
    """Something that has happened. The same `id` again starts nothing twice."""

    name: Named
    data: object = None
    id: Annotated[str, Field(max_length=200)] = ""


class StartedShown(Shown):
    """The runs that an event has started."""

    runs: list[WorkflowRunShown]


class WorkflowStartRoutes:
    """Schedules and events."""

    def __init__(self, use: UseCases, workflows: WorkflowUse) -> None:
        self._use = use
        self._workflows = workflows

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/workflow-schedules", self.schedules, ScheduleList)
        yield Route("POST", "/workflow-schedules/{schedule}/pause", self.pause, ScheduleShown, writes=True)
        yield Route("POST", "/workflow-schedules/{schedule}/resume", self.resume, ScheduleShown, writes=True)
        yield Route("POST", "/workflow-events", self.event, StartedShown, 201, writes=True)

    @allow(people())
    def schedules(self, caller: Asker) -> ScheduleList:
        """List the schedules, with when each fires next."""
        return ScheduleList(schedules=[self._shown(each) for each in self._workflows.schedules.all(caller.workspace)])

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def pause(self, schedule: str, body: Reason, caller: Asker) -> ScheduleShown:
        """Pause a schedule: nothing is started by it until it is resumed."""
        found = self._found(caller, schedule)
        if found.row is None:
            raise Refusal(409, "not_begun", "no worker has seen this schedule yet", "Start a worker and try again")
        asking = self._asking(caller, found, WorkflowAct.PAUSE, body.reason)
        self._workflows.timetable.pause(schedule, self._use.clock.now(), said(asking), asking)
        return self._shown(self._found(caller, schedule))

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def resume(self, schedule: str, body: Reason, caller: Asker) -> ScheduleShown:
        """Resume a schedule. What it missed meanwhile is not started."""
        asking = self._asking(caller, self._found(caller, schedule), WorkflowAct.RESUME, body.reason)
        self._workflows.timetable.resume(schedule, self._use.clock.now(), asking)
        return self._shown(self._found(caller, schedule))

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def event(self, body: HappenedBody, caller: Asker, key: RepeatKey) -> StartedShown:
        """Tell of an event: every workflow that it triggers is started, for whoever tells."""
        id = body.id or (f"{caller.person}/{key}" if key else "")
        by = UserId(str(caller.person))
        found = self._workflows.triggers.event(caller.workspace, body.name, body.data, id, by)
        self._workflows.poke()
        return StartedShown(runs=[run_shown(each) for each in found])

    def _asking(self, caller: Caller, each: Scheduled, what: WorkflowAct, reason: str) -> Asking:
        by = UserId(str(caller.person))
        asked = WorkflowAsked(what, each.workflow.name, by, words(reason, "reason"), schedule=each.id)
        return Asking(self._use.ids.new("chg"), caller.workspace, None, asked)

    def _found(self, caller: Caller, id: str) -> Scheduled:
        for each in self._workflows.schedules.all(caller.workspace):
            if each.id == id:
                return each
        raise missing("schedule", id)

    def _shown(self, each: Scheduled) -> ScheduleShown:
        row, now = each.row, self._use.clock.now()
        paused = row is not None and row.paused_at
        next_at, problem = None, "" if row is None else row.problem
        if not paused:
            try:
                next_at = each.next_after(now)
            except NeverComes as error:
                problem = str(error)
        return ScheduleShown(
            id=each.id,
            workflow=each.workflow.name,
            cron=each.schedule.cron,
            timezone=each.timezone,
            missed=each.schedule.missed.value,
            last_at=None if row is None else row.last_at,
            next_at=next_at,
            paused_at=row.paused_at if row is not None and paused else None,
            paused_by=row.paused_by if row is not None and paused else None,
            problem=problem,
        )
