"""Temporal facts count what was admitted in a window, in flight included; they are exact up to one bucket."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from remit.compose import open_door, open_queue
from remit.control.policy_tests import run_tests
from remit.control.releases import content_id
from remit.domain.admission import RunRequest
from remit.domain.facts import ScopeKind
from remit.domain.flip import Gap
from remit.domain.ids import AgentName
from remit.domain.record import RecordKind
from remit.domain.temporal import Temporal, TemporalLevel
from remit.execution.again import decide_again
from remit.execution.backtest.history import History
from remit.execution.door import InProcessDoor
from remit.execution.replay import Agreement
from remit.kernel.ruleset import Ruleset
from remit.kernel.temporal import BUCKETS, width_us
from remit.workspace.reading import read
from tests.worlds import MODEL, VISITOR, WORKSPACE, World, agent, files, world, yaml

FACTS: dict[str, Any] = {
    "paid_user": {"sum": "amount", "tools": ["erp.pay"], "per": "user", "window": "1h"},
    "calls_run": {"per": "run", "window": "1h"},
    "pays_agent": {"tools": ["erp.pay"], "per": "agent", "window": "2h"},
    "tried_tool": {"per": "tool", "window": "1h", "denied": True},
    "all_calls": {"per": "workspace", "window": "60s"},
}
FREE: dict[str, Any] = {"loops": {"on_detection": "warn"}, "limits": {"wall_time": "unlimited"}}
LIMIT = """
@id("day") @reason("more than 100 in an hour")
forbid(principal, action == Action::"erp.pay", resource)
when { context.call.temporal.paid_user + context.input.amount > 100 };
"""


def declared(facts: dict[str, Any] = FACTS, **changes: str | None) -> dict[str, str | None]:
    workspace = yaml("Workspace", name=WORKSPACE, temporal=facts, prices=[{"model": MODEL, "input": 1, "output": 2}])
    return {
        "workspace.yaml": workspace,
        "policies/pay.cedar": LIMIT,
        "agents/buyer.yaml": agent(**FREE),
        "agents/seller.yaml": agent("seller", **FREE),
        **changes,
    }


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, declared()) as opened:
        yield opened


def pay(it: World, run: Any, amount: int) -> str:
    return it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": amount})).decision.verdict.word


def last(it: World) -> dict[str, int]:
    facts = it.records(RecordKind.DECISION_MADE)[-1]["facts"]["temporal"]
    return {key.partition("/")[0]: value for key, value in facts.items()}


def test_a_sum_holds_over_runs_and_agents_of_one_user_and_ends_with_its_window(it: World) -> None:
    one, other = it.start(), it.start("seller")
    assert [pay(it, one, 60), pay(it, other, 40), pay(it, one, 1)] == ["allow", "allow", "deny"]
    assert last(it)["paid_user"] == 100
    assert pay(it, it.start(on_behalf_of="user:else"), 100) == "allow"
    it.clock.advance(3_600 + 60)
    assert pay(it, one, 100) == "allow"
    assert last(it)["paid_user"] == 0


def test_what_is_denied_counts_only_where_it_is_asked(it: World) -> None:
    run = it.start()
    assert [pay(it, run, 200), pay(it, run, 5), pay(it, run, 6)] == ["deny", "allow", "allow"]
    assert last(it) == {"paid_user": 5, "calls_run": 1, "pays_agent": 1, "tried_tool": 2, "all_calls": 1}


def test_facts_of_a_tool_are_those_of_the_tool_that_is_called(it: World) -> None:
    run = it.start()
    for id in "123":
        it.door.admit(it.door.attempt_tool(run, "erp.get", {"id": id}))
    pay(it, run, 1)
    assert (last(it)["tried_tool"], last(it)["calls_run"]) == (0, 3)
    it.door.admit(it.door.attempt_model(run, MODEL, 10, 10))
    assert (last(it)["tried_tool"], last(it)["calls_run"]) == (0, 4)


def test_every_decision_comes_out_the_same_from_its_record(it: World) -> None:
    run = it.start()
    for amount in (50, 40, 30, 5, 5, 1):
        pay(it, run, amount)
    assert {each.agreement for each in it.replay.all(WORKSPACE)} == {Agreement.SAME}
    states = [r["facts"]["scopes"]["user"]["state"] for r in it.records(RecordKind.DECISION_MADE)]
    assert all("temporal" not in state for state in states)


def test_a_fact_that_nobody_counted_then_is_a_gap_where_it_is_read(tmp_path: Path) -> None:
    with world(tmp_path, declared({"paid_user": FACTS["paid_user"]})) as it:
        run = it.start()
        pay(it, run, 5)
        it.door.admit(it.door.attempt_tool(run, "erp.get", {"id": "1"}))
        wider = declared({"paid_user": {**FACTS["paid_user"], "window": "2h"}})
        rules = it.plan(files(wider))
        candidate = Ruleset(rules.release.id, rules.configuration)
        reader = History(it.store, it.parts.keys)
        pasts = [reader.one(WORKSPACE, record["action"]) for record in it.records(RecordKind.DECISION_MADE)]
        found = [decide_again(candidate, past) for past in pasts]  # type: ignore[arg-type]
        assert found[0] is Gap.FACT_MISSING
        assert found[1] is not Gap.FACT_MISSING


def test_without_declared_facts_nothing_is_kept(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        pay(it, it.start(), 5)
        assert "temporal" not in it.records(RecordKind.DECISION_MADE)[-1]["facts"]
        assert it.scope(ScopeKind.USER, "user:visitor").temporal == {}


def test_two_writers_can_not_count_past_each_other(it: World) -> None:
    queues = [open_queue(it.parts) for _ in range(2)]
    doors = [open_door(it.parts, queue, WORKSPACE) for queue in queues]

    def paid(door: InProcessDoor) -> int:
        run = door.start_run(RunRequest(AgentName("buyer"), VISITOR))
        attempts = [door.attempt_tool(run, "erp.pay", {"amount": 7}) for _ in range(12)]
        return sum(door.admit(attempt).state == "admitted" for attempt in attempts)

    try:
        with ThreadPoolExecutor(4) as callers:
            admitted = sum(callers.map(paid, [*doors, *doors]))
    finally:
        for queue in queues:
            queue.close()
    assert admitted == 14, "14 times 7 is 98; a fifteenth goes beyond 100"


@pytest.mark.parametrize("seed", range(3))
def test_they_are_what_a_naive_count_says_up_to_one_bucket(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    fact = Temporal("sum", TemporalLevel.USER, 3_600, "amount", ("erp.pay",))  # type: ignore[arg-type]
    facts = {"paid_user": FACTS["paid_user"]}
    with world(tmp_path, declared(facts, **{"policies/pay.cedar": None})) as it:
        runs = [it.start(name, user) for name in ("buyer", "seller") for user in ("user:a", "user:b")]
        paid: list[tuple[int, str, int]] = []
        for _ in range(60):
            it.clock.advance(random_.choice([0, 1, 20, 61, 300, 900, 4_000]))
            run, amount, now = random_.choice(runs), random_.randint(1, 50), it.clock.now()
            attempt = it.door.attempt_tool(run, "erp.pay", {"amount": amount})
            if it.door.admit(attempt).state != "admitted":
                continue
            mine = [(at, what) for at, user, what in paid if user == run.on_behalf_of]
            exact = sum(what for at, what in mine if at > now - 3_600_000_000)
            loose = sum(what for at, what in mine if at >= now - 3_600_000_000 - width_us(fact))
            assert exact <= last(it)["paid_user"] <= loose
            paid.append((now, run.on_behalf_of, amount))
        assert len(paid) > 20


def test_the_state_is_bounded_and_old_facts_are_forgotten(it: World) -> None:
    run = it.start()
    for _ in range(40):
        it.clock.advance(120)
        it.door.admit(it.door.attempt_tool(run, "erp.get", {"id": "1"}))
    kept = it.scope(ScopeKind.AGENT, "buyer").temporal
    assert kept == {}
    run_row = it.scope(ScopeKind.RUN, run.id).temporal
    assert all(len(each.buckets) <= BUCKETS + 1 for each in run_row.values())


def test_a_test_of_the_workspace_says_what_they_come_to() -> None:
    tests = """
kind: Tests
tests:
  - {name: full, agent: buyer, tool: erp.pay, arguments: {amount: 5}, facts: {temporal: {paid_user: 99}}, expect: deny}
  - {name: quiet, agent: buyer, tool: erp.pay, arguments: {amount: 5}, expect: allow}
"""
    content = files({**declared(), "tests/pay.yaml": tests})
    found = read(content, "tiny")
    assert found.errors == ()
    assert found.configuration is not None
    tested = run_tests(Ruleset(content_id(content), found.configuration), found.scenarios)
    assert [each.misses for each in tested] == [(), ()]


@pytest.mark.parametrize(
    ("facts", "policy", "said"),
    [
        ({"f": {"per": "user", "window": "1h", "sum": "note", "tools": ["erp.pay"]}}, "", "is no integer argument"),
        ({"f": {"per": "user", "window": "1h", "sum": "amount"}}, "", "a sum needs `tools`"),
        ({"f": {"per": "user", "window": "1h", "tools": ["erp.none"]}}, "", "there is no tool `erp.none`"),
        ({"f": {"per": "user", "window": "100d"}}, "", "longer than 92 days"),
        ({"f": {"per": "team", "window": "1h"}}, "", "team"),
        (FACTS, LIMIT.replace("paid_user", "payed_user"), "payed_user"),
        (FACTS, LIMIT.replace("+ context.input.amount", '== "x" || 1'), "Long and String"),
    ],
    ids=["not an integer", "no tools", "unknown tool", "too long", "no such level", "mistyped", "wrong type"],
)
def test_mistakes_are_found_by_validate(facts: dict[str, Any], policy: str, said: str) -> None:
    found = read(files(declared(facts, **{"policies/pay.cedar": policy or None})), "tiny")
    assert found.configuration is None
    assert any(said in str(problem) for problem in found.errors), found.errors
