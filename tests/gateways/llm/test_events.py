"""Events out of pieces, however they are written and cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.gateways.llm.events import Event, EventReader, NoEvent

LINES = st.lists(
    st.sampled_from(["data: a", "data:b", "data", "event: x", ": note", "id: 1", "data: {}"]), min_size=1, max_size=4
)


@given(st.lists(LINES, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 9))
def test_events_are_the_same_however_the_stream_is_cut(events: list[list[str]], end: str, size: int) -> None:
    raw = "".join(end.join(lines) + end + end for lines in events).encode()
    reader = EventReader()
    found: list[Event] = []
    for begin in range(0, len(raw), size):
        found += reader.feed(raw[begin : begin + size])
    data = ["\n".join(_value(line) for line in lines if line.startswith("data:")) for lines in events]
    assert [each.data.decode() for each in found] == data
    assert b"".join(each.raw for each in found) == raw
    assert reader.last() is None


def _value(line: str) -> str:
    return line.removeprefix("data:").removeprefix(" ")


def test_an_event_that_never_ends_is_none() -> None:
    reader = EventReader(most_bytes=100)
    with pytest.raises(NoEvent):
        list(reader.feed(b"data: 12345" * 20))
    with pytest.raises(NoEvent):
        list(EventReader(most_bytes=10).feed(b"data: \r 1234567"))


def test_what_was_not_ended_is_an_event_all_the_same() -> None:
    reader = EventReader()
    assert list(reader.feed(b"data: a\n")) == []
    last = reader.last()
    assert last is not None
    assert last.data == b"a"
