"""Backtests over our own history: begun, watched, cancelled, and kept for whoever asks later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ids import Ids, ReleaseId, WorkspaceName
from remit.execution.again import Past
from remit.execution.backtest.history import History, Span
from remit.execution.backtest.tally import Tally
from remit.execution.backtest.unchanged import RulesOf, Unchanged, none_is_unchanged
from remit.execution.keys import Keys
from remit.kernel.ruleset import Ruleset
from remit.storage.candidate import Backtest, BacktestState
from remit.storage.port import Store, StoreError, Writes
from remit.storage.writing import put

DAY_S = 86_400
MAX_DAYS = 3_660
SAID_EVERY_S = 1
"""How often a backtest says how far it is, and asks whether it was cancelled."""
LOST_AFTER_S = 60
"""One that has not been seen for so long has vanished with its process."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a backtest is to go over, and for whom. `agent` and `target` narrow it; empty means all."""

    workspace: WorkspaceName
    days: int
    by: str
    agent: str = ""
    target: str = ""


def nobody(_: int) -> None:
    """Stand for nobody who looks on."""


class Backtests:
    """Backtests of one database."""

    def __init__(self, store: Store, keys: Keys, clock: Clock, ids: Ids, rules_of: RulesOf | None = None) -> None:
        """Begin. With `rules_of`, decisions that a candidate can not change are counted and not made again."""
        self._rules_of = rules_of
        self._store = store
        self._history = History(store, keys)
        self._clock = clock
        self._ids = ids

    def begin(self, asked: Asked, candidate: ReleaseId, active: ReleaseId | None) -> Backtest:
        """Put a backtest on the list, and return it as it will be run."""
        now = self._clock.now()
        since = Instant(max(0, now - asked.days * DAY_S * MICROS_PER_SECOND))
        begun = Backtest(
            id=self._ids.new("bkt"),
            workspace=asked.workspace,
            release=candidate,
            base=active or "",
            since=since,
            until=Instant(now + 1),
            agent=asked.agent,
            target=asked.target,
            by=asked.by,
            state=BacktestState.RUNNING,
            started_at=now,
            seen_at=now,
            total=self._history.count(Span(asked.workspace, since, Instant(now + 1)))[1],
        )
        put(self._store, Writes(candidates=[begun]))
        return begun

    def run(
        self,
        begun: Backtest,
        candidate: Ruleset,
        active: Ruleset | None,
        watch: Callable[[int], None] = nobody,
    ) -> Backtest:
        """Go over history until its end or until it is cancelled; `watch` is told how many were passed.

        Whatever goes wrong is put on the backtest's row before it is raised.
        """
        try:
            return self._run(begun, Tally(candidate, active), self._unchanged(begun, candidate), watch)
        except BaseException as error:
            fault = str(error) if isinstance(error, StoreError) else type(error).__name__
            failed = replace(begun, state=BacktestState.FAILED, seen_at=self._clock.now(), fault=fault[:300])
            put(self._store, Writes(candidates=[failed]))
            raise

    def _unchanged(self, begun: Backtest, candidate: Ruleset) -> Callable[[Mapping[str, Any]], bool]:
        if self._rules_of is None:
            return none_is_unchanged
        return Unchanged(candidate, begun.workspace, self._rules_of)

    def _run(
        self,
        begun: Backtest,
        tally: Tally,
        unchanged: Callable[[Mapping[str, Any]], bool],
        watch: Callable[[int], None],
    ) -> Backtest:
        now = begun
        span = Span(begun.workspace, begun.since, begun.until, begun.agent, begun.target)
        for page in self._history.pages(span, unchanged):
            tally.pass_over(page.unchanged)
            for found in page.found:
                if isinstance(found, Past):
                    tally.take(found)
                else:
                    tally.miss(*found)
            now = replace(now, decided=now.decided + page.passed)
            watch(page.passed)
            if self._clock.now() >= now.seen_at + SAID_EVERY_S * MICROS_PER_SECOND:
                now = replace(now, seen_at=self._clock.now())
                put(self._store, Writes(candidates=[now]))
                standing = self._store.backtest(begun.workspace, begun.id)
                if standing is not None and standing.state is not BacktestState.RUNNING:
                    return standing
        done = replace(now, state=BacktestState.DONE, seen_at=self._clock.now(), comparison=tally.comparison())
        put(self._store, Writes(candidates=[done]))
        return self._store.backtest(begun.workspace, begun.id) or done

    def cancel(self, backtest: Backtest) -> Backtest:
        """Have a backtest stopped within a second. One that is over stays as it is."""
        put(self._store, Writes(candidates=[replace(backtest, state=BacktestState.CANCELLED)]))
        return self._store.backtest(backtest.workspace, backtest.id) or backtest

    def is_lost(self, backtest: Backtest) -> bool:
        """Tell whether it says that it runs, and nobody has seen it for a minute."""
        silent = self._clock.now() - backtest.seen_at
        return backtest.state is BacktestState.RUNNING and silent > LOST_AFTER_S * MICROS_PER_SECOND
