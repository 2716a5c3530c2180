"""What starts workflows by itself: each fire time once, each signed request once, whoever looks and however late."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from remit.compose import workflow_schedules, workflow_triggers
from remit.domain.clock import MICROS_PER_SECOND, ManualClock
from remit.domain.identity import Role
from remit.domain.ids import UserId
from remit.execution.workflows.triggers import InputsFailed, NotSigned, Replayed, Triggers
from tests.api.office import PREFIX, Office
from tests.workflows.shop import WORKSPACE, workflow
from tests.workflows.test_steps import step
from tests.workflows.till import Till, till

HOUR, DAY = 3_600, 86_400
EPOCH = 1_760_000_000  # 2025-10-09 08:53:20 UTC


def at(seconds: int = EPOCH) -> ManualClock:
    return ManualClock(seconds * MICROS_PER_SECOND)


def look(it: Till) -> int:
    """Two workers look at the same time; return how many runs there are."""
    for _ in range(2):
        while workflow_schedules(it.world.parts, it.world.queue).look(WORKSPACE):
            pass
    return len(it.journal.runs(WORKSPACE, 1_000))


def scheduled(cron: str, **fields: Any) -> str:
    return workflow(step("a"), schedules=[{"cron": cron, "inputs": {"n": 4}, **fields}])


def test_a_schedule_fires_at_its_time_once_whoever_looks(tmp_path: Path) -> None:
    with till(tmp_path, scheduled("0 14 * * *"), clock=at()) as it:  # 14:00 in Dubai is 10:00 UTC
        assert look(it) == 0
        it.world.clock.advance(HOUR + 399)
        assert look(it) == 0
        it.world.clock.advance(1)
        assert look(it) == 1
        it.world.clock.advance(30)
        assert look(it) == 1
        (run,) = it.journal.runs(WORKSPACE, 10)
        assert run.started_by.startswith("schedule:sch_")
        it.carry_out()
        assert it.tools.names() == ["order(4)"]
        it.world.clock.advance(DAY - 30)
        assert look(it) == 2


@pytest.mark.parametrize(("missed", "runs"), [("skip", 0), ("once", 1), ("all", 72)])
def test_after_an_outage_what_was_missed_is_started_as_the_schedule_says(
    tmp_path: Path, missed: str, runs: int
) -> None:
    with till(tmp_path, scheduled("0 * * * *", missed=missed), clock=at()) as it:
        assert look(it) == 0
        it.world.clock.advance(3 * DAY)
        assert look(it) == runs
        assert look(it) == runs


def test_a_storm_after_years_is_bounded_and_a_clock_that_went_back_fires_nothing_again(tmp_path: Path) -> None:
    with till(tmp_path, scheduled("* * * * *", missed="all"), clock=at()) as it:
        look(it)
        it.world.clock.advance(30 * DAY)
        workflow_schedules(it.world.parts, it.world.queue).look(WORKSPACE)
        assert len(it.journal.runs(WORKSPACE, 1_000)) == 100
        it.world.clock.advance(-40 * DAY)
        workflow_schedules(it.world.parts, it.world.queue).look(WORKSPACE)
        assert len(it.journal.runs(WORKSPACE, 1_000)) == 100


def test_hours_that_a_zone_skips_or_has_twice_fire_once_a_day(tmp_path: Path) -> None:
    # In Berlin 02:30 does not exist on 2026-03-29, and is there twice on 2026-10-25.
    flow = scheduled("30 2 * * *", timezone="Europe/Berlin", missed="all")
    with till(tmp_path, flow, clock=at(1_774_569_600)) as it:  # 2026-03-27 00:00 UTC
        look(it)
        it.world.clock.advance(5 * DAY)
        assert look(it) == 5
        it.world.clock.advance(203 * DAY)
        begun = look(it)
        it.world.clock.advance(10 * DAY)  # over 2026-10-25
        assert look(it) - begun == 10


def test_a_paused_schedule_starts_nothing_and_does_not_make_up_for_it(tmp_path: Path) -> None:
    with till(tmp_path, scheduled("0 * * * *", missed="all"), clock=at()) as it:
        look(it)
        (row,) = it.timetable.schedules(WORKSPACE).values()
        assert it.timetable.pause(row.id, it.world.clock.now(), "user:sara")
        it.world.clock.advance(5 * HOUR)
        assert look(it) == 0
        assert it.timetable.resume(row.id, it.world.clock.now())
        assert look(it) == 0
        it.world.clock.advance(HOUR)
        assert look(it) == 1


def test_inputs_that_do_not_fit_are_told_and_hold_nothing_up(tmp_path: Path) -> None:
    inputs = {
        "type": "object",
        "required": ["day"],
        "properties": {"day": {"type": "string", "format": "date"}, "n": {"type": "integer"}},
    }
    bad = workflow(step("a"), inputs=inputs, schedules=[{"cron": "0 * * * *", "inputs": {"day": "${string(now)}"}}])
    with till(tmp_path, bad, clock=at()) as it:
        look(it)
        it.world.clock.advance(HOUR)
        assert look(it) == 0
        (row,) = it.timetable.schedules(WORKSPACE).values()
        assert row.problem == "flow does not take these inputs: day: format date"


def test_an_hour_that_is_named_twice_counts_once_where_clocks_are_set_back(tmp_path: Path) -> None:
    flow = scheduled("0,30 2 * * *", timezone="Europe/Berlin", missed="all")
    with till(tmp_path, flow, clock=at(1_792_790_000)) as it:  # 2026-10-23 21:13 UTC
        look(it)
        it.world.clock.advance(2 * DAY)
        assert look(it) == 4


NEVER = "0 9 30 2 *"


def test_a_schedule_that_never_comes_holds_no_other_up_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a release that was applied before this was looked at: it is refused now."""
    monkeypatch.setattr("remit.workspace.workflow_checks.mistake", lambda _: "")
    for module in ("tests.api.office", "tests.worlds"):
        monkeypatch.setattr(f"{module}.WORKSPACE", WORKSPACE)
    other = workflow(step("a"), name="other", schedules=[{"cron": "0 * * * *", "inputs": {"n": 2}}])
    with till(tmp_path, scheduled(NEVER), other, clock=at()) as it:
        look(it)
        it.world.clock.advance(HOUR)
        assert look(it) == 1
        problems = {each.workflow: each.problem for each in it.timetable.schedules(WORKSPACE).values()}
        assert problems == {"flow": f"`{NEVER}` never comes", "other": ""}
        office = Office(it.world)
        shown = office.ask("GET", f"{PREFIX}/workflow-schedules", office.token(Role.VIEWER)).json()["schedules"]
        assert [(each["next_at"] is None, each["problem"]) for each in shown] == [
            (True, f"`{NEVER}` never comes"),
            (False, ""),
        ]


def test_a_workspace_whose_schedules_can_not_be_read_holds_no_other_up(tmp_path: Path) -> None:
    with till(tmp_path, scheduled("0 * * * *"), clock=at()) as it:
        schedules = workflow_schedules(it.world.parts, it.world.queue)
        schedules()
        it.world.clock.advance(HOUR)
        schedules._store = _OfTwo(it.world.store)  # type: ignore[assignment]
        schedules()
        assert len(it.journal.runs(WORKSPACE, 10)) == 1


class _OfTwo:
    """A store with another workspace before the one that is there."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def workspaces(self) -> list[str]:
        return ["broken", WORKSPACE]

    def active(self, workspace: str, channel: str) -> Any:
        if workspace == "broken":
            raise ZeroDivisionError("our own fault")
        return self._store.active(workspace, channel)


# -- events and webhooks

TRIGGERED = workflow(
    step("a"),
    triggers=[
        {"event": "contract.expiring", "inputs": {"n": "${event.n}"}},
        {"webhook": "contracts", "secret": "env:HOOK", "inputs": {"n": "${event.n}"}},
    ],
)


class Vault:
    def secret(self, reference: str) -> str:
        assert reference == "env:HOOK"
        return "shared"


def triggers(it: Till) -> Triggers:
    found = workflow_triggers(it.world.parts, it.world.queue)
    found._vault = Vault()
    return found


def signed(body: bytes, stamp: int, secret: str = "shared", hook: str = "shop/contracts") -> str:
    return "sha256=" + hmac.new(secret.encode(), f"{stamp}:{hook}:".encode() + body, hashlib.sha256).hexdigest()


def test_an_event_starts_what_it_triggers_once_for_each_id(tmp_path: Path) -> None:
    with till(tmp_path, TRIGGERED, clock=at()) as it:
        by = UserId("user:sara")
        first = triggers(it).event(WORKSPACE, "contract.expiring", {"n": 3}, "e1", by)
        again = triggers(it).event(WORKSPACE, "contract.expiring", {"n": 3}, "e1", by)
        assert [each.run for each in first] == [each.run for each in again]
        assert triggers(it).event(WORKSPACE, "something.else", {}, "e1", by) == []
        with pytest.raises(InputsFailed, match="flow can not be started by this"):
            triggers(it).event(WORKSPACE, "contract.expiring", {"m": 3}, "e2", by)
        it.carry_out()
        assert it.tools.names() == ["order(3)"]


def test_a_webhook_is_believed_by_its_signature_and_time_alone_and_only_once(tmp_path: Path) -> None:
    with till(tmp_path, TRIGGERED, clock=at()) as it:
        body = json.dumps({"n": 8}).encode()
        hook = triggers(it).webhook

        def send(name: str, stamp: int, signature: str, raw: bytes = body) -> Any:
            return hook(WORKSPACE, name, str(stamp), signature, raw, json.loads)

        good = signed(body, EPOCH)
        for name, stamp, signature, raw in (
            ("nothing", EPOCH, good, body),
            ("contracts", EPOCH + 1, good, body),
            ("contracts", EPOCH, good, b"{"),  # and what is not signed is not read
            ("contracts", EPOCH, signed(body, EPOCH, "other"), body),
            ("contracts", EPOCH, signed(body, EPOCH, hook="shop/orders"), body),
            ("contracts", EPOCH, signed(body, EPOCH, hook="other/contracts"), body),
            ("contracts", EPOCH, good.upper(), body),
            ("contracts", EPOCH, "", body),
            ("contracts", EPOCH - 301, signed(body, EPOCH - 301), body),
            ("contracts", EPOCH + 301, signed(body, EPOCH + 301), body),
        ):
            with pytest.raises(NotSigned):
                send(name, stamp, signature, raw)
        run = send("contracts", EPOCH, good)
        assert (run.started_by, it.world.store.run(run.run).on_behalf_of) == ("webhook:contracts", "system:webhook")
        with pytest.raises(Replayed):
            send("contracts", EPOCH, good)
        it.carry_out()
        assert it.tools.names() == ["order(8)"]
