"""A termination ends what is within it for good; only a re-activation, on purpose, lets it start anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.control import terminations
from remit.control.credentials import Credentials
from remit.control.stops import StopRefused
from remit.control.terminations import Terminations
from remit.domain.action import ActionState, Outcome, OutcomeStatus
from remit.domain.facts import ApprovalState, ScopeKind, StopKind
from remit.domain.finding import Code
from remit.domain.ids import AgentName
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.storage.port import Store
from tests.worlds import LINA, MODEL, SARA, VISITOR, WORKSPACE, World, agent, world


@pytest.fixture
def it(tmp_path: Path) -> Any:
    agents = {
        "agents/buyer.yaml": agent(agents=["clerk"]),
        "agents/clerk.yaml": agent("clerk", team="accounts"),
    }
    with world(tmp_path, agents) as opened:
        yield opened


def ending(it: World, store: Store | None = None) -> Terminations:
    return Terminations(store or it.store, it.clock, it.ids)


def codes(it: World, run: Run) -> set[Code]:
    """Why a call is denied; nothing where it is not."""
    admission = it.door.admit(it.door.attempt_tool(run, "erp.get", {"id": "1"}))
    return {finding.code for finding in admission.decision.reasons}


def ended(it: World, run: Run) -> bool:
    progress = it.scope(ScopeKind.RUN, run.id).progress
    assert progress is not None
    return bool(progress.ended_at)


@pytest.mark.parametrize("target", ["run:", "agent:buyer", "team:procurement", VISITOR, "workspace"])
def test_open_runs_within_end_and_nothing_more_is_admitted(it: World, target: str) -> None:
    run, done, other = it.start(), it.start(), it.start("clerk", "user:other")
    below = it.start("clerk", parent=run.id)
    it.door.end_run(done, "ok")
    whole = target == "workspace"
    done_by = ending(it).terminate(WORKSPACE, target + run.id if target == "run:" else target, SARA, "stolen")
    assert [ended(it, each) for each in (run, other)] == [True, whole]
    assert Code.STOPPED in codes(it, run)
    assert codes(it, other) == ({Code.STOPPED, Code.RUN_ENDED} if whole else set())
    assert ended(it, below) is (target in ("run:", "workspace", VISITOR))
    records = [(each["run"], each["status"], each.get("by")) for each in it.records(RecordKind.RUN_ENDED)]
    assert records[0] == (done.id, "ok", None)
    assert (run.id, "terminated", SARA) in records[1:]
    assert done_by.runs == len(records) - 1
    stop = it.records(RecordKind.STOP_CHANGED)[-1]["stop"]
    assert (stop["kind"], stop["by"], stop["reason"], stop["until"]) == ("termination", SARA, "stolen", None)


def test_what_waits_for_people_is_void_and_what_is_open_stays_so_until_it_is_settled(it: World) -> None:
    run = it.start()
    held = it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900}))
    paying = it.door.attempt_tool(run, "erp.pay", {"amount": 1})
    it.door.admit(paying)
    ending(it).terminate(WORKSPACE, "agent:buyer", SARA, "stolen")
    assert it.store.approval(held.approval).state is ApprovalState.VOIDED
    assert [action.id for action in it.store.open_actions(WORKSPACE)] == [paying.action]
    assert it.door.settle(paying, Outcome(paying.action, OutcomeStatus.OK), b"paid").status == "ok"
    assert it.store.open_actions(WORKSPACE) == []
    it.door.end_run(run, "ok")  # its own agent comes too late, and is told nothing else
    assert it.records(RecordKind.RUN_ENDED)[-1]["status"] == "terminated"


def test_it_can_neither_be_lifted_nor_turned_into_a_freeze(it: World) -> None:
    ending(it).terminate(WORKSPACE, "agent:buyer", SARA, "stolen")
    for change in (it.stops.unfreeze, it.stops.freeze):
        with pytest.raises(StopRefused, match=r"agent:buyer was terminated by user:sara, which can not be lifted"):
            change(WORKSPACE, "agent:buyer", LINA, "please")
    assert codes(it, it.start()) == {Code.STOPPED}


def test_a_frozen_target_can_be_terminated(it: World) -> None:
    it.stops.freeze(WORKSPACE, "agent:buyer", LINA, "smells", until="1h")
    ending(it).terminate(WORKSPACE, "agent:buyer", SARA, "stolen")
    it.clock.advance(7_200)
    assert codes(it, it.start()) == {Code.STOPPED}


def test_a_re_activation_lets_new_runs_start_and_no_old_one_go_on(it: World) -> None:
    run = it.start()
    ending(it).terminate(WORKSPACE, "agent:buyer", SARA, "stolen")
    ending(it).reactivate(WORKSPACE, "agent:buyer", LINA, "new key, new owner")
    assert codes(it, run) == {Code.RUN_ENDED}
    assert codes(it, it.start()) == set()
    lifted = it.records(RecordKind.STOP_CHANGED)[-1]
    assert (lifted["stop"], lifted["by"], lifted["reason"]) == (None, LINA, "new key, new owner")
    with pytest.raises(StopRefused, match="agent:buyer is not terminated"):
        ending(it).reactivate(WORKSPACE, "agent:buyer", LINA, "again")


def test_a_run_is_never_re_activated(it: World) -> None:
    run = it.start()
    ending(it).terminate(WORKSPACE, f"run:{run.id}", SARA, "stolen")
    with pytest.raises(StopRefused, match=f"run:{run.id} has ended for good: start a new run"):
        ending(it).reactivate(WORKSPACE, f"run:{run.id}", SARA, "please")


@pytest.mark.parametrize(
    ("target", "revoked"),
    [("agent:buyer", ["buyer"]), ("team:procurement", ["buyer"]), ("workspace", ["buyer", "clerk"])],
)
def test_keys_are_revoked_with_it_and_no_person_loses_one(it: World, target: str, revoked: list[str]) -> None:
    credentials = Credentials(it.store, it.clock, it.ids)
    made = {name: credentials.make_agent_key(WORKSPACE, AgentName(name), SARA) for name in ("buyer", "clerk")}
    done = ending(it).terminate(WORKSPACE, target, SARA, "stolen", revoke_keys=True)
    holding = [n for n, key in made.items() if it.store.credential(key.credential.id).holds_at(it.clock.now())]
    assert holding == [name for name in made if name not in revoked]
    assert done.keys == len(revoked)
    changes = [record for record in it.records(RecordKind.KEY_CHANGED) if record["change"] == "revoked"]
    assert sorted(each["holder"] for each in changes) == revoked
    assert {(each["by"], each["reason"]) for each in changes} == {(SARA, "stolen")}
    stop = it.records(RecordKind.STOP_CHANGED)[-1]
    assert stop["no"] < changes[0]["no"] < stop["no"] + 3, "in the transaction of the stop"


def test_keys_stay_where_nobody_asks(it: World) -> None:
    key = Credentials(it.store, it.clock, it.ids).make_agent_key(WORKSPACE, AgentName("buyer"), SARA).credential
    ending(it).terminate(WORKSPACE, "agent:buyer", SARA, "stolen")
    assert it.store.credential(key.id).holds_at(it.clock.now())


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("tool:erp.get", "tool:erp.get has no runs that could end: freeze it"),
        (f"model:{MODEL}", "has no runs that could end: freeze it, without an end, or take it out of the remits"),
        ("agent:byer", "knows no agent byer, so nothing would be stopped: perhaps agent:buyer is meant"),
        ("run:run_x", "there is no run run_x in workspace tiny"),
        ("everything", "names nothing to stop"),
    ],
)
def test_what_can_not_be_terminated(it: World, target: str, said: str) -> None:
    with pytest.raises(StopRefused, match=said):
        ending(it).terminate(WORKSPACE, target, SARA, "stolen")


@pytest.mark.parametrize("target", ["run:run_x", VISITOR])
def test_what_has_no_keys_of_its_own(it: World, target: str) -> None:
    with pytest.raises(StopRefused, match="has no keys of its own"):
        ending(it).terminate(WORKSPACE, target, SARA, "stolen", revoke_keys=True)


@pytest.mark.parametrize("reason", ["", "  "])
def test_it_needs_a_reason(it: World, reason: str) -> None:
    with pytest.raises(StopRefused, match="a termination needs a reason"):
        ending(it).terminate(WORKSPACE, "agent:buyer", SARA, reason)
    with pytest.raises(StopRefused, match="a re-activation needs a reason"):
        ending(it).reactivate(WORKSPACE, "agent:buyer", SARA, reason)


def test_cut_off_behind_the_stop_nothing_is_admitted_and_doing_it_again_goes_on(
    it: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminations, "RUNS_AT_ONCE", 2)
    runs = [it.start() for _ in range(5)]
    opened = 0

    class CutOff:
        """The database goes away after the stop and the first runs."""

        def __getattr__(self, name: str) -> Any:
            return getattr(it.store, name)

        def transactions(self) -> Any:
            nonlocal opened
            opened += 1
            if opened > 2:
                raise OSError("gone")
            return it.store.transactions()

    with pytest.raises(OSError, match="gone"):
        ending(it, CutOff()).terminate(WORKSPACE, "agent:buyer", SARA, "stolen")
    assert [ended(it, run) for run in runs] == [True, True, False, False, False]
    assert all(Code.STOPPED in codes(it, run) for run in runs)
    again = ending(it).terminate(WORKSPACE, "agent:buyer", LINA, "once more")
    assert (again.stop.by, again.runs) == (SARA, 3)
    assert all(ended(it, run) for run in runs)
    assert len(it.records(RecordKind.STOP_CHANGED)) == 1
    assert it.scope(ScopeKind.AGENT, "buyer").stops[""].kind is StopKind.TERMINATION


def test_an_approved_payment_is_not_made_any_more(it: World) -> None:
    run = it.start()
    held = it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900}))
    assert held.approval is not None
    it.approvals.answer(held.approval, SARA, held.digest, approve=True)
    ending(it).terminate(WORKSPACE, f"run:{run.id}", SARA, "stolen")
    assert it.store.approval(held.approval).state is ApprovalState.VOIDED
    assert it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 900})).state is ActionState.DENIED
