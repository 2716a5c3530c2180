"""Duties change what a tool sees, and only what they name."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.release import Cap, Mask
from remit.kernel.duties import MASKED, applied

CASES: dict[str, tuple[dict[str, Any], list[Mask | Cap], dict[str, Any]]] = {
    "text is masked": ({"note": "secret"}, [Mask("note")], {"note": MASKED}),
    "anything else becomes null": ({"note": ["secret"]}, [Mask("note")], {"note": None}),
    "an amount is lowered": ({"amount": 700}, [Cap("amount", 500)], {"amount": 500}),
    "one that is low enough stays": ({"amount": 300}, [Cap("amount", 500)], {"amount": 300}),
    "a negative one as well": ({"amount": -1}, [Cap("amount", 500)], {"amount": -1}),
    "a fraction is lowered": ({"amount": 500.5}, [Cap("amount", 500)], {"amount": 500}),
    "true is no amount": ({"amount": True}, [Cap("amount", 0)], {"amount": True}),
    "a field within": ({"to": {"iban": "1", "n": 1}}, [Mask("to.iban")], {"to": {"iban": MASKED, "n": 1}}),
    "what is not there needs nothing": ({"a": 1}, [Mask("b"), Mask("a.b")], {"a": 1}),
    "the lower cap wins": ({"amount": 9}, [Cap("amount", 7), Cap("amount", 5), Cap("amount", 8)], {"amount": 5}),
    "no duty, no change": ({"a": {"b": [1]}}, [], {"a": {"b": [1]}}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_duty(case: str) -> None:
    arguments, duties, expected = CASES[case]
    before = copy.deepcopy(arguments)
    assert applied(arguments, duties) == expected
    assert arguments == before, "what was handed in is not changed"


values = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3), st.booleans()),
    lambda inner: st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)
arguments = st.dictionaries(st.sampled_from("abc"), values, max_size=3)
duties = st.lists(
    st.one_of(
        st.sampled_from(["a", "b", "a.b", "c.a.b"]).map(Mask),
        st.builds(Cap, st.sampled_from(["a", "b", "c.a"]), st.integers(-5, 5)),
    ),
    max_size=3,
)


@given(arguments, duties)
def test_doing_a_duty_twice_is_doing_it_once(given_arguments: dict[str, Any], asked: list[Mask | Cap]) -> None:
    once = applied(given_arguments, asked)
    assert applied(once, asked) == once
    assert once.keys() == given_arguments.keys()
