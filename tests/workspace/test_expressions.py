"""Expressions are checked against what they name before anything runs, and come to plain JSON."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from remit.workspace.expressions import MAX_TEXT, MOST_ROUNDS, Failed, Names, Unfit, closed

QUOTE = {
    "type": "object",
    "required": ["price", "name"],
    "properties": {"price": {"type": "integer"}, "name": {"type": "string"}, "note": {"type": "string"}},
}
NAMES = Names(
    {
        "inputs": closed(
            {
                "type": "object",
                "required": ["amount", "lines"],
                "properties": {"amount": {"type": "integer"}, "lines": {"type": "array", "items": QUOTE}},
            }
        ),
        "steps": closed({"properties": {"quote": QUOTE, "anything": {}}}),
        "now": {"type": "string", "format": "cel-timestamp"},
    }
)
VALUES: dict[str, Any] = {
    "inputs": {"amount": 60_000, "lines": [{"price": 5, "name": "a"}, {"price": 1, "name": "b"}]},
    "steps": {"quote": {"price": 7, "name": "Najd"}, "anything": {"deep": [1, {"x": True}]}},
    "now": dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC),
}


def evaluated(text: str) -> Any:
    return NAMES.evaluate(NAMES.compile(text), VALUES)


@pytest.mark.parametrize(
    ("text", "value", "type_"),
    [
        ("inputs.amount > 50000 && steps.quote.price < 10", True, "boolean"),
        ("inputs.amount - steps.quote.price", 59_993, "integer"),
        ("steps.quote.name + '!'", "Najd!", "string"),
        ("inputs.lines.filter(line, line.price > 3).size()", 1, "integer"),
        ("inputs.lines.map(line, line.name)", ["a", "b"], "array"),
        ("steps.quote", {"price": 7, "name": "Najd"}, "object"),
        ("inputs.lines", VALUES["inputs"]["lines"], "array"),
        ("steps.anything.deep[1].x", True, None),
        ("steps.anything.deep", [1, {"x": True}], None),
        ("{'total': inputs.amount}", {"total": 60_000}, "object"),
        ("now + duration('1h')", "2026-01-05T10:00:00Z", None),
        ("steps.quote.note == null", True, "boolean"),
        ("true", True, "boolean"),
    ],
)
def test_what_an_expression_comes_to_and_of_which_type(text: str, value: Any, type_: str | None) -> None:
    assert NAMES.compile(text).schema.get("type") == type_
    assert evaluated(text) == value


@pytest.mark.parametrize(
    ("text", "said", "column"),
    [
        ("inputs.amonut > 1", "undeclared reference to 'inputs.amonut'", 8),
        ("inputs.amonut", "there is no `amonut` in inputs; there is amount, lines", 7),
        ("steps.qoute", "there is no `qoute` in steps; there is anything, quote", 6),
        ("steps.quote.price + 'x'", "found no matching overload", 19),
        ("inputs.amount >", "Syntax error", 0),
        ("", "is empty", 0),
        ("1" * (MAX_TEXT + 1), "is longer than", 0),
        ("open('/etc/passwd')", "undeclared reference to 'open'", 5),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(text: str, said: str, column: int) -> None:
    with pytest.raises(Unfit) as caught:
        NAMES.compile(text)
    assert said in str(caught.value)
    if column:
        assert abs(caught.value.column - column) <= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inputs.amount / 0", "divide by zero"),
        ("inputs.lines[7].price", "index"),
        ("steps.anything.nothing", "there is no steps.anything.nothing"),
        ("steps.anything.nothing + 1", "nothing"),
    ],
)
def test_what_comes_to_nothing_is_told_without_values(text: str, said: str) -> None:
    compiled = NAMES.compile(text)
    with pytest.raises(Failed) as caught:
        NAMES.evaluate(compiled, VALUES)
    assert said in str(caught.value)
    assert "60000" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "count"), [("inputs.filter(x, x >= 0)", MOST_ROUNDS + 1), ("inputs.all(x, inputs.exists(y, y == x))", 200)]
)
def test_more_items_than_an_expression_looks_at_are_told_in_words(text: str, count: int) -> None:
    many = Names({"inputs": {"type": "array", "items": {"type": "integer"}}})
    with pytest.raises(Failed) as caught:
        many.evaluate(many.compile(text), {"inputs": list(range(count))})
    assert str(caught.value) == f"`{text}`: looks at more than 9,999 items, those of each round counted"
    if "exists" not in text:
        assert len(many.evaluate(many.compile(text), {"inputs": list(range(count - 1))})) == MOST_ROUNDS
    assert len(many.evaluate(many.compile("inputs"), {"inputs": list(range(count))})) == count


def test_a_hostile_pattern_takes_no_time_and_a_large_value_is_refused() -> None:
    assert NAMES.evaluate(NAMES.compile("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')"), VALUES) is False
    many = Names({"inputs": {"type": "array", "items": {"type": "integer"}}})
    compiled = many.compile("inputs.map(x, inputs)")
    with pytest.raises(Failed, match="more than 100,000 values"):
        many.evaluate(compiled, {"inputs": list(range(400))})
