"""A candidate is observed without effect, enforced for some runs, promoted or stopped; each step is on record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from remit.control.releases import GateClosed, ReleaseRefused
from remit.control.trials import MAX_OBSERVED, TrialRefused, Trials, Wish
from remit.domain.flip import Comparison
from remit.domain.ids import AgentName, ReleaseId
from remit.domain.record import RecordKind
from remit.execution import observing
from remit.execution.backtest.tally import merged
from remit.execution.replay import Agreement
from remit.storage.candidate import WHOLE, Trial, TrialKind, TrialState
from remit.storage.port import Writes
from remit.storage.writing import put
from tests.worlds import BIG_PAYMENTS, LINA, OWNER, SARA, TWO_PEOPLE, WORKSPACE, World, agent, files, world, yaml

STRICTER = {"policies/pay.cedar": BIG_PAYMENTS.replace("> 500", "> 5")}


def trials(it: World) -> Trials:
    return Trials(it.store, it.releases, it.clock, it.ids)


def stored(it: World, changes: Mapping[str, str | None] = STRICTER) -> ReleaseId:
    """A release that is active elsewhere, and so there to be tried."""
    return it.releases.apply(it.plan(files(changes), "staging"), "staging").id


def begun(it: World, kind: TrialKind, release: str, by: str = SARA, share: int = WHOLE, *agents: str) -> Trial:
    named = tuple(map(AgentName, agents))
    return trials(it).begin(Wish(WORKSPACE, "production", release, kind, by, named, share))


def pay(it: World, amount: int, agent: str = "buyer") -> str:
    run = it.start(agent)
    return it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": amount})).decision.verdict.word


def seen(it: World, trial: Trial) -> Comparison:
    return merged(count.comparison for count in it.store.trial_counts(trial.id))


def until(true: Callable[[], bool]) -> None:
    for _ in range(400):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "LOOK_EVERY_S", 0.02)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, {"agents/seller.yaml": agent("seller")}) as opened:
        yield opened


BOTH = {**STRICTER, "agents/seller.yaml": agent("seller")}


def test_what_is_observed_has_no_effect_and_is_counted(it: World) -> None:
    trial = begun(it, TrialKind.OBSERVE, stored(it, BOTH))
    assert [pay(it, amount) for amount in (3, 7, 9)] == ["allow"] * 3
    until(lambda: seen(it, trial).decided == 3)
    found = seen(it, trial)
    (flips,) = found.flips
    assert (flips.key.kind, flips.key.cause, flips.count) == ("allow->hold", "big", 2)
    assert flips.examples[0].action in {record["action"] for record in it.records(RecordKind.DECISION_MADE)}
    assert it.store.approvals(WORKSPACE) == []
    assert {each.agreement for each in it.replay.all(WORKSPACE)} == {Agreement.SAME}


def test_only_what_is_concerned_is_decided_again(it: World) -> None:
    trial = begun(it, TrialKind.OBSERVE, stored(it, BOTH), SARA, WHOLE, "seller")
    assert pay(it, 7) == "allow"
    assert pay(it, 7, "seller") == "allow"
    until(lambda: seen(it, trial).decided > 0)
    it.queue.close()
    assert seen(it, trial).decided == 1


def test_what_was_stopped_is_observed_no_longer(it: World) -> None:
    trial = begun(it, TrialKind.OBSERVE, stored(it, BOTH))
    pay(it, 7)
    until(lambda: seen(it, trial).decided == 1)
    trials(it).stop(WORKSPACE, trial.id, LINA)
    time.sleep(0.2)
    pay(it, 7)
    it.queue.close()
    assert seen(it, trial).decided == 1
    changes = [(r["change"], r["by"], r["trial_kind"]) for r in it.records(RecordKind.TRIAL_CHANGED)]
    assert changes == [("began", SARA, "observe"), ("stopped", LINA, "observe")]


def test_a_full_queue_drops_counts_and_delays_nobody(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "MAX_WAITING", 1)
    trial = begun(it, TrialKind.OBSERVE, stored(it, BOTH))
    held, decided = threading.Event(), observing.Observer._observe

    def slowly(*arguments: object) -> None:
        held.wait(20)
        decided(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(observing.Observer, "_observe", slowly)
    assert [pay(it, 7) for _ in range(6)] == ["allow"] * 6
    held.set()
    it.queue.close()
    found = seen(it, trial)
    assert found.decided + found.unobserved == 6
    assert found.unobserved > 0


def test_a_candidate_that_can_not_be_read_is_refused(it: World) -> None:
    future = replace(
        it.store.release(WORKSPACE, stored(it, BOTH)), id=ReleaseId("rel_future"), files={"x.yaml": b"kind: X"}
    )
    put(it.store, Writes(releases=[future]))
    with pytest.raises(TrialRefused, match="can not be read by this version"):
        begun(it, TrialKind.OBSERVE, "rel_future")


def test_a_canary_decides_for_named_agents_only(it: World) -> None:
    candidate = stored(it, BOTH)
    trial = begun(it, TrialKind.CANARY, candidate, SARA, WHOLE, "seller")
    assert pay(it, 7) == "allow"
    assert pay(it, 7, "seller") == "hold"
    releases = {record["release"] for record in it.records(RecordKind.RUN_STARTED) if record["agent"] == "seller"}
    assert releases == {candidate}
    trials(it).stop(WORKSPACE, trial.id, LINA)
    assert pay(it, 7, "seller") == "allow"


def test_a_canary_decides_for_its_share_by_the_run(it: World) -> None:
    candidate = stored(it, BOTH)
    trial = begun(it, TrialKind.CANARY, candidate, SARA, 5_000)
    runs = [it.start() for _ in range(24)]
    chosen = {run.id for run in runs if run.release == candidate}
    assert chosen == {run.id for run in runs if trial.concerns(run.agent, run.id)}
    assert 0 < len(chosen) < 24


def test_runs_keep_what_they_began_with(it: World) -> None:
    trial = begun(it, TrialKind.CANARY, stored(it, BOTH), SARA, WHOLE, "seller")
    run = it.start("seller")
    trials(it).stop(WORKSPACE, trial.id, SARA)
    assert it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 7})).decision.verdict.word == "hold"


def test_promoting_points_the_channel_and_ends_the_canary(it: World) -> None:
    candidate = stored(it, BOTH)
    trial = begun(it, TrialKind.CANARY, candidate, SARA, 100)
    ended = trials(it).promote(WORKSPACE, trial.id, LINA, "all well")
    assert (ended.state, ended.ended_by) == (TrialState.PROMOTED, LINA)
    assert it.store.active(WORKSPACE, "production") == candidate
    assert [r["change"] for r in it.records(RecordKind.TRIAL_CHANGED)] == ["began", "promoted"]


def test_going_back_ends_a_canary(it: World) -> None:
    it.apply({"agents/seller.yaml": agent("seller"), "budgets.yaml": None, "policies/pay.cedar": BIG_PAYMENTS + "\n"})
    trial = begun(it, TrialKind.CANARY, stored(it, BOTH), SARA, WHOLE, "seller")
    it.releases.rollback(WORKSPACE, OWNER, "an incident", "production")
    assert it.store.trial(WORKSPACE, trial.id).state is TrialState.STOPPED
    assert pay(it, 7, "seller") == "allow"


def test_a_withdrawn_release_is_tried_no_longer(it: World) -> None:
    candidate = stored(it, BOTH)
    trial = begun(it, TrialKind.CANARY, candidate, SARA, WHOLE, "seller")
    it.apply(channel="staging")  # no channel points at it any more
    it.releases.withdraw(WORKSPACE, candidate, OWNER, "wrong")
    assert it.store.trial(WORKSPACE, trial.id).state is TrialState.STOPPED
    with pytest.raises(TrialRefused, match="was withdrawn"):
        begun(it, TrialKind.OBSERVE, candidate)


def test_a_canary_is_weakened_into_an_observation(it: World) -> None:
    candidate = stored(it, BOTH)
    trial = begun(it, TrialKind.CANARY, candidate, SARA, 700, "seller")
    observed = trials(it).demote(WORKSPACE, trial.id, SARA)
    assert (observed.kind, observed.release, observed.share, observed.agents) == (
        TrialKind.OBSERVE,
        candidate,
        700,
        ("seller",),
    )
    assert [r["change"] for r in it.records(RecordKind.TRIAL_CHANGED)] == ["began", "demoted", "began"]
    with pytest.raises(TrialRefused, match="nothing to weaken"):
        trials(it).demote(WORKSPACE, observed.id, LINA)


def test_what_can_not_be_tried_is_refused(it: World) -> None:
    active, candidate = it.store.active(WORKSPACE, "production"), stored(it, BOTH)
    with pytest.raises(TrialRefused, match=r"points at .* already"):
        begun(it, TrialKind.OBSERVE, active)
    with pytest.raises(ReleaseRefused, match="no release begins with"):
        begun(it, TrialKind.OBSERVE, "rel_none")
    begun(it, TrialKind.CANARY, candidate, SARA, 100)
    with pytest.raises(TrialRefused, match="has the canary"):
        begun(it, TrialKind.CANARY, candidate, SARA, 100)
    last, *_ = [begun(it, TrialKind.OBSERVE, candidate) for _ in range(MAX_OBSERVED)]
    with pytest.raises(TrialRefused, match="releases are observed already"):
        begun(it, TrialKind.OBSERVE, candidate)
    trials(it).stop(WORKSPACE, last.id, SARA)
    with pytest.raises(TrialRefused, match="was stopped by user:sara already"):
        trials(it).stop(WORKSPACE, last.id, SARA)
    with pytest.raises(TrialRefused, match="there is no trial"):
        trials(it).promote(WORKSPACE, "try_none", SARA, "")


def test_a_canary_passes_the_gates_and_an_observation_needs_none(tmp_path: Path) -> None:
    gates = yaml("Workspace", name=WORKSPACE, channels={"production": {"requires": {"tests": True}}})
    with world(tmp_path, {"workspace.yaml": gates}) as it:
        candidate = stored(it)
        begun(it, TrialKind.OBSERVE, candidate)
        with pytest.raises(GateClosed, match="the release has no tests"):
            begun(it, TrialKind.CANARY, candidate, SARA, 1)


def test_where_two_people_are_demanded_nobody_enforces_or_weakens_alone(tmp_path: Path) -> None:
    two = {"workspace.yaml": TWO_PEOPLE}
    with world(tmp_path, two) as it:
        plan = it.plan(files({**two, **STRICTER}))
        proposed = it.releases.apply(plan, "production").id
        with pytest.raises(ReleaseRefused, match="another one than user:omar proposes"):
            begun(it, TrialKind.CANARY, proposed, OWNER, 100)
        trial = begun(it, TrialKind.CANARY, proposed, SARA, 100)
        for weaken in (trials(it).demote, trials(it).stop):
            with pytest.raises(TrialRefused, match="another one weakens it"):
                weaken(WORKSPACE, trial.id, SARA)
        with pytest.raises(ReleaseRefused, match="another one weakens it"):
            it.releases.withdraw(WORKSPACE, proposed, SARA, "a way around")
        assert trial in it.store.trials(WORKSPACE, running=True)
        again = trials(it).demote(WORKSPACE, trial.id, LINA)
        assert again.kind is TrialKind.OBSERVE
        assert it.store.active(WORKSPACE, "production") != proposed
        trials(it).stop(WORKSPACE, again.id, LINA)  # an observation enforces nothing: who began it ends it
        second = begun(it, TrialKind.CANARY, proposed, SARA, 100)
        assert trials(it).stop(WORKSPACE, second.id, LINA).ended_by == LINA
