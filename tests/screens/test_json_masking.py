"""Texts, keys and long numbers of a JSON value."""

from __future__ import annotations

import pytest

from remit.domain.upstream import DataClass
from remit.screens import MarkKind, TooDeep, mask_json
from remit.screens.json_masking import DEEPEST

NONE: frozenset[DataClass] = frozenset()


def test_texts_and_keys_are_masked_wherever_they_stand() -> None:
    value = {
        "messages": [{"role": "user", "content": "mail sara@example.ae"}],
        "contacts": {"sara@example.ae": {"phones": ["+971501234567"]}},
        "temperature": 0.5,
        "stream": True,
        "stop": None,
    }
    masked = mask_json(value, NONE)
    assert masked.value == {
        "messages": [{"role": "user", "content": "mail [EMAIL_1]"}],
        "contacts": {"[EMAIL_1]": {"phones": ["[PHONE_1]"]}},
        "temperature": 0.5,
        "stream": True,
        "stop": None,
    }
    assert masked.counts == {MarkKind.EMAIL: 2, MarkKind.PHONE: 1}
    assert value["messages"] == [{"role": "user", "content": "mail sara@example.ae"}]


def test_the_name_of_a_member_says_what_it_holds() -> None:
    assert mask_json({"password": "hunter2", "note": "hunter2"}, NONE).value == {
        "password": "[SECRET_1]",
        "note": "hunter2",
    }
    assert mask_json({"api_keys": [], "phone": ["971501234567"]}, NONE).value == {
        "api_keys": [],
        "phone": ["[PHONE_1]"],
    }


def test_a_long_number_is_masked_too() -> None:
    value = {"card": 4242424242424242, "iqama": 2123456788, "created": 1732899998, "n": 12, "max_tokens": 100_000_000}
    assert mask_json(value, NONE).value == value | {"card": "[CARD_1]", "iqama": "[SAUDI_ID_1]"}


def test_members_that_become_alike_are_kept_apart() -> None:
    masked = mask_json({"a@x.ae": 1, "A@X.ae": 2}, NONE).value
    assert masked == {"[EMAIL_1]": 1, "[EMAIL_1]#2": 2}


def test_what_may_be_seen_stays_the_same() -> None:
    value = {"to": "sara@example.ae", "card": 4242424242424242}
    assert mask_json(value, frozenset(DataClass)).value == value


def test_a_value_too_deep_to_search_is_refused() -> None:
    value: object = "sara@example.ae"
    for _ in range(DEEPEST + 1):
        value = [value]
    with pytest.raises(TooDeep, match="more than 200 levels can not be searched: make it flatter"):
        mask_json(value, NONE)
