"""The example company for tests: its modules, an office that stands open, and what its own database tells."""

from __future__ import annotations

import importlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

from remit.compose import open_parts
from remit.domain.decision import Decision
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.record import RecordKind
from remit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/gulf-trading"


def part(name: str) -> ModuleType:
    """A module of the example, whose folder has no name that Python could import."""
    if str(EXAMPLE) not in sys.path:
        sys.path.append(str(EXAMPLE))
    return importlib.import_module(f"gulf_trading.{name}")


@dataclass
class Switch:
    """The model of an office, which a test may change."""

    model: Any = field(default_factory=part("scripted_model").ScriptedModel)
    name: str = "openai/gpt-5-mini"

    def complete(self, *asked: Any) -> Any:
        return self.model.complete(*asked)


@dataclass
class House:
    """An office whose server runs, with the company's own database as the witness of what its tools have done."""

    office: Any
    switch: Switch
    seen: list[Any] = field(default_factory=list)

    def work(self, task: str, heard: Any = lambda _: None, patience_s: int = 0) -> tuple[Any, dict[str, int]]:
        """Let an agent work; returns what came of it and the rows that were written in the company."""
        before = written(self.office.company)
        self.seen.clear()

        def hear(told: Any) -> None:
            self.seen.append(told)
            heard(told)

        worked = self.office.work(task, hear, patience_s=patience_s)
        after = written(self.office.company)
        return worked, {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name)}

    def refused(self) -> dict[str, Any]:
        return {told.tool: told for told in self.seen if told.verdict != "allowed"}

    def decided(self, run: str) -> list[dict[str, Any]]:
        return self.records(run, RecordKind.DECISION_MADE)

    def decisions(self, run: str) -> list[Decision]:
        return [Decision.from_json(record["decision"]) for record in self.decided(run)]

    def records(self, run: str, kind: RecordKind) -> list[dict[str, Any]]:
        with opened(self.office) as parts:
            name = self.office.configuration.settings.name
            return [orjson.loads(body) for _, body in parts.store.records(name, limit=10_000, run=run, kind=kind.value)]

    def answers(self, run: str) -> list[str]:
        """Who has answered approvals of a run."""
        with opened(self.office) as parts:
            name, kind = self.office.configuration.settings.name, RecordKind.APPROVAL_ANSWERED.value
            bodies = [orjson.loads(body) for _, body in parts.store.records(name, limit=10_000, kind=kind)]
        return [body["by"] for body in bodies if body["run_id"] == run]

    def spent(self, run: str, budget: str) -> int:
        with opened(self.office) as parts:
            scope = parts.store.scope(scope_id(ScopeKind.RUN, self.office.configuration.settings.name, run))
        used: int = scope.spends[budget].used
        return used

    def approval(self, id: str) -> Any:
        with opened(self.office) as parts:
            return parts.store.approval(id)


@contextmanager
def opened(office: Any) -> Iterator[Any]:
    parts = open_parts(Settings(database_url=part("ledger").url_of(office.folder)))
    yield parts
    parts.close()


def written(path: Path) -> dict[str, int]:
    """Which rows the agents' tools have left in a company's own database."""
    if not path.exists():  # its server starts with the first call
        return {}
    with closing(sqlite3.connect(path)) as db:
        counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in part("company").EFFECTS}
    return {table: rows for table, rows in counts.items() if rows}


def perform(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("REMIT_", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=300,  # of a machine with much else to do
        check=False,
    )
