"""Compiled expressions against the official implementation, over a grammar of every operator and function there is."""

import os

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.policy.compiled.grammar import expressions, requests, worlds
from tests.policy.compiled.oracle import official, ours, policies

EXAMPLES = 20_000 if os.environ.get("REMIT_NIGHTLY") else 300
"""Of each, 12 conditions are evaluated on two requests."""


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(expressions("bool"), min_size=12, max_size=12), worlds(), st.lists(requests, min_size=2, max_size=2))
def test_every_expression_has_the_value_or_the_error_it_has_officially(
    conditions: list[str], world: list[dict[str, object]], asked: list[dict[str, object]]
) -> None:
    made = policies(conditions)
    for request in asked:
        expected = official(made, world, request)
        said = ours(made, world, request)
        wrong = {name: (said[name], expected[name]) for name in said if said[name] != expected[name]}
        note(f"{ {name: conditions[int(name[1:])] for name in wrong} } {request} {world}")
        assert wrong == {}
