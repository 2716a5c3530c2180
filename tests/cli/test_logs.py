"""`remit runs logs`: what happened and what happens, once each, in both homes and across a broken connection."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any

import pytest

import remit
from remit.cli.places import Server
from remit.cli.remote import Remote
from remit.domain.event_messages import tell
from remit.domain.record import RecordKind
from tests.cli.conftest import Command
from tests.cli.desk import token_of
from tests.served import Served
from tests.worlds import OWNER, VISITOR


def test_what_happened_in_a_run(desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_URL", desk.url)
    monkeypatch.setenv("REMIT_TOKEN", token_of(desk))
    ((run, *_),) = command("runs", "ls").rows
    said = command("runs", "logs", run)
    assert (said.code, said.err) == (0, "")
    words = [row[1] for row in said.rows]
    assert sorted(words) == sorted(
        [
            f"run began: buyer for {VISITOR}",
            "erp.get: allow",
            "erp.get came to ok",
            "erp.pay: hold: policy big asks for a person of finance: over 500",
            "erp.drop: deny: erp.drop is not in the remit of buyer",
        ]
    )
    assert "رُفض" in command("runs", "logs", run, "--lang", "ar").out
    events = [json.loads(line) for line in command("runs", "logs", run, "-o", "json").out.splitlines()]
    assert {event["kind"] for event in events} == {"run_started", "decision_made", "outcome_reported"}
    assert command("runs", "logs").err == (
        "Error: say which run, as `remit runs logs RUN`, or follow the workspace with -f\n"
    )
    assert command("runs", "logs", "run_none", "-f").code == 2


@pytest.mark.parametrize("home", ["database", "server"])
def test_following_tells_each_event_once_and_ends_with_ctrl_c(home: str, desk: Served) -> None:
    env = {**os.environ, "REMIT_DATABASE_URL": desk.world.url, "REMIT_USER": OWNER, "NO_COLOR": "1"}
    if home == "server":
        env |= {"REMIT_URL": desk.url, "REMIT_TOKEN": token_of(desk)}
    run = desk.world.start("buyer", VISITOR)
    code = "from remit.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code, "runs", "logs", run.id, "-f", "-o", "json"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        first = json.loads(process.stdout.readline())
        assert (first["kind"], first["run"]) == ("run_started", run.id)
        with desk.world.client.run("buyer", on_behalf_of=VISITOR) as other, pytest.raises(remit.Denied):
            other.call("erp.drop", {}, using=lambda: "dropped")
        desk.world.queue.submit(desk.world.action(run, "erp.drop", {}, "act_denied"))
        second = json.loads(process.stdout.readline())
        assert (second["kind"], second["run"], second["action"]) == ("decision_made", run.id, "act_denied")
        assert second["words"] == ["erp.drop is not in the remit of buyer"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, err) == (0, "", "")


class Breaking(BaseHTTPRequestHandler):
    """A server that sends one event and hangs up. It remembers where each stream began."""

    begun: list[str | None]

    def do_GET(self) -> None:
        self.begun.append(self.headers["Last-Event-ID"])
        number = len(self.begun)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(f'id: {number * 10}\nevent: x\ndata: {{"kind": "x", "no": {number}}}\n\n: beat\n\n'.encode())
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def breaking() -> Iterator[tuple[str, list[str | None]]]:
    begun: list[str | None] = []
    handler = type("Handler", (Breaking,), {"begun": begun})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", begun
        server.shutdown()
        thread.join()


def test_a_stream_that_breaks_is_taken_up_behind_the_last_event(breaking: tuple[str, list[str | None]]) -> None:
    url, begun = breaking
    waited: list[float] = []
    remote = Remote(Server(url, token="t"))
    events = list(islice(remote.events(None, waited.append), 3))
    assert [event["no"] for event in events] == [1, 2, 3]
    assert begun == [None, "10", "20"]
    assert waited == [0.5, 0.5]


@pytest.mark.parametrize("kind", RecordKind)
def test_every_kind_of_event_has_words_in_both_languages(kind: RecordKind) -> None:
    event = {"kind": kind.value, "agent": "buyer", "target": "erp.pay", "verdict": "deny", "stop": {"kind": "freeze"}}
    english, arabic = tell(event), tell(event, "ar")
    assert english.strip()
    assert any("\u0600" <= char <= "\u06ff" for char in arabic)
    assert "{" not in english + arabic
    assert tell({"kind": "not_yet_known"}) == "not yet known"
