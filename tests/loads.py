"""Loads of releases that a test counts and holds up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from remit.domain.ids import ReleaseId
from remit.execution.rulesets import ReleaseUnusable, Rulesets
from remit.kernel.ruleset import Ruleset
from tests.worlds import World, agent

WAIT_S = 30
"""Far longer than anything takes here."""


class Loads:
    """Counts how often each release is loaded, and holds those up that a test names."""

    def __init__(self) -> None:
        self.begun: list[ReleaseId] = []
        self.failing: set[ReleaseId] = set()
        self.slow: dict[ReleaseId, threading.Event] = {}
        self.one_more = threading.Semaphore(0)

    def around(self, load: Callable[..., Ruleset]) -> Callable[..., Ruleset]:
        def loaded(it: Rulesets, workspace: str, release: ReleaseId) -> Ruleset:
            self.begun.append(release)
            self.one_more.release()
            if release in self.slow:
                assert self.slow[release].wait(WAIT_S)
            if release in self.failing:
                raise ReleaseUnusable("not this time")
            return load(it, workspace, release)

        return loaded

    @contextmanager
    def held_up(self, *releases: ReleaseId) -> Iterator[None]:
        """Loading these does not end before this block does."""
        self.slow = {release: threading.Event() for release in releases}
        try:
            yield
        finally:
            for event in self.slow.values():
                event.set()

    def wait_for(self, *releases: ReleaseId) -> None:
        """Wait until all these have begun."""
        while not set(releases) <= set(self.begun):
            assert self.one_more.acquire(timeout=WAIT_S)


def counted(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """Count all loads from now on."""
    found = Loads()
    monkeypatch.setattr(Rulesets, "_load", found.around(Rulesets._load))
    return found


def release(it: World, number: int, channel: str = "staging") -> ReleaseId:
    """One more release, on a channel."""
    return it.apply({"agents/more.yaml": agent(f"more-{number}")}, channel).id


def old_ones(it: World, count: int) -> list[ReleaseId]:
    """Releases that no channel points at any more."""
    found = [release(it, number) for number in range(count)]
    release(it, count)
    return found
