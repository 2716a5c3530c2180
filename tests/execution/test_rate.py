"""The rate limit against its definition: a burst of `calls`, and after that one every `seconds / calls`."""

from hypothesis import given
from hypothesis import strategies as st

from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.release import Rate
from remit.kernel.checks.limits import rate_after

START = 1_760_000_000 * MICROS_PER_SECOND
rates = st.builds(Rate, st.integers(1, 2_000), st.sampled_from([1, 60, 3600]))
pauses = st.lists(st.one_of(st.just(0), st.integers(0, 90 * MICROS_PER_SECOND)), min_size=1, max_size=60)


def spacing(rate: Rate) -> int:
    return -(-rate.seconds * MICROS_PER_SECOND // rate.calls)


def admitted(rate: Rate, arrivals: list[int]) -> list[int]:
    """When the calls that come at `arrivals` get through."""
    rate_at, through = 0, []
    for now in arrivals:
        due = rate_after(rate, rate_at, Instant(now))
        if due is not None:
            rate_at = due
            through.append(now)
    return through


def most_within(instants: list[int], window: int) -> int:
    """The most of `instants` in any half-open window of this length; one that holds most can begin at an instant."""
    return max(sum(begin <= each < begin + window for each in instants) for begin in instants)


def arrivals_after(pauses: list[int]) -> list[int]:
    instants, now = [], START
    for pause in pauses:
        now += pause
        instants.append(now)
    return instants


@given(rates)
def test_a_burst_gets_exactly_as_many_through_as_the_rate_says(rate: Rate) -> None:
    assert len(admitted(rate, [START] * (rate.calls + 10))) == rate.calls


@given(rates, pauses, st.integers(1, 7200))
def test_no_window_of_any_length_holds_more_than_a_burst_and_what_trickles_in_since(
    rate: Rate, pauses: list[int], seconds: int
) -> None:
    through = admitted(rate, arrivals_after(pauses))
    window = seconds * MICROS_PER_SECOND
    trickled = -(-window * rate.calls // (rate.seconds * MICROS_PER_SECOND))
    assert most_within(through, window) <= rate.calls - 1 + trickled


@given(rates, pauses)
def test_at_most_twice_the_rate_less_one_gets_through_in_any_window_of_its_length(
    rate: Rate, pauses: list[int]
) -> None:
    through = admitted(rate, arrivals_after(pauses))
    assert most_within(through, rate.seconds * MICROS_PER_SECOND) <= 2 * rate.calls - 1


@given(rates, st.integers(1, 200))
def test_calls_spaced_by_the_rate_all_get_through_even_after_a_burst(rate: Rate, count: int) -> None:
    burst = [START] * rate.calls
    paced = [START + spacing(rate) * number for number in range(1, count + 1)]
    assert len(admitted(rate, burst + paced)) == rate.calls + count


@given(rates, pauses)
def test_a_refused_call_costs_nothing(rate: Rate, pauses: list[int]) -> None:
    arrivals = arrivals_after(pauses)
    through = admitted(rate, arrivals)
    assert admitted(rate, through) == through


@given(rates)
def test_a_quiet_window_gives_the_whole_burst_back(rate: Rate) -> None:
    # The spacing is rounded up to a microsecond, so the window is longer by less than one for each call.
    later = START + spacing(rate) * rate.calls
    assert len(admitted(rate, [START] * rate.calls + [later] * (rate.calls + 5))) == 2 * rate.calls
