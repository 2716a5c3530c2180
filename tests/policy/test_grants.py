"""A grant becomes one permit, and nothing an author writes into it becomes more than a condition."""

import pytest
from cedarpy import PolicySet, pst
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.problem import Problem
from remit.policy.grants import granted, permits, quoted
from remit.policy.scopes import uid
from remit.policy.statements import Policy
from tests.policy.samples import agent, by_policy
from tests.policy.samples import granted as grant


def test_a_remit_permits_its_tools_and_models_and_leaves_the_rest_to_policies() -> None:
    buyer = agent("buyer", grant("erp.pay"), by_policy("crm.note"), models=["acme/small"])
    found = [each for each in permits(buyer) if isinstance(each, Policy)]
    assert [each.id for each in found] == ["agents/buyer#erp.pay", "agents/buyer#acme/small"]
    assert found[1].tree.action == pst.ActionEq(uid("Action", "model.call"))
    assert found[1].tree.resource == pst.ScopeEq(uid("Model", "acme/small"))


def test_a_condition_may_hold_strings_comments_and_braces_of_its_own() -> None:
    when = 'context.input.supplier != "}; permit" && // no }\n {a: 1}.a == 1'
    found = granted(agent("buyer"), grant("erp.pay", when))
    assert isinstance(found, Policy)
    assert len(found.tree.clauses) == 1


@pytest.mark.parametrize(
    "when",
    [
        "true }; permit(principal, action, resource) when { true",
        "true } when { true",
        "true } unless { false",
        "false }; permit(principal, action, resource); //",
        "true };\n//",
        "} when {",
    ],
)
def test_a_condition_can_not_leave_its_braces(when: str) -> None:
    found = granted(agent("buyer"), grant("erp.pay", when))
    assert isinstance(found, Problem)


@given(st.text(max_size=40))
def test_whatever_a_condition_says_the_permit_stays_one_of_this_agent_and_tool(when: str) -> None:
    found = granted(agent("buyer"), grant("erp.pay", "true || " + when))
    if isinstance(found, Policy):
        (tree,) = PolicySet.from_str(found.statement.text).to_pst().static_policies.values()
        assert tree.principal == pst.ScopeEq(uid("Agent", "buyer"))
        assert tree.action == pst.ActionEq(uid("Action", "erp.pay"))
        assert len(tree.clauses) == 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_survives_quoting(name: str) -> None:
    text = f"permit(principal == Agent::{quoted(name)}, action, resource);"
    (tree,) = PolicySet.from_str(text).to_pst().static_policies.values()
    assert tree.principal == pst.ScopeEq(uid("Agent", name))


def test_a_name_can_not_leave_its_quotes() -> None:
    found = granted(agent('x", action, resource); permit(principal, action, resource); //'), grant("erp.pay"))
    assert isinstance(found, Policy)
    assert found.tree.principal == pst.ScopeEq(
        uid("Agent", 'x", action, resource); permit(principal, action, resource); //')
    )
