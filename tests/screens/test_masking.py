"""Placeholders: typed, the same for the same value, and nothing of the value in them."""

from __future__ import annotations

import pytest

from remit.domain.upstream import DataClass
from remit.screens import CLASSES, Mark, MarkKind, Masked, Placeholders, mask, masking

NONE: frozenset[DataClass] = frozenset()
TEXT = (
    "Sara (sara@example.ae) and Omar (omar@example.ae, +971501234567) share card 4242 4242 4242 4242; password: hunter2"
)


def test_two_people_can_still_be_told_apart() -> None:
    assert mask(TEXT, NONE).text == (
        "Sara ([EMAIL_1]) and Omar ([EMAIL_2], [PHONE_1]) share card [CARD_1]; password: [SECRET_1]"
    )


@pytest.mark.parametrize("sees", DataClass)
def test_a_class_that_may_be_seen_stays(sees: DataClass) -> None:
    masked = mask(TEXT, frozenset({sees}))
    assert {mark.label for mark in masked.marks} == set(DataClass) - {sees}
    assert mask(TEXT, frozenset(DataClass)) == Masked(TEXT)


def test_a_value_keeps_its_placeholder_in_a_conversation_however_it_is_written() -> None:
    names = Placeholders()
    first = mask("omar@example.ae, card 4242424242424242", NONE, names).text
    later = mask("Sara@Example.ae, OMAR@example.ae, card ٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢", NONE, names).text
    assert (first, later) == ("[EMAIL_1], card [CARD_1]", "[EMAIL_2], [EMAIL_1], card [CARD_1]")


def test_secrets_that_differ_in_capitals_differ() -> None:
    assert mask("password=Hunter2 password=hunter2", NONE).text == "password=[SECRET_1] password=[SECRET_2]"


def test_values_are_not_kept() -> None:
    names = Placeholders()
    mask(TEXT, NONE, names)
    assert "42424242" not in repr(names).replace(" ", "")
    assert "hunter2" not in str(names._numbers)


def test_numbers_have_a_limit_and_what_comes_later_is_masked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "MOST_NUMBERED", 2)
    assert mask("a@x.ae b@x.ae c@x.ae a@x.ae", NONE).text == "[EMAIL_1] [EMAIL_2] [EMAIL] [EMAIL_1]"


def test_what_was_masked_is_counted_for_the_record() -> None:
    assert mask(TEXT, NONE).counts == {MarkKind.EMAIL: 2, MarkKind.PHONE: 1, MarkKind.CARD: 1, MarkKind.SECRET: 1}
    assert mask("a@x.ae", NONE).marks == (Mark(0, 6, MarkKind.EMAIL),)


def test_masking_what_is_masked_changes_nothing() -> None:
    once = mask(TEXT, NONE).text
    assert mask(once, NONE).text == once


def test_every_kind_has_a_class() -> None:
    assert set(CLASSES) == set(MarkKind)


def test_half_a_character_is_no_error() -> None:
    assert mask("password: hunter2\ud800", NONE).text == "password: [SECRET_1]\ud800"
