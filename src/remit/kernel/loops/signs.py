"""The signs of a loop, from the surest to the most general. Pure functions of a history and thresholds."""

from dataclasses import dataclass
from enum import StrEnum

from remit.kernel.loops.history import WINDOW_STEPS, LoopHistory, repeats
from remit.kernel.loops.news import Asked, News


class LoopCode(StrEnum):
    """Every sign there is. The words for them are in the message catalogue."""

    EXACT_REPETITION = "exact_repetition"
    """A warning only: params `repeats`, `window`."""
    SAME_CALL_SAME_RESULT = "same_call_same_result"
    """Params `repeats`, `window`."""
    NEAR_DUPLICATE = "near_duplicate"
    """Params `repeats`, `window`, `similarity_permille`."""
    CYCLE = "cycle"
    """Params `period`, `repeats`, `window`."""
    NO_NEW_INFORMATION = "no_new_information"
    """Params `steps`, `window`, `similarity_permille`."""
    ERROR_STREAK = "error_streak"
    """Params `errors`, `window`."""


@dataclass(frozen=True, slots=True)
class LoopThresholds:
    """When repetition counts as a loop. Counts are steps.

    A count above the window of 24 steps turns its sign off, save `still_polls`, counted over the whole run.
    Raises ValueError on thresholds that make no sense.
    """

    exact_repetition: int = 3
    """Warn when the very same call was already made so often in the window."""
    same_call_same_result: int = 3
    """A third same answer to the same question tells nothing that the second did not."""
    near_duplicate: int = 5
    """Looser evidence needs more of it: as many calls alike whose results are nine tenths known."""
    error_streak: int = 5
    """Failures in a row while asking the same. Common retry policies make three to four attempts."""
    new_error_streak: int = 8
    """Failures in a row whatever is asked: a batch may hold a few bad items."""
    stale_steps: int = 6
    """Steps without news among the last `stale_window`."""
    stale_window: int = 8
    idle_steps: int = 18
    """Steps in a row without news, counting second looks: an agent may check a list of records once more."""
    still_polls: int = 40
    """Polls in a row with a known answer. Polling every 15 s, that is ten minutes without a change."""
    fresh_permille: int = 400
    """Repetition is not a loop while more than this share of the steps between brings news."""

    def __post_init__(self) -> None:
        """Refuse thresholds that one step alone would reach, or that no run could."""
        for name in ("same_call_same_result", "near_duplicate", "error_streak", "new_error_streak", "still_polls"):
            _at_least(2, name, getattr(self, name))
        for name in ("exact_repetition", "stale_steps", "stale_window", "idle_steps"):
            _at_least(1, name, getattr(self, name))
        if self.stale_steps > self.stale_window:
            raise ValueError(f"stale_steps is {self.stale_steps}, more than stale_window, {self.stale_window}")


@dataclass(frozen=True, slots=True)
class LoopSign:
    """A sign of a loop and the numbers that explain it."""

    code: LoopCode
    params: tuple[tuple[str, int | str], ...]


def _at_least(least: int, name: str, value: int) -> None:
    if value < least:
        raise ValueError(f"{name} is {value}, must be at least {least}")


def repetition_warning(history: bytes, call_digest: bytes, thresholds: LoopThresholds) -> LoopSign | None:
    """Warn of a call made exactly so before, from the packed history. By itself no reason to stop."""
    count = repeats(history, call_digest)
    if count < thresholds.exact_repetition:
        return None
    return _sign(LoopCode.EXACT_REPETITION, repeats=count, window=WINDOW_STEPS)


def detect(history: LoopHistory, thresholds: LoopThresholds) -> LoopSign | None:
    """The surest sign that the last step of this history is part of a loop, or None. Ask after every step."""
    last = len(history) - 1
    if last < 0:
        return None
    if history.is_error(last):
        streak = _error_streak(history, thresholds)
        if streak:
            return streak
    if history.is_poll(last):
        return _still_poll(history, thresholds)
    if history.news(last) is News.FRESH:
        return None
    return _same(history, thresholds) or _alike(history, thresholds) or _nothing_new(history, thresholds)


def _error_streak(history: LoopHistory, thresholds: LoopThresholds) -> LoopSign | None:
    errors = again = 0
    for step in range(len(history) - 1, -1, -1):
        if not history.is_error(step):
            break
        errors += 1
        again += history.asks(step) is not Asked.NEW
    # The first of them asked something new.
    if errors >= thresholds.new_error_streak or again + 1 >= thresholds.error_streak <= errors:
        return _sign(LoopCode.ERROR_STREAK, errors=errors, window=len(history))
    return None


def _still_poll(history: LoopHistory, thresholds: LoopThresholds) -> LoopSign | None:
    if history.still_polls < thresholds.still_polls:
        return None
    return _sign(LoopCode.SAME_CALL_SAME_RESULT, repeats=history.still_polls + 1, window=history.still_polls + 1)


def _same(history: LoopHistory, thresholds: LoopThresholds) -> LoopSign | None:
    """The same call with the same result, both masked."""
    call, result = history.calls[-1], history.results[-1]
    pairs = zip(history.calls, history.results, strict=True)
    steps = [step for step, pair in enumerate(pairs) if pair == (call, result)]
    needed = thresholds.error_streak if history.is_error(len(history) - 1) else thresholds.same_call_same_result
    if len(steps) < needed or _is_progressing(history, steps[-needed], thresholds):
        return None
    window = len(history) - steps[0]
    period = _period(history, rounds=needed)
    if period > 1:
        return _sign(LoopCode.CYCLE, period=period, repeats=len(steps), window=window)
    if len({history.exact[step] for step in steps}) == 1:
        return _sign(LoopCode.SAME_CALL_SAME_RESULT, repeats=len(steps), window=window)
    return _near_duplicate(history, steps)


def _alike(history: LoopHistory, thresholds: LoopThresholds) -> LoopSign | None:
    """The same call, masked, with results of which almost everything was known."""
    call = history.calls[-1]
    steps = [step for step, other in enumerate(history.calls) if other == call]
    stale = [step for step in steps if history.news(step) is not News.FRESH]
    # The first of the calls alike was fresh: it brought what the others repeat.
    if len(stale) + 1 < thresholds.near_duplicate:
        return None
    first = stale[-(thresholds.near_duplicate - 1)]
    if _is_progressing(history, first, thresholds):
        return None
    return _near_duplicate(history, steps[max(0, steps.index(stale[0]) - 1) :])


def _nothing_new(history: LoopHistory, thresholds: LoopThresholds) -> LoopSign | None:
    steps = list(range(len(history)))
    recent = steps[-thresholds.stale_window :]
    stale = [step for step in recent if history.news(step) is News.STALE]
    if len(stale) >= thresholds.stale_steps:
        return _no_new_information(history, stale, len(recent))
    idle = steps[-thresholds.idle_steps :]
    if len(idle) == thresholds.idle_steps and all(history.news(step) is not News.FRESH for step in idle):
        return _no_new_information(history, idle, len(idle))
    return None


def _is_progressing(history: LoopHistory, first: int, thresholds: LoopThresholds) -> bool:
    """Whether enough steps after `first` brought news: a record read again between updates is no loop."""
    after = range(first + 1, len(history))
    fresh = sum(history.news(step) is News.FRESH for step in after)
    return fresh * 1000 > thresholds.fresh_permille * len(after)


def _period(history: LoopHistory, rounds: int) -> int:
    """After how many calls the last call and all before it repeat, begun so many times; 0 if they do not."""
    calls = history.calls
    for period in range(1, (len(calls) - 1) // (rounds - 1) + 1):
        span = period * (rounds - 1) + 1
        if calls[-span:-period] == calls[len(calls) - span + period :]:
            return period
    return 0


def _near_duplicate(history: LoopHistory, steps: list[int]) -> LoopSign:
    similarity = _mean_seen(history, steps)
    window = len(history) - steps[0]
    return _sign(LoopCode.NEAR_DUPLICATE, repeats=len(steps), window=window, similarity_permille=similarity)


def _no_new_information(history: LoopHistory, steps: list[int], window: int) -> LoopSign:
    similarity = _mean_seen(history, steps)
    return _sign(LoopCode.NO_NEW_INFORMATION, steps=len(steps), window=window, similarity_permille=similarity)


def _mean_seen(history: LoopHistory, steps: list[int]) -> int:
    return sum(history.seen_permille[step] for step in steps[1:]) // max(1, len(steps) - 1)


def _sign(code: LoopCode, **params: int) -> LoopSign:
    return LoopSign(code, tuple(params.items()))
