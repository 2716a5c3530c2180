"""Time does not run backwards within a process, whatever the machine's clock does."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.clock import ManualClock, SystemClock


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=20))
def test_it_never_returns_an_earlier_instant(readings: list[int]) -> None:
    clock, left = SystemClock(), list(readings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: left.pop(0))
        seen = [clock.now() for _ in readings]
    assert seen == sorted(seen)
    assert seen[-1] == max(readings) // 1000
    assert all(instant >= reading // 1000 for instant, reading in zip(seen, readings, strict=True))


def test_it_tells_the_time_in_microseconds() -> None:
    before = time.time_ns() // 1000
    assert before <= SystemClock().now() <= time.time_ns() // 1000


def test_threads_see_one_order() -> None:
    clock, seen, lock = SystemClock(), [], threading.Lock()

    def look() -> None:
        for _ in range(500):
            with lock:
                seen.append(clock.now())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == sorted(seen)
    assert len(seen) == 2000


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(1_000_000)
    assert clock.now() == clock.now() == 1_000_000
    clock.advance(1.5)
    assert clock.now() == 2_500_000
    clock.advance(-2)
    assert clock.now() == 500_000
