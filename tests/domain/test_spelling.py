"""How models are told the names of tools."""

import re

from hypothesis import given
from hypothesis import strategies as st

from remit.domain.ids import ToolName
from remit.domain.spelling import LONGEST, spellings

NAMES = st.lists(
    st.from_regex(r"[a-z]{1,2}([._-][a-z]{1,2}|[._]x{60}){0,2}", fullmatch=True).map(ToolName), unique=True, max_size=8
)


def test_dots_are_underscores_and_where_two_would_be_alike_they_are_told_apart() -> None:
    named = [ToolName(name) for name in ("erp.get", "erp.pay", "erp_pay", "a.b_c", "a_b.c", "plain")]
    assert spellings(named) == {
        "erp_get": "erp.get",
        "erp_pay_00ad12af": "erp.pay",
        "erp_pay": "erp_pay",
        "a_b_c_5b8f934a": "a.b_c",
        "a_b_c_a3715283": "a_b.c",
        "plain": "plain",
    }


def test_a_long_name_is_cut_and_told_apart_by_its_end() -> None:
    first, second = (ToolName("erp." + "x" * 80 + end) for end in ("1", "2"))
    found = list(spellings([first, second]))
    assert [len(spelt) for spelt in found] == [LONGEST, LONGEST]
    assert found[0][:-8] == found[1][:-8] != ""
    assert found[0] != found[1]


@given(NAMES)
def test_each_tool_has_one_spelling_that_models_take_and_none_leads_to_two(names: list[ToolName]) -> None:
    found = spellings(names)
    assert sorted(found.values()) == sorted(names)
    for spelt, name in found.items():
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", spelt)
        assert spelt == name or spelt not in names
