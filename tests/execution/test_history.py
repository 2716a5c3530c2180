"""Recorded decisions made again with a candidate's rules: what flips, what can not be decided, what was so before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from remit.control.policy_tests import run_tests
from remit.control.releases import content_id
from remit.domain.decision import Decision
from remit.domain.flip import Comparison, Gap
from remit.domain.flip_words import say_gap, say_kind, say_sides
from remit.domain.record import RecordKind
from remit.execution.again import Past
from remit.execution.backtest import history, tally
from remit.execution.backtest.backtests import Asked, Backtests
from remit.execution.backtest.history import History
from remit.execution.backtest.pinning import LEFT_OUT, NotPinned, pinned
from remit.execution.backtest.tally import Tally, merged
from remit.kernel.ruleset import Ruleset
from remit.storage.candidate import Backtest, BacktestState
from remit.workspace.reading import read
from tests.execution.test_replay import CHANGES, eventful_day
from tests.worlds import BIG_PAYMENTS, SARA, TOOLS, WORKSPACE, World, agent, files, world

Files = Mapping[str, str | None]


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("history"), CHANGES) as opened:
        eventful_day(opened)
        yield opened


def rules(changes: Files) -> Ruleset:
    content = files({**CHANGES, **changes})
    configuration = read(content, "tiny").configuration
    assert configuration is not None
    return Ruleset(content_id(content), configuration)


def run(it: World, candidate: Ruleset, active: Ruleset | None = None, **narrowed: Any) -> Backtest:
    backtests = Backtests(it.store, it.parts.keys.apart(), it.clock, it.ids)
    it.clock.advance(120)
    begun = backtests.begin(Asked(WORKSPACE, 30, SARA, **narrowed), candidate.release, None)
    return backtests.run(begun, candidate, active)


def kinds(found: Comparison) -> dict[tuple[str, str, str], int]:
    return {(flips.key.kind, flips.key.cause, flips.key.target): flips.count for flips in found.flips}


def test_the_rules_that_decided_decide_the_same(it: World) -> None:
    found = run(it, rules({}))
    decisions = it.records(RecordKind.DECISION_MADE)
    assert found.state is BacktestState.DONE
    assert found.decided == found.total == found.comparison.decided == len(decisions)
    assert kinds(found.comparison) == {}
    assert found.comparison.gaps == {}


def test_what_a_change_does_is_told_by_policy_agent_and_tool(it: World) -> None:
    stricter = (
        BIG_PAYMENTS + '@id("no-scan") @reason("closed") forbid(principal, action == Action::"erp.scan", resource);'
    )
    found = run(it, rules({"policies/pay.cedar": stricter.replace("> 500", "> 5000")})).comparison
    scans = [each for each in it.records(RecordKind.DECISION_MADE) if each["target"] == "erp.scan"]
    allowed = [each for each in scans if each["decision"]["verdict"] == "allow"]
    held = [each for each in scans if each["decision"]["verdict"] == "hold"]
    assert held == []
    assert kinds(found) == {
        ("allow->deny", "no-scan", "erp.scan"): len(allowed),
        ("hold->allow", "big", "erp.pay"): 1,
    }
    flips = next(each for each in found.flips if each.key.kind == "allow->deny")
    assert len(flips.examples) == len(allowed)
    example = flips.examples[0]
    assert example.action == allowed[0]["action"]
    assert example.run == allowed[0]["run"]
    assert say_sides(example) == ("nothing spoke against it", "policy no-scan forbids it: closed")
    assert say_kind(flips.key, "ar") == "مسموح يصبح مرفوض"


def test_a_flip_that_the_active_release_makes_too_is_not_of_this_change(it: World) -> None:
    closed = {"agents/buyer.yaml": agent(tools=[])}
    found = run(it, rules({**closed, "budgets.yaml": None}), rules(closed)).comparison
    assert found.flipped > 0
    assert found.of_this_change == ()


def test_it_can_be_narrowed_to_an_agent_and_a_tool(it: World) -> None:
    found = run(it, rules({"policies/pay.cedar": ""}), agent="buyer", target="erp.pay")
    paid = [each for each in it.records(RecordKind.DECISION_MADE) if each["target"] == "erp.pay"]
    assert found.comparison.decided == len(paid)
    assert not found.is_whole
    assert run(it, rules({}), agent="nobody").comparison.decided == 0


def test_another_group_of_approvers_and_other_duties_are_flips(it: World) -> None:
    people = "---\nkind: Group\nname: legal\nmembers: [user:omar]\n"
    content = files()["people.yaml"].decode() + people
    legal = {"people.yaml": content, "policies/pay.cedar": BIG_PAYMENTS.replace('"finance"', '"legal"')}
    assert ("approvers", "big", "erp.pay") in kinds(run(it, rules(legal)).comparison)
    unmasked = agent(tools=[{"tool": "erp.get", "calls_per_run": 4}, "erp.status", "erp.scan", "erp.pay"])
    assert any(kind == "duties" for kind, _, _ in kinds(run(it, rules({"agents/buyer.yaml": unmasked})).comparison))


def test_what_can_not_be_decided_again_is_told_apart(it: World) -> None:
    scan = TOOLS[: TOOLS.rindex("---")]
    without = {"tools/erp.yaml": scan, "agents/buyer.yaml": agent(tools=["erp.get", "erp.status", "erp.pay"])}
    found = run(it, rules(without)).comparison
    scans = sum(each["target"] == "erp.scan" for each in it.records(RecordKind.DECISION_MADE))
    assert found.gaps == {Gap.TOOL_GONE: scans}
    assert len(found.gap_examples[Gap.TOOL_GONE]) == tally.MAX_EXAMPLES
    narrower = TOOLS.replace("id: {type: string}", "id: {type: integer}")
    assert run(it, rules({"tools/erp.yaml": narrower})).comparison.gaps[Gap.SCHEMA_CHANGED] == 5
    nobody = {"agents/buyer.yaml": agent("seller", tools=["erp.get"])}
    gone = run(it, rules(nobody)).comparison.gaps
    assert gone == {Gap.AGENT_GONE: len(it.records(RecordKind.DECISION_MADE))}


def test_every_gap_has_words_in_both_languages() -> None:
    for gap in Gap:
        assert say_gap(gap) != say_gap(gap, "ar")


def test_erased_arguments_are_counted_not_skipped(tmp_path: Path) -> None:
    with world(tmp_path, CHANGES) as it:
        eventful_day(it)
        first = it.records(RecordKind.RUN_STARTED)[0]["run"]
        db = sqlite3.connect(it.path)
        db.execute("delete from payload_keys where id = ?", (it.store.run(first).key,))
        db.commit()
        db.close()
        found = run(it, rules({})).comparison
        gone = [each for each in it.records(RecordKind.DECISION_MADE) if each["run"] == first]
        assert found.gaps == {Gap.ARGUMENTS_ERASED: len(gone)}
        assert found.decided + len(gone) == len(it.records(RecordKind.DECISION_MADE))


def test_pages_hold_every_decision_once(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE", 3)
    assert run(it, rules({})).comparison.decided == len(it.records(RecordKind.DECISION_MADE))


def test_a_cancelled_backtest_stops_and_stays_cancelled(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE", 1)
    backtests = Backtests(it.store, it.parts.keys, it.clock, it.ids)
    begun = backtests.begin(Asked(WORKSPACE, 30, SARA), rules({}).release, None)
    passed: list[int] = []

    def watch(count: int) -> None:
        passed.append(count)
        it.clock.advance(2)
        if len(passed) == 2:
            backtests.cancel(begun)

    ended = backtests.run(begun, rules({}), None, watch)
    assert ended.state is BacktestState.CANCELLED
    assert len(passed) == 2
    assert backtests.cancel(run(it, rules({}))).state is BacktestState.DONE


def test_one_whose_process_vanished_is_lost(it: World) -> None:
    backtests = Backtests(it.store, it.parts.keys, it.clock, it.ids)
    begun = backtests.begin(Asked(WORKSPACE, 1, SARA), rules({}).release, None)
    assert not backtests.is_lost(begun)
    it.clock.advance(61)
    assert backtests.is_lost(begun)


def test_memory_is_bounded_by_groups(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MAX_GROUPS", 1)
    found = run(it, rules({"agents/buyer.yaml": agent(tools=[])})).comparison
    assert len(found.flips) == 1
    assert found.more > 0
    assert merged([found, found]).flipped == 2 * found.flipped
    assert Comparison.from_json(found.as_json()) == found


def test_a_pinned_outcome_is_a_test_that_passes_and_then_fails(it: World) -> None:
    reader = History(it.store, it.parts.keys)
    for record in it.records(RecordKind.DECISION_MADE):
        if "standing" in str(record["decision"]["findings"]) or "rate" in str(record["decision"]["findings"]):
            continue
        past = reader.one(WORKSPACE, record["action"])
        assert isinstance(past, Past)
        candidate = rules({})
        made = pinned(candidate, past)
        found = read(files({**CHANGES, "tests/pinned.yaml": made.text}), "tiny")
        assert found.problems == ()
        (tested,) = run_tests(candidate, found.scenarios)
        assert tested.misses == (), record
        assert tested.decision.verdict.word == record["decision"]["verdict"]


def test_texts_whose_role_is_no_business_of_a_file_are_left_out(tmp_path: Path) -> None:
    roles = TOOLS.replace("description: Pays an invoice.\n", "description: Pays an invoice.\nroles: {note: secret}\n")
    with world(tmp_path, {"tools/erp.yaml": roles}) as it:
        admission = it.door.admit(it.door.attempt_tool(it.start(), "erp.pay", {"amount": 7, "note": "hunter2"}))
        past = History(it.store, it.parts.keys).one(WORKSPACE, admission.action)
        assert isinstance(past, Past)
        made = pinned(it.rules(), past)
        assert "hunter2" not in made.text
        assert LEFT_OUT in made.text
        assert made.left_out == ("note",)
        resting = (
            '@id("n") forbid(principal, action == Action::"erp.pay", resource)'
            ' when { context.input has note && context.input.note == "hunter2" };'
        )
        content = files({"tools/erp.yaml": roles, "policies/pay.cedar": resting})
        configuration = read(content, "tiny").configuration
        assert configuration is not None
        with pytest.raises(NotPinned, match="rests on note"):
            pinned(Ruleset(content_id(content), configuration), past)


def test_a_record_of_another_make_is_said_to_be_unreadable(it: World) -> None:
    past = History(it.store, it.parts.keys).one(WORKSPACE, it.records(RecordKind.DECISION_MADE)[0]["action"])
    assert isinstance(past, Past)
    counted = Tally(rules({}))
    counted.take(Past({**past.record, "facts": {}}, past.run, past.arguments))
    counted.take(Past({**past.record, "kernel": 99}, past.run, past.arguments))
    assert counted.comparison().gaps == {Gap.UNREADABLE: 1, Gap.OTHER_KERNEL: 1}
    assert isinstance(past.decision(), Decision)
