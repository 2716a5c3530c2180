"""What needs a person now: each thing once, with what it costs and why, in the order of who must see to it first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import event

from remit.api.attention import DAYS, EACH
from remit.control.concerned import Concerned
from remit.domain.action import Outcome, OutcomeStatus
from remit.domain.clock import Instant
from remit.domain.identity import Role
from remit.domain.ids import ReleaseId, WorkflowName
from remit.domain.record import RecordKind
from remit.execution import rulesets
from remit.execution.rulesets import ReleaseUnusable, TooManyLoading
from remit.execution.workflows.ports import CallFailed
from remit.execution.workflows.schedules import scheduled_in
from remit.storage.port import StoreError
from remit.storage.tables import runs
from remit.storage.timetable import ScheduleRow
from remit.workspace.files import Folder
from tests.api.office import PREFIX, Office, Shows, office
from tests.api.test_overview import DAY, call
from tests.loads import counted
from tests.workflows.shop import WORKSPACE as SHOP
from tests.workflows.shop import shop_files, workflow
from tests.workflows.test_steps import step
from tests.workflows.till import Till, till
from tests.worlds import OWNER, SARA, VISITOR, WORKSPACE, agent, budget, documents

CALLS = budget("agent-day", "agent", "day", calls=10)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, {"budgets.yaml": documents(DAY, CALLS)}) as opened:
        yield opened


def needed(it: Office, who: Shows, language: str = "en") -> list[dict[str, Any]]:
    return list(overview(it, who, language)["attention"])


def overview(it: Office, who: Shows, language: str = "en") -> dict[str, Any]:
    answer = it.ask("GET", f"{PREFIX}/overview?language={language}", who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def as_person(it: Office, person: Any, *roles: Role) -> Shows:
    it.people.add(WORKSPACE, person, roles, "user:test")
    secret = it.credentials.make_person_token(WORKSPACE, person, "user:test", "", 3_600).secret
    return Shows(str(person), {"Authorization": f"Bearer {secret}"}, secret)


def hold(it: Office, run: Any, amount: int = 501, note: str = "paper") -> str:
    held = it.world.door.admit(it.world.door.attempt_tool(run, "erp.pay", {"amount": amount, "note": note}))
    assert held.state == "held"
    return str(held.approval)


def test_the_most_urgent_kind_comes_first(it: Office) -> None:
    it.world.stops.freeze(WORKSPACE, "agent:seller", "user:test", "odd prices")
    run = it.world.start("buyer", VISITOR)
    for number in range(8):
        call(it, run, str(number))
    approval = hold(it, run)
    found = needed(it, it.token(Role.VIEWER))
    assert [each["code"] for each in found] == ["approval_pending", "stops_in_force", "budget_near"]
    assert found[0]["subject"] == approval
    assert (found[1]["subject"], found[1]["count"], found[1]["why"]) == ("agent:seller", 1, "odd prices")
    assert (found[2]["budget"], found[2]["subject"], found[2]["per_cent"]) == ("agent-day", "buyer", 80)
    assert found[2]["cost"] is None


def test_an_approval_says_what_is_asked_until_when_what_it_costs_and_which_rule_holds_it(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    approval = hold(it, run, note="kestrel feathers")
    viewer = it.token(Role.VIEWER)
    (found,) = needed(it, viewer)
    now = it.world.clock.now()
    assert found["subject"] == approval
    assert (found["title"], found["agent"], found["run"]) == ("Pay with \u2068erp.pay\u2069", "buyer", run.id)
    assert (found["since"], found["until"] > now, found["cost"], found["yours"]) == (now, True, 0, False)
    assert found["why"] == "policy big asks for a person of finance: over 500"
    (arabic,) = needed(it, viewer, "ar")
    assert arabic["title"] == "دفع باستخدام \u2068erp.pay\u2069"
    assert arabic["why"].startswith("تطلب السياسة big")
    # As in the list of approvals nothing of the arguments is told, nor opened, so no reading is on record.
    assert "kestrel" not in orjson.dumps([found, arabic]).decode()
    kinds = {orjson.loads(body)["kind"] for _, body in it.world.store.records(WORKSPACE, 0, 1_000)}
    assert RecordKind.PAYLOAD_READ.value not in kinds


def test_what_the_caller_is_asked_comes_first_then_the_oldest(it: Office) -> None:
    """Who acted for themselves, has approved already, owns the agent, or is no approver, is not asked."""
    theirs, yours = (it.world.start("buyer", person) for person in (SARA, VISITOR))
    first = hold(it, theirs)
    it.world.clock.advance(60)
    second = hold(it, yours)
    it.world.clock.advance(60)
    third = hold(it, it.world.start("buyer", VISITOR))
    sara = as_person(it, SARA, Role.APPROVER)
    assert [(each["subject"], each["yours"]) for each in needed(it, sara)] == [
        (second, True),
        (third, True),
        (first, False),
    ]
    for nobody in (as_person(it, OWNER, Role.APPROVER), it.token(Role.VIEWER), it.token(Role.APPROVER)):
        assert [(each["subject"], each["yours"]) for each in needed(it, nobody)] == [
            (first, False),
            (second, False),
            (third, False),
        ]


@pytest.mark.parametrize(
    ("error", "yours"),
    [(ReleaseUnusable("gone"), False), (TooManyLoading("later"), None), (StoreError("no such run"), False)],
)
def test_an_approval_of_which_nobody_can_tell_whom_it_waits_for_is_listed_all_the_same(
    it: Office, monkeypatch: pytest.MonkeyPatch, error: Exception, yours: bool | None
) -> None:
    approval = hold(it, it.world.start("buyer", VISITOR))
    asked: list[object] = []

    def unknown(_: object, found: object) -> bool:
        asked.append(found)
        raise error

    monkeypatch.setattr(Concerned, "is_asked", unknown)
    (found,) = needed(it, as_person(it, SARA, Role.APPROVER))
    assert (found["subject"], found["yours"], len(asked)) == (approval, yours, 1)


def test_a_run_that_is_not_stored_whole_hides_its_own_approval_only(it: Office) -> None:
    broken, whole = (it.world.start("buyer", VISITOR) for _ in range(2))
    unknown, known = hold(it, broken), hold(it, whole)
    with it.world.store._engine.begin() as connection:
        connection.execute(runs.update().where(runs.c.id == broken.id).values(ancestors=" run_gone "))
    found = needed(it, as_person(it, SARA, Role.APPROVER))
    assert [(each["subject"], each["yours"]) for each in found] == [(known, True), (unknown, False)]


def held_under_older_releases(it: Office, count: int) -> tuple[list[str], list[ReleaseId]]:
    """Approvals that wait, the oldest first, each under a release that no channel points at any more."""
    held, older = [], []
    for number in range(count):
        run = it.world.start("buyer", VISITOR)
        held.append(hold(it, run))
        older.append(run.release)
        more = {"budgets.yaml": documents(DAY, CALLS), "agents/more.yaml": agent(f"more-{number}")}
        it.world.apply(more, "production")
        it.world.clock.advance(1)
    kept = it.world.parts.rulesets._kept
    for release in older:  # as after a restart
        kept.ready.pop((WORKSPACE, release))
    return held, older


def test_releases_that_approvals_wait_under_are_read_once_and_stay_ready(
    it: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, older = held_under_older_releases(it, 6)
    sara, loads = as_person(it, SARA, Role.APPROVER), counted(monkeypatch)
    for _ in range(3):
        found = overview(it, sara)
        assert [(each["subject"], each["yours"]) for each in found["attention"]] == [(id, True) for id in held[:EACH]]
    assert [loads.begun.count(each) for each in older] == [1] * len(older)


def test_of_more_releases_than_are_kept_it_is_not_told_whom_an_approval_waits_for(
    it: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were all of them made ready, each overview would read them all anew, and others would wait."""
    for module in ("execution.rulesets", "api.attention"):
        monkeypatch.setattr(f"remit.{module}.MAX_LOOKED_AT", 2, raising=False)
    held, older = held_under_older_releases(it, 3)
    now = hold(it, it.world.start("buyer", VISITOR))
    sara, loads = as_person(it, SARA, Role.APPROVER), counted(monkeypatch)
    for _ in range(3):
        found = [(each["subject"], each["yours"]) for each in needed(it, sara)]
        assert found == [(held[0], True), (held[1], True), (now, True), (held[2], None)]
    assert [loads.begun.count(each) for each in older] == [1, 1, 0]


def test_an_overview_waits_for_its_turn_once(it: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulesets, "PATIENCE_S", 0.05)
    held, older = held_under_older_releases(it, 3)
    sara, tried = as_person(it, SARA, Role.APPROVER), list[float]()
    it.world.rules(older[2])  # an agent goes on under it
    turns = it.world.parts.rulesets._kept.turns
    acquire = turns.acquire

    def noted(*, timeout: float) -> bool:
        tried.append(timeout)
        return acquire(timeout=timeout)

    with turns, turns:
        monkeypatch.setattr(turns, "acquire", noted)
        found = [(each["subject"], each["yours"]) for each in needed(it, sara)]
    assert found == [(held[2], True), (held[0], None), (held[1], None)]
    assert len(tried) == 1


def test_the_runs_of_approvals_are_read_together(it: Office) -> None:
    sara, asked = as_person(it, SARA, Role.APPROVER), list[str]()
    for _ in range(EACH):
        hold(it, it.world.start("buyer", VISITOR))
    needed(it, sara)  # what is read once only
    event.listen(it.world.store._engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    needed(it, sara)
    few = len(asked)
    for _ in range(2 * EACH):
        hold(it, it.world.start("buyer", VISITOR))
    asked.clear()
    assert len(needed(it, sara)) == EACH
    assert len(asked) == few, asked


def test_what_is_answered_or_expired_waits_for_nobody(it: Office) -> None:
    hold(it, it.world.start("buyer", VISITOR))
    it.world.clock.advance(8 * 86_400)
    assert needed(it, it.token(Role.VIEWER)) == []


def test_of_each_kind_a_few_are_listed_and_the_others_counted(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    asked = [hold(it, run, 501 + number) for number in range(EACH + 3)]
    found = overview(it, it.token(Role.VIEWER))
    assert [each["subject"] for each in found["attention"]] == asked[:EACH]
    assert found["more"] == [{"code": "approval_pending", "count": 3}]


GROWING = re.compile("SCAN (approvals|workflow_runs|workflow_steps|records|runs|payloads)\\b")
"""How SQLite tells that it reads the whole of a table that grows with the work."""


def test_no_table_that_grows_is_read_whole(it: Office) -> None:
    hold(it, it.world.start("buyer", VISITOR))
    viewer = it.token(Role.VIEWER)
    needed(it, viewer)  # what is read once only
    asked: list[tuple[str, Any]] = []
    engine = it.world.store._engine

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    needed(it, viewer)
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        plans = {
            str(row[-1])
            for statement, parameters in asked
            if statement.lower().startswith("select")
            for row in connection.exec_driver_sql(f"explain query plan {statement}", parameters)
        }
    assert any("approvals_state" in plan for plan in plans)
    assert any("workflow_runs_ended" in plan for plan in plans)
    assert [plan for plan in plans if GROWING.match(plan)] == []


def test_an_unknown_action_says_what_it_holds_back(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    attempt = it.world.door.attempt_tool(run, "erp.scan", {"page": 1})
    it.world.door.admit(attempt)
    it.world.door.settle(attempt, Outcome(attempt.action, OutcomeStatus.UNKNOWN), b"{}")
    (found,) = needed(it, it.token(Role.VIEWER))
    assert (found["code"], found["subject"], found["title"]) == ("action_unknown", attempt.action, "erp.scan")
    assert (found["agent"], found["run"], found["workflow"], found["cost"]) == ("buyer", run.id, "", 100_000)


FAILING = workflow(step("bad", "fail"))
LEFT = workflow(
    step("a", "order", compensate={"tool": "till.cancel", "arguments": {"n": 1}}), step("bad", "fail"), name="left"
)
DAILY = workflow(step("a"), name="daily", schedules=[{"cron": "0 9 * * *", "inputs": {"n": 1}}])
KEPT = {"policies/kept.cedar": '@id("kept") forbid(principal, action == Action::"till.cancel", resource);'}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Till, Office]]:
    for module in ("tests.api.office", "tests.worlds"):
        monkeypatch.setattr(f"{module}.WORKSPACE", "shop")
    with till(tmp_path, FAILING, LEFT, DAILY, changes=KEPT) as opened:
        yield opened, Office(opened.world)


def test_runs_of_a_workflow_that_failed_are_one_line_until_they_are_done_again_or_a_week_old(
    shop: tuple[Till, Office],
) -> None:
    it, office = shop
    operator = office.token(Role.OPERATOR)
    runs = [it.start(n=number) for number in range(2)]
    it.carry_out()
    since = it.world.clock.now()
    (found,) = needed(office, operator)
    assert (found["code"], found["subject"], found["workflow"]) == ("workflow_failed", "flow", "flow")
    assert (found["count"], found["run"], found["agent"], found["since"]) == (2, runs[-1], "clerk", since)
    assert found["why"] == "bad: tool.error: the tool answered with an error"
    assert found["cost"] == 0
    assert office.ask("POST", f"{PREFIX}/workflow-runs/{runs[0]}/retry", operator, {}).status_code == 201
    (found,) = needed(office, operator)
    assert (found["count"], found["run"]) == (1, runs[1])
    it.world.clock.advance(DAYS * 86_400 + 1)
    assert needed(office, office.token(Role.VIEWER)) == []


def test_what_could_not_be_undone_is_told_apart_with_what_it_is(shop: tuple[Till, Office]) -> None:
    it, office = shop
    run = it.start("left", n=1)
    it.carry_out()
    (found,) = needed(office, office.token(Role.VIEWER))
    assert (found["code"], found["workflow"], found["run"]) == ("not_undone", "left", run)
    assert found["why"].endswith("; not undone: a")


def test_a_step_whose_outcome_nobody_knows_says_of_which_workflow(shop: tuple[Till, Office]) -> None:
    it, office = shop

    def lost(_: Any) -> None:
        raise CallFailed("cut", "the line was cut", sent=True)

    it.tools.plays["order"] = lost
    run = it.start("daily", n=1)
    it.once()
    (found,) = needed(office, office.token(Role.VIEWER))
    assert (found["code"], found["title"]) == ("action_unknown", "till.order")
    assert (found["run"], found["workflow"], found["subject"]) == (run, "daily", it.steps(run)["a"].action)


def test_a_schedule_that_can_not_start_its_workflow_says_why(shop: tuple[Till, Office]) -> None:
    it, office = shop
    viewer = office.token(Role.VIEWER)
    release = it.world.store.active(SHOP, "production")
    assert release is not None
    (each,) = scheduled_in(it.world.parts.rulesets.of(SHOP, release).configuration, SHOP, {})
    it.timetable.begin(ScheduleRow(each.id, SHOP, WorkflowName("daily"), Instant(5)))
    gone = ScheduleRow("sch_gone", SHOP, WorkflowName("flow"), Instant(5), problem="of a schedule that is gone")
    it.timetable.begin(gone)
    assert needed(office, viewer) == []
    it.timetable.seen_to(each.id, Instant(5), Instant(7), "the agent is suspended")
    (found,) = needed(office, viewer)
    assert (found["code"], found["subject"], found["workflow"]) == ("schedule_problem", "0 9 * * *", "daily")
    assert (found["since"], found["why"], found["agent"]) == (7, "the agent is suspended", "clerk")


def test_a_tool_that_is_kept_back_is_told_until_another_release_is_in_use(
    shop: tuple[Till, Office], tmp_path: Path
) -> None:
    it, office = shop
    it.tools.pins["order"] = f"sha256:{'a' * 64}"
    it.start("daily", n=1)
    it.carry_out()
    found = needed(office, office.token(Role.VIEWER))
    tools = [each for each in found if each["code"] == "tool_changed"]
    assert [(each["subject"], each["agent"], each["count"]) for each in tools] == [("till.order", "clerk", 1)]
    it.world.clock.advance(60)
    plan = it.world.releases.plan(
        Folder(SHOP, shop_files(tmp_path, [DAILY], KEPT), ()), OWNER, "accepted", "production"
    )
    it.world.releases.apply(plan, "production")
    assert "tool_changed" not in {each["code"] for each in needed(office, office.token(Role.VIEWER))}
