"""Servers in processes of their own: started, measured from outside, and killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from remit.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
STOP_S = 30


class ServerProcess:
    """A program that prints one line when it takes requests. It may end and be started again, at the same port."""

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str] | None = None) -> None:
        self.port = port
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[str] | None = None
        self.ready_s = 0.0
        """From the start of the process until it took requests."""

    @classmethod
    def of_remit(cls, settings: Settings) -> ServerProcess:
        """Return `remit serve` on a database, at a free port."""
        port = free_port()
        environment = {"REMIT_DATABASE_URL": settings.database_url, "REMIT_KEY_FILE": str(settings.key_path)}
        remit = str(Path(sys.executable).with_name("remit"))
        return cls([remit, "serve", "--port", str(port), "--log-level", "error"], port, environment)

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until requests are taken."""
        begin = time.perf_counter()
        self.begin()
        self.wait_ready()
        self.ready_s = time.perf_counter() - begin

    def begin(self) -> None:
        """Start; `wait_ready` waits."""
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait_ready(self) -> None:
        """Wait until requests are taken. Raises RuntimeError where the process ends instead."""
        assert self._process is not None
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            _, said = self._process.communicate()
            raise RuntimeError(f"{' '.join(self._command)} ended with {self._process.returncode}: {said.strip()}")

    def kill(self) -> None:
        """SIGKILL: it has no time for anything."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def stop(self) -> str:
        """Stop in order; return what it had said on standard error. Nothing where it has ended."""
        if self._process is None or self._process.poll() is not None:
            return ""
        self._process.send_signal(signal.SIGTERM)
        return self._process.communicate(timeout=STOP_S)[1]

    @property
    def cpu_s(self) -> float:
        """The CPU of all its threads so far."""
        return cpu_s_of(self.pid)

    @property
    def resident_kib(self) -> int:
        """The memory it holds now."""
        return resident_kib_of(self.pid)


def cpu_s_of(pid: int) -> float:
    """Return the CPU of a process so far (Linux: clock ids of processes are made of the complement of their id)."""
    return time.clock_gettime((~pid << 3) | 2)


def resident_kib_of(pid: int) -> int:
    """Return the memory a process holds now."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0])


@contextmanager
def running(server: ServerProcess) -> Iterator[ServerProcess]:
    """Have a server run for as long as the block lasts."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """Return a port that nobody listens at, for now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
