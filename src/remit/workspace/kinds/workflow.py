"""Kind Workflow: multi-step work, whose remit it is done under, and what starts it."""

from __future__ import annotations

from collections.abc import Mapping

from remit.domain.canonical import JsonValue
from remit.domain.ids import AgentName, WorkflowName
from remit.domain.workflow import Missed, Schedule, Step, Template, Trigger, Workflow
from remit.workspace.form import Choice, Duration, Matching, Name, Reference, Text, TimeZoneName, Whole
from remit.workspace.kinds.step import EVENT_NAME, STEPS, WORKFLOW_NAME, TemplateValue
from remit.workspace.record import Field, JsonMapping, ListOf, Record, Values
from remit.workspace.report import At

_TEMPLATE = TemplateValue()

_CRON = Field[str](
    "cron",
    Matching(str, r"[0-9A-Za-z*/,#L-]+( [0-9A-Za-z*/,#L-]+){4}", "minute, hour, day, month and weekday", "0 9 * * 1"),
    "minute, hour, day of the month, month, day of the week",
    required=True,
)
_ZONE = Field[str]("timezone", TimeZoneName(), "where its hours are read; the workspace's where left out", "")
_MISSED = Field[Missed](
    "missed", Choice(Missed), "what is done about times when nobody was there: nothing, once for all, each", Missed.ONCE
)
_GIVEN = Field[Template]("inputs", _TEMPLATE, "what it is started with", Template({}))


def _schedule(values: Values, _: At) -> Schedule:
    return Schedule(values[_CRON], values[_ZONE], values[_MISSED], values[_GIVEN])


SCHEDULE = Record("a schedule", (_CRON, _ZONE, _MISSED, _GIVEN), _schedule)

_EVENT = Field[str]("event", EVENT_NAME, "the event that starts it", "")
_WEBHOOK = Field[str](
    "webhook", Name(str, "contracts"), "the last part of the webhook's address, which no other trigger has", ""
)
_SECRET = Field[str]("secret", Reference(), "where the key is found that requests to the webhook are signed with", "")


def _trigger(values: Values, at: At) -> Trigger | None:
    if (_WEBHOOK in values) != (_SECRET in values):
        at.wrong(values.node, "a webhook and its secret belong together", "Write both, or neither")
        return None
    return Trigger(values[_EVENT], values[_WEBHOOK], values[_SECRET], values[_GIVEN])


TRIGGER = Record("a trigger", (_EVENT, _WEBHOOK, _SECRET, _GIVEN), _trigger, (("event", "webhook"),))

_NAME = Field[WorkflowName]("name", WORKFLOW_NAME, "the workflow's name", required=True)
_AGENT = Field[AgentName](
    "agent", Name(AgentName, "procurement-optimizer"), "under whose remit it works", required=True
)
_DESCRIPTION = Field[str]("description", Text("Renews a supplier's contract."), "what it is for, in a sentence", "")
_INPUTS = Field[Mapping[str, JsonValue]](
    "inputs",
    JsonMapping(),
    "JSON Schema of what it is started with, with `type: object` at its root",
    {"type": "object", "properties": {}},
)
_STEPS = Field[tuple[Step, ...]]("steps", STEPS, "what is done, one after the other", required=True)
_OUTPUTS = Field[Template]("outputs", _TEMPLATE, "what it comes to", Template({}))
_SCHEDULES = Field[tuple[Schedule, ...]]("schedules", ListOf(SCHEDULE), "when it starts by itself", ())
_TRIGGERS = Field[tuple[Trigger, ...]]("triggers", ListOf(TRIGGER), "what else starts it", ())
_CONCURRENCY = Field[int | None](
    "concurrency", Whole(1, 10_000), "most of its runs that are carried out at the same time"
)
_PRIORITY = Field[int]("priority", Whole(1, 100), "1 is carried out before 100", 50)
_TIMEOUT = Field[int | None]("timeout", Duration(), "how long a run may take in all")


def _workflow(values: Values, _: At) -> Workflow:
    return Workflow(
        name=values[_NAME],
        agent=values[_AGENT],
        steps=values[_STEPS],
        description=values[_DESCRIPTION],
        inputs=values[_INPUTS],
        outputs=values[_OUTPUTS],
        schedules=values[_SCHEDULES],
        triggers=values[_TRIGGERS],
        concurrency=values[_CONCURRENCY],
        priority=values[_PRIORITY],
        timeout_s=values[_TIMEOUT],
    )


WORKFLOW = Record(
    "a Workflow",
    (
        _NAME,
        _AGENT,
        _DESCRIPTION,
        _INPUTS,
        _STEPS,
        _OUTPUTS,
        _SCHEDULES,
        _TRIGGERS,
        _CONCURRENCY,
        _PRIORITY,
        _TIMEOUT,
    ),
    _workflow,
)
