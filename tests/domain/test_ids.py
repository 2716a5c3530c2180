"""Ids never repeat and sort by when they were made."""

import re
import time

import pytest

from remit.domain.ids import RandomIds


def test_an_id_is_its_prefix_and_twenty_characters() -> None:
    assert re.fullmatch(r"run_[0-9a-hjkmnp-tv-z]{20}", RandomIds().new("run"))


def test_a_hundred_thousand_ids_differ() -> None:
    ids = RandomIds()
    assert len({ids.new("act") for _ in range(100_000)}) == 100_000


def made_at(second: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(time, "time_ns", lambda: second * 10**9)
    return RandomIds().new("run")


def test_ids_sort_by_time_for_a_century(monkeypatch: pytest.MonkeyPatch) -> None:
    years = [made_at(1_767_225_600 + year * 31_557_600, monkeypatch) for year in range(100)]
    assert years == sorted(years)


def test_a_millisecond_is_enough_to_tell_earlier_from_later(monkeypatch: pytest.MonkeyPatch) -> None:
    start = 1_767_225_600_000
    found = []
    for offset in range(1000):
        monkeypatch.setattr(time, "time_ns", lambda at=start + offset: at * 1_000_000)
        found.append(RandomIds().new("run"))
    assert found == sorted(found)
