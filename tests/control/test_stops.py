"""A freeze of anything stops what is within it from the next admission on, until it is lifted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.control.stops import StopRefused
from remit.domain.action import ActionState, Outcome, OutcomeStatus
from remit.domain.facts import ScopeKind
from remit.domain.finding import Code
from remit.domain.ids import WorkspaceName
from remit.domain.messages import say
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.execution.door import DEEPEST, RunRefused
from remit.execution.recovery import lapsed
from remit.execution.replay import Agreement
from tests.worlds import LINA, MODEL, SARA, VISITOR, WORKSPACE, World, agent, world, yaml


@pytest.fixture
def it(tmp_path: Path) -> Any:
    agents = {
        "agents/buyer.yaml": agent(agents=["clerk"]),
        "agents/clerk.yaml": agent("clerk", team="accounts", agents=["buyer"]),
    }
    with world(tmp_path, agents) as opened:
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


def test_a_freeze_with_an_end_lapses_by_itself_and_that_is_on_record(it: World) -> None:
    run = it.start()
    stop = it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "stocktaking", until="10m")
    assert stop.until == it.clock.now() + 600_000_000
    assert not get(it, run)
    it.clock.advance(599)
    assert not get(it, run)
    it.clock.advance(1)
    assert get(it, run)
    assert it.stops.in_force(WORKSPACE) == []
    for command in (*lapsed(it.store, it.clock.now()), *lapsed(it.store, it.clock.now())):
        it.queue.submit(command)
    frozen, lifted = it.records(RecordKind.STOP_CHANGED)
    assert frozen["stop"]["until"] == stop.until
    assert (lifted["scope"], lifted["stop"], lifted["by"], lifted["reason"]) == (
        "tiny/agent/buyer",
        None,
        "remit:clock",
        "its end has come",
    )
    assert it.scope(ScopeKind.AGENT, "buyer").stops == {}
    assert lapsed(it.store, it.clock.now()) == []


def test_a_freeze_set_again_meanwhile_does_not_lapse_with_the_old_one(it: World) -> None:
    it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "stocktaking", until="10m")
    it.clock.advance(601)
    (late,) = lapsed(it.store, it.clock.now())
    it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "more of it")
    it.queue.submit(late)
    assert not get(it, it.start())


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("yesterday", "until: 'yesterday' is no time"),
        ("2020-01-01T00:00:00Z", "until: 2020-01-01T00:00:00Z has passed already"),
        ("2099-01-01T00:00:00", "until: 2099-01-01T00:00:00 does not say its zone"),
        ("400d", "until: 400d is more than 366 days away"),
    ],
)
def test_an_end_that_is_none_is_refused(it: World, until: str, said: str) -> None:
    with pytest.raises(StopRefused, match=said):
        it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "smells", until=until)
    assert it.records(RecordKind.STOP_CHANGED) == []


def test_who_may_freeze_can_not_lift_by_freezing_for_a_moment(it: World) -> None:
    it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "smells")
    with pytest.raises(StopRefused, match="agent:buyer is frozen already, without an end, by user:sara: lift that"):
        it.stops.freeze(WORKSPACE, "agent:buyer", LINA, "a moment", until="1s")
    it.stops.freeze(WORKSPACE, "tool:erp.get", SARA, "smells", until="2h")
    with pytest.raises(StopRefused, match=r"tool:erp.get is frozen already, until 20\d\d-.*Z, by user:sara"):
        it.stops.freeze(WORKSPACE, "tool:erp.get", LINA, "a moment", until="1h")
    assert it.stops.freeze(WORKSPACE, "tool:erp.get", LINA, "longer", until="3h").by == LINA
    assert it.stops.freeze(WORKSPACE, "tool:erp.get", LINA, "for good").until is None


def test_what_is_stopped_is_listed_with_who_why_and_until_when(it: World) -> None:
    run = it.start()
    names = ("workspace", "tool:erp.get", f"model:{MODEL}", "team:procurement", "agent:buyer", VISITOR, f"run:{run.id}")
    for name in names:
        it.stops.freeze(WORKSPACE, name, SARA, f"why {name}", until="2h" if name == "agent:buyer" else "")
    it.stops.freeze(WorkspaceName("other"), "agent:buyer", SARA, "theirs", anyway=True)
    found = {each.target: each for each in it.stops.in_force(WORKSPACE)}
    assert set(found) == set(names)
    assert {name: each.stop.reason for name, each in found.items()} == {name: f"why {name}" for name in names}
    assert found["agent:buyer"].stop.until is not None
    assert len({each.id for each in found.values()}) == len(names)
    pages, after = [], ""
    while page := it.stops.in_force(WORKSPACE, 2, after):
        pages += [each.target for each in page]
        after = page[-1].scope
    assert sorted(pages) == sorted(names)


@pytest.mark.parametrize("reason", ["\u202egnorw", "x" * 2_001, "a\x00b"], ids=["turned", "long", "NUL"])
def test_a_reason_that_may_not_stand_on_record_is_refused(it: World, reason: str) -> None:
    with pytest.raises(StopRefused, match="the reason h"):
        it.stops.freeze(WORKSPACE, "agent:buyer", SARA, reason)


# -- runs below a stopped one


@pytest.fixture
def family(it: World) -> Any:
    """A run, one below it, and one below that, of two agents."""
    top = it.start()
    middle = it.start("clerk", parent=top.id)
    return top, middle, it.start(parent=middle.id)


def test_a_run_below_a_stopped_one_is_stopped_too(it: World, family: tuple[Run, Run, Run]) -> None:
    top, middle, bottom = family
    assert bottom.ancestors == (top.id, middle.id)
    it.stops.freeze(WORKSPACE, f"run:{middle.id}", SARA, "smells")
    assert [get(it, run) for run in family] == [True, False, False]
    it.stops.freeze(WORKSPACE, f"run:{top.id}", SARA, "smells more", until="10m")
    assert [get(it, run) for run in family] == [False, False, False]
    assert get(it, it.start())
    it.stops.unfreeze(WORKSPACE, f"run:{middle.id}", SARA, "fine")
    assert [get(it, run) for run in family] == [False, False, False]
    it.clock.advance(600)
    assert [get(it, run) for run in family] == [True, True, True]


def test_who_is_stopped_by_a_run_above_is_told_so_and_it_can_be_decided_again(
    it: World, family: tuple[Run, Run, Run]
) -> None:
    top, _, bottom = family
    it.stops.freeze(WORKSPACE, f"run:{top.id}", SARA, "smells")
    admission = it.door.admit(it.door.attempt_tool(bottom, "erp.get", {"id": "1"}))
    (finding,) = admission.decision.reasons
    assert dict(finding.params)["scope"] == "parent"
    assert say(finding) == "the run above it was frozen by user:sara: smells"
    record = it.records(RecordKind.DECISION_MADE)[-1]
    assert [each["id"] for each in record["facts"]["above"]] == [f"tiny/run/{top.id}"]
    assert {each.agreement for each in it.replay.all(WORKSPACE)} == {Agreement.SAME}


def test_a_run_of_another_workspace_is_nobodys_parent(it: World) -> None:
    with pytest.raises(RunRefused, match="the parent run run_x is not in workspace tiny"):
        it.start(parent="run_x")


def test_a_line_of_runs_ends_somewhere(it: World) -> None:
    run = it.start()
    for _ in range(DEEPEST):
        run = it.start(parent=run.id)
    with pytest.raises(RunRefused, match="is 64 deep already, and a line of runs ends there"):
        it.start(parent=run.id)


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
