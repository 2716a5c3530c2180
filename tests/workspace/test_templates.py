"""Expressions in the texts of JSON: alone they keep their type, among words they become words."""

from __future__ import annotations

from typing import Any

import pytest

from remit.domain.workflow import Expression, Template
from remit.workspace.templates import Unclosed, expressions_in, filled

VALUES: dict[str, Any] = {"a": 7, "b": "x}", "c": {"k": [1, None]}, "n": None, "{'k': '}'}": "map", "f('\\'}')": "odd"}


def value_of(expression: Expression) -> Any:
    return VALUES[expression.text.strip()]


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("plain", "plain"),
        ("${a}", 7),
        ("${ c }", {"k": [1, None]}),
        ("no. ${a} of ${b}", "no. 7 of x}"),
        ("${a}${a}", "77"),
        ("nothing: ${n}.", "nothing: ."),
        ("it is ${c}", 'it is {"k":[1,null]}'),
        ("costs $${a}", "costs ${a}"),
        ("${{'k': '}'}}", "map"),
        ("${f('\\'}')}", "odd"),
        ({"x": ["${a}", True, {"y": "<${b}>"}]}, {"x": [7, True, {"y": "<x}>"}]}),
        ({"${a}": 1}, {"${a}": 1}),
    ],
)
def test_what_a_template_comes_to(value: Any, result: Any) -> None:
    assert filled(Template(value), value_of) == result


def test_expressions_are_found_with_their_places() -> None:
    template = Template({"lines": [{"note": "a ${x} b ${y}"}], "all": "${z}"})
    assert [(each.place, each.expression.text) for each in expressions_in(template)] == [
        ("lines[0].note", "x"),
        ("lines[0].note", "y"),
        ("all", "z"),
    ]


def test_a_brace_that_is_never_closed_is_told_by_place() -> None:
    with pytest.raises(Unclosed, match=r"lines\[1\]"):
        list(expressions_in(Template({"lines": ["${a}", "${b"]})))
