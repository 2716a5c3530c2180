"""One spelling for what looks the same, and the way back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.screens import find
from remit.screens.folding import FOLDS, fold

ANY = st.text(
    st.sampled_from("a1٣۴ \u200f\u202a\u202c\u200b\u0640\u0651\ufe0f–\u00a0７ءآةى\U0001d7d9") | st.characters()
)


def test_digits_of_every_script_are_digits() -> None:
    # What this Python's Unicode knows and we do not are scripts younger than the table, or of dead languages.
    modern = [chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) == "Nd"]
    assert [char for char in modern if fold(char).text != str(unicodedata.decimal(char))] == []


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("٠١٢٣٤٥٦٧٨٩", "0123456789"),
        ("۰۱۲۳۴۵۶۷۸۹", "0123456789"),
        ("‪+٩٧١‬ ٥٠", "+971 50"),
        ("5\u200b0\u200d1\ufeff2\u00ad3", "50123"),
        ("784‐1990–1234567−8", "784-1990-1234567-8"),
        ("AE07\u00a00331\u202f2345", "AE07 0331 2345"),
        ("الإقامة", "الاقامه"),
        ("جـــوّال", "جوال"),
        ("ｓａｒａ＠ｅｘａｍｐｌｅ．ａｅ", "sara@example.ae"),
    ],
)
def test_what_looks_the_same_is_written_the_same(written: str, folded: str) -> None:
    assert fold(written).text == folded


@given(ANY)
def test_every_character_leads_back_to_the_one_it_was(text: str) -> None:
    folded = fold(text)
    for at, char in enumerate(folded.text):
        start = folded.start(at)
        assert folded.end(at + 1) == start + 1
        assert char == FOLDS.get(ord(text[start]), text[start])


@given(ANY, ANY)
def test_a_text_folds_the_same_in_pieces(one: str, other: str) -> None:
    assert fold(one + other).text == fold(one).text + fold(other).text


@given(ANY)
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


def test_marks_are_places_in_the_text_as_it_was_given() -> None:
    text = "اتصل \u202a+٩٧١\u200b ٥٠ ١٢٣ ٤٥٦٧\u202c الآن"
    (mark,) = find(text)
    assert text[mark.start : mark.end] == "+٩٧١\u200b ٥٠ ١٢٣ ٤٥٦٧"
