"""The office: Remit's server, and agents in processes of their own that work against it over HTTP."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from gulf_trading import ledger
from gulf_trading.agents import Ending
from gulf_trading.meter import Counts
from gulf_trading.scenarios import Worked
from gulf_trading.told import Told

WORKSPACE = Path(__file__).resolve().parents[1]
HOST, PORT = "127.0.0.1", 7070
REMIT = (sys.executable, "-c", "from remit.cli.main import main; main()")
AUTHOR = "user:layla.haddad"
STOP_S = 20

Heard = Callable[[Told], None]
"""Is told of each tool call as it happens; may answer a held one before it returns."""


class OfficeFailed(Exception):
    """The server or an agent did not do what it should. The message is what it said itself."""


class Office:
    """Remit on this machine, as `remit up` starts it, and the keys of the agents.

    Agents reach it by its address and a key each, and nothing else: they never see the database.
    """

    def __init__(self, folder: Path, port: int = PORT) -> None:
        self.folder = folder
        self.url = f"http://{HOST}:{port}"
        self._server: subprocess.Popen[str] | None = None
        self._keys: dict[str, str] = {}

    def __enter__(self) -> Self:
        port = self.url.rpartition(":")[2]
        with (self.folder / "server.log").open("w", encoding="utf-8") as log:
            self._server = subprocess.Popen(
                [*REMIT, "up", str(WORKSPACE), "--port", port],
                env=self._environment(AUTHOR),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for the play, which stops the server itself
            )
        assert self._server.stdout is not None
        if not self._server.stdout.readline().startswith("Remit is at"):
            self.__exit__()
            raise OfficeFailed(f"the server did not start: {self._said()}")
        return self

    def __exit__(self, *_: object) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(STOP_S)
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()

    def _said(self) -> str:
        return (self.folder / "server.log").read_text("utf-8").strip() or "it said nothing"

    def _environment(self, user: str) -> dict[str, str]:
        return {
            **os.environ,
            "REMIT_DATABASE_URL": ledger.url_of(self.folder),
            "REMIT_USER": user,
            "REMIT_PUBLIC_URL": self.url,
            "PYTHONUNBUFFERED": "1",
        }

    # -- people, on the command line

    def remit(self, *words: str, user: str = AUTHOR) -> str:
        """Run `remit` as a person of the company would and return what it writes. Raises OfficeFailed."""
        done = subprocess.run(
            [*REMIT, *words], env=self._environment(user), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OfficeFailed(f"remit {shlex.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    # -- agents, in processes of their own

    def work(self, task: str, agent: str, company: Path, heard: Heard, *, patience_s: int = 60) -> Worked:
        """Let an agent work on a task, and hear what it does. Raises OfficeFailed."""
        inherited = {name: value for name, value in os.environ.items() if name != "REMIT_DATABASE_URL"}
        worker = subprocess.Popen(
            [sys.executable, str(WORKSPACE / "work.py"), task, "--company", str(company), "--wait", str(patience_s)],
            env={**inherited, "REMIT_URL": self.url, "REMIT_API_KEY": self._key(agent), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert worker.stdout is not None
        assert worker.stderr is not None
        ended: Worked | None = None
        try:
            for line in worker.stdout:
                found = json.loads(line)
                if "ended" in found:
                    ended = worked_of(found["ended"])
                else:
                    heard(Told.read(found["called"]))
            said = worker.stderr.read().strip()
        finally:
            worker.kill()  # it has ended by itself, unless this process was interrupted
            worker.wait()
            worker.stdout.close()
            worker.stderr.close()
        if ended is None:
            raise OfficeFailed(said.removeprefix("Error: ") or f"{agent} ended without a word")
        return ended

    def _key(self, agent: str) -> str:
        if agent not in self._keys:
            self._keys[agent] = self.remit("keys", "make", agent, "--label", "example").strip()
        return self._keys[agent]


def free(port: int) -> int:
    """Return a port that can be listened at: this one, or where it is taken whichever is free."""
    for wanted in (port, 0):
        with socket.socket() as tried, suppress(OSError):
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((HOST, wanted))
            return int(tried.getsockname()[1])
    raise OfficeFailed(f"no port of {HOST} is free")


def worked_as_json(worked: Worked) -> dict[str, Any]:
    """Write what came of a task as plain JSON."""
    meter, ending = worked.meter, worked.ending
    return {
        "finished": ending.finished,
        "words": ending.words,
        "run": worked.run,
        "calls": dict(meter.calls),
        "micros": meter.micros,
        "seconds": meter.seconds,
    }


def worked_of(fields: Mapping[str, Any]) -> Worked:
    """Undo `worked_as_json`."""
    counts = Counts(Counter(fields["calls"]), fields["micros"], fields["seconds"])
    return Worked(Ending(fields["finished"], fields["words"]), counts, fields["run"])
