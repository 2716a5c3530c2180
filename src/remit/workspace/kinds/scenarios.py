"""Kind Tests: actions under given facts and the decisions expected of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from remit.domain.action import ActionKind
from remit.domain.canonical import JsonValue
from remit.domain.finding import Check, Code, Verdict
from remit.domain.ids import AgentName, BudgetName, GroupName, ModelName, ToolName, UserId
from remit.domain.money import Micros
from remit.domain.release import BudgetUnit
from remit.domain.scenario import GivenFacts, Scenario
from remit.workspace.form import Choice, Dollars, Duration, Text, Whole, YesNo
from remit.workspace.kinds.agent import AGENT_NAME
from remit.workspace.kinds.budget import AMOUNT_KEYS, BUDGET_NAME
from remit.workspace.kinds.people import GROUP, USER
from remit.workspace.kinds.settings import MODEL
from remit.workspace.kinds.temporal import FACT_NAME
from remit.workspace.kinds.tool import TOOL_NAME
from remit.workspace.node import Node
from remit.workspace.record import Field, JsonMapping, ListOf, MapOf, Record, Values
from remit.workspace.report import At


class Expected(StrEnum):
    """The verdicts a test may expect."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"


class StoppedScope(StrEnum):
    """What a test may say is stopped."""

    WORKSPACE = "workspace"
    TEAM = "team"
    AGENT = "agent"
    RUN = "run"
    TOOL = "tool"
    MODEL = "model"


class ApprovalGiven(StrEnum):
    """What a test may say of an approval of exactly these arguments."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class _Moment:
    """An instant in RFC 3339 form with its offset."""

    _PATTERN = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})"

    def read(self, node: Node, at: At) -> str | None:
        remedy = "Write date, time and offset, for example `2026-01-05T09:00:00Z`"
        if not isinstance(node.value, str) or re.fullmatch(self._PATTERN, node.value) is None:
            at.wrong(node, f"`{node.text[:40]}` is not a moment", remedy)
            return None
        try:
            datetime.fromisoformat(node.value)
        except ValueError:
            at.wrong(node, f"`{node.value}` is on no calendar", remedy)
            return None
        return node.value

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": f"^{self._PATTERN}$", "examples": ["2026-01-05T09:00:00Z"]}


@dataclass(frozen=True, slots=True)
class Spent:
    """What a test says a budget has come to."""

    unit: BudgetUnit
    amount: int


_USD = Field[Micros]("usd", Dollars(), "US dollars spent in the current window")
_TOKENS = Field[int]("tokens", Whole(0), "tokens spent in the current window")
_BUDGET_CALLS = Field[int]("calls", Whole(0), "calls made in the current window")


def _spent(values: Values, _: At) -> Spent:
    if _USD in values:
        return Spent(BudgetUnit.MICRO_USD, values[_USD])
    if _TOKENS in values:
        return Spent(BudgetUnit.TOKENS, values[_TOKENS])
    return Spent(BudgetUnit.CALLS, values[_BUDGET_CALLS])


SPENT = Record("an amount spent", (_USD, _TOKENS, _BUDGET_CALLS), _spent, (AMOUNT_KEYS,))

# Exact repetition is counted, with `repeats`; it is never what was detected when a result came in.
_NEVER_DETECTED = (Code.LOOP_OK, Code.LOOP_REPETITION)
_LOOP_CODES = tuple(code.value for code in Code if code.check is Check.LOOP and code not in _NEVER_DETECTED)

_AT = Field[str]("at", _Moment(), "the moment of the decision", "")
_STEPS = Field[int]("steps", Whole(0), "actions of this run so far", 0)
_TOOL_CALLS = Field[int]("tool_calls", Whole(0), "tool calls of this run so far", 0)
_MODEL_CALLS = Field[int]("model_calls", Whole(0), "model calls of this run so far", 0)
_DEPTH = Field[int]("depth", Whole(0), "how often the work has been delegated on", 0)
_VERIFIED = Field[bool]("verified", YesNo(), "whether it is known for whom the run acts, and not just said", False)
_RUNNING = Field[int]("running", Duration(), "how long the run has lasted, such as `10m`", 0)
_IN_FLIGHT = Field[int]("in_flight", Whole(0), "actions of the agent under way", 0)
_DENIALS = Field[int]("denials", Whole(0), "how often this run has been denied", 0)
_TEMPORAL = Field[Mapping[str, int]](
    "temporal", MapOf(Whole(0), FACT_NAME), "what temporal facts have come to, by name", {}
)
_REPEATS = Field[int]("repeats", Whole(0), "how often exactly this call was made before", 0)
_SPENT = Field[Mapping[str, Spent]]("spent", MapOf(SPENT, BUDGET_NAME), "what budgets have come to", {})
_CALLS = Field[Mapping[str, int]]("calls", MapOf(Whole(0), TOOL_NAME), "calls of this run so far, by tool", {})
_STOPPED = Field[tuple[StoppedScope, ...]](
    "stopped", ListOf(Choice(StoppedScope), unique=True), "what has been stopped", ()
)
_LOOP = Field[Code | None]("loop", Choice(Code, _LOOP_CODES), "the loop that has been detected")
_APPROVAL = Field[ApprovalGiven | None](
    "approval", Choice(ApprovalGiven), "where an approval of exactly these arguments stands"
)
_ABOVE = Field[tuple[AgentName, ...]](
    "above", ListOf(AGENT_NAME), "agents that have handed the work on, the first one first", ()
)


@dataclass(frozen=True, slots=True)
class _Facts:
    given: GivenFacts
    spent: Mapping[BudgetName, Spent]


def _facts(values: Values, _: At) -> _Facts:
    spent = {BudgetName(name): amount for name, amount in values[_SPENT].items()}
    approval = values[_APPROVAL]
    given = GivenFacts(
        at=values[_AT],
        steps=values[_STEPS],
        tool_calls=values[_TOOL_CALLS],
        model_calls=values[_MODEL_CALLS],
        depth=values[_DEPTH],
        verified=values[_VERIFIED],
        running_s=values[_RUNNING],
        in_flight=values[_IN_FLIGHT],
        denials=values[_DENIALS],
        repeats=values[_REPEATS],
        temporal=values[_TEMPORAL],
        spent={name: amount.amount for name, amount in spent.items()},
        calls=values[_CALLS],
        stopped=tuple(scope.value for scope in values[_STOPPED]),
        loop=values[_LOOP],
        approval=None if approval is None else approval.value,
        above=values[_ABOVE],
    )
    return _Facts(given, spent)


FACTS = Record(
    "the facts",
    (
        _AT,
        _STEPS,
        _TOOL_CALLS,
        _MODEL_CALLS,
        _DEPTH,
        _VERIFIED,
        _RUNNING,
        _IN_FLIGHT,
        _DENIALS,
        _REPEATS,
        _TEMPORAL,
        _SPENT,
        _CALLS,
        _STOPPED,
        _LOOP,
        _APPROVAL,
        _ABOVE,
    ),
    _facts,
)

_NAME = Field[str](
    "name", Text("a refund over 500 waits for a person", 300), "what it shows, in a sentence", required=True
)
_AGENT = Field[AgentName]("agent", AGENT_NAME, "the agent that acts", required=True)
_TOOL = Field[ToolName]("tool", TOOL_NAME, "the tool it calls")
_MODEL = Field[ModelName]("model", MODEL, "the model it calls")
_ARGUMENTS = Field[Mapping[str, JsonValue]]("arguments", JsonMapping(), "the call's arguments", {})
_ON_BEHALF_OF = Field[UserId]("on_behalf_of", USER, "the user it acts for", UserId("user:test"))
_COST = Field[Micros | None]("cost_usd", Dollars(), "the most the call may cost; by default what the tool declares")
_FACTS = Field[_Facts]("facts", FACTS, "the state before the action; quiet where left out", _Facts(GivenFacts(), {}))
_EXPECT = Field[Expected]("expect", Choice(Expected), "the decision", required=True)
_REASONS = Field[tuple[Code, ...]](
    "reasons", ListOf(Choice(Code), unique=True), "codes that must be among its reasons", ()
)
_POLICIES = Field[tuple[str, ...]](
    "policies",
    ListOf(Text("refund-over-500", 300), unique=True),
    "policies that must be among the determining ones",
    (),
)
_APPROVERS = Field[tuple[GroupName, ...]](
    "approvers", ListOf(GROUP, unique=True), "groups that must be exactly the approvers", ()
)


@dataclass(frozen=True, slots=True)
class WrittenTest:
    """A scenario as written, with the units of what it says is spent, for the cross checks."""

    scenario: Scenario
    spent: Mapping[BudgetName, Spent]


def _test(values: Values, at: At) -> WrittenTest:
    is_tool = _TOOL in values
    scenario = Scenario(
        file=at.file,
        line=values.node.place.line,
        name=values[_NAME],
        agent=values[_AGENT],
        kind=ActionKind.TOOL if is_tool else ActionKind.MODEL,
        target=values[_TOOL] if is_tool else values[_MODEL],
        arguments=values[_ARGUMENTS],
        expect=Verdict[values[_EXPECT].value.upper()],
        on_behalf_of=values[_ON_BEHALF_OF],
        cost_micros=values[_COST],
        facts=values[_FACTS].given,
        reasons=values[_REASONS],
        policies=values[_POLICIES],
        approvers=values[_APPROVERS],
    )
    return WrittenTest(scenario, values[_FACTS].spent)


TEST = Record(
    "a test",
    (
        _NAME,
        _AGENT,
        _TOOL,
        _MODEL,
        _ARGUMENTS,
        _ON_BEHALF_OF,
        _COST,
        _FACTS,
        _EXPECT,
        _REASONS,
        _POLICIES,
        _APPROVERS,
    ),
    _test,
    (("tool", "model"),),
)

_TESTS = Field[tuple[WrittenTest, ...]]("tests", ListOf(TEST, at_least=1), "the tests", required=True)


@dataclass(frozen=True, slots=True)
class TestFile:
    """The tests of one document."""

    __test__ = False  # pytest would take it for a class of tests

    tests: tuple[WrittenTest, ...]


def _test_file(values: Values, _: At) -> TestFile:
    return TestFile(values[_TESTS])


TESTS = Record("a Tests document", (_TESTS,), _test_file)
