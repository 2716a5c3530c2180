"""A writer without a queue or a disk to wait for: commands in, answers out, for tests that ask thousands of times."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from remit.domain.action import Action, ActionKind, Cost, Outcome, OutcomeStatus
from remit.domain.admission import Admission
from remit.domain.clock import ManualClock
from remit.domain.facts import Scope, ScopeKind, scope_id
from remit.domain.ids import ActionId, AgentName, KeyId, OwnerId, ReleaseId, RunId, TeamName, UserId
from remit.domain.release import Agent, Budget, Configuration, Grant, Limits, Remit
from remit.domain.run import Run
from remit.execution.commands import Admit, Batch, Settle, Settled, StartRun
from remit.execution.transaction import Answer, Writer, process
from remit.kernel.prepared import prepare
from remit.kernel.ruleset import Ruleset
from remit.storage.port import Wanted
from remit.storage.sqlite import SqliteStore, SqliteTransactions
from remit.workspace.reading import read
from tests.worlds import OWNER, WORKSPACE, CountingIds, files

UNLIMITED = Limits(None, None, None, None, None, None, None)
TEAMS: Mapping[str, str | None] = {"buyer": "procurement", "clerk": "accounts", "loner": None}


def configured(limits: Limits = UNLIMITED, budgets: Iterable[Budget] = (), calls_per_run: int | None = None) -> Ruleset:
    """The tiny workspace with three agents and just these limits and budgets, ready to decide."""
    configuration = read(files(), "tiny").configuration
    assert configuration is not None
    granted = tuple(Grant(tool, calls_per_run=calls_per_run) for tool in configuration.tools)
    agents = {
        AgentName(name): Agent(
            AgentName(name),
            OWNER,
            "Works.",
            team=None if team is None else TeamName(team),
            remit=Remit(granted, limits=limits),
        )
        for name, team in TEAMS.items()
    }
    changed: Configuration = replace(configuration, agents=agents, budgets=tuple(budgets), policies=())
    return Ruleset(ReleaseId("rel_made"), changed)


class Desk:
    """One database file, one writer, one clock. Close it."""

    def __init__(self, template: Path, rules: Ruleset) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="desk-"))
        path = self.folder / "remit.db"
        shutil.copy(template, path)
        self.rules = rules
        self.clock = ManualClock(1_760_000_000_000_000)
        self.ids = CountingIds()
        self.transactions = SqliteTransactions(path)
        self.transactions._db.execute("pragma synchronous = off")

    @staticmethod
    def template(folder: Path) -> Path:
        """Make an empty database that desks begin with a copy of."""
        SqliteStore(folder / "template.db").close()
        return folder / "template.db"

    def close(self) -> None:
        self.transactions.close()
        shutil.rmtree(self.folder)

    def carry_out(self, *commands: Any) -> list[Answer | Exception]:
        writer = Writer(OwnerId("own_desk"), self.ids)
        return process(self.transactions, Batch(WORKSPACE, list(commands)), self.clock.now(), writer)

    def start(self, agent: str = "buyer", user: str = "user:a", depth: int = 0) -> Run:
        team = TEAMS[agent]
        run = Run(
            RunId(self.ids.new("run")),
            WORKSPACE,
            AgentName(agent),
            None if team is None else TeamName(team),
            self.rules.release,
            UserId(user),
            "",
            self.clock.now(),
            KeyId("key"),
            depth=depth,
            salt=b"salt",
        )
        self.carry_out(StartRun(run, None, ""))
        return run

    def attempt(self, run: Run, tool: str = "erp.get", cost: Cost | None = None, **arguments: Any) -> Admit:
        given = arguments or {"id": "1"}
        action = Action(
            ActionId(self.ids.new("act")),
            WORKSPACE,
            run.id,
            run.agent,
            ActionKind.TOOL,
            tool,
            given,
            cost or Cost(),
            run.on_behalf_of,
        )
        return Admit(prepare(self.rules, run, action, orjson.dumps(given)))

    def admit(self, attempt: Admit) -> Admission:
        (answer,) = self.carry_out(attempt)
        assert isinstance(answer, Admission)
        return answer

    def settle(
        self, attempt: Admit, status: OutcomeStatus, cost: Cost | None = None, *, reconciles: bool = False
    ) -> Settled:
        outcome = Outcome(attempt.call.action.id, status, cost)
        (answer,) = self.carry_out(Settle(attempt.run, outcome, reconciles=reconciles))
        assert isinstance(answer, Settled)
        return answer

    def scope(self, kind: ScopeKind, name: str) -> Scope:
        id = scope_id(kind, WORKSPACE, name)
        found = self.transactions.begin(Wanted(scopes=[id])).scopes.get(id)
        self.transactions.rollback()
        return found if found is not None else Scope(id, kind)

    def is_on_record(self, command: Admit) -> bool:
        key = command.record_key
        found = self.transactions.begin(Wanted(record_keys=[key], workspace=WORKSPACE)).records
        self.transactions.rollback()
        return key in found
