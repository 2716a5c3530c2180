"""What Prometheus is told: true, of one workspace, with labels from closed sets; and what the log says of a request."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from remit.api.logs import JsonLines
from remit.control.sealing import Sealer
from remit.domain.finding import Check, Verdict
from remit.domain.identity import Role
from remit.domain.ids import OwnerId, UserId
from remit.storage.sealed import KeyFile
from remit.storage.seals import seals_of
from tests.api.office import PREFIX, Office, Shows, office
from tests.served import served
from tests.worlds import VISITOR, WORKSPACE, World, world

ORDER = ("method", "route", "status", "verdict", "check", "le", "by", "result")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        yield opened


@pytest.fixture
def viewer(it: Office) -> Shows:
    return it.token(Role.VIEWER)


def figures(it: Office, viewer: Shows) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    text = it.ask("GET", "/metrics", viewer).text
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert set(sample.labels) <= set(ORDER), sample
            found[(sample.name, *(sample.labels[name] for name in ORDER if name in sample.labels))] = sample.value
    return found


def call(it: World, run, tool: str = "erp.get", **arguments: object):
    return it.door.admit(it.door.attempt_tool(run, tool, arguments or {"id": "1"}))


def test_decisions_are_counted_by_verdict_and_by_the_check_that_decided(it: Office, viewer: Shows) -> None:
    run = it.world.start("buyer", VISITOR)
    call(it.world, run)
    call(it.world, run, id="2")
    call(it.world, run, "erp.pay", amount=900)
    call(it.world, run, "erp.drop", x="1")
    call(it.world, run, "a tool whose name the agent made up", x="1")
    found = figures(it, viewer)
    assert {key[1:]: value for key, value in found.items() if key[0] == "remit_decisions_total"} == {
        ("allow", "none"): 2,
        ("hold", "policy"): 1,
        ("deny", "grant"): 2,
    }
    assert found[("remit_admission_seconds_count",)] == found[("remit_admission_seconds_bucket", "+Inf")] == 6
    assert found[("remit_admission_seconds_sum",)] > 0
    assert found[("remit_admission_waiting",)] == 0
    assert found[("remit_admission_batches_total",)] == 6


def test_the_most_labels_there_can_be_are_few() -> None:
    assert len(Verdict) * (len(Check) + 1) <= 50


def test_an_answer_given_again_is_no_new_decision(it: Office, viewer: Shows) -> None:
    run = it.world.start("buyer", VISITOR)
    attempt = it.world.door.attempt_tool(run, "erp.get", {"id": "1"})
    it.world.door.admit(attempt)
    it.world.door.admit(attempt)
    assert figures(it, viewer)[("remit_decisions_total", "allow", "none")] == 1


def test_what_waits_for_people_and_what_is_stopped(it: Office, viewer: Shows) -> None:
    run = it.world.start("buyer", VISITOR)
    assert figures(it, viewer)[("remit_approvals_pending",)] == 0
    call(it.world, run, "erp.pay", amount=900)
    action = call(it.world, run).action
    it.world.queue.submit(it.world.outcome(run, action, "unknown"))
    it.world.stops.freeze(WORKSPACE, "agent:seller", UserId("user:test"), "why")
    it.world.stops.freeze(WORKSPACE, "tool:erp.pay", UserId("user:test"), "why")
    found = figures(it, viewer)
    names = ("approvals_pending", "actions_unknown", "stops_in_force")
    assert [found[(f"remit_{name}",)] for name in names] == [1, 1, 2]
    it.world.clock.advance(90_000)
    viewer = it.token(Role.VIEWER)
    assert figures(it, viewer)[("remit_approvals_pending",)] == 0, "what has expired waits for nobody"


def test_how_far_sealing_is_behind(it: Office, viewer: Shows) -> None:
    world = it.world
    path = world.parts.settings.key_path
    assert path is not None
    Sealer(world.store, seals_of(world.store), KeyFile(path), world.clock, world.ids, OwnerId("own_1")).seal_all(
        WORKSPACE
    )
    found = figures(it, viewer)
    assert found[("remit_sealing_lag_records",)] == 0 == found[("remit_sealing_lag_seconds",)]
    world.start("buyer", VISITOR)
    world.clock.advance(7)
    found = figures(it, viewer)
    assert found[("remit_sealing_lag_records",)] == 1
    assert found[("remit_sealing_lag_seconds",)] == 7
    seals_of(world.store).set_alarm(WORKSPACE, "record 1 is missing", world.clock.now())
    assert figures(it, viewer)[("remit_sealing_alarm",)] == 1


def test_no_name_or_id_is_in_any_figure(it: Office, viewer: Shows) -> None:
    run = it.world.start("buyer", VISITOR)
    call(it.world, run)
    text = it.ask("GET", "/metrics", viewer).text
    for said in ("buyer", "erp.get", run.id, VISITOR, WORKSPACE, run.release):
        assert said not in text


def test_a_watch_that_fails_keeps_nobody_from_being_admitted(it: Office, viewer: Shows) -> None:
    from remit.execution.watching import Watch

    def fails(_: object) -> None:
        raise ValueError("no")

    it.world.queue.watch(Watch(fails))
    run = it.world.start("buyer", VISITOR)
    assert [call(it.world, run, id=str(n)).state for n in range(3)] == ["admitted"] * 3


def test_a_failure_is_one_line_of_json_with_the_id_that_the_caller_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("remit.api")
    log.addHandler(handler)
    try:
        with world(tmp_path) as it, served(it) as server:
            run = server.start()["run"]

            def broken(*_: object) -> None:
                raise ValueError("rmt_p_secret in a message")

            monkeypatch.setattr("remit.execution.served.ServedDoor.run_of", broken)
            monkeypatch.setattr("remit.storage.sqlite.SqliteStore.runs", broken)
            raw = server.ask("POST", f"/api/v1/runs/{run}/end", {})
            people = server.ask("GET", "/api/v1/runs")
            assert server.ask("GET", "/healthz").headers["x-request-id"] != raw.headers["x-request-id"]
    finally:
        log.removeHandler(handler)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [raw.status, people.status] == [500, 500]
    assert [line["request"] for line in lines] == [raw.headers["x-request-id"], people.headers["x-request-id"]]
    assert [(line["method"], line["route"]) for line in lines] == [
        ("POST", "/api/v1/runs/{run}/end"),
        ("GET", f"{PREFIX}/runs"),
    ]
    for line in lines:
        assert set(line) == {"time", "level", "logger", "message", "request", "method", "route"}
        assert re.fullmatch(r"[0-9a-f]{16}", line["request"])
        assert (line["level"], line["logger"]) == ("error", "remit.api")
        assert "ValueError at" in line["message"]
        assert "secret" not in json.dumps(line), "a message of an error may hold anything"
