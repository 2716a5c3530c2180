"""A server of a test's own, in a process that can be stopped and started again on the same port and database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from remit.domain.ids import WorkspaceName
from tests.browser.conftest import House, add_people, part
from tests.worlds import OWNER, WORKSPACE, agent, files

SARA, LINA, NOOR = "user:sara", "user:lina", "user:noor"
PEOPLE = {SARA: ("approver",), LINA: ("approver",), NOOR: ("admin", "operator", "auditor")}
REMIT = (sys.executable, "-c", "from remit.cli.main import main; main()")
STOP_S = 20
PATIENT: dict[str, Any] = {
    "limits": {"steps": "unlimited", "tool_calls": "unlimited", "denials": "unlimited"},
    "loops": {"on_detection": "warn"},
}
"""Of an agent that may go on for as long as a test likes."""


class Standing:
    """`remit up`, with its database in a folder."""

    def __init__(self, folder: Path, workspace: str) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{part('office').free(0)}"
        self.database = f"sqlite:///{folder / 'remit.db'}"
        self.workspace = workspace
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start and return the first line it wrote, once it answers."""
        with (self.folder / "server.log").open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*REMIT, "up", "--port", self.url.rpartition(":")[2]],
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said.startswith("Remit is at"), (self.folder / "server.log").read_text("utf-8")
        return said

    def first_link(self) -> str:
        """The address that signs the first admin in once: its second line, where it made one."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()[-1]

    def stop(self) -> None:
        """Stop in order, as Ctrl-C does; by force where that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
        process.kill()
        process.communicate()

    def remit(self, *words: str) -> str:
        """Run `remit` on this machine and return what it writes."""
        done = subprocess.run(
            [*REMIT, *words], env=self._environment(), capture_output=True, text=True, check=False, cwd=self.folder
        )
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout

    def apply(self, given: Mapping[str, bytes] | None = None) -> None:
        """Make a release of a workspace's files; of the small one of tests/worlds.py where none are given."""
        place = self.folder / "workspace"
        for name, content in (files({"agents/buyer.yaml": agent(**PATIENT)}) if given is None else given).items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        self.remit("apply", str(place), "-m", "the first release")

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "REMIT_DATABASE_URL": self.database,
            "REMIT_WORKSPACE": self.workspace,
            "REMIT_USER": OWNER,
            "REMIT_PUBLIC_URL": self.url,
            "PYTHONUNBUFFERED": "1",
        }


@contextmanager
def standing(folder: Path, workspace: str = WORKSPACE, given: Mapping[str, bytes] | None = None) -> Iterator[House]:
    """A server with a workspace, the one of tests/worlds.py and its `buyer` where none is given; the people above."""
    server = Standing(folder, workspace)
    server.apply(given)
    add_people(server.database, WorkspaceName(workspace), PEOPLE)
    try:
        server.start()
        yield House(server)
    finally:
        server.stop()
