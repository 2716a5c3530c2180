"""Five fields that are no time, never come, or would come at another time for whoever looks."""

from __future__ import annotations

import pytest

from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.workspace.fire_times import NeverComes, mistake, next_after


@pytest.mark.parametrize(
    "cron",
    ["0 9 * * 1", "0 0 29 2 *", "0 0 L * *", "0 0 * * L5", "0 9 * JAN-mar Mon-FRI", "0 0 * * mon#1", "*/7 * * * *"],
)
def test_these_come(cron: str) -> None:
    assert mistake(cron) == ""


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("0 9 30 2 *", "`0 9 30 2 *` never comes"),
        ("0 0 31 4,6,9,11 *", "`0 0 31 4,6,9,11 *` never comes"),
        ("61 25 * * *", "`61 25 * * *` is no time"),
        ("R R * * *", "`R` in `R R * * *` is no month, no day of the week and not `L`"),
        ("0 h * * *", "`h` in `0 h * * *` is no month, no day of the week and not `L`"),
        ("0 0 * * monday", "`monday` in `0 0 * * monday` is no month, no day of the week and not `L`"),
        ("0 0 * * jan", "`0 0 * * jan` is no time"),
    ],
)
def test_these_do_not(cron: str, said: str) -> None:
    assert mistake(cron) == said


def test_what_never_comes_is_said() -> None:
    with pytest.raises(NeverComes, match="never comes"):
        next_after("0 9 30 2 *", "Asia/Dubai", Instant(0))


def test_the_next_time_is_one_of_its_zone() -> None:
    assert next_after("0 4 * * *", "Asia/Dubai", Instant(0)) == 24 * 3_600 * MICROS_PER_SECOND
    assert next_after("0 5 * * *", "Asia/Dubai", Instant(0)) == 3_600 * MICROS_PER_SECOND
