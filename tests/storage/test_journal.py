"""What every journal guarantees; tests/postgres/test_journal.py runs the same on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.control.transaction import changing
from remit.domain.clock import Instant
from remit.domain.ids import AgentName, KeyId, OwnerId, ReleaseId, RunId, UserId, WorkflowName, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.workflow_act import WorkflowAct, WorkflowAsked
from remit.domain.workflow_progress import Progress, StepState, WorkflowState
from remit.storage.journal import GIVEN_UP, Asking, Ending, Journal, LostRun, StoredStep, WorkflowEvent, WorkflowRun
from remit.storage.journal_rows import journal_of
from remit.storage.liveness import RunWoken
from remit.storage.port import Wanted
from remit.storage.sqlite import SqliteStore
from remit.storage.timetable import ScheduleRow, timetable_of

NOW = Instant(1_000_000_000)
ME, OTHER = OwnerId("wrk_me"), OwnerId("wrk_other")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    it = SqliteStore(tmp_path / "remit.db")
    yield it
    it.close()


@pytest.fixture
def journal(store: Any) -> Journal:
    return journal_of(store)


def run(id: str, **fields: Any) -> WorkflowRun:
    made = WorkflowRun(
        RunId(id),
        WorkspaceName("a"),
        WorkflowName("flow"),
        AgentName("clerk"),
        ReleaseId("rel_1"),
        KeyId("a/k"),
        "user:sara",
        NOW,
        ready_at=NOW,
    )
    return replace(made, **fields)


def claim(journal: Journal, id: str, owner: OwnerId = ME, turn: int = 0, fresh: int = 0) -> WorkflowRun | None:
    return journal.claim(RunId(id), turn, owner, NOW, Instant(fresh or NOW))


def test_a_run_is_written_once_with_the_steps_it_begins_with(journal: Journal) -> None:
    step = StoredStep(Progress("a", StepState.DONE, number=1), b"sealed")
    assert journal.add(run("run_1"), [step])
    assert not journal.add(run("run_1", agent="other"), [])
    assert journal.run(RunId("run_1")) == run("run_1")
    assert journal.steps(RunId("run_1")) == [step]
    assert journal.run(RunId("run_2")) is None


def test_a_turn_has_one_owner_while_that_one_is_seen(journal: Journal, store: Any) -> None:
    timetable = timetable_of(store)
    journal.add(run("run_1"))
    timetable.beat(ME, NOW)
    mine = claim(journal, "run_1", fresh=NOW - 5)
    assert mine is not None
    assert (mine.state, mine.owner, mine.claims) == (WorkflowState.RUNNING, ME, 1)
    assert claim(journal, "run_1", OTHER, fresh=NOW - 5) is None
    assert claim(journal, "run_1", OTHER, turn=1) is None
    taken = claim(journal, "run_1", OTHER, fresh=NOW + 5)
    assert taken is not None
    assert (taken.owner, taken.claims) == (OTHER, 2)
    for late in (
        lambda: journal.save(mine, [], {}),
        lambda: journal.leave(mine, WorkflowState.WAITING, None, NOW),
        lambda: journal.end(mine, Ending(WorkflowState.SUCCEEDED), NOW),
        lambda: journal.stumble(mine, NOW),
    ):
        with pytest.raises(LostRun):
            late()
    journal.leave(taken, WorkflowState.WAITING, None, NOW)
    with pytest.raises(LostRun):
        journal.save(taken, [], {})


def test_a_worker_hears_who_wants_its_run_to_end_and_how(journal: Journal) -> None:
    journal.add(run("run_1"))
    mine = claim(journal, "run_1")
    assert mine is not None
    quiet = journal.save(mine, [], {})
    assert (quiet.cancel, quiet.cancelled_by) == ("", "")
    for how, by in (("cancel", "user:sara"), ("terminate", "user:lina")):
        assert journal.cancel(RunId("run_1"), how, by, NOW)
        standing = journal.save(mine, [], {})
        assert (standing.cancel, standing.cancelled_by) == (how, by)
        assert standing.wakes > quiet.wakes


def test_what_a_run_has_spent_is_told_before_it_is_over(journal: Journal) -> None:
    journal.add(run("run_1"))
    mine = claim(journal, "run_1")
    assert mine is not None
    journal.save(mine, [], {}, 7)
    journal.leave(mine, WorkflowState.WAITING, None, NOW)
    assert [each.spent for each in journal.runs(WorkspaceName("a"), 10)] == [7]


def test_a_run_that_is_given_up_is_undone_in_another_turn_unless_its_end_was_asked_for(journal: Journal) -> None:
    for name, how in (("run_1", ""), ("run_2", "cancel")):
        journal.add(run(name))
        mine = claim(journal, name)
        assert mine is not None
        if how:
            journal.cancel(RunId(name), how, "user:sara", NOW)
        journal.give_up(mine, "poison", NOW)
        found = journal.run(RunId(name))
        assert found is not None
        assert (found.cancel, found.error, found.turn, found.owner) == (how or GIVEN_UP, "poison", 1, "")
        assert found.state is WorkflowState.COMPENSATING
        with pytest.raises(LostRun):
            journal.give_up(mine, "poison", NOW)


def test_whoever_is_woken_during_a_turn_has_another_turn(journal: Journal) -> None:
    journal.add(run("run_1"))
    mine = claim(journal, "run_1")
    assert mine is not None
    assert journal.wake([RunId("run_1")], NOW) == 1
    journal.leave(mine, WorkflowState.WAITING, None, NOW)
    found = journal.run(RunId("run_1"))
    assert found is not None
    assert (found.turn, found.ready_at, found.owner) == (1, NOW, "")
    again = claim(journal, "run_1", turn=1)
    assert again is not None
    journal.leave(again, WorkflowState.WAITING, Instant(NOW + 50), NOW)
    assert [each.run for each in journal.due(Instant(NOW + 49), NOW, 10)] == []
    assert [each.run for each in journal.due(Instant(NOW + 50), NOW, 10)] == ["run_1"]


def test_workspaces_take_turns_and_urgent_runs_come_first(journal: Journal) -> None:
    for number in range(50):
        journal.add(run(f"run_a{number:02}"))
    journal.add(run("run_b1", workspace="b", priority=90))
    journal.add(run("run_a99", priority=1))
    due = [each.run for each in journal.due(NOW, NOW, 4)]
    assert due[0] == "run_a99"
    assert "run_b1" in due[:2]


def test_what_is_queued_is_looked_at_later_unless_it_was_begun_or_woken_meanwhile(journal: Journal) -> None:
    for id in ("run_1", "run_2", "run_3"):
        journal.add(run(id))
    seen = journal.due(NOW, NOW, 10)
    mine = claim(journal, "run_2")
    assert mine is not None
    journal.leave(mine, WorkflowState.WAITING, NOW, NOW)
    journal.wake([RunId("run_3")], Instant(NOW + 1))
    journal.queued(seen, Instant(NOW + 50))
    journal.queued([], Instant(NOW + 60))
    assert [each.run for each in journal.due(Instant(NOW + 1), NOW, 10)] == ["run_2", "run_3"]
    assert [each.run for each in journal.due(Instant(NOW + 50), NOW, 10)] == ["run_2", "run_3", "run_1"]


def test_a_turn_whose_owner_is_gone_is_due_at_once_whatever_the_queue_knows(journal: Journal, store: Any) -> None:
    timetable_of(store).beat(ME, NOW)
    journal.add(run("run_1"))
    seen = journal.due(NOW, NOW, 10)
    assert claim(journal, "run_1") is not None
    journal.queued(seen, Instant(NOW + 600))
    assert journal.due(Instant(NOW + 5), NOW, 10) == []
    assert [each.run for each in journal.due(Instant(NOW + 5), Instant(NOW + 1), 10)] == ["run_1"]


def test_two_that_begin_at_once_do_not_share_one_place(journal: Journal) -> None:
    for number in range(6):
        journal.add(run(f"run_{number}", most=2))
    begun: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: begun.append(claim(journal, f"run_{n}", OwnerId(f"wrk_{n}"))))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = [each for each in begun if each is not None]
    assert len(got) == 2
    journal.end(got[0], Ending(WorkflowState.SUCCEEDED), Instant(NOW + 7))
    woken = [each for each in journal.runs(WorkspaceName("a"), 10) if each.ready_at == NOW + 7]
    assert len(woken) == 1


def test_an_end_wakes_the_run_above(journal: Journal) -> None:
    journal.add(run("run_1", state=WorkflowState.WAITING, ready_at=None))
    journal.add(run("run_2", parent="run_1"))
    below = claim(journal, "run_2")
    assert below is not None
    journal.end(below, Ending(WorkflowState.FAILED, "why", b"out", 7), NOW)
    above, ended = journal.run(RunId("run_1")), journal.run(RunId("run_2"))
    assert above is not None
    assert ended is not None
    assert above.ready_at == NOW
    assert (ended.state, ended.error, ended.outputs, ended.spent, ended.is_over) == (
        WorkflowState.FAILED, "why", b"out", 7, True,
    )  # fmt: skip


def asking(id: str, key: str) -> Asking:
    asked = WorkflowAsked(WorkflowAct.CANCEL, WorkflowName("flow"), UserId("user:sara"), "no more")
    return Asking(key, WorkspaceName("a"), RunId(id), asked)


def test_what_people_ask_is_on_record_among_what_others_write_and_nobody_waits_for_ever(
    journal: Journal, store: Any
) -> None:
    """Admissions lock the workspace and then wake runs: whoever took the rows the other way round would meet them."""
    ids = [f"run_{number:02}" for number in range(30)]
    for id in ids:
        journal.add(run(id))

    def admit() -> None:
        for id in ids:
            with changing(store, Wanted(workspace=WorkspaceName("a")), NOW) as change:
                change.writes.liveness.append(RunWoken(RunId(id)))
                change.record(f"{id}/other", RecordKind.PAYLOAD_READ, {})

    def ask() -> list[bool]:
        return [journal.cancel(RunId(id), "cancel", "user:sara", NOW, asking(id, f"{id}/asked")) for id in ids]

    with changing(store, Wanted(workspace=WorkspaceName("a")), NOW) as change:
        change.record("first", RecordKind.PAYLOAD_READ, {})
    with ThreadPoolExecutor(2) as both:
        other = both.submit(admit)
        assert both.submit(ask).result(60) == [True] * len(ids)
        other.result(60)
    assert not journal.cancel(RunId(ids[0]), "cancel", "user:sara", NOW, asking(ids[0], "again"))
    found = [orjson.loads(body) for _, body in store.records(WorkspaceName("a"), 0, 1_000)]
    assert [each["no"] for each in found] == list(range(1, 2 * len(ids) + 2))
    asked = [each for each in found if each["kind"] == RecordKind.WORKFLOW_ASKED.value]
    assert [each["run"] for each in asked] == ids
    assert (asked[0]["what"], asked[0]["by"], asked[0]["reason"]) == ("cancel", "user:sara", "no more")
    assert (asked[0]["at"], asked[0]["key"]) == (NOW, "run_00/asked")


def test_whoever_listens_hears_of_what_people_ask(journal: Journal, store: Any) -> None:
    journal.add(run("run_1"))
    with changing(store, Wanted(workspace=WorkspaceName("a")), NOW) as change:
        change.record("first", RecordKind.PAYLOAD_READ, {})
    changes = store.listen(WorkspaceName("a"))
    with ThreadPoolExecutor(1) as listening:
        heard = listening.submit(next, changes)
        assert journal.cancel(RunId("run_1"), "cancel", "user:sara", NOW, asking("run_1", "k"))
        assert heard.result(60) is None
    changes.close()


def test_runs_that_ended_badly_are_told_until_they_are_done_again(journal: Journal) -> None:
    """Those that failed, but where a run above tells of it; what was not undone, or not moved; nothing else."""
    ended = {"state": WorkflowState.FAILED, "ended_at": NOW, "ready_at": None}
    for made in (
        run("run_failed", **{**ended, "ended_at": NOW + 2}),
        run("run_done_again", **ended),
        run("run_again", shares="run_done_again"),
        run("run_below", **ended, parent="run_failed"),
        run("run_left_below", **{**ended, "error": "a: x; not undone: a"}, parent="run_failed"),
        run("run_left", **{**ended, "state": WorkflowState.CANCELLED, "error": "undone by x; not undone: a"}),
        run("run_not_moved", **{**ended, "state": WorkflowState.CANCELLED, "error": "not moved, retry it: x"}),
        run("run_cancelled", **{**ended, "state": WorkflowState.CANCELLED, "error": "cancelled by x"}),
        run("run_well", **{**ended, "state": WorkflowState.SUCCEEDED}),
        run("run_of_others", **ended, workspace=WorkspaceName("b")),
        run("run_long_ago", **{**ended, "ended_at": NOW - 1}),
        run("run_open"),
    ):
        journal.add(made)
    found = journal.ended_badly(WorkspaceName("a"), NOW, 10)
    assert [each.run for each in found] == ["run_left", "run_left_below", "run_not_moved", "run_failed"]
    assert [each.run for each in journal.ended_badly(WorkspaceName("a"), NOW, 1)] == ["run_left"]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What these return, called side by side."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result(60) for each in [pool.submit(call) for call in calls]]


def sharing(id: str, owner: str) -> tuple[WorkflowRun, list[StoredStep]]:
    """A run that begins with a step of another."""
    return run(id, shares=owner), [StoredStep(Progress("a", StepState.DONE, number=1, belongs_to=owner))]


def whose(journal: Journal, id: str) -> str:
    (step,) = journal.steps(RunId(id))
    return step.progress.belongs_to


def test_of_runs_that_share_what_a_failed_one_left_the_first_owns_it(journal: Journal) -> None:
    journal.add(run("run_0", state=WorkflowState.FAILED), [StoredStep(Progress("a", StepState.DONE, number=1))])
    names = [f"run_{number}" for number in range(1, 7)]
    at_once(*(lambda name=name: journal.add(*sharing(name, "run_0")) for name in names))
    (owner,) = [name for name in names if whose(journal, name) == ""]
    assert whose(journal, "run_0") == owner
    for name in names:
        found = journal.run(RunId(name))
        assert found is not None
        assert (found.cancel, found.cancelled_by) == (("", "") if name == owner else ("cancel", "run:run_0"))


@pytest.mark.parametrize("number", range(5))
def test_a_step_is_not_undone_under_a_run_that_begins_with_it(journal: Journal, number: int) -> None:
    """Whoever is first: the other comes to nothing."""
    owner, sharer = f"run_{number}", f"run_{number}_on"
    journal.add(run(owner, state=WorkflowState.SUCCEEDED), [StoredStep(Progress("a", StepState.DONE, number=1))])
    calls = [lambda: journal.undo(RunId(owner), "user:sara", NOW), lambda: journal.add(*sharing(sharer, owner))]
    found = at_once(*(calls if number % 2 else reversed(calls)))
    is_undone, _ = found if number % 2 else reversed(found)
    begun = journal.run(RunId(sharer))
    assert begun is not None
    assert (begun.cancel == "cancel") == is_undone
    assert whose(journal, sharer) == owner
    assert list(journal.standing_on(RunId(owner))) == [sharer]


@pytest.mark.parametrize("above", ["run_0", "run_9"])
def test_a_run_is_not_undone_under_one_above_it(journal: Journal, above: str) -> None:
    """Whatever the order of their ids, in which they are locked, and however far above it is."""
    states = {above: WorkflowState.WAITING, "run_5": WorkflowState.SUCCEEDED, "run_6": WorkflowState.SUCCEEDED}
    for (id, state), parent in zip(states.items(), ("", above, "run_5"), strict=True):
        journal.add(run(id, state=state, parent=parent))
    for below in ("run_5", "run_6"):
        assert list(journal.standing_on(RunId(below))) == [above]
        assert not journal.undo(RunId(below), "user:sara", NOW)
    mine = claim(journal, above)
    assert mine is not None
    journal.end(mine, Ending(WorkflowState.SUCCEEDED), NOW)
    assert list(journal.standing_on(RunId("run_6"))) == []
    found = at_once(*(lambda id=id: journal.undo(RunId(id), "user:sara", NOW) for id in ("run_6", above)))
    assert found in ([True, True], [False, True])  # whichever is first; the one above is stood on by nobody
    assert not journal.undo(RunId("run_5"), "user:sara", NOW)


def test_what_was_undone_meanwhile_is_begun_with_by_nobody(journal: Journal) -> None:
    done = StoredStep(Progress("a", StepState.DONE, number=1))
    undone = StoredStep(Progress("undo/a", StepState.DONE, number=2))
    journal.add(run("run_0", state=WorkflowState.CANCELLED), [done, undone])
    journal.add(*sharing("run_1", "run_0"))
    found = journal.run(RunId("run_1"))
    assert found is not None
    assert found.cancel == "cancel"


def test_events_are_kept_once_used_once_and_not_for_what_is_over(journal: Journal) -> None:
    journal.add(run("run_1"))
    event = WorkflowEvent("evt_1", RunId("run_1"), "paid", NOW, data=b"x")
    assert journal.tell(event, NOW)
    assert not journal.tell(event, NOW)
    mine = claim(journal, "run_1")
    assert mine is not None
    journal.save(mine, [], {"evt_1": "a"})
    journal.save(mine, [], {"evt_1": "b"})
    assert [each.used_by for each in journal.events(RunId("run_1"), unused=False)] == ["a"]
    assert journal.events(RunId("run_1"), unused=True) == []
    journal.end(mine, Ending(WorkflowState.SUCCEEDED), NOW)
    assert not journal.tell(replace(event, id="evt_2"), NOW)
    assert not journal.cancel(RunId("run_1"), "cancel", "user:sara", NOW)


def test_a_fire_time_is_seen_to_once(store: Any) -> None:
    timetable = timetable_of(store)
    timetable.begin(ScheduleRow("sch_1", WorkspaceName("a"), WorkflowName("flow"), NOW))
    timetable.begin(ScheduleRow("sch_1", WorkspaceName("a"), WorkflowName("flow"), Instant(5)))
    assert timetable.seen_to("sch_1", NOW, Instant(NOW + 1))
    assert not timetable.seen_to("sch_1", NOW, Instant(NOW + 2))
    assert timetable.schedules(WorkspaceName("a"))["sch_1"].last_at == NOW + 1
