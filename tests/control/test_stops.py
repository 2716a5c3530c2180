"""A freeze of anything stops what is within it from the next admission on, until it is lifted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.control.stops import StopRefused
from remit.domain.action import ActionState, Outcome, OutcomeStatus
from remit.domain.facts import Scope, ScopeKind, Stop, StopKind, scope_id
from remit.domain.finding import Code
from remit.domain.ids import WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.execution.door import RunRefused
from remit.storage.port import Wanted, Writes
from tests.worlds import MODEL, SARA, WORKSPACE, World, agent, world, yaml


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path, {"agents/clerk.yaml": agent("clerk", team="accounts")}) as opened:
        yield opened


def get(it: World, run: Run) -> bool:
    """Whether a call gets through; if it does not, then for the stop and nothing else."""
    admission = it.door.admit(it.door.attempt_tool(run, "erp.get", {"id": "1"}))
    if admission.state is not ActionState.ADMITTED:
        assert {finding.code for finding in admission.decision.reasons} == {Code.STOPPED}
    return admission.state is ActionState.ADMITTED


def ask_model(it: World, run: Run) -> bool:
    return it.door.admit(it.door.attempt_model(run, MODEL, 1, 1)).state is ActionState.ADMITTED


Outside = Callable[[World, Run], bool]


def another_agent(it: World, run: Run) -> bool:
    return get(it, it.start("clerk", "user:other"))


def another_user(it: World, run: Run) -> bool:
    return get(it, it.start(on_behalf_of="user:other"))


def another_run(it: World, run: Run) -> bool:
    return get(it, it.start())


def another_tool(it: World, run: Run) -> bool:
    return it.door.admit(it.door.attempt_tool(run, "erp.status", {})).state is ActionState.ADMITTED


@pytest.mark.parametrize(
    ("target", "outside"),
    [
        ("team:procurement", another_agent),
        ("agent:buyer", another_agent),
        ("user:visitor", another_user),
        ("run:", another_run),
        ("tool:erp.get", another_tool),
        ("tool:erp.get", ask_model),
    ],
)
def test_a_freeze_stops_what_is_within_it_and_nothing_else(it: World, target: str, outside: Outside) -> None:
    run = it.start()
    if target == "run:":
        target += run.id
    assert get(it, run)
    it.stops.freeze(WORKSPACE, target, SARA, "smells")
    assert not get(it, run)
    assert outside(it, run)
    it.stops.unfreeze(WORKSPACE, target, SARA, "it was the fish")
    assert get(it, run)


@pytest.mark.parametrize("who", ["service:erp-sync", "system:nightly"])
def test_whom_a_run_acts_for_can_be_frozen_whatever_it_is(it: World, who: str) -> None:
    run = it.start(on_behalf_of=who)
    it.stops.freeze(WORKSPACE, who, SARA, "smells")
    assert not get(it, run)
    assert get(it, it.start(on_behalf_of="user:" + who.partition(":")[2])), "another one of that name goes on"


@pytest.mark.parametrize("spelling", ["visitor", "User:visitor", "user:visitor ", "user:vis\u0456tor", "group:visitor"])
def test_no_other_spelling_escapes_a_freeze(it: World, spelling: str) -> None:
    it.stops.freeze(WORKSPACE, "user:visitor", SARA, "smells")
    with pytest.raises(RunRefused, match="on_behalf_of says whom the run acts for"):
        it.start(on_behalf_of=spelling)
    with pytest.raises(StopRefused, match="names nothing to stop"):
        it.stops.freeze(WORKSPACE, spelling, SARA, "smells")


def test_a_freeze_of_the_workspace_stops_everybody(it: World) -> None:
    run = it.start()
    it.stops.freeze(WORKSPACE, "workspace", SARA, "fire")
    assert [get(it, run), another_agent(it, run), another_user(it, run), ask_model(it, run)] == [False] * 4
    it.stops.unfreeze(WORKSPACE, "workspace", SARA, "only a drill")
    assert get(it, run)


def test_a_freeze_of_a_model_stops_its_calls(it: World) -> None:
    run = it.start()
    it.stops.freeze(WORKSPACE, f"model:{MODEL}", SARA, "it lies")
    assert (ask_model(it, run), get(it, run)) == (False, True)


def test_a_freeze_and_its_end_are_on_record_with_who_and_why(it: World) -> None:
    it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "smells")
    it.stops.unfreeze(WORKSPACE, "agent:buyer", SARA, "fine")
    frozen, lifted = it.records(RecordKind.STOP_CHANGED)
    assert (frozen["scope"], frozen["what"], frozen["by"]) == ("tiny/agent/buyer", "", SARA)
    assert (frozen["stop"]["kind"], frozen["stop"]["reason"], frozen["stop"]["at"]) == (
        "freeze",
        "smells",
        frozen["at"],
    )
    assert (lifted["stop"], lifted["reason"]) == (None, "fine")


def test_the_reason_reaches_whoever_is_stopped(it: World) -> None:
    it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "smells of fish")
    admission = it.door.admit(it.door.attempt_tool(it.start(), "erp.get", {"id": "1"}))
    (finding,) = admission.decision.reasons
    assert dict(finding.params) == {"scope": "agent", "stop": "freeze", "by": SARA, "reason": "smells of fish"}


def test_a_freeze_keeps_what_was_counted(it: World) -> None:
    run = it.start()
    get(it, run)
    before = it.scope(ScopeKind.AGENT, "buyer").state()
    it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "smells")
    assert it.scope(ScopeKind.AGENT, "buyer").state() == before


@pytest.mark.parametrize("text", ["", "workspace:x", "agent:", "agents:buyer", "buyer", "run", "tool:", "everything"])
def test_what_names_nothing_is_refused(it: World, text: str) -> None:
    with pytest.raises(StopRefused, match="names nothing to stop: write workspace, run:ID, agent:NAME"):
        it.stops.freeze(WORKSPACE, text, SARA, "smells")


def test_a_run_that_is_not_there_can_not_be_frozen(it: World) -> None:
    with pytest.raises(StopRefused, match="there is no run run_x in workspace tiny"):
        it.stops.freeze(WORKSPACE, "run:run_x", SARA, "smells")


def test_an_agent_can_be_frozen_before_its_first_run(it: World) -> None:
    it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "not yet")
    assert not get(it, it.start())


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("agent:byer", "perhaps agent:buyer is meant"),
        ("agent:Buyer", "perhaps agent:buyer is meant"),
        ("team:procurment", "perhaps team:procurement is meant"),
        ("tool:erp.gett", "perhaps tool:erp.get is meant"),
        ("model:local/tiny-2", "perhaps model:local/tiny-1 is meant"),
        ("agent:zzz", "check the name"),
    ],
)
def test_a_name_that_nobody_knows_is_not_said_to_be_frozen(it: World, text: str, meant: str) -> None:
    with pytest.raises(StopRefused) as caught:
        it.stops.freeze(WORKSPACE, text, SARA, "smells")
    kind, _, name = text.partition(":")
    assert str(caught.value).startswith(f"workspace tiny knows no {kind} {name}, so nothing would be stopped: {meant}")
    assert it.records(RecordKind.STOP_CHANGED) == []
    it.stops.freeze(WORKSPACE, text, SARA, "in good time", anyway=True)
    assert len(it.records(RecordKind.STOP_CHANGED)) == 1


def test_what_only_an_older_or_another_release_knows_can_be_frozen(it: World) -> None:
    old = it.start("clerk", "user:other")
    more = yaml("Tool", name="erp.print", effect="read", description="Prints.", input={"type": "object"})
    it.apply({"agents/temp.yaml": agent("temp"), "tools/more.yaml": more}, channel="staging")
    it.apply({"agents/buyer.yaml": agent(tools=["erp.get"]), "agents/clerk.yaml": None})
    for text in ("agent:clerk", "team:accounts", "agent:temp", "tool:erp.print", f"model:{MODEL}"):
        it.stops.freeze(WORKSPACE, text, SARA, "smells")
    assert not get(it, old)


def test_only_what_is_frozen_can_be_lifted(it: World) -> None:
    with pytest.raises(StopRefused, match="agent:buyer is not frozen"):
        it.stops.unfreeze(WORKSPACE, "agent:buyer", SARA, "why not")


def test_a_termination_can_neither_be_lifted_nor_turned_into_a_freeze(it: World) -> None:
    scope = Scope(scope_id(ScopeKind.AGENT, WORKSPACE, "buyer"), ScopeKind.AGENT)
    scope.stops[""] = Stop(StopKind.TERMINATION, SARA, "for good", it.clock.now())
    transactions = it.store.transactions()
    transactions.begin(Wanted())
    transactions.commit(Writes(stops={scope.id: scope}))
    transactions.close()
    for change in (it.stops.unfreeze, it.stops.freeze):
        with pytest.raises(StopRefused, match="agent:buyer was terminated, which can not be lifted"):
            change(WORKSPACE, "agent:buyer", SARA, "please")
    assert not get(it, it.start())


def loop(it: World, run: Run, times: int = 12) -> int:
    """Ask the same and hear the same; return how often that went through."""
    for number in range(times):
        attempt = it.door.attempt_tool(run, "erp.get", {"id": "1"})
        if it.door.admit(attempt).state is not ActionState.ADMITTED:
            return number
        it.door.settle(attempt, Outcome(attempt.action, OutcomeStatus.OK), b"the same as ever")
    return times


def test_a_run_that_was_stopped_for_looping_begins_afresh_when_it_is_lifted(it: World) -> None:
    run = it.start()
    first = loop(it, run)
    assert 0 < first < 12
    assert it.scope(ScopeKind.RUN, run.id).stops[""].by == "remit:loop-check"
    it.stops.unfreeze(WORKSPACE, f"run:{run.id}", SARA, "it has a point")
    lifted = it.scope(ScopeKind.RUN, run.id)
    assert (lifted.history, lifted.stops) == (b"", {})
    assert lifted.progress is not None
    assert (lifted.progress.loop, lifted.progress.steps) == (None, first)
    assert loop(it, run) == first


def test_lifting_a_persons_freeze_forgets_nothing_of_a_run(it: World) -> None:
    run = it.start()
    loop(it, run, 2)
    remembered = it.scope(ScopeKind.RUN, run.id).history
    it.stops.freeze(WORKSPACE, f"run:{run.id}", SARA, "smells")
    it.stops.unfreeze(WORKSPACE, f"run:{run.id}", SARA, "fine")
    assert it.scope(ScopeKind.RUN, run.id).history == remembered != b""


def test_nothing_crosses_to_another_workspace(it: World) -> None:
    it.stops.freeze(WorkspaceName("other"), "agent:buyer", SARA, "theirs", anyway=True)
    assert get(it, it.start())
