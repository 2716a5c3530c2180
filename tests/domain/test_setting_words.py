"""Every setting says in Arabic too what it means."""

from __future__ import annotations

import re

from remit.domain.setting_words import ARABIC
from remit.settings import Settings


def test_every_setting_has_words_in_arabic_and_no_other_has() -> None:
    assert ARABIC.keys() == {f"REMIT_{name.upper()}" for name in Settings.model_fields}


def test_they_are_a_sentence_each_and_name_the_same_settings_as_the_english() -> None:
    for name, field in Settings.model_fields.items():
        said = ARABIC[f"REMIT_{name.upper()}"]
        assert re.match("[\u0600-\u06ff]", said), name
        assert said.endswith("."), name
        assert re.findall("REMIT_[A-Z_]+", said) == re.findall("REMIT_[A-Z_]+", field.description or ""), name
