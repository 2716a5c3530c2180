"""Warnings about what is no mistake, but seldom meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from remit.domain.problem import Problem, Severity
from remit.domain.release import Agent, ArgumentRole, Cap, Effect, Grant
from remit.policy.validate import problems
from tests.policy.samples import agent, by_policy, granted, tool, workspace

OPEN: Mapping[str, object] = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer", "minimum": 1}, "lines": {"type": "integer"}},
}
PAY = tool("erp.pay", Effect.PAY, OPEN)
BUYER = agent("buyer", granted("erp.pay"))
FORBID = 'forbid(principal, action == Action::"erp.pay", resource)'
BOUND = '@id("bound") ' + FORBID + " when { context.input.amount > 9000 };"


def warned(*policies: str, who: Agent = BUYER, pay: object = PAY) -> list[Problem]:
    found = problems(workspace(*policies, tools=(pay,), agents=(who,)))  # type: ignore[arg-type]
    assert {each.severity for each in found} <= {Severity.WARNING}, [str(each) for each in found]
    return list(found)


# --- without a scope ---


@pytest.mark.parametrize("principal", ["principal", "principal is Agent"])
@pytest.mark.parametrize("resource", ["resource", "resource is Tool"])
def test_a_permit_without_agent_and_action_is_warned_of(principal: str, resource: str) -> None:
    permit = f"permit({principal}, action, {resource}) when {{ context.call.hour > 5 }};"
    (found,) = warned(permit, BOUND, who=agent("buyer", by_policy("erp.pay")))
    assert (found.file, found.line) == ("policies/0.cedar", 1)
    assert found.message.startswith("the permit has no scope: whatever a remit leaves to policies")


def test_a_permit_that_names_who_or_what_is_not() -> None:
    who = agent("buyer", by_policy("erp.pay"), role="clerk")
    assert warned('permit(principal in Role::"clerk", action, resource);', BOUND, who=who) == []
    assert warned('permit(principal, action == Action::"erp.pay", resource);', BOUND, who=who) == []


# --- payments without a bound ---


def test_a_payment_that_nothing_bounds_is_warned_of_where_it_is_granted() -> None:
    (found,) = warned()
    assert (found.file, found.field) == ("agents/buyer.yaml", "remit.tools[0]")
    assert found.message == "nothing bounds what buyer may pay in one call of `erp.pay`"


@pytest.mark.parametrize(
    "policy",
    [
        BOUND,
        FORBID + " unless { [1, 2, 3].contains(context.input.amount) };",
        '@hold("finance") ' + FORBID + " when { context.input.amount > 9000 };",
        '@hold("finance") ' + FORBID + ";",
        'forbid(principal is Agent, action in Action::"pay", resource) when { context.input.amount > 9000 };',
    ],
)
def test_a_forbid_or_a_hold_bounds_it(policy: str) -> None:
    assert warned(policy) == []


def test_a_condition_on_something_else_does_not() -> None:
    assert len(warned(FORBID + " when { context.call.hour > 20 };")) == 1
    roles = replace(PAY, roles={"amount": ArgumentRole.AMOUNT})
    assert len(warned(FORBID + " when { context.input has lines && context.input.lines > 5 };", pay=roles)) == 1


@pytest.mark.parametrize(
    "who",
    [
        agent("buyer", granted("erp.pay", "context.input.amount <= 500")),
        agent("buyer", replace(granted("erp.pay"), duties=(Cap("amount", 500),))),
    ],
)
def test_a_grant_bounds_it(who: Agent) -> None:
    assert warned(who=who) == []


def test_every_permit_must_bound_it() -> None:
    who = agent("buyer", by_policy("erp.pay"), role="clerk")
    small = 'permit(principal, action == Action::"erp.pay", resource) when { context.input.amount < 50 };'
    night = 'permit(principal, action == Action::"erp.pay", resource) when { context.call.hour > 20 };'
    capped = (
        '@cap("amount=500") permit(principal, action == Action::"erp.pay", resource) when { context.call.hour > 2 };'
    )
    assert warned(small, who=who) == []
    assert warned(capped, who=who) == []
    assert len(warned(small, night, who=who)) == 1


def test_a_schema_bounds_it_and_other_effects_need_no_bound() -> None:
    assert warned(pay=tool("erp.pay", Effect.PAY)) == []
    assert warned(pay=tool("erp.pay", Effect.WRITE, OPEN)) == []


# --- in another's shadow ---

ALL = '@id("all") ' + FORBID


def shadowed(*policies: str, who: Agent = BUYER) -> list[str]:
    return [each.message for each in warned(*policies, who=who, pay=tool("erp.pay", Effect.PAY))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{ALL} when {{ context.input.amount > 100 }};", f"{FORBID} when {{ context.input.amount > 200 }};"),
        (f"{ALL} when {{ context.input.amount > 100 }};", f"{FORBID} when {{ context.input.amount >= 101 }};"),
        (
            f'{ALL} when {{ context.input.supplier like "N*" }};',
            f'{FORBID} when {{ context.input.supplier like "N*" }};',
        ),
        (f"{ALL} unless {{ context.call.hour < 20 }};", f"{FORBID} when {{ context.call.hour == 22 }};"),
        (
            '@id("all") forbid(principal, action in Action::"pay", resource);',
            f"{FORBID} when {{ context.call.hour > 4 }};",
        ),
        (
            f"{ALL} when {{ context.input.amount > 100 }};",
            f'@hold("finance") {FORBID} when {{ context.input.amount > 200 }};',
        ),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_policy_that_another_one_covers_is_told(one: str, other: str, turned: bool) -> None:
    (found,) = shadowed(*((other, one) if turned else (one, other)))
    assert found.startswith("the policy makes no difference: `")
    assert found.endswith("forbids whenever it matches")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{ALL} when {{ context.input.amount > 200 }};", f"{FORBID} when {{ context.call.hour > 20 }};"),
        (f'@hold("finance") {ALL};', f"{FORBID} when {{ context.input.amount > 200 }};"),
        # It may have no value, and then it denies besides.
        (f"{ALL} when {{ context.input.amount * 2 > 0 }};", f"{FORBID} when {{ context.input.amount > 5 }};"),
        (
            f'{ALL} when {{ context.input has currency && context.input.currency == "AED" }};',
            f"{FORBID} when {{ context.input.amount > 5 }};",
        ),
        (f"{ALL} when {{ context.input.amount > 5 }};", 'forbid(principal, action in Action::"pay", resource);'),
    ],
)
def test_a_policy_that_makes_a_difference_is_not_said_to_be_in_a_shadow(one: str, other: str) -> None:
    assert [each for each in shadowed(one, other) if "`all`" in each] == []


def test_of_two_that_are_the_same_the_second_is_told() -> None:
    one = warned(f'@id("one") {FORBID};', f'@id("two") {FORBID};', pay=tool("erp.pay", Effect.PAY))
    assert [(each.file, "`one`" in each.message) for each in one] == [("policies/1.cedar", True)]


def test_permits_add_up_unless_they_carry_duties() -> None:
    who = agent("buyer", by_policy("erp.pay"))
    permit = 'permit(principal, action == Action::"erp.pay", resource)'
    narrow = f"{permit} when {{ context.input.amount < 50 }};"
    assert shadowed(f'@id("wide") {permit};', narrow, who=who) == [
        "the policy makes no difference: `wide` (policies/0.cedar:1) permits whenever it matches"
    ]
    assert shadowed(f'@id("wide") {permit};', f'@mask("supplier") {narrow}', who=who) == []
    assert shadowed(f"{ALL};", narrow, who=who) == [
        "the policy makes no difference: `all` (policies/0.cedar:1) forbids whenever it matches"
    ]


def test_who_is_in_two_roles_of_scopes_is_followed() -> None:
    who: Agent = agent("buyer", Grant(tool("erp.pay").name), role="clerk")
    wide = '@id("wide") forbid(principal in Team::"procurement", action == Action::"erp.pay", resource);'
    narrow = 'forbid(principal in Role::"clerk", action == Action::"erp.pay", resource);'
    assert len(shadowed(wide, narrow, who=who)) == 1
