"""A policy that can never match is found, and one that can is never called impossible."""

import pytest
from cedarpy import Entities, PolicySet, Schema, is_authorized_batch
from hypothesis import given, note
from hypothesis import strategies as st

from remit.policy.entities import entities_json
from remit.policy.reach import World, can_match
from remit.policy.schema import cedar_schema_json
from tests.policy.samples import CALL, workspace

WORKSPACE = workspace()
WORLD = World.of(WORKSPACE)
SCHEMA = Schema.from_json_str(cedar_schema_json(WORKSPACE))
ENTITIES = Entities.from_json_str(entities_json(WORKSPACE), SCHEMA)


def reaches(condition: str, scope: str = 'principal, action == Action::"erp.pay", resource') -> bool:
    (tree,) = PolicySet.from_str(f"forbid({scope}) {condition};").to_pst().static_policies.values()
    return can_match(tree, WORLD)


@pytest.mark.parametrize(
    "condition",
    [
        "false",
        "context has inptu",
        "context.input has amonut && context.input.amonut > 5",
        "context.input has text",
        "context.input.amount > 10 && context.input.amount < 5",
        "context.input.amount > 10 && !(context.input.amount >= 5)",
        "context.input.amount * 2 > 2000000",
        "context.input.amount + 1 == 0",
        "context.input.amount == 7 && context.input.amount != 7",
        "5 > context.input.amount && 6 < context.input.amount",
        'context.input.supplier == "a" && context.input.supplier == "b"',
        'context.input.supplier == "a" && ["b", "c"].contains(context.input.supplier)',
        'context.input has currency && context.input.currency == "SRA"',
        'context.input has currency && context.input.currency like "E*"',
        "context.input has urgent && !(context.input has urgent)",
        "context.input has urgent && context.input.urgent && context.input.urgent == false",
        "context.call.hour > 23",
        "context.call.weekday == 0",
        'context.call.assurance == "none"',
        'principal == Agent::"buyer" && principal == Agent::"auditor"',
        'principal == Agent::"buyer" && !(principal in Role::"clerk")',
        'resource == Tool::"crm.note"',
        'resource in ToolServer::"crm"',
        'action in Action::"read"',
        "principal is User",
        "if context.input.amount > 0 then false else true",
        "false || context.input.amount < 1",
    ],
)
def test_a_condition_that_no_request_meets_is_found(condition: str) -> None:
    assert not reaches(f"when {{ {condition} }}")
    assert not reaches(f"unless {{ !({condition}) }}")


@pytest.mark.parametrize(
    "scope",
    [
        'principal == User::"user:huda", action, resource',
        'principal == Agent::"nobody", action, resource',
        'principal, action == Action::"pay", resource',
        'principal, action == Action::"erp.pay", resource == Tool::"crm.note"',
        'principal, action in Action::"read", resource',
        'principal, action in Action::"invoke", resource is Model',
        'principal, action == Action::"model.call", resource in ToolServer::"erp"',
        'principal in Role::"clerk", action == Action::"erp.pay", resource is Tool in ToolServer::"crm"',
    ],
)
def test_a_scope_that_no_request_meets_is_found(scope: str) -> None:
    assert not reaches("", scope)


def test_clauses_are_taken_together() -> None:
    assert not reaches("when { context.input.amount > 10 } unless { context.input.amount > 9 }")
    assert reaches("when { context.input.amount > 10 } unless { context.input.amount > 11 }")


def test_a_group_of_actions_reaches_where_one_of_them_does() -> None:
    scope = 'principal, action in Action::"invoke", resource'
    assert reaches('when { context.input has text && context.input.text == "x" }', scope)


@pytest.mark.parametrize("condition", ['context.input.tags.contains("x")', "principal.owner == principal.owner"])
def test_what_is_not_understood_may_match(condition: str) -> None:
    assert reaches(f"when {{ {condition} }}")


@pytest.mark.parametrize(
    "condition",
    [
        "context.input.amount < 2",
        "context.input.amount <= 1",
        "2 > context.input.amount",
        "context.input.amount > 999999",
        "context.input.amount >= 1000000",
        "context.input.amount == 1 || false",
        "context.input.amount >= 5 && context.input.amount <= 5",
        "context.input.amount > 5 && context.input.amount < 7 && context.input.amount == 6",
        "context.input.amount != 1 && context.input.amount < 3",
        "context.input.amount + 1 == 2",
        "context.input.amount - 1 == 0",
        "context.input.amount * 2 == 2000000",
        "(context.input.amount - 500) * (context.input.amount - 600) < 0",
        "-context.input.amount == -1000000",
        "context.call.hour == 23",
        'context.input has currency && context.input.currency like "*A*"',
        'context.input has currency && context.input.currency != "AED" && context.input.currency != "SAR"',
    ],
)
def test_the_last_value_that_is_allowed_may_match(condition: str) -> None:
    assert reaches(f"when {{ {condition} }}")
    assert reaches(f"unless {{ !({condition}) }}")


# --- against the official implementation ---

AMOUNTS = (1, 2, 500, 1_000_000)
CURRENCIES = (None, "AED", "SAR", "USD")
URGENCIES = (None, True, False)
SUPPLIERS = ("a", "ab")
HOURS = (0, 23)


def requests() -> list[dict[str, object]]:
    """Every combination of values at the edges of what the schema allows."""
    inputs = [
        {
            name: value
            for name, value in zip(
                ("amount", "supplier", "currency", "urgent"), (amount, supplier, currency, urgent), strict=True
            )
            if value is not None
        }
        for amount in AMOUNTS
        for supplier in SUPPLIERS
        for currency in CURRENCIES
        for urgent in URGENCIES
    ]
    return [
        {
            "principal": {"type": "Agent", "id": agent},
            "action": {"type": "Action", "id": "erp.pay"},
            "resource": {"type": "Tool", "id": "erp.pay"},
            "context": {"input": given_input, "call": {**CALL, "hour": hour}},
        }
        for given_input in inputs
        for agent in ("buyer", "auditor")
        for hour in HOURS
    ]


REQUESTS = requests()

numbers = st.recursive(
    st.sampled_from(["context.input.amount", "context.call.hour", "0", "1", "2", "24", "500", "1000000"]),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner) | st.builds("(-{})".format, inner)
    ),
    max_leaves=3,
)
strings = st.sampled_from(["context.input.supplier", "context.input.currency", '"a"', '"ab"', '"AED"', '"EUR"'])
atoms = st.one_of(
    st.sampled_from(["true", "false", "context.input.urgent"]),
    st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers),
    st.builds("{} {} {}".format, strings, st.sampled_from(["==", "!="]), strings),
    st.builds("context.input has {}".format, st.sampled_from(["currency", "urgent", "amonut", "amount"])),
    st.builds('{} like "{}"'.format, strings, st.sampled_from(["*", "a*", "*b", "A*D", "*A*", "x"])),
    st.builds("{}.contains({})".format, st.sampled_from(['["a", "AED"]', '["EUR"]', '["SAR", "b"]']), strings),
    st.sampled_from(
        [
            'principal == Agent::"buyer"',
            'principal != Agent::"auditor"',
            'principal in Role::"clerk"',
            'principal in [Team::"procurement", Role::"clerk"]',
            "principal is Agent",
            'principal is Agent in Role::"clerk"',
            'action in Action::"pay"',
            'resource in ToolServer::"crm"',
        ]
    ),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("(if {} then {} else {})".format, inner, inner, inner),
        st.builds("(({}) == ({}))".format, inner, st.sampled_from(["true", "false"])),
    ),
    max_leaves=8,
)
clauses = st.lists(
    st.builds("{} {{ {} }}".format, st.sampled_from(["when", "unless"]), conditions), min_size=1, max_size=2
)


@given(clauses.map(" ".join))
def test_a_policy_called_impossible_matches_no_request(condition: str) -> None:
    text = f'permit(principal, action == Action::"erp.pay", resource) {condition};'
    policies = PolicySet.from_str(text)
    (tree,) = policies.to_pst().static_policies.values()
    if not can_match(tree, WORLD):
        note(text)
        answers = is_authorized_batch(REQUESTS, policies, ENTITIES, SCHEMA)
        assert not any(answer.allowed for answer in answers)
        assert not any("failed to build" in error for answer in answers for error in answer.diagnostics.errors)
