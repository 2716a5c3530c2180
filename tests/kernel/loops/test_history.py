"""The history of a run: bounded, packed, and read from its packed form."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.kernel.loops import LoopHistory, LoopThresholds, call_sketch, detect, repeats, result_sketch
from remit.kernel.loops.history import MAX_BYTES, WINDOW_STEPS
from remit.kernel.loops.news import Asked, News

texts = st.text(max_size=200)
steps = st.lists(st.tuples(st.sampled_from("abc"), texts, texts, st.booleans(), st.booleans()), max_size=40)


def seen(
    history: LoopHistory, arguments: bytes, result: str, *, error: bool = False, poll: bool = False
) -> LoopHistory:
    return history.observed(call_sketch("tool", arguments), result_sketch(result), error=error, pollable=poll)


@given(steps)
def test_a_history_comes_back_from_its_bytes(run: list[tuple[str, str, str, bool, bool]]) -> None:
    history = LoopHistory.empty()
    for tool, arguments, result, error, pollable in run:
        call = call_sketch(tool, arguments.encode())
        history = history.observed(call, result_sketch(result), error=error, pollable=pollable)
        detect(history, LoopThresholds())
    packed = history.to_bytes()
    assert LoopHistory.from_bytes(packed) == history
    assert len(packed) <= MAX_BYTES
    assert len(history) == min(len(run), WINDOW_STEPS)


def test_a_long_run_over_large_texts_stays_within_its_bounds() -> None:
    history = LoopHistory.empty()
    for n in range(300):
        words = " ".join(f"w{n}x{word}" for word in range(400))
        history = seen(history, f'{{"text":"{words}"}}'.encode(), words, poll=n % 2 == 0)
    assert len(history.to_bytes()) <= MAX_BYTES
    assert LoopHistory.from_bytes(history.to_bytes()) == history


def test_no_bytes_are_an_empty_history() -> None:
    assert LoopHistory.from_bytes(b"") == LoopHistory.empty() == LoopHistory.from_bytes(LoopHistory.empty().to_bytes())


def test_another_version_is_refused_with_both_versions() -> None:
    packed = b"\x09" + LoopHistory.empty().to_bytes()[1:]
    with pytest.raises(ValueError, match="loop history has version 9, this release reads version 1"):
        LoopHistory.from_bytes(packed)


def test_bytes_that_are_cut_short_are_refused() -> None:
    packed = seen(LoopHistory.empty(), b"{}", "some result").to_bytes()
    with pytest.raises(
        ValueError, match=rf"loop history of 1 steps has {len(packed) - 1} bytes, expected {len(packed)}"
    ):
        LoopHistory.from_bytes(packed[:-1])
    with pytest.raises(ValueError, match="loop history is cut short: 5 bytes"):
        LoopHistory.from_bytes(packed[:5])


@given(st.lists(st.integers(0, 4), max_size=40))
def test_repeats_counts_exact_calls_in_the_window(run: list[int]) -> None:
    history = LoopHistory.empty()
    for n in run:
        history = seen(history, b'{"n":%d}' % n, "ok")
    packed = history.to_bytes()
    for n in range(5):
        digest = call_sketch("tool", b'{"n":%d}' % n).exact
        assert repeats(packed, digest) == run[-WINDOW_STEPS:].count(n)


def test_repeats_takes_no_match_across_two_digests() -> None:
    history = seen(seen(LoopHistory.empty(), b"1", "ok"), b"2", "ok")
    first, second = struct.pack("<2Q", *history.exact[-2:])[:8], struct.pack("<2Q", *history.exact[-2:])[8:]
    assert repeats(history.to_bytes(), first[4:] + second[:4]) == 0
    assert repeats(b"", first) == 0


def news_of(history: LoopHistory) -> tuple[Asked, News]:
    return history.asks(-1), history.news(-1)


def test_what_a_step_added_follows_from_what_was_asked_and_heard() -> None:
    record = " ".join(f"field{n} value{n}" for n in range(20))
    history = seen(LoopHistory.empty(), b'{"order_id":"W1"}', record + " open")
    assert news_of(history) == (Asked.NEW, News.FRESH)
    again = seen(history, b'{"order_id":"W1"}', record + " open")
    assert news_of(again) == (Asked.AGAIN, News.SECOND)
    updated = seen(history, b'{"order_id":"W1"}', record + " approved")
    assert news_of(updated) == (Asked.AGAIN, News.FRESH)
    thrice = seen(again, b'{"order_id":"W1"}', record + " open")
    assert news_of(thrice) == (Asked.AGAIN, News.STALE)
    other = seen(thrice, b'{"order_id":"W2"}', "ok")
    assert news_of(other) == (Asked.NEW, News.FRESH)
    further = seen(seen(other, b'{"page":1}', "rows W7 W8"), b'{"page":2}', "rows W7 W9")
    assert news_of(further) == (Asked.NEXT, News.FRESH)


def test_errors_and_polls_are_kept_with_their_step() -> None:
    history = seen(seen(LoopHistory.empty(), b"{}", "busy", error=True), b"{}", "busy", poll=True)
    assert [history.is_error(0), history.is_error(1)] == [True, False]
    assert [history.is_poll(0), history.is_poll(1)] == [False, True]


def test_still_polls_start_anew_when_the_answer_changes() -> None:
    history = LoopHistory.empty()
    counts = []
    for price in ("10.10", "10.10", "10.10", "10.11", "10.11"):
        history = seen(history, b"{}", f"price {price}", poll=True)
        counts.append(history.still_polls)
    assert counts == [0, 1, 2, 0, 1]
