"""What only a door over HTTP can meet: broken connections, servers that are gone, and addresses that are none.

That it does what the embedded door does, test_calls.py and test_models.py show: they run on both.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.domain.record import RecordKind
from remit.sdk.client import Client
from remit.sdk.http import HttpDoor
from remit.sdk.wire import Reach, Wire
from tests.served import Served, served
from tests.worlds import VISITOR, world

KEY = "rmt_a_key"


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Served]:
    with world(tmp_path) as opened, served(opened) as server:
        yield server


@contextmanager
def client(port: int, key: str, tries: int = 3) -> Iterator[Client]:
    opened = Client(HttpDoor(Reach(f"http://127.0.0.1:{port}", key, timeout_s=5, tries=tries)))
    try:
        yield opened
    finally:
        opened.close()


def never(**arguments: Any) -> None:
    pytest.fail("a call that was not admitted was dispatched")


@contextmanager
def between(it: Served, spoil: Callable[[int], str]) -> Iterator[int]:
    """Forward requests one by one; `spoil(n)` says what befalls the n-th: "", "lost" or "answer lost"."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        seen: list[bytes] = []

        def forward() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                with caller:
                    request = _message(caller)
                    seen.append(request)
                    fate = spoil(len(seen) - 1)
                    if fate == "lost":
                        continue
                    with socket.create_connection((it.host, it.port), timeout=10) as server:
                        server.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                        answer = b"".join(iter(lambda: server.recv(65_536), b""))
                    if fate != "answer lost":
                        caller.sendall(answer)

        thread = threading.Thread(target=forward, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _message(connection: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65_536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0) if b"ength:" in head else 0
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@pytest.mark.parametrize("fate", ["lost", "answer lost"])
@pytest.mark.parametrize("lost", range(4))
def test_whatever_is_lost_on_the_way_is_asked_again_and_happens_once(it: Served, fate: str, lost: int) -> None:
    calls: list[str] = []
    with (
        between(it, lambda n: fate if n == lost else "") as port,
        client(port, it.key()) as agent,
        agent.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        run.call("erp.get", {"id": "7"}, using=lambda id: calls.append(id))
    assert calls == ["7"]
    kinds = [record["kind"] for record in it.world.records(run=run.id)]
    assert kinds == ["run_started", "decision_made", "outcome_reported", "run_ended"]


def test_a_server_that_stays_silent_admits_nothing(it: Served) -> None:
    with between(it, lambda n: "" if n == 0 else "lost") as port, client(port, it.key(), tries=2) as agent:
        run = agent.run("buyer", on_behalf_of=VISITOR)
        run.__enter__()
        with pytest.raises(remit.Unavailable, match=r"can not be asked \(RemoteDisconnected.*nothing was admitted"):
            run.call("erp.get", {"id": "7"}, using=never)


def test_no_server_is_said_with_what_to_look_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with client(port, KEY, tries=1) as agent, pytest.raises(remit.Unavailable) as caught:
        agent.run("buyer", on_behalf_of=VISITOR).__enter__()
    assert str(caught.value).endswith("nothing was admitted. Check REMIT_URL, and that the server runs")


def test_something_else_at_the_address_is_no_decision() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            caller, _ = other.accept()
            with caller:
                _message(caller)
                caller.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nhello!")

        threading.Thread(target=greet, daemon=True).start()
        with client(other.getsockname()[1], KEY) as agent, pytest.raises(remit.Unavailable, match="not as Remit does"):
            agent.run("buyer", on_behalf_of=VISITOR).__enter__()


def test_a_wrong_key_and_another_agents_are_refused(it: Served) -> None:
    with client(it.port, "rmt_a_wrong") as agent, pytest.raises(remit.Refused, match="the credential is not valid"):
        agent.run("buyer", on_behalf_of=VISITOR).__enter__()
    with client(it.port, it.key()) as agent, pytest.raises(remit.Refused, match="the key is another agent's"):
        agent.run("seller", on_behalf_of=VISITOR).__enter__()


def test_a_result_too_large_to_send_is_known_by_its_digest(it: Served) -> None:
    with client(it.port, it.key()) as agent, agent.run("buyer", on_behalf_of=VISITOR) as run:
        large = "x" * 1_100_000
        assert run.call("erp.get", {"id": "7"}, using=lambda id: large) is large
    (record,) = it.world.records(RecordKind.OUTCOME_REPORTED)
    assert (record["status"], len(record["result_digest"])) == ("ok", 64)


def test_connections_are_kept_and_a_closed_one_is_replaced(it: Served) -> None:
    wire = Wire(Reach(it.url, it.key()))
    for _ in range(3):
        assert wire.ask("GET", "/api/v1/me", None)["agent"] == "buyer"
    ((connection, _),) = wire._idle.queue
    connection.sock.shutdown(socket.SHUT_RDWR)
    assert wire.ask("GET", "/api/v1/me", None)["agent"] == "buyer"
    wire.close()


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("ftp://x", KEY, "must be https://HOST or http://HOST"),
        ("https://", KEY, "must be https://HOST"),
        ("https://name:secret@x", KEY, "without name and password"),
        ("http://remit.example.com", KEY, "would send the key in the clear"),
        ("https://x", "", "no key is given"),
        ("https://x", "rmt_a_\nkey", "characters that no key has"),
    ],
)
def test_an_address_or_key_that_can_not_be_used_is_refused_before_anything_is_sent(
    url: str, key: str, said: str
) -> None:
    with pytest.raises(remit.Refused, match=said) as caught:
        HttpDoor(Reach(url, key))
    assert "secret@" not in str(caught.value)
    assert KEY not in repr(Reach(url, KEY))


def test_the_environment_names_the_server_and_nothing_of_a_server_is_loaded(it: Served) -> None:
    script = """
import json, sys, remit
with remit.connect() as client, client.run("buyer", on_behalf_of="user:visitor") as run:
    run.call("erp.get", {"id": "7"}, using=lambda id: id)
print(json.dumps(sorted(sys.modules)))
"""
    environment = {"REMIT_URL": it.url, "REMIT_API_KEY": it.key(), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert "remit.sdk.http" in loaded
    assert loaded.isdisjoint({"sqlalchemy", "sqlite3", "alembic", "cedarpy", "jsonschema_rs", "fastapi", "uvicorn"})
    rooms = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("remit.")}
    assert rooms.isdisjoint({"remit.storage", "remit.policy", "remit.api", "remit.control"})
    assert len(it.world.records(RecordKind.OUTCOME_REPORTED)) == 1
