"""How models are told the names of tools."""

import re

from hypothesis import given
from hypothesis import strategies as st

from remit.domain.ids import ToolName
from remit.domain.spelling import spellings

NAMES = st.lists(
    st.from_regex(r"[a-z]{1,2}([._][a-z]{1,2}){0,2}", fullmatch=True).map(ToolName), unique=True, max_size=8
)


def test_dots_are_underscores_except_where_two_would_be_alike() -> None:
    named = [ToolName(name) for name in ("erp.get", "erp.pay", "erp_pay", "a.b_c", "a_b.c", "plain")]
    assert spellings(named) == {
        "erp_get": "erp.get",
        "erp.pay": "erp.pay",
        "erp_pay": "erp_pay",
        "a.b_c": "a.b_c",
        "a_b.c": "a_b.c",
        "plain": "plain",
    }


@given(NAMES)
def test_each_tool_has_one_spelling_and_no_spelling_leads_to_two(names: list[ToolName]) -> None:
    found = spellings(names)
    assert sorted(found.values()) == sorted(names)
    for spelt, name in found.items():
        assert spelt == name or (spelt not in names and re.fullmatch(r"\w+", spelt))
