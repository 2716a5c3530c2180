"""Fingerprints of calls and results."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.kernel.loops import call_sketch, result_sketch
from remit.kernel.loops.sketch import MAX_PROGRESS, SAMPLE, WORDS


def packed(arguments: object) -> bytes:
    return json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


SAME_CALLS = [
    ({"sku": "A1", "expected": 1000.37}, {"sku": "A1", "expected": 1000.91}),
    ({"sku": "A1", "amount": 100037}, {"sku": "A1", "amount": 100091}),
    ({"id": "k", "attempt": 1}, {"id": "k", "attempt": 2}),
    ({"id": "k", "meta": {"trace": {"id": "a1"}}}, {"id": "k", "meta": {"trace": {"id": "b2"}}}),
    ({"id": "k", "requestId": "req-17"}, {"id": "k", "requestId": "req-18"}),
    ({"id": "k", "idempotencyKey": "x1"}, {"id": "k", "idempotencyKey": "y2"}),
    ({"q": "cheapest copper cable in doha"}, {"q": "copper cable  in Doha, cheapest"}),
    ({"q": "copper cable"}, {"q": "cable copper"}),
    ({"id": "k", "as_of": "2026-03-01T10:07:49Z"}, {"id": "k", "as_of": "2026-03-01T10:08:51Z"}),
]
OTHER_CALLS = [
    ({"order_id": 17}, {"order_id": 18}),
    ({"order_id": "W17"}, {"order_id": "W18"}),
    ({"id": "0b0e7a9c-30a4-4fd1-9d4e-7a1c2b3d4e5f"}, {"id": "1c1e7a9c-30a4-4fd1-9d4e-7a1c2b3d4e5f"}),
    ({"supplier": "Najd Electric"}, {"supplier": "Gulf Cables"}),
    ({"date": "2026-05-20"}, {"date": "2026-05-21"}),
    ({"slot": "2026-05-20T10:00"}, {"slot": "2026-05-20T11:00"}),
    ({"message_id": "M1"}, {"message_id": "M2"}),
    ({"session": "S1"}, {"session": "S2"}),
    ({"room": 7, "duration": 30}, {"room": 7, "duration": 45}),
    ({"request": "approve request 1001"}, {"request": "approve request 1002"}),
    ({"lat": 24.7136}, {"lat": 24.7139}),
    ({"sku": "A1", "expected": 1000.37}, {"sku": "A1", "expected": 1900.37}),
    (
        {"q": "update orders set state = 'closed' where id = 17"},
        {"q": "update orders set state = 'closed' where id = 18"},
    ),
    ({"dry_run": True}, {"dry_run": False}),
]


@pytest.mark.parametrize(("one", "other"), SAME_CALLS)
def test_calls_that_ask_the_same_have_the_same_subject(one: object, other: object) -> None:
    first, second = call_sketch("tool", packed(one)), call_sketch("tool", packed(other))
    assert (first.subject, first.masked) == (second.subject, second.masked)
    assert first.exact != second.exact


@pytest.mark.parametrize(("one", "other"), OTHER_CALLS)
def test_calls_that_ask_about_another_thing_do_not(one: object, other: object) -> None:
    assert call_sketch("tool", packed(one)).subject != call_sketch("tool", packed(other)).subject


def test_a_page_has_the_same_subject_and_another_position() -> None:
    first, second = call_sketch("list", packed({"page": 1})), call_sketch("list", packed({"page": 2}))
    assert first.subject == second.subject
    assert first.position != second.position


def test_a_request_id_is_content_to_a_tool_about_requests() -> None:
    one, other = packed({"request_id": "PR-1001"}), packed({"request_id": "PR-1002"})
    assert call_sketch("approve_request", one).subject != call_sketch("approve_request", other).subject
    assert call_sketch("post_invoice", one).subject == call_sketch("post_invoice", other).subject


def test_the_tool_is_part_of_every_digest_of_a_call() -> None:
    one, other = call_sketch("read", b"{}"), call_sketch("write", b"{}")
    assert {one.exact, one.masked, one.subject}.isdisjoint({other.exact, other.masked, other.subject})


def test_a_list_in_another_order_is_the_same_result() -> None:
    rows = [{"id": f"W{n}", "amount": n * 10.5} for n in range(8)]
    assert result_sketch(packed(rows)) == result_sketch(packed(rows[::-1]))


def test_the_detail_of_a_result_keeps_every_digit() -> None:
    one, other = result_sketch('{"price": 101.30}'), result_sketch('{"price": 101.90}')
    assert one.masked == other.masked
    assert one.detail != other.detail


def test_progress_is_set_apart() -> None:
    assert result_sketch("41 percent").progress != result_sketch("42 percent").progress
    assert result_sketch("41.2%").progress == result_sketch("41.7%").progress
    assert result_sketch('{"status": "queued"}').progress != result_sketch('{"status": "running"}').progress
    assert result_sketch("nothing to report").progress == ()


def marks(text: str, salt: bytes) -> set[int | bytes]:
    """Everything that a history may keep of a call and a result that say this."""
    call, result = call_sketch("tool", packed({"note": text}), salt), result_sketch(text, salt)
    digests = {call.exact, call.masked, call.subject, result.masked, result.detail}
    return {*digests, *call.prose, *call.echo, *result.sample, *result.progress}


def test_what_is_sketched_under_one_salt_tells_nothing_to_who_has_another() -> None:
    text = "the patient was told of her tuberculosis yesterday, 41 percent"
    assert marks(text, b"s" * 32) == marks(text, b"s" * 32)
    assert marks(text, b"s" * 32).isdisjoint(marks(text, b""))
    assert marks(text, b"s" * 32).isdisjoint(marks(text, b"s" * 31 + b"t"))


@given(
    st.text(),
    st.binary() | st.recursive(st.text() | st.floats() | st.integers(), st.lists).map(json.dumps).map(str.encode),
)
def test_any_bytes_can_be_sketched_in_bounded_size(tool: str, content: bytes) -> None:
    call, result = call_sketch(tool, content), result_sketch(content)
    assert [len(digest) for digest in (call.exact, call.masked, call.subject, call.position)] == [8] * 4
    assert len(call.prose) <= WORDS >= len(call.echo)
    assert [len(digest) for digest in (result.masked, result.detail)] == [8] * 2
    assert len(result.sample) <= SAMPLE
    assert len(result.progress) <= MAX_PROGRESS
    assert max((*call.prose, *call.echo, *result.sample, *result.progress), default=0) < 2**32


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":' * 3_000, b"[1," * 5_000, b"9" * 5_000, b"x" * 5_000_000, b"NaN"]
)
def test_hostile_arguments_are_read_as_text(content: bytes) -> None:
    assert call_sketch("tool", content) == call_sketch("tool", content)
    assert result_sketch(content) == result_sketch(content)


def test_sketches_are_the_same_in_another_process() -> None:
    program = (
        "from remit.kernel.loops import *; print(call_sketch('t', b'{\"a\":\"b c d e\"}'), result_sketch('x 1 y'))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {f"{call_sketch('t', packed({'a': 'b c d e'}))} {result_sketch('x 1 y')}\n"}
