"""What only reads may go ahead while no server answers, where that is allowed; it is on record once one does."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import remit
from remit.connecting import connect
from remit.control.credentials import Credentials
from remit.domain.ids import RunId
from remit.domain.record import RecordKind
from remit.sdk import unasked
from remit.sdk.client import Client
from remit.sdk.http import HttpDoor
from remit.sdk.wire import Reach
from tests.sdk.test_http import between, never
from tests.served import Served, served
from tests.worlds import OWNER, VISITOR, WORKSPACE, agent, world


@dataclass
class Line:
    """A server, and the line to it, which can be cut."""

    server: Served
    port: int = 0
    is_cut: bool = False
    fate: str = "lost"
    read: list[str] = field(default_factory=list)

    def get(self, id: str) -> str:
        self.read.append(id)
        return f"found {id}"

    @contextmanager
    def client(self, *, allowed: bool = True) -> Iterator[Client]:
        reach = Reach(f"http://127.0.0.1:{self.port}", self.server.key(), timeout_s=5, tries=1)
        with Client(HttpDoor(reach, reads_unasked=allowed)) as opened:
            yield opened

    def decisions(self) -> list[tuple[str, str, str]]:
        records = self.server.world.records(RecordKind.DECISION_MADE)
        return [(record["target"], record["state"], record["assurance"]) for record in records]


@contextmanager
def line(server: Served) -> Iterator[Line]:
    made = Line(server)
    with between(server, lambda _: made.fate if made.is_cut else "") as made.port:
        yield made


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Line]:
    with world(tmp_path) as opened, served(opened) as server, line(server) as made:
        yield made


def test_nothing_is_let_through_unless_that_is_allowed(it: Line) -> None:
    with it.client(allowed=False) as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        it.is_cut = True
        with pytest.raises(remit.Unavailable, match="nothing was admitted"):
            run.call("erp.get", {"id": "7"}, using=never)
        it.is_cut = False
    assert it.decisions() == []


def test_a_read_goes_ahead_and_is_on_record_as_observed_once_there_is_a_server(it: Line) -> None:
    with it.client() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        it.is_cut = True
        assert run.call("erp.get", {"id": "7"}, using=it.get) == "found 7"
        with pytest.raises(KeyError):
            run.call("erp.get", {"id": "8"}, using=lambda id: {}[id])
        assert it.decisions() == []
        it.is_cut = False
        run.call("erp.get", {"id": "9"}, using=it.get)
        late = ("erp.get", "admitted", "observed")
        assert it.decisions() == [late, late, ("erp.get", "admitted", "cooperative")]
    outcomes = it.server.world.records(RecordKind.OUTCOME_REPORTED)
    assert [(record["status"], record["error"]) for record in outcomes] == [
        ("ok", ""),
        ("error", "KeyError"),
        ("ok", ""),
    ]
    assert it.read == ["7", "9"]


def test_the_end_of_a_run_tells_what_waits(it: Line) -> None:
    with it.client() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        it.is_cut = True
        run.call("erp.get", {"id": "7"}, using=it.get)
        it.is_cut = False
    assert it.decisions() == [("erp.get", "admitted", "observed")]


def test_what_does_more_than_read_and_what_is_not_granted_are_denied(it: Line) -> None:
    with it.client() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        it.is_cut = True
        for tool, arguments in (("erp.pay", {"amount": 7}), ("erp.drop", {"id": "7"}), ("erp.nothing", {})):
            with pytest.raises(remit.Unavailable):
                run.call(tool, arguments, using=never)
        with pytest.raises(remit.Unavailable):
            run.model("openai/gpt-5-mini", "Hi", max_output_tokens=5, using=never)
        it.is_cut = False
    assert it.decisions() == []


CONDITION = 'context.input.id == "7"'


@pytest.mark.parametrize(
    "changed",
    [
        {"tools": [{"tool": "erp.get", "when": CONDITION}]},
        {"tools": [{"tool": "erp.get", "permit": "policy"}]},
        {"tools": ["erp.get"], "holds": [{"effects": ["read"], "approvers": "finance"}]},
    ],
    ids=["a condition", "a policy", "a hold"],
)
def test_a_read_that_has_to_be_decided_is_denied(tmp_path: Path, changed: dict[str, object]) -> None:
    policy = f'permit(principal, action == Action::"erp.get", resource) when {{ {CONDITION} }};'
    remit_of_buyer = json.dumps(json.loads(agent("buyer")) | {"remit": changed})
    changes = {"agents/buyer.yaml": remit_of_buyer}
    if "policy" in remit_of_buyer:
        changes["policies/get.cedar"] = policy
    with world(tmp_path, changes) as opened, served(opened) as server, line(server) as it:
        assert server.start()["reads"] == []
        with it.client() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
            it.is_cut = True
            with pytest.raises(remit.Unavailable):
                run.call("erp.get", {"id": "7"}, using=never)
            it.is_cut = False


def test_a_run_that_was_stopped_before_reads_nothing(it: Line) -> None:
    with it.client() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        it.server.world.stops.freeze(WORKSPACE, "agent:buyer", OWNER, "why")
        with pytest.raises(remit.Stopped):
            run.call("erp.get", {"id": "7"}, using=never)
        it.is_cut = True
        with pytest.raises(remit.Unavailable):
            run.call("erp.get", {"id": "7"}, using=never)
        it.is_cut = False


def test_one_that_was_frozen_meanwhile_is_on_record_as_denied(it: Line) -> None:
    with it.client() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        it.is_cut = True
        run.call("erp.get", {"id": "7"}, using=it.get)
        it.server.world.stops.freeze(WORKSPACE, "agent:buyer", OWNER, "why")
        it.is_cut = False
        with pytest.raises(remit.Stopped):
            run.call("erp.get", {"id": "8"}, using=never)
    assert it.decisions() == [("erp.get", "denied", "observed"), ("erp.get", "denied", "cooperative")]


def test_what_the_server_had_heard_after_all_is_on_record_once(it: Line) -> None:
    """The first request arrived and its answer was lost: it was decided then, and it is the same action."""
    with it.client() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        it.is_cut, it.fate = True, "answer lost"
        run.call("erp.get", {"id": "7"}, using=it.get)
        it.is_cut = False
    assert it.decisions() == [("erp.get", "admitted", "cooperative")]
    assert len(it.server.world.records(RecordKind.OUTCOME_REPORTED)) == 1


def test_only_so_many_wait(it: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unasked, "MOST", 3)
    with it.client() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        it.is_cut = True
        for n in range(3):
            run.call("erp.get", {"id": str(n)}, using=it.get)
        with pytest.raises(remit.Unavailable):
            run.call("erp.get", {"id": "3"}, using=never)
        it.is_cut = False
    assert len(it.decisions()) == 3


def test_what_can_be_recorded_no_more_is_said_and_does_not_stand_in_the_way(
    it: Line, caplog: pytest.LogCaptureFixture
) -> None:
    key = it.server.key()
    with it.client() as client:
        run = client.run("buyer", on_behalf_of=VISITOR)
        run.__enter__()
        it.is_cut = True
        run.call("erp.get", {"id": "7"}, using=it.get)
        credentials = Credentials(it.server.world.store, it.server.world.clock, it.server.world.ids)
        credentials.revoke_all(WORKSPACE, "buyer", OWNER, "leaked")
        it.server.world.clock.advance(2)
        it.is_cut = False
        with caplog.at_level(logging.WARNING, "remit.sdk"), pytest.raises(remit.Refused):
            run.call("erp.get", {"id": "8"}, using=never)
    assert f"a read of erp.get in run {run.id} is not on record" in caplog.text
    assert key not in caplog.text
    assert it.decisions() == []


@pytest.mark.parametrize("target", ["erp.pay", "erp.nothing"])
def test_a_server_takes_no_such_report_of_anything_but_a_read(it: Line, target: str) -> None:
    run = it.server.start()
    assert {"erp.get"} <= set(run["reads"])
    assert not {"erp.pay", "erp.drop"} & set(run["reads"])
    asked = {"kind": "tool", "target": target, "arguments": {}, "unasked": True}
    reply = it.server.ask("POST", f"/api/v1/runs/{run['run']}/actions", asked)
    assert (reply.status, reply.document["code"], reply.document["field"]) == (422, "field_unfit", "unasked")
    assert it.decisions() == []


def test_the_setting_decides(it: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{it.port}"
    monkeypatch.setenv("REMIT_HTTP_TRIES", "1")
    for value, is_let in (("deny", False), ("allow-reads", True)):
        monkeypatch.setenv("REMIT_UNREACHABLE", value)
        with connect(url, api_key=it.server.key()) as client, client.run("buyer", on_behalf_of=VISITOR) as run:
            it.is_cut = True
            if is_let:
                run.call("erp.get", {"id": "7"}, using=it.get)
            else:
                with pytest.raises(remit.Unavailable):
                    run.call("erp.get", {"id": "7"}, using=never)
            it.is_cut = False
    monkeypatch.setenv("REMIT_UNREACHABLE", "allow")
    with pytest.raises(remit.Refused, match="REMIT_UNREACHABLE"):
        connect(url, api_key=it.server.key())


def test_one_that_a_server_can_not_take_stands_in_nobodys_way_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """Its run's data was erased, say: the others come on record."""
    told: list[str] = []

    def send(read: unasked.Read) -> None:
        if read.tool == "gone":
            raise remit.Unavailable("the key was destroyed")
        told.append(read.tool)

    reads = unasked.Unasked(send, allowed=True)
    for tool in ("gone", "next"):
        reads.keep(unasked.Read(RunId("run_1"), tool, {}, {}))
    for _ in range(unasked.TRIES - 1):
        with pytest.raises(remit.Unavailable):
            reads.tell()
    reads.tell()
    assert told == ["next"]
    assert "a read of gone in run run_1 is not on record: the key was destroyed" in caplog.text
