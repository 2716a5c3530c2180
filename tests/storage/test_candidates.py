"""Backtests and trials are kept whole, a cancelled backtest stays so, and each process has its own count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remit.domain.finding import Code, Finding, Verdict
from remit.domain.flip import Comparison, FlipExample, FlipKey, Flips, Gap
from remit.domain.ids import AgentName, OwnerId, ReleaseId, RunId
from remit.domain.record import RecordKind
from remit.storage.candidate import (
    WHOLE,
    Backtest,
    BacktestState,
    Trial,
    TrialCount,
    TrialKind,
    TrialState,
    lot,
)
from remit.storage.port import SealedPayload, Store, WrappedKey, Writes
from tests.storage.rows_made import HERE, NOON, RUN, THERE, put, record, run

FOUND = Comparison(
    3,
    (
        Flips(
            FlipKey("allow->deny", "p", "a", "t"),
            1,
            (FlipExample("act", "run", NOON, (), (Finding(Code.STOPPED, Verdict.DENY),)),),
        ),
    ),
    1,
    {Gap.TOOL_GONE: 2},
    {Gap.TOOL_GONE: ("x",)},
)
BEGUN = Backtest(
    "bkt_1", HERE, ReleaseId("rel_c"), "rel_a", NOON, NOON, "", "", "user:sara", BacktestState.RUNNING, NOON, NOON
)
TRIAL = Trial(
    "try_1",
    HERE,
    "production",
    ReleaseId("rel_c"),
    TrialKind.CANARY,
    (AgentName("a"), AgentName("b")),
    500,
    "user:sara",
    TrialState.RUNNING,
    NOON,
)


def test_a_backtest_is_kept_as_far_as_it_is(store: Store) -> None:
    put(store, Writes(candidates=[BEGUN]))
    done = replace(BEGUN, state=BacktestState.DONE, decided=5, total=6, comparison=FOUND)
    put(store, Writes(candidates=[done]))
    assert store.backtest(HERE, "bkt_1") == done
    assert store.backtest(THERE, "bkt_1") is None
    assert store.backtests(HERE) == [replace(done, comparison=Comparison())]
    assert store.backtests(HERE, "rel_c") == [done]
    assert store.backtests(HERE, "rel_other") == []


def test_one_that_is_over_is_not_written_over(store: Store) -> None:
    cancelled = replace(BEGUN, state=BacktestState.CANCELLED)
    put(store, Writes(candidates=[BEGUN, cancelled]))
    put(store, Writes(candidates=[replace(BEGUN, state=BacktestState.DONE)]))
    assert store.backtest(HERE, "bkt_1") == cancelled


def test_a_trial_and_its_counts_are_kept(store: Store) -> None:
    ended = replace(TRIAL, id="try_2", state=TrialState.STOPPED, ended_at=NOON, ended_by="user:lina")
    put(store, Writes(candidates=[TRIAL, ended, replace(TRIAL, id="try_3", workspace=THERE)]))
    assert store.trial(HERE, "try_2") == ended
    assert {each.id for each in store.trials(HERE)} == {"try_1", "try_2"}
    assert {each.id for each in store.trials(running=True)} == {"try_1", "try_3"}
    counts = [TrialCount("try_1", OwnerId(owner), NOON, FOUND) for owner in ("own_1", "own_2")]
    put(store, Writes(candidates=[TrialCount("try_1", OwnerId("own_1"), NOON, Comparison()), *counts]))
    assert store.trial_counts("try_1") == counts


def test_a_share_is_about_that_share_and_the_same_everywhere() -> None:
    runs = [RunId(f"run_{number}") for number in range(4_000)]
    chosen = [each for each in runs if replace(TRIAL, agents=()).concerns(AgentName("x"), each)]
    assert 140 <= len(chosen) <= 260  # 200 are meant; beyond, one run of a million of such tests
    assert chosen == [each for each in runs if lot("try_1", each) < 500]
    assert chosen != [each for each in runs if lot("try_2", each) < 500]
    assert all(replace(TRIAL, share=WHOLE).concerns(AgentName("a"), each) for each in runs)
    assert not any(replace(TRIAL, share=WHOLE).concerns(AgentName("c"), each) for each in runs)


@pytest.mark.parametrize(("since", "count"), [(0, 2), (NOON + 1, 0)])
def test_a_span_counts_one_kind_within_its_time(store: Store, since: int, count: int) -> None:
    kinds = (RecordKind.RUN_STARTED, RecordKind.DECISION_MADE, RecordKind.DECISION_MADE)
    put(store, Writes(records=[replace(record(f"k{n}"), kind=kind) for n, kind in enumerate(kinds)]))
    first, found = store.span(HERE, RecordKind.DECISION_MADE.value, NOON.__class__(since), NOON.__class__(NOON + 10))
    assert found == count
    assert bool(first) is bool(count)
    assert store.span(THERE, RecordKind.DECISION_MADE.value, NOON, NOON.__class__(NOON + 10)) == (0, 0)


def test_many_are_read_at_once(store: Store) -> None:
    key = WrappedKey(run(RUN).key, b"wrapped", NOON)
    sealed = [SealedPayload(owner, "arguments", key.id, owner.encode()) for owner in ("act_1", "act_2")]
    put(store, Writes(runs=[run(RUN)], keys=[key], payloads=sealed))
    assert store.runs_of([RUN, RunId("run_none")]) == [run(RUN)]
    assert store.keys([key.id]) == [key]
    assert sorted(store.payloads(["act_1", "act_2", "act_3"], "arguments"), key=lambda each: each.owner) == sealed
    assert store.payloads([], "arguments") == []
