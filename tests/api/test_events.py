"""Server-sent events: nothing is missed across reconnects, nobody sees what is not theirs, a slow reader is cut."""

from __future__ import annotations

import http.client
import json
import random
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.api.events import EventLimits, EventRoute, event_of, may_see
from remit.control.credentials import Credentials
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.domain.identity import Caller, CredentialKind, Role
from remit.domain.ids import AgentName, RunId, UserId
from tests.served import Served, route_of, served
from tests.worlds import OWNER, WORKSPACE, agent, world

TWO_AGENTS = {"agents/seller.yaml": agent("seller")}
QUICK = EventLimits(streams=6, streams_each=3, kept=40, page=7, heartbeat_s=0.2, gather_s=0.0, slowest_s=0.5)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Served]:
    with world(tmp_path, TWO_AGENTS) as opened, served(opened) as server:
        route(server)._limits = QUICK
        yield server


def route(it: Served) -> Any:
    return route_of(it, EventRoute)


def person(it: Served, *roles: Role) -> str:
    """A person's token."""
    store, clock, ids = it.world.store, it.world.clock, it.world.ids
    name = UserId(f"user:{'-'.join(sorted(roles)) or 'nobody'}")
    People(store, clock, ids, Passwords()).add(WORKSPACE, name, frozenset(roles), OWNER)
    return Credentials(store, clock, ids).make_person_token(WORKSPACE, name, OWNER, "test", 3_600).secret


class Stream:
    """One open stream."""

    def __init__(self, it: Served, key: str, after: int | None = None, headers: Mapping[str, str] = {}) -> None:
        self.connection = http.client.HTTPConnection(it.host, it.port, timeout=10)
        sent = {"Authorization": f"Bearer {key}", **headers}
        if after is not None:
            sent["Last-Event-ID"] = str(after)
        self.connection.request("GET", "/api/v1/events", headers=sent)
        self.answer = self.connection.getresponse()
        self.last = after or 0

    def blocks(self) -> Iterator[dict[str, str]]:
        """The fields of each block, comments left out; it ends where the stream does."""
        block: dict[str, str] = {}
        while line := self.answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if not line.strip():
                self.last = int(block.get("id", self.last))
                yield block
                block = {}
            elif name:
                block[name] = value

    def events(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for block in self.blocks():
            if "data" in block:
                yield int(block["id"]), json.loads(block["data"])

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@contextmanager
def stream(it: Served, key: str, after: int | None = None) -> Iterator[Stream]:
    opened = Stream(it, key, after)
    try:
        assert opened.answer.status == 200, opened.answer.read()
        yield opened
    finally:
        opened.close()


def work(it: Served, agent: str = "buyer", calls: int = 1) -> str:
    """A run of some calls, without HTTP."""
    door = it.world.door
    run = it.world.start(agent)
    for number in range(calls):
        door.admit(door.attempt_tool(run, "erp.get", {"id": str(number)}))
    return run.id


def last(it: Served) -> int:
    return max((seq for seq, _ in it.world.store.records(WORKSPACE, 0, 10_000)), default=0)


def test_a_reader_hears_of_what_is_committed_and_of_no_payload(it: Served) -> None:
    with stream(it, person(it, Role.VIEWER)) as opened:
        run = work(it)
        found = opened.events()
        (_, started), (_, decided) = next(found), next(found)
    assert (started["kind"], started["run"], started["agent"]) == ("run_started", run, "buyer")
    assert (decided["kind"], decided["target"], decided["verdict"], decided["reasons"]) == (
        "decision_made",
        "erp.get",
        "allow",
        [],
    )
    assert {*started, *decided}.isdisjoint({"facts", "decision", "arguments_digest", "task_digest", "purpose"})


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_missed_and_nothing_comes_twice_however_often_it_breaks(it: Served, seed: int) -> None:
    chance = random.Random(seed)
    token = person(it, Role.VIEWER)
    before = last(it)
    seen: list[int] = []
    cursor: int | None = None
    written = 0
    while written < 120:
        with stream(it, token, cursor) as opened:
            if cursor is None:
                next(opened.blocks())
            written += 1
            work(it, calls=chance.randrange(5))
            there = last(it) - (seen[-1] if seen else before)
            found = opened.events()
            seen += [next(found)[0] for _ in range(min(there, chance.randrange(1, 9)))]
            cursor = opened.last
        for _ in range(chance.randrange(10)):  # nobody listens meanwhile
            written += 1
            work(it)
    wanted = [seq for seq, _ in it.world.store.records(WORKSPACE, before, 10_000)]
    with stream(it, token, cursor) as opened:
        for seq, _ in opened.events():
            seen.append(seq)
            if seq == wanted[-1]:
                break
    assert seen == wanted


def test_nothing_is_missed_when_the_server_is_started_anew(tmp_path: Path) -> None:
    """Streams end with the server; what is committed before the next one stands is read from the database."""
    seen: list[int] = []
    with world(tmp_path, TWO_AGENTS) as it:
        with served(it) as first:
            token = person(first, Role.VIEWER)
            with stream(first, token) as opened:
                next(opened.blocks())
                begin = opened.last
                work(first, calls=3)
                found = opened.events()
                seen += [next(found)[0] for _ in range(2)]  # two of four are read before it goes down
                cursor = opened.last
                first.server.should_exit = True
                rest = [seq for seq, _ in found]
        assert rest == sorted(set(rest))
        run = it.start("seller")
        it.door.end_run(run, "ok")
        with served(it) as second, stream(second, token, cursor) as opened:
            work(second)
            wanted = [seq for seq, _ in it.store.records(WORKSPACE, begin, 10_000)]
            for seq, _ in opened.events():
                seen.append(seq)
                if seq == wanted[-1]:
                    break
    assert seen == wanted


def test_an_agent_hears_of_its_own_runs_only_and_a_token_of_one_run(it: Served) -> None:
    first, second = it.start(), it.start()
    begin = last(it)
    for run in (first["run"], second["run"]):
        it.world.door.end_run(it.world.parts.keys.salted(it.world.store.run(RunId(run))), "ok")
    work(it, "seller")
    it.world.stops.freeze(WORKSPACE, "agent:buyer", OWNER, "why")
    work(it, "buyer")
    seen = {}
    for name, key in (("buyer", it.key()), ("seller", it.key("seller")), ("token", first["token"])):
        with stream(it, key, begin) as opened:
            blocks = opened.blocks()
            events = []
            while opened.last < last(it):
                block = next(blocks)
                events += [json.loads(block["data"])] if "data" in block else []
            seen[name] = events
    assert {event["agent"] for event in seen["buyer"]} == {"buyer"}
    assert [event["kind"] for event in seen["buyer"]] == ["run_ended", "run_ended", "run_started", "decision_made"]
    assert [event["agent"] for event in seen["seller"]] == ["seller", "seller"]
    assert [(event["kind"], event["run"]) for event in seen["token"]] == [("run_ended", first["run"])]


def test_what_each_may_see() -> None:
    body = b'{"kind":"%b","run":null,"agent":null,"workspace":"tiny","no":1,"at":1}'
    plain, keys = (event_of(1, body % kind, lambda _: None) for kind in (b"stop_changed", b"key_changed"))
    viewer = Caller(CredentialKind.SESSION, WORKSPACE, "c", UserId("user:v"), frozenset({Role.VIEWER}))
    auditor = replace(viewer, roles=frozenset({Role.AUDITOR}))
    nobody = replace(viewer, roles=frozenset())
    buyer = Caller(CredentialKind.AGENT_KEY, WORKSPACE, "k", agent=AgentName("buyer"))
    assert [may_see(caller, plain) for caller in (viewer, auditor, nobody, buyer)] == [True, True, False, False]
    assert [may_see(caller, keys) for caller in (viewer, auditor, nobody, buyer)] == [False, True, False, False]


def test_a_silent_stream_says_that_it_is_there(it: Served) -> None:
    with stream(it, person(it, Role.VIEWER)) as opened:
        lines = [opened.answer.readline() for _ in range(4)]
    assert lines[0] == b"retry: 1000\n"
    assert lines[3] == b": still here\n"


def test_who_is_revoked_hears_no_more(it: Served) -> None:
    credentials = Credentials(it.world.store, it.world.clock, it.world.ids)
    made = credentials.make_agent_key(WORKSPACE, AgentName("buyer"), OWNER)
    with stream(it, made.secret) as opened:
        next(opened.blocks())
        credentials.revoke(WORKSPACE, made.credential.id, OWNER)
        it.world.clock.advance(2)  # the server takes an agent's key for good for a second
        assert len(list(opened.blocks())) < 100, "it is cut after a beat or two"


def test_there_are_only_so_many_streams(it: Served) -> None:
    token = person(it, Role.VIEWER)
    opened = [Stream(it, token) for _ in range(QUICK.streams_each)]
    refused = Stream(it, token)
    assert refused.answer.status == 429
    assert json.loads(refused.answer.read())["code"] == "too_many_streams"
    for each in (*opened, refused):
        each.close()
    with_patience(lambda: route(it)._open.total() == 0)
    with stream(it, token):
        assert route(it)._open.total() == 1


def with_patience(holds: Any) -> None:
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_reader_that_reads_nothing_is_cut_and_holds_up_nobody(it: Served) -> None:
    token = person(it, Role.VIEWER)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    slow.connect((it.host, it.port))
    slow.sendall(f"GET /api/v1/events?after=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    with slow, stream(it, token, 1) as quick:
        found = quick.events()
        limits, route(it)._limits = route(it)._limits, replace(QUICK, page=500)
        for _ in range(60):
            work(it, calls=40)
            while next(found)[0] < last(it):
                pass
        with_patience(lambda: route(it)._open.total() <= 1)
        route(it)._limits = limits


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30, "²"])
def test_a_cursor_that_is_none_is_refused(it: Served, cursor: str) -> None:
    refused = Stream(it, it.key(), headers={"Last-Event-ID": cursor.encode().decode("latin-1")})
    assert (refused.answer.status, json.loads(refused.answer.read())["code"]) == (400, "bad_cursor")
    refused.close()


def test_a_cursor_of_another_database_begins_at_the_end(it: Served) -> None:
    with stream(it, it.key(), 10**12) as opened:
        run = work(it)
        assert next(opened.events())[1]["run"] == run


def test_nobody_gets_in_without_a_credential_or_a_role(it: Served) -> None:
    for key, status in (("rmt_a_wrong", 401), (person(it), 403)):
        refused = Stream(it, key)
        assert refused.answer.status == status
        refused.answer.read()
        refused.close()
