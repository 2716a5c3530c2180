"""Words in two languages: the same codes in both, each of them used, and the forms that numbers take in Arabic."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import remit.workspace
from remit.domain.change_arabic import ARABIC
from remit.domain.change_english import ENGLISH
from remit.domain.said import Part, Said
from remit.domain.title import FSI, PDI

SOURCES = "\n".join(path.read_text("utf-8") for path in sorted(Path(remit.workspace.__file__).parent.glob("*.py")))


def places(sentence: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(sentence)} - {None}


def test_both_languages_have_the_same_codes_with_the_same_things_filled_in() -> None:
    assert ENGLISH.sentences.keys() == ARABIC.sentences.keys()
    assert ENGLISH.forms.keys() == ARABIC.forms.keys()
    for code, sentence in ENGLISH.sentences.items():
        assert places(ARABIC.sentences[code]) == places(sentence), code


def test_every_code_is_used_and_there_is_no_other() -> None:
    """Some are put together, as `limit.{field}`; those count as used where what they begin with is."""
    unused = [
        code
        for code in ENGLISH.sentences
        if f'"{code}"' not in SOURCES
        and f'f"{code.partition(".")[0]}.{{' not in SOURCES
        and f'f"{code.rpartition("_")[0]}_{{' not in SOURCES
    ]
    assert unused == []
    named = set(re.findall(r'(?<!\w)said\(\s*"([a-z._]+)"', SOURCES))
    assert len(named) > 50
    assert named <= ENGLISH.sentences.keys()


@pytest.mark.parametrize(
    ("count", "english", "arabic"),
    [
        (1, "1 day", "يوم واحد"),
        (2, "2 days", "يومان"),
        (3, "3 days", "3 أيام"),
        (11, "11 days", "11 يوماً"),
        (99, "99 days", "99 يوماً"),
        (100, "100 days", "100 يوم"),
        (103, "103 days", "103 أيام"),
        (1_211, "1,211 days", "1,211 يوماً"),
    ],
)
def test_what_is_counted_takes_the_form_of_its_number(count: int, english: str, arabic: str) -> None:
    day = Said("day", count=count)
    assert (ENGLISH.say(day), ARABIC.say(day)) == (english, arabic)


def test_names_keep_their_own_direction_in_arabic_and_may_hold_anything() -> None:
    part: Part = Said("pair", {"name": "{old} %s", "value": ("a", Said("nothing"))})
    assert ENGLISH.say(part) == "{old} %s: a, nothing"
    assert ARABIC.say(part) == f"{FSI}{{old}} %s{PDI}: {FSI}a{PDI}، لا شيء"
