"""Why the policies said what they said: every clause with its value, the nearest permit, and words for it."""

from collections.abc import Mapping

import pytest
from cedarpy import PolicySet

from remit.domain.ids import AgentName, ToolName
from remit.domain.policy_reading import Came, PolicyReading, Stance, say_reading
from remit.policy.authorizer import Authorizer, PolicyRequest
from remit.policy.spelling import spelled
from remit.policy.why import readings
from tests.policy.compiled.test_expressions import PLAIN
from tests.policy.samples import CALL, PAYMENT, agent, by_policy, facts_of, workspace

BUYER = (agent("buyer", by_policy("erp.pay"), role="clerk"),)
SMALL = """// Small ones
@id("small") permit(principal in Role::"clerk", action == Action::"erp.pay", resource)
when { context.input.amount <= 5000 &&
       context.call.hour >= 8 }
unless { context.input has urgent && context.input.urgent };
"""
LARGE = """
@id("large") permit(principal, action == Action::"erp.pay", resource)
when { context.input.amount > 100 && context.input.supplier like "N*" && context.call.hour > 20 };
"""
HOLD = """
@id("big") @hold("finance") forbid(principal, action == Action::"erp.pay", resource)
when { context.input.amount > 500 };
"""
ODD = """
@id("odd") forbid(principal, action == Action::"erp.pay", resource)
when { context.input.amount * 9223372036854775807 > 0 };
"""


def why(*policies: str, arguments: Mapping[str, object] = PAYMENT) -> dict[str, PolicyReading]:
    """How the policies read a payment, in the order in which they are told."""
    authorizer = Authorizer.of(workspace(*policies, agents=BUYER))
    given = authorizer.inputs[ToolName("erp.pay")].read(arguments, {})
    request = PolicyRequest(AgentName("buyer"), "erp.pay", "Tool", "erp.pay", given, facts_of(CALL))
    found = readings(authorizer, request)
    answer = authorizer.official(request)
    matched = {one.policy for one in found if one.came is Came.MATCHED}
    assert matched >= {*answer.permits, *(name for name, _ in answer.forbids), *(hold.id for hold in answer.holds)}
    failed = {error.rpartition(":")[0] for error in answer.errors}
    assert {one.policy for one in found if one.came is Came.FAILED} == failed
    return {one.policy: one for one in found}


def test_a_permit_that_fell_short_names_the_clause_its_value_and_its_line() -> None:
    found = why(SMALL, arguments={"amount": 12_000, "supplier": "Najd"})["small"]
    assert (found.stance, found.came, found.file, found.line) == (
        Stance.PERMIT,
        Came.NOT_MATCHED,
        "policies/0.cedar",
        2,
    )
    (clause,) = found.failing
    assert (clause.text, clause.value, clause.line) == ("context.input.amount <= 5000", False, 3)
    assert clause.read == (("context.input.amount", "12000"),)
    assert say_reading(found) == (
        "small would permit it, but for: context.input.amount <= 5000: false (context.input.amount = 12000)"
    )
    assert say_reading(found, "ar").startswith("كانت السياسة small ستسمح به لولا: ")


def test_the_nearest_permit_comes_first() -> None:
    found = why(LARGE, SMALL, arguments={"amount": 12_000, "supplier": "Kais"})
    assert list(found) == ["small", "large"]
    assert len(found["large"].failing) == 2


def test_what_unless_excludes_is_told_and_a_test_that_fails_hides_what_it_guards() -> None:
    assert why(SMALL)["small"].came is Came.MATCHED
    found = why(SMALL, arguments={**PAYMENT, "urgent": True})["small"]
    (clause,) = found.failing
    assert (clause.wanted, clause.value) == (False, True)


def test_a_hold_says_whom_it_asks_and_what_makes_it_hold() -> None:
    found = why(SMALL, HOLD, arguments={"amount": 501, "supplier": "Najd"})
    assert list(found) == ["big", "small"]
    assert say_reading(found["big"]) == (
        "big holds it until somebody of finance approves: context.input.amount > 500: true (context.input.amount = 501)"
    )


def test_a_policy_that_fails_comes_first_with_what_failed() -> None:
    found = why(SMALL, ODD)
    assert next(iter(found)) == "odd"
    (clause,) = found["odd"].clauses
    assert (clause.error, clause.value) == ("overflow", None)
    assert "odd could not be evaluated, and that denies" in say_reading(found["odd"])


def test_an_attribute_that_is_not_there_is_named() -> None:
    reads = 'forbid(principal, action == Action::"erp.pay", resource) when { context.input.currency == "AED" };'
    (found,) = why(reads).values()
    assert found.clauses[0].missing == "currency"
    assert say_reading(found).endswith("fails: there is no currency")


def test_what_is_never_evaluated_is_not_told_as_a_mistake() -> None:
    guarded = (
        'forbid(principal, action == Action::"erp.pay", resource)'
        ' when { context.input has currency && context.input.currency == "AED" };'
    )
    (found,) = why(guarded).values()
    assert found.came is Came.NOT_MATCHED
    assert [clause.text for clause in found.clauses] == ["context.input has currency"]


def test_arguments_that_do_not_fit_are_not_read() -> None:
    authorizer = Authorizer.of(workspace(SMALL, agents=BUYER))
    given = authorizer.inputs[ToolName("erp.pay")].read({"amount": "x"}, {})
    request = PolicyRequest(AgentName("buyer"), "erp.pay", "Tool", "erp.pay", given, facts_of(CALL))
    assert readings(authorizer, request) == ()


@pytest.mark.parametrize("condition", PLAIN)
def test_what_is_spelled_means_what_was_written(condition: str) -> None:
    def tree(text: str) -> object:
        parsed = PolicySet.from_str(f"permit(principal, action, resource) when {{ {text} }};").to_pst()
        return next(iter(parsed.static_policies.values())).clauses[0]

    written = tree(condition)
    assert tree(spelled(written.expr)) == written  # type: ignore[attr-defined]
