"""When a server that fails is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remit.gateways.mcp.upstreams.bounds import UpstreamBounds
from remit.gateways.mcp.upstreams.breaker import Breaker

BOUNDS = UpstreamBounds(failures=3, backoff_s=1, backoff_most_s=8, open_s=10, open_most_s=40)


def test_each_failure_is_followed_by_a_pause_that_doubles_until_it_opens():
    breaker = Breaker(BOUNDS)
    pauses = []
    for _ in range(6):
        breaker.failed(100)
        pauses.append(breaker.refuses(100))
    assert pauses == [1, 2, 10, 20, 40, 40]


def test_when_it_was_open_long_enough_one_request_is_let_through_and_no_other_meanwhile():
    breaker = Breaker(BOUNDS)
    for _ in range(3):
        breaker.failed(0)
    assert breaker.refuses(9) == 1
    assert breaker.refuses(10) == 0
    breaker.begin()
    assert breaker.refuses(10) > 0
    breaker.gave_up()
    assert breaker.refuses(10) == 0


def test_an_answer_closes_it():
    breaker = Breaker(BOUNDS)
    for _ in range(5):
        breaker.failed(0)
    breaker.succeeded()
    assert breaker.refuses(0) == 0
    breaker.failed(0)
    assert breaker.refuses(0) == 1


@given(st.lists(st.sampled_from(["failed", "succeeded", "gave_up", "begin"]), max_size=60))
def test_whatever_happens_it_lets_somebody_through_in_the_end(steps):
    breaker, now = Breaker(BOUNDS), 0.0
    for step in steps:
        now += 0.5
        if step == "failed":
            breaker.failed(now)
        else:
            getattr(breaker, step)()
    breaker.gave_up()
    assert breaker.refuses(now) <= BOUNDS.open_most_s
    assert breaker.refuses(now + BOUNDS.open_most_s) == 0
