"""Duties change what a tool sees, and only what they name."""

import copy
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from remit.domain.release import Cap, Mask
from remit.kernel.duties import MASKED, DutyNotApplied, applied, impossible

CASES: dict[str, tuple[dict[str, Any], list[Mask | Cap], dict[str, Any]]] = {
    "text is masked": ({"note": "secret"}, [Mask("note")], {"note": MASKED}),
    "anything else becomes null": ({"note": ["secret"]}, [Mask("note")], {"note": None}),
    "an amount is lowered": ({"amount": 700}, [Cap("amount", 500)], {"amount": 500}),
    "one that is low enough stays": ({"amount": 300}, [Cap("amount", 500)], {"amount": 300}),
    "a negative one as well": ({"amount": -1}, [Cap("amount", 500)], {"amount": -1}),
    "a fraction is lowered": ({"amount": 500.5}, [Cap("amount", 500)], {"amount": 500}),
    "a name with a dot": ({"to.iban": "1", "to": 1}, [Mask("to.iban"), Cap("to", 0)], {"to.iban": MASKED, "to": 0}),
    "a cap on a name with a dot": ({"a.b": 700, "a": {"b": 700}}, [Cap("a.b", 5)], {"a.b": 5, "a": {"b": 700}}),
    "nothing within": ({"to": {"iban": "1"}}, [Mask("to.iban")], {"to": {"iban": "1"}}),
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


@pytest.mark.parametrize("value", [True, "700", None, [700], {"amount": 700}])
def test_a_cap_on_what_is_no_number_is_never_taken_for_done(value: object) -> None:
    with pytest.raises(DutyNotApplied, match="is capped at 0, but is no number"):
        applied({"a.b": value}, [Cap("a.b", 0)])
    assert impossible({"n": 1, "a.b": value}, [Mask("a.b"), Cap("n", 0), Cap("a.b", 0)]) == Cap("a.b", 0)


values = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3), st.booleans()),
    lambda inner: st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)
arguments = st.dictionaries(st.sampled_from(["a", "b", "c", "a.b"]), values, max_size=3)
duties = st.lists(
    st.one_of(
        st.sampled_from(["a", "b", "a.b", "c.a.b"]).map(Mask),
        st.builds(Cap, st.sampled_from(["a", "b", "a.b", "c.a"]), st.integers(-5, 5)),
    ),
    max_size=3,
)


@given(arguments, duties)
def test_doing_a_duty_twice_is_doing_it_once(given_arguments: dict[str, Any], asked: list[Mask | Cap]) -> None:
    masked = {duty.field for duty in asked if isinstance(duty, Mask)}
    assume(not masked & {duty.field for duty in asked if isinstance(duty, Cap)})  # what is masked is no number any more
    try:
        once = applied(given_arguments, asked)
    except DutyNotApplied:
        return
    assert applied(once, asked) == once
    assert once.keys() == given_arguments.keys()
