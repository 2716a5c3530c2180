"""Runs of workflows: what each has done, and what people do about them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import PAGE, Asker, Body, Cursor, Limit, Named, Prose, Shown, cursor_of, missing, place_of, words
from remit.api.use_cases import UseCases
from remit.api.workflow_shapes import WholeRunShown, WorkflowRunPage, WorkflowRunShown, run_shown, whole_run
from remit.api.workflows import RepeatKey, WorkflowUse
from remit.asgi.answers import Refusal
from remit.control.payload_reads import PayloadReads
from remit.domain.identity import Caller, Role
from remit.domain.ids import ActionId, ReleaseId, RunId, UserId
from remit.domain.payload import ARGUMENTS, TASK
from remit.domain.workflow_act import WorkflowAct, WorkflowAsked
from remit.domain.workflow_progress import Progress, WorkflowState
from remit.execution.workflows.acting import step_key
from remit.execution.workflows.notebook import EVENT, OUTPUTS, STEP, sealed
from remit.execution.workflows.starting import key_of
from remit.storage.journal import MOVE, Asking, WorkflowEvent, WorkflowRun
from remit.storage.port import SealedPayload

MOST_CHILDREN = 1_000
LONGEST_TEXT = 100_000
"""Bytes of an output that are shown."""


class CancelBody(Body):
    """How to end a run; what it has done is undone. `terminate` outdoes an earlier `cancel`."""

    how: Literal["cancel", "terminate"] = "cancel"
    reason: Prose = ""


class UndoBody(Body):
    """Why what a run has done is undone."""

    reason: Prose = ""


class RetryBody(Body):
    """From where a run is done again: the path of a step; by default what failed or was undone.

    `release` is `same`, or `active` for the one in use now where the finished steps fit it.
    """

    path: Annotated[str, Field(max_length=1_000)] = ""
    release: Literal["same", "active"] = "same"


class EventBody(Body):
    """What a run is told. The same `id` again is the same event."""

    name: Named
    data: object = None
    id: Annotated[str, Field(max_length=200)] = ""


class ToldShown(Shown):
    """Whether a run was told something it had not been told before."""

    told: bool


class PayloadShown(Shown):
    """What a run or a step was given and gave back, as JSON text; null where it is not kept or there is none."""

    given: str | None
    output: str | None


class WorkflowRunRoutes:
    """Runs of workflows."""

    def __init__(self, use: UseCases, workflows: WorkflowUse) -> None:
        self._use = use
        self._workflows = workflows
        self._reads = PayloadReads(use.store, use.keys, use.clock, use.ids)

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/workflow-runs", self.all, WorkflowRunPage)
        yield Route("GET", "/workflow-runs/{run}", self.one, WholeRunShown)
        yield Route("GET", "/workflow-runs/{run}/payload", self.payload, PayloadShown)
        yield Route("POST", "/workflow-runs/{run}/cancel", self.cancel, WorkflowRunShown, writes=True)
        yield Route("POST", "/workflow-runs/{run}/undo", self.undo, WorkflowRunShown, 202, writes=True)
        yield Route("POST", "/workflow-runs/{run}/retry", self.retry, WorkflowRunShown, 201, writes=True)
        yield Route("POST", "/workflow-runs/{run}/move", self.move, WorkflowRunShown, 202, writes=True)
        yield Route("POST", "/workflow-runs/{run}/events", self.tell, ToldShown, writes=True)

    @allow(people())
    def all(
        self,
        caller: Asker,
        workflow: Annotated[str, Query(max_length=300)] = "",
        state: WorkflowState | None = None,
        parent: Annotated[str, Query(max_length=300, description="Just the runs within this one.")] = "",
        run: Annotated[str, Query(max_length=300, description="Just this one, where it is of a workflow.")] = "",
        limit: Limit = PAGE,
        cursor: Cursor = "",
    ) -> WorkflowRunPage:
        """List runs of workflows, newest first."""
        if run:
            row = self._workflows.journal.run(RunId(run))
            is_here = row is not None and row.workspace == caller.workspace
            return WorkflowRunPage(runs=[run_shown(row)] if row is not None and is_here else [], next=None)
        before = place_of(cursor)
        found = self._workflows.journal.runs(
            caller.workspace, limit + 1, None if before is None else RunId(before), workflow, state, parent
        )
        more = cursor_of(found[limit - 1].run) if len(found) > limit else None
        return WorkflowRunPage(runs=[run_shown(each) for each in found[:limit]], next=more)

    @allow(people())
    def one(self, run: str, caller: Asker) -> WholeRunShown:
        """Show a run with its steps, their attempts, and what it waits for."""
        row = self._row(caller, run)
        journal = self._workflows.journal
        steps = journal.steps(row.run)
        actions = {each.progress.path: self._actions(row, each.progress) for each in steps}
        events = journal.events(row.run, unused=False)
        children = journal.runs(caller.workspace, MOST_CHILDREN, parent=row.run)
        return whole_run(row, steps, actions, events, children)

    @allow(people(Role.AUDITOR, Role.ADMIN))
    def payload(
        self,
        run: str,
        caller: Asker,
        path: Annotated[str, Query(max_length=1_000, description="Of a step; the run itself where left out.")] = "",
    ) -> PayloadShown:
        """Return what a run or one of its steps was given and came to. The reading is recorded."""
        row = self._row(caller, run)
        given, output = self._of_run(row) if not path else self._of_step(row, path)
        shown = [each for each in (given, output) if each is not None]
        why: dict[str, object] = {
            "run_id": row.run,
            "reason": f"workflow {row.workflow}" + (f" {path}" if path else ""),
        }
        self._reads.record(caller.workspace, str(caller.person), why, shown)
        return PayloadShown(given=self._text(given), output=self._text(output))

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def cancel(self, run: str, body: CancelBody, caller: Asker) -> WorkflowRunShown:
        """End a run: steps that wait end at once, those under way are waited for, then what was done is undone."""
        row = self._row(caller, run)
        asking = self._asking(caller, row, WorkflowAct(body.how), body.reason)
        if not self._workflows.journal.cancel(row.run, body.how, said(asking), self._use.clock.now(), asking):
            found = self._row(caller, run)
            if found.is_over:
                raise _over(found)
        self._workflows.poke()
        return run_shown(self._row(caller, run))

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def undo(self, run: str, body: UndoBody, caller: Asker) -> WorkflowRunShown:
        """Undo what a run that is over has done, the last first: each step by its `compensate`."""
        row = self._row(caller, run)
        asking = self._asking(caller, row, WorkflowAct.UNDO, body.reason)
        self._workflows.repeats.check_undo(row)
        if not self._workflows.journal.undo(row.run, said(asking), self._use.clock.now(), asking):
            self._workflows.repeats.check_undo(self._row(caller, run))
        self._workflows.poke()
        return run_shown(self._row(caller, run))

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def retry(self, run: str, body: RetryBody, caller: Asker, key: RepeatKey) -> WorkflowRunShown:
        """Do a run that is over again from a step, as a new run that shares the finished steps before it."""
        row = self._row(caller, run)
        release = row.release if body.release == "same" else self._active(caller)
        again = f"{caller.person}/retry/{row.run}/{key}" if key else ""
        found = self._workflows.repeats.again(row, body.path, release, str(caller.person), again)
        self._workflows.poke()
        return run_shown(found)

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def move(self, run: str, caller: Asker) -> WorkflowRunShown:
        """Have a run that waits go on under the release in use, where its finished steps fit that one.

        It ends as cancelled, without anything being undone, and its `error` names the run that goes on.
        """
        row = self._row(caller, run)
        release = self._active(caller)
        self._workflows.repeats.check_move(row, release)
        asking = self._asking(caller, row, WorkflowAct.MOVE, release=release)
        self._workflows.journal.cancel(row.run, f"{MOVE}{release}", said(asking), self._use.clock.now(), asking)
        self._workflows.poke()
        return run_shown(self._row(caller, run))

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def tell(self, run: str, body: EventBody, caller: Asker, key: RepeatKey) -> ToldShown:
        """Tell a run of an event: a step that waits for it goes on; one that will wait finds it."""
        row = self._row(caller, run)
        if row.is_over:
            raise _over(row)
        now = self._use.clock.now()
        given = body.id or (key and f"{caller.person}/{key}") or self._use.ids.new("evt")
        id = f"evt_{key_of(row.run, given)[:24]}"
        data = sealed(self._use.keys.of(row.key), id, EVENT, body.data)
        asking = self._asking(caller, row, WorkflowAct.EVENT, event=body.name)
        told = self._workflows.journal.tell(WorkflowEvent(id, row.run, body.name, now, data=data), now, asking)
        self._workflows.poke()
        return ToldShown(told=told)

    def _asking(
        self,
        caller: Caller,
        row: WorkflowRun,
        what: WorkflowAct,
        reason: str = "",
        event: str | None = None,
        release: ReleaseId | None = None,
    ) -> Asking:
        by = UserId(str(caller.person))
        asked = WorkflowAsked(what, row.workflow, by, words(reason, "reason"), event=event, release=release)
        return Asking(self._use.ids.new("chg"), row.workspace, row.run, asked)

    # -- what is shown

    def _row(self, caller: Caller, run: str) -> WorkflowRun:
        row = self._workflows.journal.run(RunId(run))
        if row is None or row.workspace != caller.workspace:
            raise missing("run", run)
        return row

    def _active(self, caller: Caller) -> ReleaseId:
        release = self._use.store.active(caller.workspace, "production")
        if release is None:
            raise Refusal(409, "no_release", "no release is in use", "Apply a workspace first")
        return release

    def _actions(self, row: WorkflowRun, step: Progress) -> list[str]:
        if not step.action:
            return []
        run = row.undo_run or row.run if step.path.startswith("undo/") else row.run
        ids = [action_id(run, step.path, number) for number in range(1, step.asked + 1)]
        known = self._use.store.records_at(row.workspace, [f"{id}/decision" for id in ids[-100:]])
        found: list[str] = [id for id in ids[-100:] if f"{id}/decision" in known]
        return list(found) or [step.action]

    def _of_run(self, row: WorkflowRun) -> tuple[SealedPayload | None, SealedPayload | None]:
        output = SealedPayload(row.run, OUTPUTS, row.key, row.outputs) if row.outputs else None
        return self._reads.sealed(row.run, TASK), output

    def _of_step(self, row: WorkflowRun, path: str) -> tuple[SealedPayload | None, SealedPayload | None]:
        steps = {each.progress.path: each for each in self._workflows.journal.steps(row.run)}
        found = steps.get(path)
        if found is None:
            raise missing("step", path)
        action = found.progress.action
        given = self._reads.sealed(action, ARGUMENTS) if action else None
        return given, SealedPayload(row.run, STEP + path, row.key, found.output) if found.output else None

    def _text(self, payload: SealedPayload | None) -> str | None:
        return None if payload is None else self._reads.open(payload)[:LONGEST_TEXT].decode("utf-8", "replace")


def action_id(run: str, path: str, asked: int) -> ActionId:
    """Return the id of an action of a step, as ServedDoor.action_id does."""
    return ActionId("act_" + hashlib.sha256(f"{run}\x00{step_key(f'{path}#{asked}')}".encode()).hexdigest()[:24])


def said(asking: Asking) -> str:
    """Return who asks and why, as far as it is shown beside a run or a schedule; the record has all of it."""
    asked = asking.asked
    return (f"{asked.by}: {asked.reason}" if asked.reason else asked.by)[:500]


def _over(row: WorkflowRun) -> Refusal:
    return Refusal(
        409, "run_over", f"run {row.run} is over: it {row.state.value}", "Look at it; retry it where it failed"
    )
