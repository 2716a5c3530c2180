"""What is set aside in a text, and what is kept."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from remit.kernel.loops.masking import MAX_CHARS, clipped, masked, rough_amount
from remit.kernel.loops.names import Role, role_of

VOLATILE_PAIRS = [
    ("request 0b0e7a9c-30a4-4fd1-9d4e-7a1c2b3d4e5f done", "request 1c1e7a9c-30a4-4fd1-9d4e-7a1c2b3d4e5f done"),
    ("at 2026-01-01T10:00:00Z: mismatch", "at 2026-02-03T11:12:13.456+03:00: mismatch"),
    ("at 2026-01-01 10:00:00 mismatch", "at 2026-02-03 11:12:13 mismatch"),
    ("[01/Jan/2026:10:00:00] mismatch", "[01/Jan/2026:10:07:31] mismatch"),
    ("10:31:07 mismatch", "10:32:19 mismatch"),
    ('{"epoch_s": 1, "at": 1790000061}', '{"epoch_s": 1, "at": 1790000999}'),
    ("trace 4bf92f3577b34da6a3ce929d0e0e4736", "trace 5cf92f3577b34da6a3ce929d0e0e4736"),
    ("number 123456789012345 of the log", "number 987654321098765 of the log"),
    ("took 31 ms", "took 1250 ms"),
    ("took 31ms", "took 1.25s"),
    ("attempt 2 failed", "attempt 17 failed"),
    ("request id a81f02 failed", "request id 77ce1b failed"),
    ('{"requestId": "kfj"}', '{"requestId": "oqp"}'),
    ('{"X-Request-ID": "kfj"}', '{"X-Request-ID": "oqp"}'),
    ('{"nonce": 12}', '{"nonce": 13}'),
    ("{'trace_id': 'kfj'}", "{'trace_id': 'oqp'}"),
    ("erp 1000.37 vendor 1000.38", "erp 1000.91 vendor 1000.92"),
    ("AED 103750", "AED 103811"),
    ('{"unit_price": 103750}', '{"unit_price": 103811}'),
    ("1,000.37 SAR", "1,000.91 SAR"),
    ("السعر ١٠٠٠٫٣٧ ريال", "السعر 1000.91 ريال"),
    ("المحاولة ٣", "المحاولة ٤"),
    ("Mismatch", "mismatch"),
    ('{"text": "\\u0645\\u0631"}', '{"text": "مر"}'),
]

KEPT_PAIRS = [
    ("order W1234567", "order W7654321"),
    ("page 3", "page 4"),
    ("invoice 48213", "invoice 48214"),
    ("on 2026-05-20", "on 2026-05-21"),
    ("departs 06:00", "departs 07:30"),
    ("41 percent", "42 percent"),
    ("processed 120 of 500", "processed 180 of 500"),
    ("رقم ١٢", "رقم ١٣"),
    ("status open", "status paid"),
    ("attempt to connect", "attempt to read"),
]


@pytest.mark.parametrize(("one", "other"), VOLATILE_PAIRS)
def test_texts_that_differ_in_volatile_parts_say_the_same(one: str, other: str) -> None:
    assert masked(one) == masked(other)


@pytest.mark.parametrize(("one", "other"), KEPT_PAIRS)
def test_texts_that_differ_in_content_do_not(one: str, other: str) -> None:
    assert masked(one) != masked(other)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("request_id", Role.VOLATILE),
        ("X-Request-ID", Role.VOLATILE),
        ("upstreamTraceId", Role.VOLATILE),
        ("attempt", Role.VOLATILE),
        ("messageId", Role.RECEIPT),
        ("order_id", Role.PLAIN),
        ("page", Role.POSITION),
        ("nextCursor", Role.POSITION),
        ("unit_price", Role.AMOUNT),
        ("percent", Role.PROGRESS),
        ("status", Role.STATE),
        ("lat", Role.PLACE),
    ],
)
def test_a_name_has_a_role_in_any_spelling(name: str, role: Role) -> None:
    assert role_of(name) is role


def test_amounts_are_kept_to_two_digits() -> None:
    assert rough_amount("1000.37") == rough_amount("1,000.91") != rough_amount("1100.37")


@given(st.text() | st.text(alphabet="0123456789abcdef-:.,% T\"'{}<>\\u\n"))
@example("time 06:00")
@example("12.5 55")
@example('"request_id": 2026-01-01 10:00:00')
@example("<id> <time> 3")
def test_masking_twice_is_masking_once(text: str) -> None:
    assert masked(masked(text)) == masked(text)


@given(st.text() | st.binary())
def test_any_text_can_be_masked(text: str | bytes) -> None:
    assert "\n" not in masked(text)


@pytest.mark.parametrize(
    "piece", ["a", "9", "1,000", "-", "a-", "2026-", '"a":', "<id", "\\u0661", "9.9.", "attempt 3 ", "\U0001f600"]
)
def test_five_megabytes_are_cut_and_read_in_no_time(piece: str) -> None:
    text = piece * (5_000_000 // len(piece))
    begin = time.process_time()
    masked(text)
    masked(text.encode())
    assert time.process_time() - begin < 0.5
    assert len(clipped(text)) <= MAX_CHARS + 2


def test_start_and_end_of_a_long_text_are_read() -> None:
    middle = "filler " * 10_000
    assert masked(f"first {middle} last") != masked(f"other {middle} last")
    assert masked(f"first {middle} last") != masked(f"first {middle} other")
