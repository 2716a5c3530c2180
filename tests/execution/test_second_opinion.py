"""Compiled policies are believed only as long as nobody finds them to differ: at apply, at load and in production."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from remit.domain.action import ActionState
from remit.domain.facts import Facts
from remit.domain.record import RecordKind
from remit.execution import rulesets
from remit.execution.recorded import Recorded
from remit.execution.second_opinion import MAX_WAITING, SecondOpinion
from remit.kernel.decide import decide
from remit.kernel.prepared import Prepared
from remit.policy.compiled import expressions, operators
from tests.worlds import WORKSPACE, World, reopened, world

LIMIT = 500
"""BIG_PAYMENTS holds what is above: exactly this much is the case that a broken `>` decides otherwise."""


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """`a > b` is compiled as `a >= b`."""
    monkeypatch.setitem(expressions._BINARY, "less_eq", operators.less)
    return monkeypatch


def paid(it: World, amount: int) -> str:
    run = it.start()
    return it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": amount})).state


def alarms(it: World) -> list[dict[str, object]]:
    return it.records(RecordKind.POLICIES_DIFFERED)


def situation(it: World) -> tuple[Facts, Prepared]:
    """What a payment was decided on."""
    paid(it, 1)
    (record,) = it.records(RecordKind.DECISION_MADE)
    return Recorded(it.store, it.parts.rulesets, it.parts.keys).situation(record)


def opinion_of(it: World) -> SecondOpinion:
    opinion = it.queue.opinion
    assert opinion is not None
    return opinion


def test_a_release_whose_compiled_policies_differ_is_decided_officially_from_the_start(
    tmp_path: Path, broken: pytest.MonkeyPatch
) -> None:
    with world(tmp_path) as it:
        (alarm,) = alarms(it)
        assert alarm["release"] == it.rules().release
        assert "erp.pay" in str(alarm["why"])
        assert it.rules().authorizer.distrusted == alarm["why"]
        assert (paid(it, LIMIT), paid(it, LIMIT + 1)) == (ActionState.ADMITTED, ActionState.HELD)


def test_an_alarm_on_record_is_heeded_by_whoever_loads_the_release(tmp_path: Path, broken: pytest.MonkeyPatch) -> None:
    with world(tmp_path):
        broken.undo()
    with reopened(tmp_path / "remit.db") as later:
        assert later.rules().authorizer.distrusted
        assert paid(later, LIMIT) == ActionState.ADMITTED


def test_a_process_that_compiles_otherwise_than_the_one_that_applied_finds_out_at_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(tmp_path) as it:
        assert (alarms(it), it.rules().authorizer.distrusted) == ([], "")
    monkeypatch.setitem(expressions._BINARY, "less_eq", operators.less)
    with reopened(tmp_path / "remit.db") as later:
        assert later.rules().authorizer.distrusted
        assert paid(later, LIMIT) == ActionState.ADMITTED


def test_recorded_actions_are_compared_before_a_release_decides_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remit.control.releases.first_difference", lambda *_: "")
    with world(tmp_path) as it:
        paid(it, LIMIT)
        monkeypatch.setitem(expressions._BINARY, "less_eq", operators.less)
        it.apply({"policies/more.cedar": NEVER})
        (alarm,) = alarms(it)
        assert alarm["release"] == it.rules().release


NEVER = '@id("never") forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount == 7 };'


def test_a_decision_that_differs_in_production_switches_its_release_and_is_put_on_record(
    tmp_path: Path, broken: pytest.MonkeyPatch
) -> None:
    broken.setenv("REMIT_SECOND_OPINION_EVERY", "1")
    broken.setattr("remit.control.releases.first_difference", lambda *_: "")
    broken.setattr(rulesets, "first_difference", lambda *_: "")
    with world(tmp_path) as it:
        assert paid(it, LIMIT) == ActionState.HELD  # wrongly, as `>=`
        wait_for_opinions(it, 1)
        assert opinion_of(it).opinions.different == 1
        assert paid(it, LIMIT) == ActionState.ADMITTED
        (alarm,) = alarms(it)
        assert "compiled policies led to hold, officially it is allow" in str(alarm["why"])


def wait_for_opinions(it: World, count: int) -> None:
    """Wait until so many decisions were compared and what follows of it is done."""
    for _ in range(500):
        found = opinion_of(it).opinions
        if found.same + found.different + found.failed >= count and (not found.different or alarms(it)):
            return
        threading.Event().wait(0.01)
    pytest.fail(f"{opinion_of(it).opinions} after 5 s")


def test_what_agrees_is_counted_and_only_every_so_many_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_SECOND_OPINION_EVERY", "2")
    with world(tmp_path) as it:
        for amount in (1, LIMIT, LIMIT + 1, 2):
            paid(it, amount)
        wait_for_opinions(it, 2)
        it.queue.close()
        found = opinion_of(it).opinions
        assert (found.same, found.different, found.failed, found.dropped) == (2, 0, 0, 0)
        assert (alarms(it), it.rules().authorizer.distrusted) == ([], "")


def test_no_opinion_is_asked_where_the_setting_says_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_SECOND_OPINION_EVERY", "0")
    with world(tmp_path) as it:
        paid(it, LIMIT)
        assert "remit-second-opinion" not in {thread.name for thread in threading.enumerate()}


def test_offering_never_waits_and_drops_what_is_too_much(tmp_path: Path) -> None:
    release = threading.Event()

    def stuck(*_: object) -> str:
        release.wait(10)
        return ""

    with world(tmp_path) as it:
        facts, call = situation(it)
        decision = decide(facts, call)
        opinion = SecondOpinion(1, lambda *_: None, stuck)
        for _ in range(MAX_WAITING + 20):
            opinion.offer(call, facts.as_json(), decision)
        assert opinion.opinions.dropped >= 19
        release.set()
        opinion.close()
        assert opinion.opinions.same + opinion.opinions.dropped == MAX_WAITING + 20


def test_a_comparison_that_fails_is_counted_and_the_next_is_made(tmp_path: Path) -> None:
    answers = iter([RuntimeError("the database is gone"), ""])

    def alarmed(*_: object) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    with world(tmp_path) as it:
        facts, call = situation(it)
        opinion = SecondOpinion(1, lambda *_: None, alarmed)
        for _ in range(2):
            opinion.offer(call, facts.as_json(), decide(facts, call))
        opinion.close()
        assert (opinion.opinions.failed, opinion.opinions.same) == (1, 1)
        assert it.store.record(WORKSPACE, "anything") is None
