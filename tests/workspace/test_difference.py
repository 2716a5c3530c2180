"""Nothing changes without a line that says so."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from remit.domain.ids import AgentName, BudgetName, GroupName, ToolName, UserId
from remit.domain.money import Micros
from remit.domain.prompt_template import Prompt
from remit.domain.release import (
    Agent,
    AgentStatus,
    Budget,
    BudgetUnit,
    Configuration,
    Effect,
    Endpoint,
    EndpointKind,
    Grant,
    Group,
    Limits,
    OnExpiry,
    Order,
    PolicyFile,
    Rate,
    Title,
    Tool,
)
from remit.domain.title import FSI, PDI
from remit.domain.upstream import Model, ToolServer
from remit.domain.workflow import Step, Workflow
from remit.workspace.change import Change, ChangeKind
from remit.workspace.difference import changes
from remit.workspace.files import read_folder
from remit.workspace.reading import read

GOOD = Path(__file__).parent / "good"
PLANNER = AgentName("route-planner")
BOOK = ToolName("fleet.book_lorry")


@cache
def good() -> Configuration:
    folder = read_folder(GOOD)
    configuration = read(folder.files, folder.name).configuration
    assert configuration is not None
    return configuration


def words(found: tuple[Change, ...]) -> list[str]:
    return [change.words() for change in found]


# --- every field of every value, changed one at a time ---


def variations(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield `value` with one thing in it changed, for every thing in it, and the path of that thing."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            if not is_identity(value, field.name):
                for inner, changed in variations(getattr(value, field.name), f"{path}.{field.name}"):
                    yield inner, replace(value, **{field.name: changed})
    elif isinstance(value, Mapping):
        for key in value:
            yield f"{path}[{key}] removed", {name: item for name, item in value.items() if name != key}
            for inner, changed in variations(value[key], f"{path}[{key}]"):
                yield inner, {**value, key: changed}
    elif isinstance(value, tuple | list):
        kind = type(value)
        for index, item in enumerate(value):
            yield f"{path}[{index}] removed", kind([*value[:index], *value[index + 1 :]])
            for inner, changed in variations(item, f"{path}[{index}]"):
                yield inner, kind([*value[:index], changed, *value[index + 1 :]])
        if len(value) > 1:
            yield f"{path} reversed", kind(reversed(value))
    else:
        yield path, other(value, path)


def is_identity(value: object, field: str) -> bool:
    """Whether a field is the name a resource goes by: another name is another resource."""
    names = {Agent: "name", Tool: "name", Budget: "name", Group: "name", PolicyFile: "path"}
    names |= {ToolServer: "name", Model: "name", Prompt: "name", Workflow: "name"}
    if isinstance(value, Step):
        return field == "id"
    return names.get(type(value)) == field


def other(value: Any, path: str) -> Any:
    match value:
        case None:
            if path.endswith(".rate"):
                return Rate(1, 1)
            if path.endswith(".title"):
                return Title("Do it")
            if path.endswith(".endpoint"):
                return Endpoint(EndpointKind.HTTP, "https://agents.example.com", private=True, pin="0" * 64)
            counts = (
                "calls_per_run",
                "same_result",
                "error_streak",
                "model_calls",
                "concurrency",
                "expires_after_s",
                "timeout_s",
            )
            return 7 if path.endswith(counts) else "other"
        case bool():
            return not value
        case Enum():
            return next(word for word in type(value) if word is not value)
        case int() | float():
            return value + 1
        case _:
            return f"{value}x"


CASES = list(variations(good()))
UNIMPORTANT = {".budgets reversed", ".policies reversed"}
"""The order of these says nothing: they are looked up by name."""


@pytest.mark.parametrize(("path", "after"), CASES, ids=[path for path, _ in CASES])
def test_every_field_that_changes_is_reported(path: str, after: Configuration) -> None:
    found = changes(good(), after)
    assert bool(found) == (path not in UNIMPORTANT)
    assert all(change.words() and change.resource and not change.words().endswith(".") for change in found)


ENGLISH_WORDS = re.compile(f"{FSI}[^{PDI}]*{PDI}|pay وdelete وadmin|Remit")
"""What may stand in Latin letters in an Arabic sentence: names, values and codes, which are kept apart; and ours."""


@pytest.mark.parametrize("after", [after for _, after in CASES], ids=[path for path, _ in CASES])
def test_every_change_is_said_in_arabic_with_nothing_but_names_and_values_in_other_letters(
    after: Configuration,
) -> None:
    for change in (*changes(good(), after), *changes(after, good())):
        said = change.words("ar").partition("\n")[0]
        assert re.search("[\u0600-\u06ff]", said), said
        assert not re.search("[A-Za-z]", ENGLISH_WORDS.sub("", said)), said


def test_the_cases_reach_every_field_of_a_configuration() -> None:
    reached = {path.replace("]", "[").split("[")[-1].removesuffix(" removed") for path, _ in CASES}
    reached = {step for name in reached for step in name.split(".")}
    reached |= {step for path, _ in CASES for step in path.split("[")[0].split(".")}
    named = "name path id field".split()
    for kind in (Configuration, Agent, Tool, Budget, Grant, Limits, Group, PolicyFile):
        for field in dataclasses.fields(kind):
            assert field.name in reached or any(f".{field.name}" in path for path, _ in CASES) or field.name in named


def test_nothing_changed_is_nothing_reported() -> None:
    assert changes(good(), good()) == ()


def test_true_is_not_one() -> None:
    before = with_tool(lambda tool: replace(tool, input_schema={"properties": {"a": {"const": 1}}}))
    after = with_tool(lambda tool: replace(tool, input_schema={"properties": {"a": {"const": True}}}))
    assert words(changes(before, after)) == [
        'the schema of fleet.book_lorry\'s argument a changed from {"const":1} to {"const":true}'
    ]


# --- the words a reviewer reads ---


def with_agent(change: Any, of: Configuration | None = None) -> Configuration:
    configuration = of or good()
    return replace(configuration, agents={**configuration.agents, PLANNER: change(configuration.agents[PLANNER])})


def with_remit(**fields: Any) -> Configuration:
    return with_agent(lambda agent: replace(agent, remit=replace(agent.remit, **fields)))


def with_tool(change: Any) -> Configuration:
    configuration = good()
    return replace(configuration, tools={**configuration.tools, BOOK: change(configuration.tools[BOOK])})


def with_budget(**fields: Any) -> Configuration:
    configuration = good()
    first, *others = configuration.budgets
    return replace(configuration, budgets=(replace(first, **fields), *others))


def remit() -> Any:
    return good().agents[PLANNER].remit


def without(tool: str) -> tuple[Grant, ...]:
    return tuple(grant for grant in remit().grants if grant.tool != tool)


def regranted(tool: str, **fields: Any) -> tuple[Grant, ...]:
    return tuple(replace(grant, **fields) if grant.tool == tool else grant for grant in remit().grants)


WORDS = [
    (with_remit(grants=without("carrier.pay")), "route-planner may no longer call carrier.pay"),
    (
        with_remit(grants=(*remit().grants, Grant(ToolName("crm.export"), calls_per_run=1))),
        "route-planner may now call crm.export at most once in a run",
    ),
    (
        with_remit(grants=regranted(BOOK, when="")),
        (
            "route-planner may now call fleet.book_lorry without a condition; "
            "it was: when context.input.weight_kg <= 12000"
        ),
    ),
    (
        with_remit(grants=regranted(BOOK, calls_per_run=None)),
        "calls of fleet.book_lorry in a run of route-planner loosened from 3 to unlimited",
    ),
    (
        with_remit(limits=replace(remit().limits, steps=200)),
        "limit steps in a run of route-planner loosened from 120 to 200",
    ),
    (
        with_remit(limits=replace(remit().limits, wall_time_s=60)),
        "limit time of a run of route-planner tightened from 90 minutes to 1 minute",
    ),
    (
        with_remit(limits=replace(remit().limits, rate=Rate(2, 1))),
        "limit rate of route-planner loosened from 60 calls a minute to 2 calls a second",
    ),
    (
        with_remit(limits=replace(remit().limits, model_calls=10)),
        "limit model calls in a run of route-planner tightened from unlimited to 10",
    ),
    (with_remit(models=("openai/gpt-5-mini",)), "route-planner may no longer call the model local/dispatch-7b"),
    (with_remit(holds=()), "actions of route-planner with the effect pay no longer wait for finance-approvers"),
    (
        with_remit(budgets=remit().budgets[1:]),
        "route-planner no longer has the budget planner-run: $2.50",
    ),
    (
        with_agent(lambda agent: replace(agent, owner=UserId("user:jonas.weber"))),
        "route-planner is now owned by user:jonas.weber instead of user:amal.balushi",
    ),
    (
        with_agent(lambda agent: replace(agent, status=AgentStatus.SUSPENDED)),
        "route-planner is now suspended instead of active",
    ),
    (with_budget(amount=2_000_000_000), "budget company-month raised from $1,000.00 to $2,000.00"),
    (with_budget(amount=500_000_000), "budget company-month lowered from $1,000.00 to $500.00"),
    (with_budget(hard=False), "budget company-month now only reports what would exceed it"),
    (
        with_tool(lambda tool: replace(tool, effect=Effect.PAY)),
        "the effect of fleet.book_lorry is now pay instead of write",
    ),
    (
        with_tool(lambda tool: replace(tool, cost_per_call=Micros(20_000))),
        "a call of fleet.book_lorry now costs $0.02 instead of $0.00",
    ),
    (with_tool(lambda tool: replace(tool, idempotent=True)), "fleet.book_lorry is now said to be idempotent"),
]


@pytest.mark.parametrize(("after", "said"), WORDS, ids=[said for _, said in WORDS])
def test_a_change_is_said_in_words(after: Configuration, said: str) -> None:
    assert words(changes(good(), after)) == [said]


PRIORITY_CHANGED = (
    "the schema of fleet.book_lorry's argument priority changed from "
    '{"maximum":9,"minimum":1,"type":"integer"} to {"type":"string"}'
)


def test_arguments_that_come_go_or_become_required() -> None:
    def changed(tool: Tool) -> Tool:
        properties: Any = tool.input_schema["properties"]
        kept = {name: part for name, part in properties.items() if name != "note"}
        schema = {
            **tool.input_schema,
            "properties": {**kept, "driver": {"type": "string"}, "priority": {"type": "string"}},
            "required": ["lorry", "weight_kg", "driver", "extra"],
        }
        return replace(tool, input_schema=schema)

    assert words(changes(good(), with_tool(changed))) == [
        PRIORITY_CHANGED,
        "fleet.book_lorry takes a new argument driver (required)",
        "fleet.book_lorry no longer takes the argument note",
        "fleet.book_lorry now requires the argument extra",
        "fleet.book_lorry no longer requires the argument stops",
    ]


def test_a_policy_changes_with_its_text() -> None:
    policy, *_ = good().policies
    after = replace(good(), policies=(replace(policy, text=policy.text.replace("> 100", "> 200")),))
    (change,) = changes(good(), after)
    assert change.resource == "policies/payments.cedar"
    assert "\n  -) when { context.input.amount_omr > 100 };" in change.words()
    assert "\n  +) when { context.input.amount_omr > 200 };" in change.words()


def test_line_endings_of_a_policy_are_a_change() -> None:
    policy, *_ = good().policies
    after = replace(good(), policies=(replace(policy, text=policy.text.replace("\n", "\r\n")),))
    assert words(changes(good(), after)) == ["policy file policies/payments.cedar changed:\n  only line endings differ"]


def test_who_joins_and_leaves_a_group() -> None:
    name = GroupName("finance-approvers")
    after = replace(good(), groups={**good().groups, name: Group(name, (UserId("user:amal.balushi"),))})
    assert words(changes(good(), after)) == [
        "user:amal.balushi joins the group finance-approvers",
        "user:samira.haddad leaves the group finance-approvers",
    ]


def ruled(group: Group) -> Configuration:
    return replace(good(), groups={**good().groups, group.name: group})


LEADS = GroupName("dispatch-leads")
TWO = (UserId("user:amal.balushi"), UserId("user:jonas.weber"))
BOARD = Group(GroupName("board"), groups=(LEADS, GroupName("finance-approvers")), order=Order.CHAIN)


def test_the_rules_of_a_group_in_words() -> None:
    stricter = Group(LEADS, TWO, 2, 1800, OnExpiry.ESCALATE, GroupName("finance-approvers"))
    assert words(changes(good(), ruled(stricter))) == [
        "2 of the group dispatch-leads must approve instead of 1",
        "group dispatch-leads has 30 minutes to answer instead of the workspace's time",
        (
            "when the group dispatch-leads has not answered in time, it passes to finance-approvers (escalate);"
            " so far the approval expires"
        ),
    ]
    told = replace(good().groups[LEADS], notify=("env:LEADS_CHANNEL",))
    assert words(changes(good(), ruled(told))) == [
        "the group dispatch-leads is now told at env:LEADS_CHANNEL instead of nothing"
    ]
    assert words(changes(good(), ruled(BOARD))) == [
        "group board is new, made of dispatch-leads, finance-approvers: each waits for the one before it"
    ]
    assert words(changes(ruled(BOARD), ruled(replace(BOARD, order=Order.ANY)))) == [
        "of the groups of board one of them is enough; so far each waits for the one before it"
    ]


def test_resources_that_come_and_go() -> None:
    added = changes(None, good())
    assert {change.kind for change in added} == {ChangeKind.ADDED}
    assert "route-planner may now call carrier.pay where a written policy permits it" in words(added)
    assert "budget company-month is new: $1,000.00 a month for the whole workspace" in words(added)
    empty = Configuration(good().settings, {}, {}, (), (), {}, {})
    removed = changes(good(), empty)
    assert {change.kind for change in removed} == {ChangeKind.REMOVED}
    assert "agent route-planner is removed" in words(removed)
    parts = (good().agents, good().tools, good().policies, good().budgets, good().servers, good().models)
    count = sum(len(part) for part in parts) + len(good().workflows) + len(good().prompts)
    assert len(removed) == count + len(good().people) + len(good().groups)


def test_a_budget_in_another_unit_shows_both() -> None:
    after = with_budget(unit=BudgetUnit.CALLS, amount=100)
    assert words(changes(good(), after)) == [
        "budget company-month: unit changed from micro_usd to calls",
        "budget company-month: amount changed from 1,000,000,000 to 100",
    ]


def test_a_renamed_budget_is_two_changes() -> None:
    assert words(changes(good(), with_budget(name=BudgetName("company")))) == [
        "budget company is new: $1,000.00 a month for the whole workspace",
        "budget company-month is removed",
    ]
