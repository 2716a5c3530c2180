"""Small workspaces for the tests of policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from remit.domain.ids import AgentName, GroupName, ModelName, TeamName, ToolName, UserId, WorkspaceName
from remit.domain.money import Micros
from remit.domain.release import (
    Agent,
    Configuration,
    Derived,
    Effect,
    Grant,
    GrantMode,
    Group,
    ModelPrice,
    Person,
    PolicyFile,
    Remit,
    Settings,
    Tool,
)
from remit.policy.authorizer import Authorizer, PolicyAnswer, PolicyRequest
from remit.policy.call import OPTIONAL
from remit.policy.compiled.values import Ref, Value

PAY_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "required": ["amount", "supplier"],
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "supplier": {"type": "string"},
        "currency": {"type": "string", "enum": ["AED", "SAR", "USD"]},
        "urgent": {"type": ["boolean", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
NOTE_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
}

CALL: Mapping[str, Value] = {
    "now_s": 1_767_603_600,
    "hour": 9,
    "weekday": 1,
    "on_behalf_of": Ref("User", "user:huda"),
    "verified": False,
    "purpose": "Renew contracts",
    "depth": 0,
    "steps": 0,
    "tool_calls": 0,
    "model_calls": 0,
    "loop_repeats": 0,
    "assurance": "cooperative",
}


def tool(
    name: str,
    effect: Effect = Effect.WRITE,
    schema: Mapping[str, object] = PAY_SCHEMA,
    *,
    derived: Sequence[Derived] = (),
    not_governable: Sequence[str] = (),
) -> Tool:
    return Tool(
        ToolName(name),
        name.partition(".")[0],
        effect,
        "",
        schema,
        derived=tuple(derived),
        not_governable=tuple(not_governable),
    )


def agent(name: str, *grants: Grant, role: str | None = None, models: Sequence[str] = ()) -> Agent:
    return Agent(
        AgentName(name),
        UserId("user:huda"),
        "Buys things",
        team=TeamName("procurement"),
        role=role,
        remit=Remit(grants=grants, models=tuple(ModelName(model) for model in models)),
    )


def granted(name: str, when: str = "") -> Grant:
    return Grant(ToolName(name), when=when)


def by_policy(name: str) -> Grant:
    return Grant(ToolName(name), GrantMode.POLICY)


TOOLS = (
    tool("erp.pay", Effect.PAY),
    tool("erp.refund", Effect.PAY),
    tool("crm.note", Effect.WRITE, NOTE_SCHEMA),
)
AGENTS = (
    agent("buyer", granted("erp.pay"), by_policy("crm.note"), role="clerk", models=["acme/small"]),
    agent("auditor", granted("erp.pay", "context.input.amount <= 500")),
)


def workspace(*policies: str, tools: Sequence[Tool] = TOOLS, agents: Sequence[Agent] = AGENTS) -> Configuration:
    """A workspace whose policy files are `policies/0.cedar`, `policies/1.cedar` and so on."""
    huda = UserId("user:huda")
    return Configuration(
        Settings(WorkspaceName("gulf"), prices=(ModelPrice(ModelName("acme/big"), Micros(1), Micros(1)),)),
        {each.name: each for each in agents},
        {each.name: each for each in tools},
        tuple(PolicyFile(f"policies/{number}.cedar", text) for number, text in enumerate(policies)),
        (),
        {huda: Person(huda)},
        {GroupName("finance"): Group(GroupName("finance"), (huda,))},
    )


COVERED = 'permit(principal == Agent::"buyer", action == Action::"crm.note", resource);\n'
"""The permit that the buyer's grant of crm.note is left to; without it every workspace here has a mistake."""


PAYMENT: Mapping[str, object] = {"amount": 100, "supplier": "Najd"}


def facts_of(call: Mapping[str, Value]) -> Callable[[bool], dict[str, Value]]:
    """Makes the facts of a call as the kernel does: the optional ones only where they are asked for."""
    return lambda optional: {name: value for name, value in call.items() if optional or name not in OPTIONAL}


def ask(
    authorizer: Authorizer,
    arguments: Mapping[str, object] = PAYMENT,
    *,
    agent: str = "buyer",
    tool: str = "erp.pay",
    call: Mapping[str, Value] = CALL,
) -> PolicyAnswer:
    """What both implementations answer, which must be the same."""
    given = authorizer.inputs[ToolName(tool)].read(arguments, {})
    request = PolicyRequest(AgentName(agent), tool, "Tool", tool, given, facts_of(call))
    answer = authorizer.authorize(request)
    assert authorizer.official(request) == answer
    return answer
