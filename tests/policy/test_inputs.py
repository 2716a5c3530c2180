"""Arguments become policy input: derived fields computed, nulls and unreadable ones left out, numbers made integers."""

import math

import orjson
import pytest

from remit.domain.release import Derived, DerivedType
from remit.policy.compiled.reading import written
from remit.policy.derived import MAX_CHARACTERS, BadExpression, DerivedError, compiled, read_fields
from remit.policy.inputs import REFUSED, ToolInput, model_input
from tests.policy.samples import tool

PAY = tool("erp.pay")


def read(arguments: dict[str, object]) -> object:
    return ToolInput.of(PAY).read(arguments, {}).values


def test_nulls_of_optional_arguments_and_undeclared_ones_are_left_out() -> None:
    arguments = {"amount": 5, "supplier": "Najd", "urgent": None, "unknown": 1}
    assert read(arguments) == {"amount": 5, "supplier": "Najd"}


def test_an_integral_float_is_an_integer() -> None:
    found = read({"amount": 5.0, "supplier": "Najd"})
    assert found == {"amount": 5, "supplier": "Najd"}
    assert orjson.dumps(found) == b'{"amount":5,"supplier":"Najd"}'


@pytest.mark.parametrize("amount", [1.5, math.nan, math.inf, 2**63, -(2**63) - 1, 1e300, True, "5", None, [5]])
def test_input_with_a_value_that_does_not_fit_is_refused_as_a_whole(amount: object) -> None:
    assert ToolInput.of(PAY).read({"amount": amount, "supplier": "Najd"}, {}) is REFUSED


def test_input_without_a_required_argument_is_refused() -> None:
    assert ToolInput.of(PAY).read({"amount": 5}, {}) is REFUSED


@pytest.mark.parametrize("supplier", ["\ud800", "a\udfff"])
def test_text_that_is_no_unicode_is_refused(supplier: str) -> None:
    assert ToolInput.of(PAY).read({"amount": 5, "supplier": supplier}, {}) is REFUSED
    assert ToolInput.of(PAY).read({"amount": 5, "supplier": "Najd"}, {"it": supplier}) is REFUSED


def test_nested_values_are_converted_too() -> None:
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"net": {"type": "integer"}, "note": {"type": "string"}}},
    }
    made = tool("t.x", schema={"type": "object", "properties": {"lines": lines}})
    found = ToolInput.of(made).read({"lines": [{"net": 2.0, "note": None, "more": 1}]}, {})
    assert orjson.dumps(found.values, default=written) == b'{"lines":[{"net":2}]}'


def field(expression: str, kind: DerivedType = DerivedType.INTEGER, *, optional: bool = False) -> Derived:
    return Derived("it", kind, expression, optional)


@pytest.mark.parametrize(
    ("derived", "value"),
    [
        (field("length(tags)"), 2),
        (field("amount"), 7),
        (field("sum([amount, `1.0`])"), 8),
        (field("amount > `5`", DerivedType.BOOLEAN), True),
        (field("tags[0]", DerivedType.STRING), "a"),
    ],
)
def test_a_derived_field_has_the_value_of_its_expression(derived: Derived, value: object) -> None:
    made = tool("t.x", derived=[derived])
    found = ToolInput.of(made).derive({"amount": 7, "tags": ["a", "b"]})
    assert found == {"it": value}
    assert type(found["it"]) is type(value)
    values = ToolInput.of(made).read({"amount": 7, "supplier": "Najd"}, found).values
    assert values is not None
    assert values["it"] == value


MODEL = {"provider": "acme", "model": "small", "input_tokens": 10, "max_output_tokens": 5}


def test_the_input_of_a_model_call_has_exactly_its_fields() -> None:
    assert model_input(MODEL).values == MODEL
    assert model_input({**MODEL, "more": 1}) is REFUSED
    assert model_input({**MODEL, "input_tokens": True}) is REFUSED
    assert model_input({"provider": "acme"}) is REFUSED


@pytest.mark.parametrize(
    ("derived", "code"),
    [
        (field("missing"), "missing"),
        (field("length(amount)"), "expression_failed"),
        (field("urgent"), "wrong_type"),
        (field("supplier"), "wrong_type"),
        (field("amount", DerivedType.STRING), "wrong_type"),
        (field("`1.5`"), "wrong_type"),
        (field("`1e300`"), "out_of_range"),
    ],
)
def test_a_derived_field_without_a_usable_value_denies(derived: Derived, code: str) -> None:
    with pytest.raises(DerivedError) as caught:
        ToolInput.of(tool("t.x", derived=[derived])).derive({"amount": 7, "urgent": True, "supplier": "secret"})
    assert (caught.value.field, caught.value.code) == ("it", code)
    assert "secret" not in str(caught.value)


def test_an_optional_derived_field_may_be_absent() -> None:
    assert ToolInput.of(tool("t.x", derived=[field("missing", optional=True)])).derive({}) == {}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("length(", "is not JMESPath"),
        ("a" * (MAX_CHARACTERS + 1), "1000 are allowed"),
        (" | ".join(["[@, @][]"] * 40), "multiply its input"),
        ("to_string(" * 30 + "@" + ")" * 30, "multiply its input"),
    ],
    ids=["malformed", "long", "doubling", "quoting"],
)
def test_an_expression_is_bounded(expression: str, message: str) -> None:
    with pytest.raises(BadExpression, match=message):
        compiled(expression)


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("amount", {"amount"}),
        ("lines[*].net | sum(@)", {"lines"}),
        ("sum(lines[].net) > amount", {"lines", "amount"}),
        ("lines[?kind == 'x'] | length(@)", {"lines"}),
        ("{a: amount, b: tags}", {"amount", "tags"}),
        ("map(&inner, lines)", {"lines"}),
    ],
)
def test_the_arguments_an_expression_reads(expression: str, fields: set[str]) -> None:
    assert read_fields(compiled(expression)) == fields
