"""Workflows that start by themselves at the times their schedules say, each time once, whoever looks and however late.

A fire time is the key of its start: of all workers that see it, one starts the run. What was missed while nobody was
there is started once, each, or not at all, as the schedule says; so a long outage is followed by no storm.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ids import UserId, WorkspaceName
from remit.domain.release import PRODUCTION, Configuration
from remit.domain.workflow import Missed, Schedule, Workflow
from remit.execution.door import RunRefused
from remit.execution.rulesets import ReleaseUnusable, Rulesets
from remit.execution.served import KeyReused
from remit.execution.workflows.programs import Programs, WorkflowUnknown
from remit.execution.workflows.starting import InputsUnfit, NothingActive, Start, Starts
from remit.storage.port import Store
from remit.storage.timetable import ScheduleRow, Timetable
from remit.workspace.expressions import Failed
from remit.workspace.fire_times import next_after
from remit.workspace.program import STARTS

ON_TIME_S = 60
"""How late a start may be and still be on time, however missed ones are treated."""
MOST_MISSED = 1_000
"""Most missed times that are started one by one; of more the latest are."""
MOST_AT_ONCE = 100
"""Most runs of one schedule that one look starts; the next look goes on."""
LONGEST_PROBLEM = 500
"""Characters of what kept a schedule from starting something."""
SCHEDULER = UserId("system:schedule")
"""For whom the agent of a scheduled run acts."""

_log = logging.getLogger("remit.workflows")


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A schedule of a workflow of the release in use, and how far it has come."""

    id: str
    workflow: Workflow
    number: int
    schedule: Schedule
    timezone: str
    row: ScheduleRow | None

    def next_after(self, at: Instant) -> Instant:
        """Return the first fire time after an instant. Raises NeverComes."""
        return next_after(self.schedule.cron, self.timezone, at)


def schedule_id(workspace: WorkspaceName, workflow: str, schedule: Schedule, timezone: str) -> str:
    """Return the id of a schedule: one that fires at other times is another."""
    told = "\x00".join((workspace, workflow, schedule.cron, timezone))
    return f"sch_{hashlib.sha256(told.encode()).hexdigest()[:24]}"


def scheduled_in(
    configuration: Configuration, workspace: WorkspaceName, rows: dict[str, ScheduleRow]
) -> Iterator[Scheduled]:
    """Yield every schedule of a release."""
    for _, workflow in sorted(configuration.workflows.items()):
        for number, schedule in enumerate(workflow.schedules):
            zone = schedule.timezone or configuration.settings.timezone
            id = schedule_id(workspace, workflow.name, schedule, zone)
            yield Scheduled(id, workflow, number, schedule, zone, rows.get(id))


class Schedules:
    """Starts what is due in all workspaces. Any number of workers may do it on one database."""

    def __init__(
        self, store: Store, timetable: Timetable, rulesets: Rulesets, programs: Programs, starts: Starts, clock: Clock
    ) -> None:
        self._store = store
        self._timetable = timetable
        self._rulesets = rulesets
        self._programs = programs
        self._starts = starts
        self._clock = clock

    def __call__(self) -> None:
        """Look at what is due, and start it."""
        for workspace in self._store.workspaces():
            try:
                self.look(workspace)
            except Exception as error:  # noqa: BLE001 - others do not wait for a workspace that nobody can read
                _log.exception("what is due in workspace %s could not be looked at: %s", workspace, error)

    def all(self, workspace: WorkspaceName) -> list[Scheduled]:
        """Return the schedules of the release in use."""
        release = self._store.active(workspace, PRODUCTION)
        if release is None:
            return []
        try:
            configuration = self._rulesets.of(workspace, release).configuration
        except ReleaseUnusable:
            return []
        return list(scheduled_in(configuration, workspace, dict(self._timetable.schedules(workspace))))

    def look(self, workspace: WorkspaceName) -> int:
        """Start what is due in one workspace; return how many runs were started."""
        now, started = self._clock.now(), 0
        for each in self.all(workspace):
            if each.row is None:
                # A schedule begins when it is first seen: it never fires for a time before it was applied.
                self._timetable.begin(ScheduleRow(each.id, workspace, each.workflow.name, now))
            elif not each.row.paused_at:
                try:
                    started += self._see_to(workspace, each, each.row, now)
                except Exception as error:  # noqa: BLE001 - one that fails holds no other up, and says why
                    _log.exception("schedule %s of %s could not be looked at: %s", each.id, each.workflow.name, error)
                    self._tell(each.row, str(error) or type(error).__name__)
        return started

    def _tell(self, row: ScheduleRow, problem: str) -> None:
        """Say what keeps a schedule from being looked at; what is due stays due."""
        if row.problem != problem[:LONGEST_PROBLEM]:
            self._timetable.seen_to(row.id, row.last_at, row.last_at, problem[:LONGEST_PROBLEM])

    def _see_to(self, workspace: WorkspaceName, each: Scheduled, row: ScheduleRow, now: Instant) -> int:
        due = _due(each, row.last_at, now)
        if not due:
            return 0
        chosen = _chosen(due, each.schedule.missed, now)
        problem = ""
        for at in chosen[:MOST_AT_ONCE]:
            problem = self._start(workspace, each, at) or problem
        is_more = len(chosen) > MOST_AT_ONCE
        after = chosen[MOST_AT_ONCE - 1] if is_more else due[-1]
        self._timetable.seen_to(each.id, row.last_at, after, problem)
        return len(chosen[:MOST_AT_ONCE])

    def _start(self, workspace: WorkspaceName, each: Scheduled, at: Instant) -> str:
        """Start the run of one fire time; return why that was not possible, in words."""
        try:
            release = self._store.active(workspace, PRODUCTION)
            assert release is not None, "it has schedules"
            program = self._programs.of(workspace, release, each.workflow.name)
            now = dt.datetime.fromtimestamp(at / 1e6, dt.UTC)
            inputs = program.filled(f"{STARTS}{each.number}", each.schedule.inputs, {"now": now})
            by, key = f"schedule:{each.id}", f"schedule/{each.id}/{at}"
            start = Start(workspace, each.workflow.name, inputs, SCHEDULER, by, key, verified=True)
            self._starts.start(start)
        except (Failed, InputsUnfit, RunRefused, WorkflowUnknown, NothingActive, KeyReused, ReleaseUnusable) as error:
            _log.error("schedule %s of %s could not start what was due: %s", each.id, each.workflow.name, error)
            return str(error)[:LONGEST_PROBLEM]
        return ""


def _due(each: Scheduled, after: Instant, now: Instant) -> list[Instant]:
    """Return the fire times since one that was seen to, the latest of them where there are very many."""
    found: list[Instant] = []
    at = each.next_after(after)
    while at <= now:
        found.append(at)
        if len(found) > 2 * MOST_MISSED:
            del found[:MOST_MISSED]
        at = each.next_after(at)
    return found[-MOST_MISSED:]


def _chosen(due: list[Instant], missed: Missed, now: Instant) -> list[Instant]:
    on_time = [at for at in due if now - at <= ON_TIME_S * MICROS_PER_SECOND]
    if missed is Missed.ALL:
        return due
    late = [at for at in due if at not in on_time]
    if missed is Missed.ONCE and late and not on_time:
        return late[-1:]
    return on_time
