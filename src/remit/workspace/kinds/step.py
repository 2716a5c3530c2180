"""The steps of a workflow: what one does, and what holds for it whatever it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from remit.domain.canonical import JsonValue
from remit.domain.ids import AgentName, GroupName, ModelName, ToolName, WorkflowName
from remit.domain.money import Micros
from remit.domain.release import Title
from remit.domain.workflow import (
    AgentStep,
    ApprovalStep,
    BranchStep,
    Call,
    Case,
    Expression,
    LoopStep,
    MapStep,
    ModelStep,
    ParallelStep,
    Retry,
    Step,
    Template,
    ToolStep,
    WaitStep,
    WorkflowStep,
)
from remit.workspace.expressions import MAX_TEXT
from remit.workspace.form import Dollars, Duration, Matching, Name, Text, Whole
from remit.workspace.kinds.people import GROUP
from remit.workspace.kinds.settings import MODEL
from remit.workspace.kinds.tool import TITLE, TOOL_NAME
from remit.workspace.node import Node
from remit.workspace.record import Field, JsonMapping, ListOf, MapOf, Record, Values
from remit.workspace.report import At

STEP_ID = Matching(str, r"[a-z][a-z0-9_]{0,39}", "the id of a step", "compare")
WORKFLOW_NAME = Name(WorkflowName, "renew-supplier-contract")
EVENT_NAME = Name(str, "contract.expiring")
MAX_DEEP = 8
"""How deep steps may stand within steps."""
MAX_STEPS = 500
"""Most steps of one list of steps."""


class ExpressionText:
    """An expression, with or without `${` and `}` around it."""

    def read(self, node: Node, at: At) -> Expression | None:
        """Read it; whether it fits what it names is looked at when the whole workflow is read."""
        text = Text("steps.best.total > 50000", MAX_TEXT).read(node, at)
        if text is None:
            return None
        bare = text.strip()
        return Expression(bare[2:-1] if bare.startswith("${") and bare.endswith("}") else bare)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "string", "maxLength": MAX_TEXT, "examples": ["steps.best.total > 50000"]}


class TemplateValue:
    """JSON in which texts may hold expressions."""

    def read(self, node: Node, at: At) -> Template | None:
        """Read it."""
        if node.value is None:
            at.wrong(node, "has no value", 'Write a value, for example `{order: "${steps.order.id}"}`')
            return None
        return Template(node.plain())

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {}


class Steps:
    """A list of steps, also within a step."""

    def read(self, node: Node, at: At) -> tuple[Step, ...] | None:
        """Read every step, at most MAX_DEEP within one another."""
        if at.path.count("[") > 2 * MAX_DEEP:
            at.wrong(
                node, f"steps stand more than {MAX_DEEP} deep within steps", "Move them into a workflow of their own"
            )
            return None
        found = ListOf(STEP, at_least=1).read(node, at)
        if found is not None and len(found) > MAX_STEPS:
            at.wrong(node, f"{len(found)} steps are more than {MAX_STEPS}", "Split the workflow")
            return None
        return found

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}}


STEPS = Steps()
_TEMPLATE, _EXPRESSION = TemplateValue(), ExpressionText()

# -- what is called

_TOOL = Field[ToolName]("tool", TOOL_NAME, "the tool that is called", required=True)
_ARGUMENTS = Field[Template]("arguments", _TEMPLATE, "what it is called with", Template({}))


def _call(values: Values, _: At) -> Call:
    return Call(values[_TOOL], values[_ARGUMENTS])


CALL = Record("a call", (_TOOL, _ARGUMENTS), _call)

_MODEL_NAME = Field[ModelName]("name", MODEL, "the model that is asked", required=True)
_PROMPT = Field[str]("prompt", Name(str, "renewal-letter"), "a prompt of this workspace", "")
_VARIABLES = Field[Template]("variables", _TEMPLATE, "what its variables are", Template({}))
_MESSAGES = Field[Template](
    "messages", _TEMPLATE, "messages with `role` and `content`, in place of a prompt", Template([])
)
_MAX_OUTPUT = Field[int | None]("max_output_tokens", Whole(1, 10_000_000), "most tokens of the answer")


def _model(values: Values, at: At) -> ModelStep | None:
    if (_PROMPT in values) == (_MESSAGES in values):
        at.wrong(values.node, "needs `prompt` or `messages`", "Write exactly one of them")
        return None
    return ModelStep(
        "",
        model=values[_MODEL_NAME],
        prompt=values[_PROMPT],
        variables=values[_VARIABLES],
        messages=values[_MESSAGES],
        max_output_tokens=values[_MAX_OUTPUT],
    )


MODEL_CALL = Record("a model call", (_MODEL_NAME, _PROMPT, _VARIABLES, _MESSAGES, _MAX_OUTPUT), _model)

_AGENT = Field[AgentName]("name", Name(AgentName, "market-researcher"), "the agent that works", required=True)
_TASK = Field[Template]("task", _TEMPLATE, "what it is asked, in words", required=True)
_ASKED = Field[ModelName]("model", MODEL, "the model that the built-in agent asks", ModelName(""))
_ANSWER = Field[Mapping[str, JsonValue] | None](
    "output", JsonMapping(), "JSON Schema of its answer; text where left out"
)
_TURNS = Field[int]("turns", Whole(1, 200), "most model calls of the built-in agent", 20)


def _agent(values: Values, _: At) -> AgentStep:
    return AgentStep(
        "", agent=values[_AGENT], task=values[_TASK], model=values[_ASKED], output=values[_ANSWER], turns=values[_TURNS]
    )


WORK = Record("work of an agent", (_AGENT, _TASK, _ASKED, _ANSWER, _TURNS), _agent)

_GROUP = Field[GroupName]("group", GROUP, "who decides", required=True)
_TITLE = Field[Title]("title", TITLE, "what they read first; `{placeholders}` are fields of `shows`", required=True)
_SHOWS = Field[Template]("shows", _TEMPLATE, "what is shown to them", Template({}))


def _approval(values: Values, _: At) -> ApprovalStep:
    title = values[_TITLE]
    return ApprovalStep("", approvers=values[_GROUP], title=title.en, title_ar=title.ar, shows=values[_SHOWS])


APPROVAL = Record("an approval", (_GROUP, _TITLE, _SHOWS), _approval)

# -- ways

_WHEN = Field[Expression | None](
    "when", _EXPRESSION, "taken where this holds and no case before it does; the last may leave it out"
)
_WAY = Field[tuple[Step, ...]]("steps", STEPS, "the steps of this way", required=True)


def _case(values: Values, _: At) -> Case:
    return Case(values[_WHEN], values[_WAY])


CASE = Record("a case", (_WHEN, _WAY), _case)

_OVER = Field[Expression]("over", _EXPRESSION, "the list whose items are `item`", required=True)
_CONCURRENCY = Field[int]("concurrency", Whole(1, 256), "most items at the same time", 8)
_ITEMS = Field[int]("at_most", Whole(1, 100_000), "most items; a longer list fails the step", 1_000)


def _map(values: Values, _: At) -> MapStep:
    return MapStep("", over=values[_OVER], steps=values[_WAY], concurrency=values[_CONCURRENCY], at_most=values[_ITEMS])


MAP = Record("a map", (_OVER, _WAY, _CONCURRENCY, _ITEMS), _map)

_WHILE = Field[Expression]("while", _EXPRESSION, "once more where this holds; `index` counts from 0", required=True)
_ROUNDS = Field[int]("at_most", Whole(1, 10_000), "most rounds; one more fails the step", required=True)


def _loop(values: Values, _: At) -> LoopStep:
    return LoopStep("", while_=values[_WHILE], steps=values[_WAY], at_most=values[_ROUNDS])


LOOP = Record("a loop", (_WHILE, _WAY, _ROUNDS), _loop)

_FOR = Field[int | None]("for", Duration(), "how long")
_UNTIL = Field[Expression | None]("until", _EXPRESSION, "until when: a time, as `timestamp(inputs.due)`")
_EVENT = Field[str]("event", EVENT_NAME, "which event is waited for; `timeout` of the step says how long", "")


def _wait(values: Values, _: At) -> WaitStep:
    seconds = values[_FOR]
    return WaitStep(
        "",
        seconds=None if seconds is None else Expression(str(seconds)),
        until=values[_UNTIL],
        event=values[_EVENT],
    )


WAIT = Record("a wait", (_FOR, _UNTIL, _EVENT), _wait, (("for", "until", "event"),))

_WORKFLOW = Field[WorkflowName]("name", WORKFLOW_NAME, "the workflow that is carried out", required=True)
_INPUTS = Field[Template]("inputs", _TEMPLATE, "what it is started with", Template({}))


def _workflow(values: Values, _: At) -> WorkflowStep:
    return WorkflowStep("", workflow=values[_WORKFLOW], inputs=values[_INPUTS])


CHILD = Record("another workflow", (_WORKFLOW, _INPUTS), _workflow)

# -- the step

_ATTEMPTS = Field[int]("attempts", Whole(1, 100), "how often it is tried in all", 3)
_PAUSE = Field[int]("wait", Duration(), "how long is waited before the second try; longer each time", 1)
_LONGEST = Field[int]("longest_wait", Duration(), "how long is waited at most", 300)


def _retry(values: Values, _: At) -> Retry:
    return Retry(values[_ATTEMPTS], values[_PAUSE], longest_wait_s=values[_LONGEST])


RETRY = Record("a retry", (_ATTEMPTS, _PAUSE, _LONGEST), _retry)

_ID = Field[str]("id", STEP_ID, "the step's id, unique in the workflow; `steps.ID` is what it came to", required=True)
_IF = Field[Expression | None]("when", _EXPRESSION, "skipped where this does not hold")
_RETRY = Field[Retry](
    "retry", RETRY, "tried again where it failed and nothing can have happened, or twice is as once", Retry()
)
_TIMEOUT = Field[int | None]("timeout", Duration(), "how long one attempt, a wait or an approval may take")
_UNDO = Field[Call | None]("compensate", CALL, "undoes it where the workflow fails or is cancelled; reads `output`")
_BUDGET = Field[Micros | None]("budget", Dollars(positive=True), "most US dollars it may spend, its retries included")
_CALLED = Field[ToolName]("tool", TOOL_NAME, "calls a tool", ToolName(""))
_WITH = Field[Template]("arguments", _TEMPLATE, "what the tool is called with", Template({}))
_ASK = Field[ModelStep]("model", MODEL_CALL, "asks a model")
_HAND = Field[AgentStep]("agent", WORK, "hands work to an agent")
_DECIDE = Field[ApprovalStep]("approval", APPROVAL, "lets people decide")
_BRANCH = Field[tuple[Case, ...]]("branch", ListOf(CASE, at_least=1), "takes the first case that holds")
_PARALLEL = Field[Mapping[str, tuple[Step, ...]]](
    "parallel", MapOf(STEPS, STEP_ID), "goes several ways side by side, by name"
)
_MAP = Field[MapStep]("map", MAP, "does the same for each item of a list")
_LOOP = Field[LoopStep]("loop", LOOP, "does the same again and again")
_WAIT = Field[WaitStep]("wait", WAIT, "waits for a time or an event")
_CHILD = Field[WorkflowStep]("workflow", CHILD, "carries out another workflow")

WAYS = ("tool", "model", "agent", "approval", "branch", "parallel", "map", "loop", "wait", "workflow")
"""What a step does: exactly one of them."""
_READ: Mapping[str, Field[Any]] = {
    "model": _ASK,
    "agent": _HAND,
    "approval": _DECIDE,
    "map": _MAP,
    "loop": _LOOP,
    "wait": _WAIT,
    "workflow": _CHILD,
}


def _step(values: Values, at: At) -> Step | None:
    made = _made(values)
    if _WITH in values and not isinstance(made, ToolStep):
        at.key("arguments").wrong(values.place_of(_WITH), "belongs to a step that calls a tool", "Remove it")
        return None
    if _UNDO in values and not isinstance(made, ToolStep | WorkflowStep | AgentStep):
        at.key("compensate").wrong(values.place_of(_UNDO), "this step has no effect that could be undone", "Remove it")
        return None
    return replace(
        made,
        id=values[_ID],
        when=values[_IF],
        retry=values[_RETRY],
        timeout_s=values[_TIMEOUT],
        compensate=values[_UNDO],
        budget_micros=values[_BUDGET],
    )


def _made(values: Values) -> Step:
    if _CALLED in values:
        return ToolStep("", call=Call(values[_CALLED], values[_WITH]))
    if _BRANCH in values:
        return BranchStep("", cases=values[_BRANCH])
    if _PARALLEL in values:
        return ParallelStep("", branches=values[_PARALLEL])
    return cast("Step", values[next(field for field in _READ.values() if field in values)])


STEP = Record(
    "a step",
    (
        _ID,
        _IF,
        _CALLED,
        _WITH,
        _ASK,
        _HAND,
        _DECIDE,
        _BRANCH,
        _PARALLEL,
        _MAP,
        _LOOP,
        _WAIT,
        _CHILD,
        _RETRY,
        _TIMEOUT,
        _UNDO,
        _BUDGET,
    ),
    _step,
    (WAYS,),
)
