"""`remit up` and `remit serve`: where they may listen, one server a database, ready at once, an orderly stop."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.api.serving import Listening, NotEncrypted, is_loopback
from tests.worlds import files

REMIT = (sys.executable, "-c", "from remit.cli.main import main; main()")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REMIT_")}
    return {**kept, "REMIT_DATABASE_URL": f"sqlite:///{folder / 'new' / 'remit.db'}"}


@dataclass
class Running:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    port: int
    said: list[str]

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = {}) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            sent = {"Content-Type": "application/json", **headers}
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def stop(self) -> tuple[int, str]:
        """Stop it in order; return its exit code and what it logged."""
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Running]:
    port = free_port()
    process = subprocess.Popen(
        [*REMIT, *arguments, "--port", str(port)],
        cwd=folder,
        env={**environment(folder), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    assert process.stdout is not None
    try:
        for line in process.stdout:
            said.append(line)
            if line.startswith("Remit is at"):
                break
        assert said, process.communicate()[1]
        yield Running(process, port, said)
    finally:
        if process.poll() is None:
            process.kill()
        with contextlib.suppress(ValueError):  # it was read to its end already
            process.communicate()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    for name, content in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.slow
def test_on_a_new_machine_it_makes_everything_and_signs_the_admin_in_once(tmp_path: Path, shop: Path) -> None:
    with running(tmp_path, "up", str(shop)) as server:
        assert server.process.stdout is not None
        link = server.process.stdout.readline()
        found = re.fullmatch(
            rf"Sign in once, within 15 minutes, as user:admin: http://127\.0\.0\.1:{server.port}/sign-in#(rmt_l_\S+)\n",
            link,
        )
        assert found, link
        status, session = server.ask("POST", "/api/v1/session/link", {"secret": found[1]})
        assert (status, session["person"], session["workspace"]) == (201, "user:admin", "tiny")
        assert server.ask("POST", "/api/v1/session/link", {"secret": found[1]})[0] == 401
        code, err = server.stop()
    assert (code, err) == (0, ""), "nothing is logged, least of all the secret"
    assert sorted(path.name for path in (tmp_path / "new").iterdir() if path.suffix != ".server") == [
        "remit.db",
        "remit.key",
    ], "the log of the database was written back: it was closed"


@pytest.mark.slow
def test_a_second_server_on_the_database_says_so_and_exits_and_the_command_line_still_works(
    tmp_path: Path, shop: Path
) -> None:
    with running(tmp_path, "up", str(shop)) as server:
        second = subprocess.run(
            [*REMIT, "serve", "--port", str(free_port())],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert second.returncode == 2
        assert f"is served already, by process {server.process.pid} at http://127.0.0.1:{server.port}" in second.stderr
        frozen = subprocess.run(
            [*REMIT, "freeze", "agent:buyer", "-m", "test"],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert frozen.returncode == 0, frozen.stderr
        assert server.ask("GET", "/healthz") == (200, {"status": "ok"})


@pytest.mark.slow
def test_a_server_that_was_killed_leaves_its_database_to_the_next(tmp_path: Path, shop: Path) -> None:
    with running(tmp_path, "up", str(shop)) as first:
        first.process.kill()
        first.process.wait()
    with running(tmp_path, "serve") as second:
        assert second.ask("GET", "/readyz") == (200, {"status": "ok"})


@pytest.mark.slow
def test_what_is_under_way_when_it_stops_is_answered_and_streams_end(tmp_path: Path, shop: Path) -> None:
    with running(tmp_path, "up", str(shop)) as server:
        made = subprocess.run(
            [sys.executable, "-c", KEY, str(tmp_path / "new" / "remit.db")],
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
        bearer = {"Authorization": f"Bearer {made.stdout.strip()}"}
        stream = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        stream.request("GET", "/api/v1/events", headers=bearer)
        events = stream.getresponse()
        assert events.status == 200
        status, run = server.ask("POST", "/api/v1/runs", {"on_behalf_of": "user:x"}, bearer)
        assert status == 201
        while run["run"].encode() not in events.readline():
            pass
        ended: list[bytes] = []
        reader = threading.Thread(target=lambda: ended.append(events.read()))
        reader.start()
        begin = time.monotonic()
        code, _ = server.stop()
        reader.join(20)
        stream.close()
        assert code == 0
        assert time.monotonic() - begin < 8, "it does not wait until the stream is cut by force"
        assert ended == [b"\n"], "the stream ended as a whole one does"


KEY = """
import sys
from remit.compose import open_parts
from remit.control.credentials import Credentials
from remit.settings import Settings
parts = open_parts(Settings())
made = Credentials(parts.store, parts.clock, parts.ids).make_agent_key("tiny", "buyer", "user:omar")
print(made.secret)
parts.close()
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machines_own_addresses_need_no_tls(host: str) -> None:
    Listening(host).check()
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.7", "192.168.1.4", "remit.example.com", "127.0.0.1.example.com"]
)
def test_an_address_that_others_reach_needs_tls_or_an_override(host: str) -> None:
    with pytest.raises(NotEncrypted, match=r"give --cert and --key, listen at 127\.0\.0\.1 behind a proxy"):
        Listening(host).check()
    Listening(host).check(unencrypted=True)
    Listening(host, certificate=Path("tls.crt"), key=Path("tls.key")).check()
    assert not is_loopback(host)
