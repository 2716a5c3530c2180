"""Arguments at the door: plain JSON within limits, or a clear refusal that names the place and never the value."""

import enum
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain import arguments
from remit.domain.arguments import MAX_INTEGER, BadArguments, PayloadLimits, checked, parse_object

LIMITS = PayloadLimits()
SMALL = PayloadLimits(bytes=100, depth=3, values=10)


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value  # type: ignore[no-any-return]


def code_of(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(BadArguments) as caught:
        call()
    return caught.value.code, caught.value.path


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: float


REFUSED: dict[str, tuple[Any, tuple[str, str]]] = {
    "a list": ([1], ("not_an_object", "")),
    "nothing": (None, ("not_an_object", "")),
    "text": ("{}", ("not_an_object", "")),
    "NaN": ({"a": {"b": [1, float("nan")]}}, ("not_finite", "a.b.1")),
    "Infinity": ({"a": float("inf")}, ("not_finite", "a")),
    "minus Infinity": ({"a": float("-inf")}, ("not_finite", "a")),
    "a lone surrogate": ({"a": "x\ud800y"}, ("lone_surrogate", "a")),
    "a lone surrogate in a key": ({"a": {"\udfff": 1}}, ("lone_surrogate", "a")),
    "a key that is a number": ({"a": {1: "x"}}, ("key_not_text", "a")),
    "a key that is None": ({None: "x"}, ("key_not_text", "")),
    "2^63": ({"a": MAX_INTEGER + 1}, ("integer_too_large", "a")),
    "-2^63 - 1": ({"a": -MAX_INTEGER - 2}, ("integer_too_large", "a")),
    "bytes": ({"a": b"x"}, ("not_json", "a")),
    "a set": ({"a": {1}}, ("not_json", "a")),
    "a moment": ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, ("not_json", "a")),
    "a UUID": ({"a": uuid.UUID(int=1)}, ("not_json", "a")),
    "a decimal": ({"a": Decimal(1)}, ("not_json", "a")),
    "an enum": ({"a": Colour.RED}, ("not_json", "a")),
    "a dataclass, whatever hides in it": ({"a": Point(float("nan"))}, ("not_json", "a")),
    "a mapping that is no dict": (MappingProxyType({"a": 1}), ("not_json", "")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    value, expected = REFUSED[case]
    assert code_of(lambda: checked(value, LIMITS)) == expected


def test_what_is_accepted_is_written_in_its_canonical_form() -> None:
    value = {"b": [1, 2.5, None, True, "ناقل"], "a": {"max": MAX_INTEGER, "min": -MAX_INTEGER - 1}, "t": (1, 2)}
    raw = checked(value, LIMITS)
    assert raw.startswith(b'{"a":{"max":9223372036854775807,"min":-9223372036854775808},"b":[1,2.5,null,true,')
    assert orjson.loads(raw)["t"] == [1, 2]


def test_depth_is_counted_to_the_level() -> None:
    assert checked(nested(3), SMALL)
    assert code_of(lambda: checked(nested(4), SMALL)) == ("too_deep", "a.a.a.a")


def test_a_hundred_thousand_levels_do_not_exhaust_the_stack() -> None:
    assert code_of(lambda: checked(nested(100_000), LIMITS))[0] == "too_deep"
    wide: Any = []
    for _ in range(100_000):
        wide = [wide]
    assert code_of(lambda: checked({"a": wide}, LIMITS))[0] == "too_deep"


def test_what_holds_itself_is_too_deep() -> None:
    value: dict[str, Any] = {}
    value["again"] = value
    assert code_of(lambda: checked(value, LIMITS))[0] == "too_deep"


def test_bytes_are_counted_to_the_byte() -> None:
    assert len(checked({"a": "x" * 92}, SMALL)) == 100
    assert code_of(lambda: checked({"a": "x" * 93}, SMALL)) == ("too_large", "")


def test_fifty_megabytes_are_refused() -> None:
    assert code_of(lambda: checked({"a": "x" * 50_000_000}, LIMITS)) == ("too_large", "")


def test_values_are_counted_before_they_are_copied() -> None:
    assert checked({"a": [1] * 8}, SMALL)
    assert code_of(lambda: checked({"a": [1] * 9}, SMALL)) == ("too_many_values", "")
    assert code_of(lambda: checked({"a": [None] * 30_000_000}, LIMITS)) == ("too_many_values", "")


def test_the_place_is_short_and_printable_whatever_the_keys_are() -> None:
    for key in ("x" * 10_000_000, "\x1b[31m", "\u202e", "ناقل"):
        with pytest.raises(BadArguments) as caught:
            checked({key: float("nan")}, LIMITS)
        assert len(caught.value.path) <= 200
        assert caught.value.path.isascii()
        assert caught.value.path.isprintable()


def test_no_value_is_repeated() -> None:
    for value in ("s3cret\ud800", 10**40, Decimal("77777777777"), b"s3cret"):
        with pytest.raises(BadArguments) as caught:
            checked({"a": value}, LIMITS)
        assert "s3cret" not in str(caught.value)
        assert "7777777" not in str(caught.value)
        assert "1000000000" not in str(caught.value)


plain = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=6),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=20,
)
objects = st.dictionaries(st.text(max_size=4), plain, max_size=4)


@given(objects)
def test_plain_json_passes_and_comes_back(value: dict[str, Any]) -> None:
    assert orjson.loads(checked(value, LIMITS)) == value
    assert parse_object(json.dumps(value), LIMITS) == value
    assert parse_object(json.dumps(value).encode(), LIMITS) == value


@given(st.one_of(st.text(), st.binary()))
def test_any_text_is_parsed_or_refused(text: str | bytes) -> None:
    try:
        assert isinstance(parse_object(text, LIMITS), dict)
    except BadArguments as error:
        assert error.code  # noqa: PT017 - either is fine, nothing else is


TEXTS: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "not_json"),
    "half an object": ('{"a": 1', "not_json"),
    "two objects": ("{} {}", "not_json"),
    "a comment": ("{} // no", "not_json"),
    "a list": ("[]", "not_an_object"),
    "a duplicate key": ('{"a": 1, "a": 2}', "duplicate_key"),
    "a duplicate key within": ('{"a": [{"b": 1, "b": 1}]}', "duplicate_key"),
    "a key that is a duplicate once read": ('{"a": 1, "\\u0061": 2}', "duplicate_key"),
    "NaN": ('{"a": NaN}', "not_finite"),
    "Infinity": ('{"a": -Infinity}', "not_finite"),
    "a number that is infinite once read": ('{"a": 1e999}', "not_finite"),
    "half a surrogate pair": ('{"a": "\\ud800"}', "lone_surrogate"),
    "half a pair as it is": ('{"a": "\ud800"}', "lone_surrogate"),
    "bytes that are no UTF-8": (b'{"a": "\xff"}', "not_json"),
    "a hundred thousand levels": ('{"a":' * 100_000 + "1" + "}" * 100_000, "too_deep"),
    "a hundred thousand lists": ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "too_deep"),
    "a number of ten thousand digits": ('{"a": ' + "9" * 10_000 + "}", "integer_too_large"),
    "fifty megabytes": ('{"a": "' + "x" * 50_000_000 + '"}', "too_large"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_text_that_is_refused(case: str) -> None:
    text, code = TEXTS[case]
    assert code_of(lambda: parse_object(text, LIMITS))[0] == code


def slowly(value: object, limits: PayloadLimits) -> str:
    """What the walk says of a value that the quick look would have let pass."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arguments, "_is_plain", lambda *_: False)
        try:
            checked(value, limits)
        except BadArguments as refused:
            return refused.code
    return ""


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=3)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.sampled_from([MAX_INTEGER, MAX_INTEGER + 1, -MAX_INTEGER - 1, -MAX_INTEGER - 2, Colour.RED, b"x", (1,)])
    | st.floats()
    | ANY_TEXT
)
VALUES = st.recursive(
    LEAVES, lambda parts: st.lists(parts, max_size=4) | st.dictionaries(ANY_TEXT | st.integers(), parts, max_size=4)
)


@given(st.dictionaries(ANY_TEXT, VALUES, max_size=4))
def test_the_quick_look_lets_nothing_pass_that_the_walk_refuses(value: dict[str, Any]) -> None:
    if arguments._is_plain(value, SMALL):
        assert slowly(value, SMALL) in ("", "too_large")


@given(st.dictionaries(st.text("abc", max_size=3), VALUES, max_size=4))
def test_what_json_can_say_is_seen_by_the_quick_look(value: dict[str, Any]) -> None:
    if slowly(value, LIMITS) == "":
        again = json.loads(checked(value, LIMITS))
        assert arguments._is_plain(again, LIMITS) or not checked(value, LIMITS).isascii()


def test_text_that_is_not_utf_8_is_malformed() -> None:
    for raw in ("{}".encode("utf-16"), b'{"a": "\xff"}', b"\xef\xbb\xbf{}"):
        assert code_of(lambda raw=raw: parse_object(raw, LIMITS)) == ("not_json", "")  # type: ignore[misc]
