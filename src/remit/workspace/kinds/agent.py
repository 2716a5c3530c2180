"""Kind Agent: who it is, who answers for it, and its remit."""

from __future__ import annotations

from dataclasses import replace

from remit.domain.ids import AgentName, GroupName, ModelName, TeamName, UserId
from remit.domain.release import (
    Agent,
    AgentStatus,
    Budget,
    BudgetLevel,
    Effect,
    Endpoint,
    EndpointKind,
    Grant,
    HoldRule,
    Limits,
    LoopRule,
    OnLoop,
    Rate,
    Remit,
)
from remit.workspace.form import (
    Choice,
    Duration,
    DurationLimit,
    Limit,
    Limited,
    Matching,
    Name,
    RateText,
    Reference,
    Text,
    Whole,
    YesNo,
)
from remit.workspace.kinds.budget import REMIT_BUDGET
from remit.workspace.kinds.grant import GRANT
from remit.workspace.kinds.people import GROUP, USER
from remit.workspace.kinds.server import web_address
from remit.workspace.kinds.settings import MODEL
from remit.workspace.record import Field, ListOf, Record, Values
from remit.workspace.report import At

AGENT_NAME = Name(AgentName, "procurement-optimizer")

_DEFAULT = Limits()
_STEPS = Field[Limited]("steps", Limit(), "most actions in a run", Limited(_DEFAULT.steps))
_TOOL_CALLS = Field[Limited]("tool_calls", Limit(Whole(0)), "most tool calls in a run", Limited(_DEFAULT.tool_calls))
_MODEL_CALLS = Field[Limited](
    "model_calls", Limit(Whole(0)), "most model calls in a run", Limited(_DEFAULT.model_calls)
)
_RATE = Field[Rate | None]("rate", RateText(), "most actions of the agent in a time, such as `60/minute`")
_WALL_TIME = Field[Limited](
    "wall_time", DurationLimit(), "how long a run may last, such as `30m`", Limited(_DEFAULT.wall_time_s)
)
_DEPTH = Field[Limited]("depth", Limit(Whole(0)), "how often work may be delegated on", Limited(_DEFAULT.depth))
_CONCURRENCY = Field[Limited](
    "concurrency", Limit(), "most actions of the agent at the same time", Limited(_DEFAULT.concurrency)
)
_DENIALS = Field[Limited](
    "denials", Limit(), "most denials in a run; from then on nothing is admitted in it", Limited(_DEFAULT.denials)
)


def _limits(values: Values, _: At) -> Limits:
    return Limits(
        steps=values[_STEPS].most,
        tool_calls=values[_TOOL_CALLS].most,
        model_calls=values[_MODEL_CALLS].most,
        rate=values[_RATE],
        wall_time_s=values[_WALL_TIME].most,
        depth=values[_DEPTH].most,
        concurrency=values[_CONCURRENCY].most,
        denials=values[_DENIALS].most,
    )


LIMITS = Record(
    "a remit's limits", (_STEPS, _TOOL_CALLS, _MODEL_CALLS, _RATE, _WALL_TIME, _DEPTH, _CONCURRENCY, _DENIALS), _limits
)

_ON_DETECTION = Field[OnLoop](
    "on_detection", Choice(OnLoop), "what a detected loop does to the next action", OnLoop.STOP
)
_SAME_RESULT = Field[int | None]("same_result", Whole(2, 1_000), "same calls with the same result that make a loop")
_ERROR_STREAK = Field[int | None]("error_streak", Whole(2, 1_000), "errors in a row that make a loop")
_LOOP_APPROVERS = Field[GroupName | None]("approvers", GROUP, "the group that answers a loop")


def _loops(values: Values, at: At) -> LoopRule | None:
    rule = LoopRule(values[_ON_DETECTION], values[_SAME_RESULT], values[_ERROR_STREAK], values[_LOOP_APPROVERS])
    if rule.on_detection is OnLoop.HOLD and rule.approvers is None:
        remedy = "Add `approvers` with the name of a group"
        at.wrong(values.node, "nobody is named who answers a held loop", remedy)
        return None
    return rule


LOOPS = Record("a remit's loops", (_ON_DETECTION, _SAME_RESULT, _ERROR_STREAK, _LOOP_APPROVERS), _loops)

_EFFECTS = Field[tuple[Effect, ...]](
    "effects",
    ListOf(Choice(Effect), at_least=1, unique=True),
    "effects that wait for a person",
    required=True,
)
_APPROVERS = Field[GroupName]("approvers", GROUP, "the group that answers", required=True)


def _hold(values: Values, _: At) -> HoldRule:
    return HoldRule(values[_EFFECTS], values[_APPROVERS])


HOLD = Record("a hold", (_EFFECTS, _APPROVERS), _hold)

_TOOLS = Field[tuple[Grant, ...]]("tools", ListOf(GRANT), "tools it may call; all others are refused", ())
_MODELS = Field[tuple[ModelName, ...]](
    "models", ListOf(MODEL, unique=True), "models it may call; all others are refused", ()
)
_AGENTS = Field[tuple[AgentName, ...]](
    "agents",
    ListOf(AGENT_NAME, unique=True),
    "agents it may hand work to, which then may do what both remits allow; all others are refused",
    (),
)
_LIMITS = Field[Limits]("limits", LIMITS, "hard stops", Limits())
_BUDGETS = Field[tuple[Budget, ...]]("budgets", ListOf(REMIT_BUDGET), "what it may spend", ())
_LOOPS = Field[LoopRule]("loops", LOOPS, "what happens when it goes in circles", LoopRule())
_HOLDS = Field[tuple[HoldRule, ...]]("holds", ListOf(HOLD), "effects that wait for a person", ())


def _remit(values: Values, _: At) -> Remit:
    return Remit(
        grants=values[_TOOLS],
        models=values[_MODELS],
        limits=values[_LIMITS],
        loops=values[_LOOPS],
        budgets=values[_BUDGETS],
        holds=values[_HOLDS],
        agents=values[_AGENTS],
    )


REMIT = Record("a remit", (_TOOLS, _MODELS, _AGENTS, _LIMITS, _BUDGETS, _LOOPS, _HOLDS), _remit)

_SPOKEN = Field[EndpointKind]("kind", Choice(EndpointKind), "how it is spoken to", required=True)
_ADDRESS = Field[str]("url", Text("https://agents.example.com/research", 2_000), "where it is", required=True)
_CREDENTIAL = Field[str](
    "credential", Reference(), "reference to the secret that it is shown as a bearer, as `env:RESEARCH_KEY`", ""
)
_PRIVATE = Field[bool]("private", YesNo(), "whether the URL may lead to a private or loopback address", False)
_ANSWER = Field[int]("answer_within", Duration(), "how long one answer of it is waited for", 60)
_PIN = Field[str](
    "pin",
    Matching(str, r"[0-9a-f]{64}", "the digest of a card, as `remit agents card` shows it", "0" * 64),
    "SHA-256 of the A2A card that was looked at; any other is refused",
    "",
)


def _endpoint(values: Values, at: At) -> Endpoint | None:
    if not web_address(values[_ADDRESS], at, values, _ADDRESS):
        return None
    if values[_PIN] and values[_SPOKEN] is not EndpointKind.A2A:
        at.key("pin").wrong(values.place_of(_PIN), "only an A2A agent has a card", "Remove it")
        return None
    return Endpoint(
        values[_SPOKEN], values[_ADDRESS], values[_CREDENTIAL], values[_PRIVATE], values[_ANSWER], values[_PIN]
    )


ENDPOINT = Record("an endpoint", (_SPOKEN, _ADDRESS, _CREDENTIAL, _PRIVATE, _ANSWER, _PIN), _endpoint)

_NAME = Field[AgentName]("name", AGENT_NAME, "the agent's name", required=True)
_OWNER = Field[UserId]("owner", USER, "the person who answers for it", required=True)
_TEAM = Field[TeamName | None]("team", Name(TeamName, "procurement"), "the team it works for; team budgets count it")
_ROLE = Field[str | None]("role", Name(str, "buyer"), 'what policies call it: `principal in Role::"buyer"`')
_PURPOSE = Field[str]("purpose", Text("Renew supplier contracts."), "what it is for, in a sentence", required=True)
_STATUS = Field[AgentStatus]("status", Choice(AgentStatus), "only an active agent is admitted", AgentStatus.ACTIVE)
_REMIT = Field[Remit]("remit", REMIT, "what it may do; nothing where left out", Remit())
_ENDPOINT = Field[Endpoint | None](
    "endpoint", ENDPOINT, "where it is, if steps of workflows hand work to it elsewhere; else the built-in agent works"
)


def _agent(values: Values, _: At) -> Agent:
    name, remit = values[_NAME], values[_REMIT]
    budgets = tuple(replace(budget, subject=str(name)) for budget in remit.budgets)
    assert all(budget.level in (BudgetLevel.AGENT, BudgetLevel.RUN) for budget in budgets)
    return Agent(
        name=name,
        owner=values[_OWNER],
        purpose=values[_PURPOSE],
        status=values[_STATUS],
        team=values[_TEAM],
        role=values[_ROLE],
        remit=replace(remit, budgets=budgets),
        endpoint=values[_ENDPOINT],
    )


AGENT = Record("an Agent", (_NAME, _OWNER, _TEAM, _ROLE, _PURPOSE, _STATUS, _REMIT, _ENDPOINT), _agent)
