"""What people ask of workflows is on record, once, with who asked and why: and not where it came to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.compose import workflow_schedules
from remit.domain.event_messages import tell
from remit.domain.identity import Role
from remit.domain.record import RecordKind
from remit.domain.workflow_act import WorkflowAct
from remit.storage import asking
from remit.workspace.files import Folder
from tests.api.office import PREFIX, Office, Shows, office_of
from tests.workflows.shop import shop_files, workflow
from tests.workflows.test_ends import undone
from tests.workflows.test_steps import step
from tests.workflows.till import WORKSPACE, Till, till
from tests.worlds import OWNER

FLOW = workflow(
    undone("a", 1),
    {"id": "w", "wait": {"event": "go"}},
    schedules=[{"cron": "0 9 * * 1", "inputs": {"n": 1}}],
    triggers=[{"event": "late", "inputs": {"n": 2}}],
)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Till]:
    with till(tmp_path, FLOW) as opened:
        yield opened


@pytest.fixture
def office(it: Till, monkeypatch: pytest.MonkeyPatch) -> Office:
    return office_of(it.world, "shop", monkeypatch)


@pytest.fixture
def operator(office: Office) -> Shows:
    return office.token(Role.OPERATOR)


def asked(it: Till) -> list[dict[str, Any]]:
    """What is on record of people and workflows."""
    bodies = it.world.store.records(WORKSPACE, 0, 10_000, kind=RecordKind.WORKFLOW_ASKED.value)
    return [orjson.loads(body) for _, body in bodies]


def told(it: Till) -> list[dict[str, Any]]:
    """The same, without what every record has."""
    given = ("what", "run", "reason", "schedule", "event", "release", "follows", "path")
    found = []
    for each in asked(it):
        assert (each["workflow"], each["by"]) == ("flow", "user:operator")
        found.append({name: each[name] for name in given if each[name] not in (None, "")})
    return found


def start(office: Office, who: Shows, **headers: str) -> str:
    answer = office.ask("POST", f"{PREFIX}/workflows/flow/runs", who, {"inputs": {"n": 5}}, **headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["run"])


def test_a_start_is_on_record_once_however_often_it_is_sent(it: Till, office: Office, operator: Shows) -> None:
    run = start(office, operator, Idempotency_Key="k")
    assert start(office, operator, Idempotency_Key="k") == run
    it.start(n=5)
    assert told(it) == [{"what": "start", "run": run}], "what no person has asked for is on record as the run alone"
    refused = office.ask("POST", f"{PREFIX}/workflows/flow/runs", operator, {"inputs": {"n": "five"}})
    assert (refused.status_code, len(asked(it))) == (422, 1)


@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_the_end_of_a_run_is_asked_for_once_and_so_on_record(
    it: Till, office: Office, operator: Shows, how: str
) -> None:
    run = it.start(n=5)
    it.carry_out()
    for reason in ("no more", "I said no more"):
        body = {"how": how, "reason": reason}
        assert office.ask("POST", f"{PREFIX}/workflow-runs/{run}/cancel", operator, body).status_code == 200
    it.carry_out()
    assert office.ask("POST", f"{PREFIX}/workflow-runs/{run}/cancel", operator, {"how": how}).status_code == 409
    assert told(it) == [{"what": how, "run": run, "reason": "no more"}]


def test_a_termination_after_a_cancellation_is_a_second_thing(it: Till, office: Office, operator: Shows) -> None:
    run = it.start(n=5)
    it.carry_out()
    for how in ("cancel", "terminate", "cancel"):
        office.ask("POST", f"{PREFIX}/workflow-runs/{run}/cancel", operator, {"how": how})
    assert [each["what"] for each in told(it)] == ["cancel", "terminate"]


def test_a_retry_names_the_run_that_is_done_again_and_from_where(it: Till, office: Office, operator: Shows) -> None:
    run = it.start(n=5)
    it.carry_out()
    early = office.ask("POST", f"{PREFIX}/workflow-runs/{run}/retry", operator, {})
    assert (early.status_code, asked(it)) == (409, [])
    office.ask("POST", f"{PREFIX}/workflow-runs/{run}/cancel", operator, {})
    it.carry_out()
    retry = f"{PREFIX}/workflow-runs/{run}/retry"
    again, same = (office.ask("POST", retry, operator, {"path": "a"}, Idempotency_Key="k").json() for _ in range(2))
    assert again["run"] == same["run"]
    release = it.run(run).release
    assert told(it)[1:] == [{"what": "retry", "run": again["run"], "release": release, "follows": run, "path": "a"}]


def test_undoing_and_events_are_on_record(it: Till, office: Office, operator: Shows) -> None:
    run = it.start(n=5)
    it.carry_out()
    events, undo = f"{PREFIX}/workflow-runs/{run}/events", f"{PREFIX}/workflow-runs/{run}/undo"
    assert office.ask("POST", undo, operator, {}).status_code == 409
    for _ in range(2):
        office.ask("POST", events, operator, {"name": "go", "id": "e", "data": "s3cret"})
    it.carry_out()
    assert office.ask("POST", events, operator, {"name": "go"}).status_code == 409
    for _ in range(2):
        assert office.ask("POST", undo, operator, {"reason": "the wrong one"}).status_code == 202
    it.carry_out()
    assert told(it) == [
        {"what": "event", "run": run, "event": "go"},
        {"what": "undo", "run": run, "reason": "the wrong one"},
    ]
    assert "s3cret" not in str(asked(it))


def test_an_event_that_starts_runs_is_on_record_of_each(it: Till, office: Office, operator: Shows) -> None:
    path, late = f"{PREFIX}/workflow-events", {"name": "late", "id": "x"}
    (run,), (same,) = (office.ask("POST", path, operator, late).json()["runs"] for _ in range(2))
    assert run["run"] == same["run"]
    assert office.ask("POST", path, operator, {"name": "never"}).json()["runs"] == []
    assert told(it) == [{"what": "event", "run": run["run"], "event": "late"}]


def test_moving_a_run_names_the_release(it: Till, office: Office, operator: Shows, tmp_path: Path) -> None:
    run = it.start(n=5)
    it.carry_out()
    folder = Folder(WORKSPACE, shop_files(tmp_path, [FLOW, workflow(step("b"), name="more")]), ())
    release = it.world.releases.apply(it.world.releases.plan(folder, OWNER, "more", "production"), "production").id
    assert office.ask("POST", f"{PREFIX}/workflow-runs/{run}/move", operator, {}).status_code == 202
    it.carry_out()
    assert told(it) == [{"what": "move", "run": run, "release": release}], "and the run that goes on is no second thing"


def test_a_schedule_is_paused_and_resumed_once(it: Till, office: Office, operator: Shows) -> None:
    (schedule,) = office.ask("GET", f"{PREFIX}/workflow-schedules", operator).json()["schedules"]
    path = f"{PREFIX}/workflow-schedules/{schedule['id']}"
    assert office.ask("POST", f"{path}/pause", operator, {}).status_code == 409, "no worker has seen it"
    look(it)
    for act, reason in (("pause", "holidays"), ("pause", "again"), ("resume", "back"), ("resume", "again")):
        shown = office.ask("POST", f"{path}/{act}", operator, {"reason": reason})
        assert (shown.status_code, shown.json()["paused_at"] is not None) == (200, act == "pause")
    assert told(it) == [
        {"what": "pause", "schedule": schedule["id"], "reason": "holidays"},
        {"what": "resume", "schedule": schedule["id"], "reason": "back"},
    ]
    unfit = office.ask("POST", f"{path}/pause", operator, {"reason": "\x00"})
    assert (unfit.status_code, len(asked(it))) == (422, 2)


def look(it: Till) -> None:
    """What a worker does once a second."""
    workflow_schedules(it.world.parts, it.world.queue)()


def test_what_can_not_be_put_on_record_does_not_happen(
    it: Till, office: Office, operator: Shows, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = it.start(n=5)
    it.carry_out()

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(asking, "_record", full)
    assert office.ask("POST", f"{PREFIX}/workflow-runs/{run}/cancel", operator, {}).status_code == 500
    assert (it.run(run).cancel, asked(it)) == ("", [])


def test_the_record_counts_on_with_those_of_actions_and_its_kind_is_told(
    it: Till, office: Office, operator: Shows
) -> None:
    run = start(office, operator)
    it.carry_out()
    office.ask("POST", f"{PREFIX}/workflow-runs/{run}/cancel", operator, {})
    it.carry_out()
    numbers = [orjson.loads(body)["no"] for _, body in it.world.store.records(WORKSPACE, 0, 10_000)]
    assert numbers == list(range(1, len(numbers) + 1))
    event = {"kind": "workflow_asked", "workflow": "flow", "what": "cancel"}
    assert tell(event) == "workflow flow: a person has asked for cancel"
    assert tell(event, "ar") == "مسار العمل flow: طلب شخص الإلغاء"
    english = [tell({**event, "what": act.value}, "ar").isascii() for act in WorkflowAct]
    assert not any(english)
    assert all(act.value not in tell({**event, "what": act.value}, "ar") for act in WorkflowAct), "each has its words"
