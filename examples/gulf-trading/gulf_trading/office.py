"""The office: Remit's server with its two gateways, people's commands, and agents in processes of their own."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from gulf_trading import ledger, workspace
from gulf_trading.agents import Ending, wire_name
from gulf_trading.desks import Model
from gulf_trading.endpoints import HOST, Endpoint, served
from gulf_trading.meter import Meter, meter_of
from gulf_trading.orchestrator import WAIT_S, NotAnswered, Orchestrator
from gulf_trading.records import SEED
from gulf_trading.scenarios import Worked
from gulf_trading.scripted_model import ScriptedModel
from gulf_trading.tasks import TASKS
from gulf_trading.told import Told

PORT = 7070
REMIT = (sys.executable, "-c", "from remit.cli.main import main; main()")
AUTHOR = "user:layla.haddad"
COMPANY = "company.db"
STOP_S = 20
LEASE_S = "3"
"""How long a worker is missed before another takes its workflows over."""
FOR_PEOPLE_S = 3_600
"""How long the server keeps a call of a client that has gone to ask a person."""
THEIRS = ("REMIT_", "OPENAI_", "GULF_")
"""What an agent's environment inherits nothing of: it has two addresses and one token."""

Heard = Callable[[Told], None]
"""Is told of each tool call as it happens; may answer a held one before it returns."""


class OfficeFailed(Exception):
    """The server or an agent did not do what it should. The message is what it said itself."""


class Office:
    """Remit on this machine, as `remit up` starts it with a copy of the workspace.

    The server holds the credentials: it starts the company's tool server, and has the key of the model. An agent has
    the server's address and a token, and sees neither the company's database nor the model's endpoint.
    """

    def __init__(self, folder: Path, endpoint: Endpoint, port: int = PORT, feed: str = str(SEED)) -> None:
        """Take where the model is, and how the supplier's prices move. Raises LookupError for a model without price."""
        self.folder = folder
        self.endpoint = endpoint
        self.url = f"http://{HOST}:{port}"
        self.workspace = workspace.copied(folder, endpoint)
        self.configuration = workspace.configuration_of(self.workspace)
        meter_of(self.configuration, endpoint.name)
        self._feed = feed
        self._server: subprocess.Popen[str] | None = None
        self._keys: dict[str, str] = {}

    @property
    def company(self) -> Path:
        """The company's own database, which its tool server opens and nobody else."""
        return self.folder / COMPANY

    def __enter__(self) -> Self:
        port = self.url.rpartition(":")[2]
        with (self.folder / "server.log").open("w", encoding="utf-8") as log:
            self._server = subprocess.Popen(
                [*REMIT, "up", str(self.workspace), "--port", port],
                env=self._environment(AUTHOR) | self._behind(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for the play, which stops the server itself
            )
        assert self._server.stdout is not None
        if not self._server.stdout.readline().startswith("Remit is at"):
            self.__exit__()
            raise OfficeFailed(f"the server did not start: {self._said('server.log')}")
        return self

    def __exit__(self, *_: object) -> None:
        server, self._server = self._server, None
        if server is not None:
            stop(server)

    def _said(self, log: str) -> str:
        return (self.folder / log).read_text("utf-8").strip() or "it said nothing"

    def _environment(self, user: str) -> dict[str, str]:
        return {
            **os.environ,
            "REMIT_DATABASE_URL": ledger.url_of(self.folder),
            "REMIT_USER": user,
            "REMIT_PUBLIC_URL": self.url,
            "PYTHONUNBUFFERED": "1",
        }

    def _behind(self) -> dict[str, str]:
        """Return what only the server and its workers are told: what references in servers/ and models/ lead to."""
        return {
            "GULF_CODE": str(workspace.EXAMPLE),
            "GULF_DATABASE": str(self.company.resolve()),
            "GULF_FEED": self._feed,
            "GULF_MODEL_KEY": self.endpoint.key,
            "REMIT_MCP_QUESTION_S": str(FOR_PEOPLE_S),
            "REMIT_WORKER": "0",  # workers are processes of their own here, so that one can be killed
            "REMIT_WORKER_LEASE_S": LEASE_S,
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
        }

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[str]]:
        """Have a process carry out workflows until the end of the block. Raises OfficeFailed."""
        with (self.folder / "worker.log").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [*REMIT, "worker"],
                env=self._environment(AUTHOR) | self._behind(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise OfficeFailed(f"the worker did not start: {self._said('worker.log')}")
            yield process
        finally:
            stop(process)

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

    def work(self, task: str, heard: Heard, *, patience_s: int = 60) -> Worked:
        """Let a task's agent work on it, and hear what it does. Raises OfficeFailed and NotAnswered.

        A held call waits for people for as long as `patience_s` says; with 0 nobody sits at the agent, which goes on.
        """
        wanted = TASKS[task]
        orchestrator = Orchestrator(self.url, self.key(wanted.agent))
        started = orchestrator.start(wanted)
        names = {wire_name(name): name for name in self.configuration.tools}
        listener = Listener(orchestrator, meter_of(self.configuration, self.endpoint.name), heard, patience_s, names)
        ending = self._worked(task, started.token, listener)
        orchestrator.end(started.run, "ok" if ending.finished else "stopped")
        return Worked(ending, listener.meter, started.run)

    def _worked(self, task: str, token: str, listener: Listener) -> Ending:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(THEIRS)}
        addresses = {
            "OPENAI_BASE_URL": f"{self.url}/openai/v1",
            "OPENAI_API_KEY": token,
            "MCP_URL": f"{self.url}/mcp",
            "MCP_KEY": token,
        }
        command = [sys.executable, str(workspace.EXAMPLE / "work.py"), task, "--model", self.endpoint.name]
        worker = subprocess.Popen(
            [*command, "--person"] if listener.patience_s else command,
            env={**inherited, **addresses, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with worker:
            try:
                ending = listener.listen(worker)
                assert worker.stderr is not None
                said = worker.stderr.read().strip()
            finally:
                worker.kill()  # it has ended by itself, unless this process was interrupted
        if ending is None:
            raise OfficeFailed(said.removeprefix("Error: ") or f"{task}: the agent ended without a word")
        return ending

    def key(self, agent: str) -> str:
        """Return an agent's key, made when it is first asked for."""
        if agent not in self._keys:
            self._keys[agent] = self.remit("keys", "make", agent, "--label", "example").strip()
        return self._keys[agent]


class Listener:
    """Reads what an agent writes down, counts it, and sits at the agent for those it sends to an address."""

    def __init__(
        self, orchestrator: Orchestrator, meter: Meter, heard: Heard, patience_s: int, names: Mapping[str, str]
    ) -> None:
        """Take the workspace's names of tools by those that the agent sees."""
        self._names = names
        self._orchestrator = orchestrator
        self.meter = meter
        self._heard = heard
        self.patience_s = patience_s

    def listen(self, worker: subprocess.Popen[str]) -> Ending | None:
        """Listen until the agent falls silent, and return how its work ended, if it said so."""
        assert worker.stdout is not None
        assert worker.stdin is not None
        ending: Ending | None = None
        for line in worker.stdout:
            ((what, fields),) = json.loads(line).items()
            if "tool" in fields:
                fields["tool"] = self._names.get(fields["tool"], fields["tool"])
            if what == "ended":
                ending = Ending(fields["finished"], fields["words"])
            elif what == "asked":
                self.meter.model_called(fields["prompt_tokens"], fields["completion_tokens"])
            elif what == "called":
                self._called(fields)
            else:
                with suppress(BrokenPipeError):
                    worker.stdin.write(f"{'opened' if self._answered(fields) else 'nobody'}\n")
                    worker.stdin.flush()
        return ending

    def _called(self, fields: Mapping[str, Any]) -> None:
        told = Told.of(fields)
        if told.verdict == "allowed":
            self.meter.tool_called(told.tool)
        self._heard(told)

    def _answered(self, fields: Mapping[str, Any]) -> bool:
        """Hear of a call that waits for people, and wait with it; False where nobody answers in time."""
        approval = fields["url"].rpartition("/")[2]
        self._heard(Told.waiting(fields, self._orchestrator.approval(approval)["digest"]))
        until = time.monotonic() + self.patience_s
        while self._orchestrator.approval(approval, WAIT_S)["state"] == "pending":
            if time.monotonic() > until:
                return False
        return True


@contextmanager
def opened(
    folder: Path, port: int = PORT, model: Model | None = None, real: Endpoint | None = None, feed: str = str(SEED)
) -> Iterator[Office]:
    """Open an office whose agents are played by a model of this process, by default the script, or a real one.

    Raises LookupError, OfficeFailed and OSError.
    """
    if real is not None:
        with Office(folder, real, port, feed) as office:
            yield office
        return
    with served(model or ScriptedModel()) as endpoint, Office(folder, endpoint, port, feed) as office:
        yield office


def stop(process: subprocess.Popen[str]) -> None:
    """Ask a process to end, and end it where it does not."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def free(port: int) -> int:
    """Return a port that can be listened at: this one, or where it is taken whichever is free."""
    for wanted in (port, 0):
        with socket.socket() as tried, suppress(OSError):
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((HOST, wanted))
            return int(tried.getsockname()[1])
    raise OfficeFailed(f"no port of {HOST} is free")


__all__ = ["NotAnswered", "Office", "OfficeFailed", "free", "opened"]
