"""Workflows of the release in use, and starting them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field
from starlette.requests import Request

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Channel, Json, missing
from remit.api.use_cases import UseCases
from remit.api.workflow_shapes import WorkflowList, WorkflowRunShown, WorkflowShown, run_shown, workflow_shown
from remit.asgi.limits import headers_of, key_in
from remit.domain.identity import Role
from remit.domain.ids import UserId, WorkflowName
from remit.domain.release import PRODUCTION
from remit.domain.workflow_act import WorkflowAct, WorkflowAsked
from remit.execution.workflows.again import Repeats
from remit.execution.workflows.schedules import Schedules
from remit.execution.workflows.starting import Start, Starts
from remit.execution.workflows.triggers import Triggers
from remit.storage.journal import Journal
from remit.storage.timetable import Timetable


@dataclass(frozen=True, slots=True)
class WorkflowUse:
    """What the routes of workflows call. `poke` has a worker of this process look at once."""

    starts: Starts
    repeats: Repeats
    journal: Journal
    timetable: Timetable
    schedules: Schedules
    triggers: Triggers
    poke: Callable[[], None]


class StartBody(Body):
    """What a run is started with. `on_behalf_of` is whom its agent acts for; whoever asks, where it is left out."""

    inputs: Json = Field(default_factory=dict)
    channel: Channel = PRODUCTION
    on_behalf_of: Annotated[str, Field(max_length=256)] = ""


def repeat_key(request: Request) -> str:
    """Return the Idempotency-Key of a request, or nothing."""
    return key_in(headers_of(request.scope, request.app.state.seam.limits))


RepeatKey = Annotated[str, Depends(repeat_key)]


class WorkflowRoutes:
    """Workflows."""

    def __init__(self, use: UseCases, workflows: WorkflowUse) -> None:
        self._use = use
        self._workflows = workflows

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/workflows", self.all, WorkflowList)
        yield Route("GET", "/workflows/{workflow}", self.one, WorkflowShown)
        yield Route("POST", "/workflows/{workflow}/runs", self.start, WorkflowRunShown, 201, writes=True)

    @allow(people())
    def all(self, caller: Asker, channel: Annotated[str, Query(max_length=128)] = PRODUCTION) -> WorkflowList:
        """List the workflows of the release that a channel points at."""
        rules = self._use.rules(caller.workspace, channel=channel)
        found = {} if rules is None else rules.configuration.workflows
        release = "" if rules is None else rules.release
        return WorkflowList(workflows=[workflow_shown(each, release) for _, each in sorted(found.items())])

    @allow(people())
    def one(
        self,
        workflow: str,
        caller: Asker,
        release: Annotated[str, Query(max_length=128, description="That release in place of the active one.")] = "",
    ) -> WorkflowShown:
        """Show a workflow, step by step."""
        rules = self._use.rules(caller.workspace, release)
        found = None if rules is None else rules.configuration.workflows.get(WorkflowName(workflow))
        if rules is None or found is None:
            raise missing("workflow", workflow)
        return workflow_shown(found, rules.release)

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def start(self, workflow: str, body: StartBody, caller: Asker, key: RepeatKey) -> WorkflowRunShown:
        """Start a run. With an Idempotency-Key the same request starts one run only, however often it comes."""
        name, by = WorkflowName(workflow), UserId(str(caller.person))
        found, _ = self._workflows.starts.start(
            Start(
                workspace=caller.workspace,
                workflow=name,
                inputs=body.inputs,
                on_behalf_of=UserId(body.on_behalf_of or by),
                by=by,
                key=f"{caller.person}/{key}" if key else "",
                channel=body.channel,
                verified=not body.on_behalf_of or body.on_behalf_of == caller.person,
                asked=WorkflowAsked(WorkflowAct.START, name, by),
            )
        )
        self._workflows.poke()
        return run_shown(found)
