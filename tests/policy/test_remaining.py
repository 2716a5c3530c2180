"""What an agent may do before it tries: what remains of conditions, and that it says the same as a decision."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.domain.ids import AgentName
from remit.domain.permission import Bar, May, Permission, say_permission
from remit.domain.policy_reading import Stance
from remit.domain.release import Agent, AgentStatus
from remit.policy.authorizer import Authorizer
from remit.policy.remaining import Permissions
from tests.policy.samples import CALL, COVERED, agent, ask, by_policy, granted, workspace

HOLD = """
@id("big") @hold("finance") @reason("over 500")
forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount > 500 };
"""


def may(*policies: str, who: Agent | None = None, target: str = "erp.pay") -> Permission:
    who = who or agent("buyer", granted("erp.pay"), by_policy("crm.note"), role="clerk", models=["acme/small"])
    configuration = workspace(*policies, agents=(who,))
    return Permissions(Authorizer.of(configuration), configuration).of(who, target)


def needs(found: Permission) -> dict[str, tuple[str, ...]]:
    return {each.policy: each.needs for each in found.conditions}


def test_a_grant_without_a_condition_is_always() -> None:
    found = may()
    assert (found.may, found.bar) == (May.ALWAYS, None)
    assert say_permission(found) == "buyer may use erp.pay"


def test_the_conditions_of_permits_forbids_and_holds_remain() -> None:
    who = agent("buyer", granted("erp.pay", 'context.input.amount <= 5000 && principal in Team::"procurement"'))
    never = '@id("night") forbid(principal, action, resource) unless { context.call.hour >= 8 };'
    found = may(HOLD, never, who=who)
    assert found.may is May.IF
    assert needs(found) == {
        "agents/buyer#erp.pay": ("context.input.amount <= 5000",),
        "night": ("context.call.hour < 8",),
        "big": ("context.input.amount > 500",),
    }
    assert say_permission(found) == (
        "buyer may use erp.pay if context.input.amount <= 5000; never if context.call.hour < 8; "
        "only once somebody of finance approves if context.input.amount > 500"
    )
    assert say_permission(found, "ar").startswith("يجوز للوكيل buyer استخدام erp.pay إذا context.input.amount <= 5000")


def test_what_no_permit_lets_through_needs_no_forbid_and_no_hold() -> None:
    found = may(HOLD, who=agent("buyer", granted("erp.pay", "context.input.amount <= 500")))
    assert needs(found) == {"agents/buyer#erp.pay": ("context.input.amount <= 500",)}


def test_what_is_always_held_or_forbidden_is_told_at_once() -> None:
    who = agent("buyer", granted("erp.pay", "context.input.amount > 700"))
    assert may(HOLD, who=who).may is May.HELD
    assert "once somebody of finance approves if context.input.amount > 700" in say_permission(may(HOLD, who=who))
    forbidden = may(HOLD.replace('@hold("finance")', ""), who=who)
    assert (forbidden.may, forbidden.bar) == (May.NEVER, Bar.FORBIDDEN)
    assert say_permission(forbidden) == "buyer may not use erp.pay: a policy always forbids it"


@pytest.mark.parametrize(
    ("condition", "remains"),
    [
        ('principal == Agent::"buyer" || context.input.amount > 5', ()),
        ('principal == Agent::"other" || context.input.amount > 5', ("context.input.amount > 5",)),
        ('if principal in Role::"clerk" then context.input.amount > 5 else false', ("context.input.amount > 5",)),
        ('!(principal.owner == User::"user:huda") || context.call.hour > 5', ("context.call.hour > 5",)),
        ("context.input.amount >= 1 && context.call.hour <= 23", ()),
        # Its product may be beyond 64 bits, which denies: it does not go without saying.
        ("context.input.amount * 1000 >= 1", ("(context.input.amount * 1000) >= 1",)),
    ],
)
def test_what_is_certain_ahead_of_a_call_is_left_out(condition: str, remains: tuple[str, ...]) -> None:
    found = may(who=agent("buyer", granted("erp.pay", condition), role="clerk"))
    assert needs(found)["agents/buyer#erp.pay"] == remains


def test_who_is_not_granted_permitted_or_active_may_not() -> None:
    assert may(target="erp.refund").bar is Bar.NOT_GRANTED
    assert may(target="crm.note").bar is Bar.NO_PERMIT
    assert may(COVERED, target="crm.note").may is May.ALWAYS
    idle = replace(agent("buyer", granted("erp.pay")), status=AgentStatus.SUSPENDED)
    assert may(who=idle).bar is Bar.NOT_ACTIVE
    assert may(target="acme/small").may is May.ALWAYS
    assert may(target="acme/other").bar is Bar.NO_PERMIT


CLAUSES = st.sampled_from(
    [
        "context.input.amount <= 500",
        "context.input.amount > 100",
        "context.input.amount * 2 > 900",
        'context.input.supplier == "Najd"',
        'context.input has currency && context.input.currency == "AED"',
        "context.call.hour >= 9",
        'principal in Role::"clerk"',
        'principal == Agent::"nobody"',
        'resource == Tool::"erp.pay"',
        "true",
    ]
)
CONDITIONS = st.recursive(
    CLAUSES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) && ({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) || ({two[1]})"),
        inner.map(lambda one: f"!({one})"),
    ),
    max_leaves=5,
)
EFFECTS = st.sampled_from(["permit", "forbid", '@hold("finance") forbid'])
WRITTEN = st.lists(st.tuples(EFFECTS, st.sampled_from(["when", "unless"]), CONDITIONS), min_size=1, max_size=4)
ARGUMENTS = st.fixed_dictionaries(
    {"amount": st.sampled_from([1, 100, 101, 451, 500, 501]), "supplier": st.sampled_from(["Najd", "Kais"])},
    optional={"currency": st.sampled_from(["AED", "SAR"])},
)


@settings(max_examples=200, deadline=None)
@given(written=WRITTEN, arguments=ARGUMENTS, hour=st.sampled_from([8, 9]))
def test_a_decision_agrees_with_what_remains(
    written: list[tuple[str, str, str]], arguments: dict[str, object], hour: int
) -> None:
    """What remains, evaluated for a call as policies of their own, decides as the policies it remains of."""
    who = agent("buyer", by_policy("erp.pay"), role="clerk")
    policies = [f"{effect}(principal, action, resource) {word} {{ {text} }};" for effect, word, text in written]
    configuration = workspace(*policies, agents=(who,))
    found = Permissions(Authorizer.of(configuration), configuration).of(who, "erp.pay")
    call = {**CALL, "hour": hour}
    answer = ask(Authorizer.of(configuration), arguments, call=call)
    again = [
        f"{_EFFECT[each.stance]}(principal, action, resource)"
        + (f" when {{ {' && '.join(f'({need})' for need in each.needs)} }}" if each.needs else "")
        + ";"
        for each in found.conditions
    ]
    remained = ask(Authorizer.of(workspace(*again, agents=(who,))), arguments, call=call)
    assert remained.permitted == answer.permitted
    assert bool(remained.holds) == bool(answer.holds) or not answer.permitted
    if found.may is May.ALWAYS:
        assert answer.permitted
        assert not answer.holds
    if found.may is May.NEVER:
        assert not answer.permitted
    if found.may is May.HELD and answer.permitted:
        assert answer.holds


_EFFECT = {Stance.PERMIT: "permit", Stance.FORBID: "forbid", Stance.HOLD: '@hold("finance") forbid'}


def test_every_tool_and_model_of_a_remit_is_told() -> None:
    configuration = workspace(COVERED)
    buyer = configuration.agents[AgentName("buyer")]
    every = list(Permissions(Authorizer.of(configuration), configuration).of_agent(buyer))
    assert [each.target for each in every] == ["erp.pay", "crm.note", "acme/small"]
