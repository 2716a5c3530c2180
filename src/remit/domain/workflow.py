"""Multi-step work as a resource: steps, what flows between them, and what undoes them.

Every text that is an `Expression` is in the Common Expression Language over `inputs`, `steps`, `item`, `index`, `event`
and `now`; workspace/ has type-checked it before a release holds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from remit.domain.canonical import JsonValue
from remit.domain.ids import AgentName, GroupName, ModelName, ToolName, WorkflowName


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as it is written, without the braces around it."""

    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """A value with expressions in it: JSON in which a text `${...}` alone is the expression's value, of its type.

    A text with more than that around it becomes text. `value` is as written.
    """

    value: JsonValue


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a step is tried, and how long is waited in between.

    Used only where an attempt certainly had no effect, or the tool is idempotent.
    """

    attempts: int = 1
    wait_s: int = 1
    factor: float = 2.0
    longest_wait_s: int = 300


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call."""

    tool: ToolName
    arguments: Template


@dataclass(frozen=True, slots=True)
class Step:
    """What all steps have.

    Attributes:
        id: unique in the workflow; `steps.ID` is its output.
        when: the step is skipped where this is false; None: always carried out.
        timeout_s: how long one attempt may take, or a wait in all; None: as the tool server says, or no end.
        compensate: undoes the step where the workflow fails or is cancelled after it; reads the step's output.
        budget_micros: most that the step may spend, its retries included; None: only the budgets of the agent.
    """

    id: str
    when: Expression | None = None
    retry: Retry = Retry()
    timeout_s: int | None = None
    compensate: Call | None = None
    budget_micros: int | None = None


@dataclass(frozen=True, slots=True)
class ToolStep(Step):
    """A tool call of the workflow's agent."""

    call: Call = Call(ToolName(""), Template({}))


@dataclass(frozen=True, slots=True)
class ModelStep(Step):
    """A model call: a prompt of the release with variables, or messages as they stand."""

    model: ModelName = ModelName("")
    prompt: str = ""
    variables: Template = Template({})
    messages: Template = Template([])
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class AgentStep(Step):
    """Work handed to an agent: the built-in one, or one elsewhere by its address (`http` or A2A).

    Attributes:
        task: what it is asked, in words.
        output: JSON Schema of its answer; None: text.
        turns: most model calls of the built-in agent.
    """

    agent: AgentName = AgentName("")
    task: Template = Template("")
    model: ModelName = ModelName("")
    output: Mapping[str, JsonValue] | None = None
    turns: int = 20


@dataclass(frozen=True, slots=True)
class ApprovalStep(Step):
    """People decide, beside whatever holds the policies ask for. They read the title first, in English or Arabic."""

    approvers: GroupName = GroupName("")
    title: str = ""
    title_ar: str = ""
    shows: Template = Template({})


@dataclass(frozen=True, slots=True)
class Case:
    """One way of a branch; `when` None is the way that is left."""

    when: Expression | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class BranchStep(Step):
    """The first case that holds."""

    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class ParallelStep(Step):
    """Branches side by side, by name; the step ends when all have."""

    branches: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MapStep(Step):
    """The same steps for each item of a list; the output is the list of the last step's outputs, in order."""

    over: Expression = Expression("[]")
    steps: tuple[Step, ...] = ()
    concurrency: int = 8
    at_most: int = 1_000


@dataclass(frozen=True, slots=True)
class LoopStep(Step):
    """Steps again and again while a condition holds, a bounded number of times."""

    while_: Expression = Expression("false")
    steps: tuple[Step, ...] = ()
    at_most: int = 10


@dataclass(frozen=True, slots=True)
class WaitStep(Step):
    """Wait for a time, or for an event of this name; exactly one of them. The output is the event's data."""

    seconds: Expression | None = None
    until: Expression | None = None
    event: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowStep(Step):
    """Another workflow of the release, as a child run within this one's remit."""

    workflow: WorkflowName = WorkflowName("")
    inputs: Template = Template({})


class Missed(StrEnum):
    """What is done about fire times that nobody was there for."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a workflow starts by itself. `cron` has five fields and is read in `timezone` (empty: the workspace's)."""

    cron: str
    timezone: str = ""
    missed: Missed = Missed.ONCE
    inputs: Template = Template({})


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a workflow: an event of this name, or a signed webhook whose key is found by `secret`."""

    event: str = ""
    webhook: str = ""
    secret: str = ""
    inputs: Template = Template({})


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow.

    Attributes:
        agent: whose remit, budgets and limits hold for what it does.
        inputs: JSON Schema of what it is started with.
        outputs: what it comes to, over its steps.
        concurrency: most of its runs that are carried out at the same time; None: as many as there are workers for.
        priority: 1 before 100.
        timeout_s: how long a run may take in all.
    """

    name: WorkflowName
    agent: AgentName
    steps: tuple[Step, ...]
    description: str = ""
    inputs: Mapping[str, JsonValue] = field(default_factory=lambda: {"type": "object", "properties": {}})
    outputs: Template = Template({})
    schedules: tuple[Schedule, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    concurrency: int | None = None
    priority: int = 50
    timeout_s: int | None = None

    def each_step(self) -> Iterator[Step]:
        """Yield every step, those within others after them, in the order they are written."""
        return _each(self.steps)


def within(step: Step) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """Return the steps a step is made of, by the name of the way they are on; empty for one that acts itself."""
    match step:
        case BranchStep():
            return tuple((str(number), case.steps) for number, case in enumerate(step.cases))
        case ParallelStep():
            return tuple(step.branches.items())
        case MapStep() | LoopStep():
            return (("each", step.steps),)
        case _:
            return ()


def _each(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        for _, inner in within(step):
            yield from _each(inner)
