"""What a name may be, and which characters nobody can see."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.text import MAX_TARGET, hidden_character, is_actor, is_name, recordable, unfit

NAMES = ["a", "A1", "erp.create_payment", "procurement-optimizer", "0", "a" * 128, "a..b", "a-_.b"]
NOT_NAMES = [
    "",
    "a" * 129,
    ".a",
    "a.",
    "-a",
    "a-",
    "_a",
    "a_",
    "a b",
    "a/b",
    "a:b",
    "a\n",
    "\na",
    "é",
    "а",
    "a\u200b",
    "١",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", NOT_NAMES)
def test_no_name(name: str) -> None:
    assert not is_name(name)


@given(st.text(max_size=8))
def test_a_name_is_ascii_and_shows_all_it_holds(text: str) -> None:
    if is_name(text):
        assert text.isascii()
        assert text.isprintable()
        assert hidden_character(text) is None


BIDI = [
    "\u202a",
    "\u202b",
    "\u202c",
    "\u202d",
    "\u202e",
    "\u2066",
    "\u2067",
    "\u2068",
    "\u2069",
    "\u200e",
    "\u200f",
    "\u061c",
]
INVISIBLE = [
    "\u0000",
    "\u001b",
    "\u007f",
    "\u009b",
    "\u00ad",
    "\u200b",
    "\u200d",
    "\u2060",
    "\ufeff",
    "\ufff9",
    "\ud800",
    "\udfff",
]


@pytest.mark.parametrize("char", [*BIDI, *INVISIBLE], ids=lambda char: f"U+{ord(char):04X}")
def test_a_hidden_character_is_named(char: str) -> None:
    assert hidden_character(f"pay{char}ment") == f"U+{ord(char):04X}"


@pytest.mark.parametrize("text", ["Layla Haddad", "يوسف كريم", "Zoë", "line\nand\ttab", "😀", "名前"])
def test_prose_holds_none(text: str) -> None:
    assert hidden_character(text) is None


def test_every_bidirectional_control_is_hidden() -> None:
    controls = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    found = [chr(code) for code in range(0x110000) if unicodedata.bidirectional(chr(code)) in controls]
    assert found
    assert all(hidden_character(char) for char in found)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("user:sara", None),
        ("user:سارة", None),
        ("x" * 10, None),
        ("x" * 11, "has 11 characters, more than the 10 allowed"),
        ("a\x00b", "holds the invisible character U+0000"),
        ("a\nb", "holds the invisible character U+000A"),
        ("a\u202eb", "holds the invisible character U+202E"),
        ("a\ud800b", "holds the invisible character U+D800"),
        (7, "is no text, but of type int"),
        (None, "is no text, but of type NoneType"),
    ],
)
def test_what_may_name_somebody_on_record(text: object, why: str | None) -> None:
    assert unfit(text, 10) == why


def test_prose_may_have_lines_and_hides_nothing() -> None:
    assert unfit("one\n\ttwo", 100, prose=True) is None
    assert unfit("one\x00two", 100, prose=True) == "holds the invisible character U+0000"


@given(st.text(st.characters(exclude_categories=[]), max_size=400))
def test_what_an_agent_calls_a_tool_can_stand_in_a_record(target: str) -> None:
    kept = recordable(target)
    assert kept.isprintable()
    assert len(kept) <= MAX_TARGET
    kept.encode()
    assert is_name(kept) is is_name(target)
    if is_name(target):
        assert kept == target


@pytest.mark.parametrize("text", ["user:sara", "service:erp-sync", "system:nightly.close", "user:S", "user:sara_2"])
def test_whom_an_agent_acts_for_has_one_spelling(text: str) -> None:
    assert is_actor(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "zed", "User:zed", "USER:zed", "user:zed ", " user:zed", "user: zed", "user:", ":zed", "user"),
        *("user:z\u0435d", "user:\uff5aed", "user:z\u0301ed", "user:zed\n", "us\u0435r:zed", "group:zed", "user:.zed"),
        *("user::zed", "user:zed/run", "user:" + "x" * 129, "user\uff1azed", "user:\u0633\u0627\u0631\u0629"),
    ],
)
def test_another_spelling_names_nobody(text: str) -> None:
    assert not is_actor(text)
