"""What an approver reads first, whatever an agent put into the arguments."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.ids import ToolName
from remit.domain.messages import Language
from remit.domain.release import ArgumentRole, Derived, DerivedType, Effect, Title, Tool
from remit.domain.text import hidden_character
from remit.domain.title import (
    FSI,
    MAX_TITLE,
    MAX_VALUE,
    NEVER_SENT,
    PDI,
    our_title,
    placeholders,
    shown,
    titled,
    visible,
)

EN = "Pay {amount} to {destination}, {card.last4}, {lines.1.sku}, {count}"
AR = "دفع {amount} إلى {destination}"


def tool(en: str = EN, ar: str = AR, **roles: str) -> Tool:
    given = {"to": "destination", "pin": "secret", "note": "payload", **roles}
    names = ("amount", "to", "card", "lines", "pin", "note")
    return Tool(
        name=ToolName("erp.pay"),
        server="erp",
        effect=Effect.PAY,
        description="",
        input_schema={"type": "object", "properties": {name: {} for name in names}},
        roles={name: ArgumentRole(role) for name, role in given.items()},
        derived=(Derived("count", DerivedType.INTEGER, "length(lines)"),),
        title=Title(en, ar),
    )


ARGUMENTS: dict[str, Any] = {
    "amount": 500,
    "to": "شركة الخليج 12",
    "card": {"last4": "4242"},
    "lines": [{"sku": "A"}, {"sku": "B"}],
    "pin": "9911",
    "note": "for the fence",
}


def plain(text: str) -> str:
    return text.replace(FSI, "").replace(PDI, "")


def test_arguments_paths_roles_and_derived_fields_are_filled_in() -> None:
    assert plain(titled(tool(), ARGUMENTS, {"count": 2})) == "Pay 500 to شركة الخليج 12, 4242, B, 2"
    assert plain(titled(tool(), ARGUMENTS, {}, "ar")) == "دفع 500 إلى شركة الخليج 12"


def test_each_value_is_isolated_so_that_it_reorders_nothing_around_it() -> None:
    assert titled(tool(), ARGUMENTS, {}, "ar") == f"دفع {FSI}500{PDI} إلى {FSI}شركة الخليج 12{PDI}"


@pytest.mark.parametrize(("language", "words"), [("en", "(hidden)"), ("ar", "(محجوب)")])
def test_a_secret_is_never_shown_by_name_nor_by_role_nor_from_within(language: Language, words: str) -> None:
    it = tool("{pin} {secret} {pin.a}", "{pin} {secret} {pin.a}")
    for value in ("9911", {"a": "9911"}):
        said = plain(titled(it, {**ARGUMENTS, "pin": value}, {}, language))
        assert words in said
        assert "9911" not in said


def test_what_leaves_remit_shows_no_payload_either() -> None:
    it = tool("{note} for {amount}")
    assert plain(titled(it, ARGUMENTS, {})) == "for the fence for 500"
    assert plain(titled(it, ARGUMENTS, {}, "en", NEVER_SENT)) == "(hidden) for 500"
    assert visible(it, ARGUMENTS, NEVER_SENT).keys() == {"amount", "to", "card", "lines"}


def test_an_argument_that_is_not_there_is_said_to_be_none() -> None:
    assert plain(titled(tool("{amount} {to} {lines.9.sku}", "{amount}"), {}, {})) == "(none) (none) (none)"
    assert plain(titled(tool("{amount}", "{amount}"), {}, {}, "ar")) == "(لا شيء)"


def test_without_a_title_ours_says_effect_and_name_in_both_languages() -> None:
    bare = Tool(ToolName("erp.pay"), "erp", Effect.PAY, "", {})
    assert plain(titled(bare, ARGUMENTS, {})) == "Pay with erp.pay"
    assert plain(titled(bare, ARGUMENTS, {}, "ar")) == "دفع باستخدام erp.pay"
    assert plain(titled(tool("x", ""), ARGUMENTS, {}, "ar")) == "دفع باستخدام erp.pay"
    for effect in (*Effect, None):
        assert our_title(effect, "a.b") != our_title(effect, "a.b", "ar")


def test_a_long_title_is_cut_and_closes_its_isolates() -> None:
    it = tool("{to}" * 20)
    said = titled(it, {"to": "x" * 10_000}, {})
    assert len(said) <= MAX_TITLE + 1
    assert said.count(FSI) == said.count(PDI)
    assert len(shown("x" * 10_000)) == MAX_VALUE


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers(0, 9) | st.text(), lambda v: st.lists(v)))
def test_no_value_brings_control_characters_or_line_breaks_into_a_title(value: Any) -> None:
    said = titled(tool("a {to} b", "a {to} b"), {"to": value}, {})
    assert said.startswith("a ")
    assert said.count(FSI) == said.count(PDI) <= 1
    inner = plain(said)
    assert hidden_character(inner) is None
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in inner)


def test_what_hides_in_a_value_is_spelled_out() -> None:
    assert shown("IBAN\u202e42\nSA\x00") == "IBAN[U+202E]42 SA[U+0000]"


def test_a_value_is_not_a_template() -> None:
    assert plain(titled(tool("{to} {amount}"), {"to": "{pin}{amount}", "amount": 1, "pin": "9911"}, {})) == (
        "{pin}{amount} 1"
    )
    assert placeholders("{a} {b.c}") == ("a", "b.c")
