"""A workspace with a tool server that counts, workflows on it, and processes that carry them out.

with shop(tmp_path, {"steps": [...]}) as it:
    run = it.start("flow", n=3)
    with it.worker():
        assert it.ended(run).state == "succeeded"
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from remit.compose import Parts, at_once, open_parts, open_releases, workflow_starts
from remit.control.releases import FolderHasProblems
from remit.domain.clock import SystemClock
from remit.domain.ids import OwnerId, RandomIds, RunId, UserId, WorkflowName, WorkspaceName
from remit.domain.workflow_progress import Progress
from remit.execution.workflows.notebook import STEP, opened
from remit.execution.workflows.starting import Start
from remit.gateways.mcp.upstreams.offers import digest
from remit.settings import Settings
from remit.storage.journal import WorkflowRun
from remit.storage.journal_rows import SqlJournal, journal_of
from remit.workspace.files import Folder
from tests.workflows.counting_tools import COUNTING, described
from tests.worlds import OWNER, PEOPLE, documents, yaml

WORKSPACE = WorkspaceName("shop")
EFFECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "get": ("read", {}),
    "echo": ("read", {}),
    "slow": ("read", {}),
    "order": ("write", {}),
    "order_once": ("write", {"idempotent": True}),
    "order_told": ("write", {"status": "till.order_status"}),
    "order_status": ("read", {}),
    "cancel": ("write", {"idempotent": True}),
    "fail": ("write", {"idempotent": True}),
    "flaky": ("write", {}),
}
LIMITS = {"steps": 100_000, "tool_calls": 100_000, "model_calls": 100_000, "wall_time": "400d", "denials": 1_000}


def tool(name: str, **changes: Any) -> str:
    effect, more = EFFECTS[name]
    given = {
        "type": "object",
        "properties": {
            "n": {"type": "integer"},
            "pause": {"type": "number"},
            "times": {"type": "integer"},
            "action": {"type": "string"},
            "text": {"type": "string"},
        },
    }
    pin = digest(described(name))
    fields: dict[str, Any] = {
        "effect": effect,
        "description": "Tool.",
        "input": given,
        "not_governable": ["pause"],
        "pin": pin,
        **more,
        **changes,
    }
    return yaml("Tool", name=f"till.{name}", **fields)


def workflow(*steps: Mapping[str, Any], name: str = "flow", agent: str = "clerk", **fields: Any) -> str:
    inputs = {"type": "object", "properties": {"n": {"type": "integer"}, "items": {"type": "array"}}}
    return yaml("Workflow", name=name, agent=agent, **{"inputs": inputs, **fields}, steps=list(steps))


def agent(name: str = "clerk", **remit: Any) -> str:
    granted = {
        "tools": [f"till.{each}" for each in EFFECTS],
        "limits": LIMITS,
        "loops": {"on_detection": "warn"},
        **remit,
    }
    return yaml("Agent", name=name, owner=OWNER, team="shop", purpose="Sells.", status="active", remit=granted)


def shop_files(
    folder: Path,
    workflows: Sequence[str],
    changes: Mapping[str, str | None] | None = None,
    workspace: WorkspaceName = WORKSPACE,
) -> dict[str, bytes]:
    """The workspace's files; the tool server counts in a file of that folder."""
    server = yaml("ToolServer", name="till", command=[sys.executable, str(COUNTING), str(folder / "effects.db")])
    texts: dict[str, str | None] = {
        "workspace.yaml": yaml("Workspace", name=workspace, timezone="Asia/Dubai"),
        "people.yaml": PEOPLE,
        "servers/till.yaml": server,
        "tools/till.yaml": documents(*(tool(name) for name in EFFECTS)),
        "agents/clerk.yaml": agent(),
        "workflows/all.yaml": documents(*workflows),
        **(changes or {}),
    }
    return {path: text.encode() for path, text in texts.items() if text is not None}


@dataclass
class Shop:
    """The parts over one database, and what its tool server counted."""

    folder: Path
    url: str
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    owners: dict[int, OwnerId] = field(default_factory=dict)
    """What workers call themselves, by process."""

    @property
    def counted(self) -> Path:
        return self.folder / "effects.db"

    @cached_property
    def settings(self) -> Settings:
        return Settings(database_url=self.url, key_file=self.folder / "remit.key")

    @cached_property
    def parts(self) -> Parts:
        return open_parts(self.settings, SystemClock(), RandomIds())

    @cached_property
    def journal(self) -> SqlJournal:
        found = journal_of(self.parts.store)
        assert isinstance(found, SqlJournal)
        return found

    def apply(
        self,
        *workflows: str,
        changes: Mapping[str, str | None] | None = None,
        workspace: WorkspaceName = WORKSPACE,
    ) -> None:
        releases = open_releases(self.parts)
        folder = Folder(workspace, shop_files(self.folder, workflows, changes, workspace), ())
        try:
            plan = releases.plan(folder, OWNER, "as planned", "production")
        except FolderHasProblems as error:
            raise AssertionError("\n".join(map(str, error.problems))) from None
        releases.apply(plan, "production")

    def start(self, name: str = "flow", key: str = "", workspace: WorkspaceName = WORKSPACE, **inputs: Any) -> RunId:
        start = Start(workspace, WorkflowName(name), inputs, UserId("user:visitor"), "user:visitor", key, verified=True)
        starts = workflow_starts(self.parts, at_once(self.parts))
        return starts.start(start)[0].run

    def run(self, run: RunId) -> WorkflowRun:
        found = self.journal.run(run)
        assert found is not None
        return found

    def steps(self, run: RunId) -> dict[str, Progress]:
        return {each.progress.path: each.progress for each in self.journal.steps(run)}

    def output(self, run: RunId, path: str) -> Any:
        key = self.parts.keys.of(self.run(run).key)
        (stored,) = [each for each in self.journal.steps(run) if each.progress.path == path]
        return opened(key, run, STEP + path, stored.output) if stored.output else None

    def effects(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Everything the tool server did: action, tool, what it was given."""
        if not self.counted.exists():
            return []
        db = sqlite3.connect(self.counted, timeout=30)
        try:
            found = db.execute("select action, tool, given from effects order by id").fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()
        return [(action, tool, json.loads(given)) for action, tool, given in found]

    def until(self, holds: Any, seconds: float = 60) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = holds()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError("it did not come about in time")

    def ended(self, run: RunId, seconds: float = 60) -> WorkflowRun:
        def over() -> WorkflowRun | None:
            found = self.run(run)
            return found if found.is_over else None

        try:
            found: WorkflowRun = self.until(over, seconds)
        except AssertionError:
            raise AssertionError(f"{self.run(run)}\n{self.steps(run)}") from None
        return found

    # -- workers in processes of their own

    def begin_worker(self, **settings: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "REMIT_DATABASE_URL": self.url,
            "REMIT_KEY_FILE": str(self.folder / "remit.key"),
            "REMIT_WORKER_LEASE_S": "2",
            "REMIT_ABSENT_AFTER_S": "1",
            **settings,
        }
        log = (self.folder / "worker.log").open("ab")
        child = subprocess.Popen(
            [sys.executable, "-c", "from remit.cli.main import main; main()", "worker"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        log.close()
        self.children.append(child)
        assert child.stdout is not None
        line = child.stdout.readline()
        assert b"carries out" in line, (self.folder / "worker.log").read_text()
        self.owners[child.pid] = OwnerId(line.split()[0].decode())
        return child

    @contextmanager
    def worker(self, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        child = self.begin_worker(**settings)
        try:
            yield child
        finally:
            if child.poll() is None:
                child.terminate()
            child.wait(30)

    def close(self) -> None:
        for child in self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
            child.wait(30)
            if child.stdout is not None:
                child.stdout.close()
        if "parts" in self.__dict__:
            self.parts.close()


@contextmanager
def shop(
    folder: Path, *workflows: str, url: str = "", changes: Mapping[str, str | None] | None = None
) -> Iterator[Shop]:
    """A new database with one release."""
    it = Shop(folder, url or f"sqlite:///{folder / 'remit.db'}")
    try:
        it.apply(*workflows, changes=changes)
        yield it
    finally:
        it.close()
