"""Each sign by an example, and the numbers that explain it."""

import json

import pytest

from remit.kernel.loops import (
    LoopCode,
    LoopHistory,
    LoopSign,
    LoopThresholds,
    call_sketch,
    detect,
    repetition_warning,
    result_sketch,
)

THRESHOLDS = LoopThresholds()
BODY = " ".join(f"line {n} of the offer" for n in range(30))


class Watched:
    """A run fed step by step."""

    def __init__(self, thresholds: LoopThresholds = THRESHOLDS) -> None:
        self.history = LoopHistory.empty()
        self.thresholds = thresholds
        self.signs: list[LoopSign | None] = []

    def step(self, tool: str, arguments: object, result: str, *, error: bool = False, pollable: bool = False) -> None:
        call = call_sketch(tool, json.dumps(arguments, sort_keys=True).encode())
        self.history = self.history.observed(call, result_sketch(result), error=error, pollable=pollable)
        self.signs.append(detect(self.history, self.thresholds))

    def stopped(self) -> tuple[int, LoopSign] | None:
        """After how many steps, and by which sign."""
        return next(((n, sign) for n, sign in enumerate(self.signs, 1) if sign), None)


def test_an_empty_history_shows_nothing() -> None:
    assert detect(LoopHistory.empty(), THRESHOLDS) is None


def test_same_call_same_result() -> None:
    run = Watched()
    for n in range(3):
        run.step("get_price", {"sku": "A1"}, f"request {n}0b0e7a9c30a44fd1 at 2026-01-01T10:0{n}:00Z: {BODY}")
    assert run.stopped() == (3, LoopSign(LoopCode.SAME_CALL_SAME_RESULT, (("repeats", 3), ("window", 3))))


def test_near_duplicate_when_amounts_drift() -> None:
    run = Watched()
    for cents in (37, 38, 41):
        run.step("compare", {"sku": "A1", "expected": 1000 + cents / 100}, f"mismatch: erp 1000.{cents}; {BODY}")
    params = (("repeats", 3), ("window", 3), ("similarity_permille", 1000))
    assert run.stopped() == (3, LoopSign(LoopCode.NEAR_DUPLICATE, params))


def test_near_duplicate_when_little_of_the_result_is_new() -> None:
    run = Watched()
    for n in range(6):
        run.step("get_stock", {"sku": "A1"}, f"{BODY} node {n * 37 + 11}")
    stop = run.stopped()
    assert stop is not None
    assert (stop[0], stop[1].code) == (6, LoopCode.NEAR_DUPLICATE)
    assert stop[1].params == (("repeats", 5), ("window", 5), ("similarity_permille", 973))


def test_cycle() -> None:
    run = Watched()
    for n in range(5):
        run.step(["fetch_erp", "fetch_vendor"][n % 2], {"sku": "A1"}, BODY + "ab"[n % 2])
    assert run.stopped() == (5, LoopSign(LoopCode.CYCLE, (("period", 2), ("repeats", 3), ("window", 5))))


def test_no_new_information() -> None:
    run = Watched()
    for opening in ("find", "search", "show", "list", "fetch", "print", "give", "seek"):
        run.step("ask", {"question": f"{opening} the cheapest copper cable sold in Doha"}, BODY)
    stop = run.stopped()
    assert stop is not None
    assert (stop[0], stop[1].code) == (7, LoopCode.NO_NEW_INFORMATION)
    assert stop[1].params == (("steps", 6), ("window", 7), ("similarity_permille", 1000))


def test_error_streak() -> None:
    run = Watched()
    for n, text in enumerate(["429 too many requests", "503 unavailable", "timeout", "503 unavailable", "timeout"]):
        run.step("post", {"order": 7, "attempt": n}, text, error=True)
    assert run.stopped() == (5, LoopSign(LoopCode.ERROR_STREAK, (("errors", 5), ("window", 5))))


def test_errors_of_different_questions_are_given_longer() -> None:
    run = Watched()
    for n in range(8):
        run.step("get_user", {"user": f"u{n}"}, "not found", error=True)
    assert run.stopped() == (8, LoopSign(LoopCode.ERROR_STREAK, (("errors", 8), ("window", 8))))


def test_a_success_ends_an_error_streak() -> None:
    run = Watched()
    for n in range(12):
        failed = n % 4 != 3
        run.step("post", {"order": n // 4}, "503 unavailable" if failed else f"posted {n}", error=failed)
    assert run.stopped() is None


def test_a_poll_may_wait_long_but_not_for_ever() -> None:
    run = Watched()
    for _ in range(45):
        run.step("job_status", {"job": "J1"}, "running", pollable=True)
    expected = LoopSign(LoopCode.SAME_CALL_SAME_RESULT, (("repeats", 41), ("window", 41)))
    assert run.stopped() == (41, expected)


def test_a_poll_whose_result_keeps_changing_is_fine() -> None:
    run = Watched()
    for n in range(200):
        run.step("get_quote", {"sku": "A1"}, f"price {100 + n / 100:.2f}", pollable=True)
    assert run.stopped() is None


def test_waiting_between_polls_is_fine() -> None:
    run = Watched()
    for _ in range(15):
        run.step("wait", {"seconds": 30}, "ok")
        run.step("job_status", {"job": "J1"}, "running", pollable=True)
    assert run.stopped() is None


def test_repetition_between_steps_that_get_on_is_fine() -> None:
    run = Watched()
    for n in range(40):
        run.step("get_policy", {}, BODY)
        run.step("close", {"order": n}, '{"ok": true}')
    assert run.stopped() is None


def test_exact_repetition_is_a_warning() -> None:
    run = Watched()
    digest = call_sketch("get_price", b'{"sku": "A1"}').exact
    warnings = []
    for _ in range(4):
        warnings.append(repetition_warning(run.history.to_bytes(), digest, THRESHOLDS))
        run.step("get_price", {"sku": "A1"}, BODY)
    assert warnings == [None, None, None, LoopSign(LoopCode.EXACT_REPETITION, (("repeats", 3), ("window", 24)))]
    assert repetition_warning(b"", digest, THRESHOLDS) is None


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"same_call_same_result": 1}, "same_call_same_result is 1, must be at least 2"),
        ({"stale_steps": 0}, "stale_steps is 0, must be at least 1"),
        ({"stale_steps": 9}, "stale_steps is 9, more than stale_window, 8"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(thresholds: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LoopThresholds(**thresholds)


@pytest.mark.parametrize("needed", [2, 5])
def test_thresholds_are_the_reader_s_to_set(needed: int) -> None:
    run = Watched(LoopThresholds(same_call_same_result=needed, near_duplicate=24))
    for _ in range(8):
        run.step("get_price", {"sku": "A1"}, BODY)
    stop = run.stopped()
    assert stop is not None
    assert stop[0] == needed
