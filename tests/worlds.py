"""A workspace on a database of its own, with the real parts joined: what most tests begin with.

    with world(tmp_path, {"budgets.yaml": budget("day-calls", "agent", "day", calls=3)}) as it:
        with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            run.call("erp.get", {"id": "1"}, using=lambda id: {"id": id})

Time stands still until `it.clock.advance(seconds)`, and ids count up, so two worlds with the same story hold the
same records.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from remit.compose import Parts, open_door, open_parts, open_queue, open_releases
from remit.control.approvals import Approvals
from remit.control.delegations import Delegations
from remit.control.edits import Edits
from remit.control.questions import Questions
from remit.control.releases import Plan, Releases
from remit.control.stops import Stops
from remit.domain.action import Action, ActionKind, Cost, Outcome, OutcomeStatus
from remit.domain.admission import RunRequest
from remit.domain.clock import ManualClock
from remit.domain.facts import Scope, ScopeKind, scope_id
from remit.domain.ids import ActionId, AgentName, Ids, RandomIds, ReleaseId, RunId, UserId, WorkspaceName
from remit.domain.payload import ARGUMENTS
from remit.domain.record import RecordKind
from remit.domain.release import Release
from remit.domain.run import Run
from remit.execution.admission import AdmissionQueue
from remit.execution.commands import Admit, Settle
from remit.execution.door import InProcessDoor
from remit.execution.replay import Replay
from remit.kernel.prepared import prepare
from remit.kernel.ruleset import Ruleset
from remit.sdk.client import Client
from remit.sdk.embedded import EmbeddedDoor
from remit.settings import Settings
from remit.workspace.files import Folder

WORKSPACE = WorkspaceName("tiny")
OWNER, SARA, LINA, VISITOR = (UserId(f"user:{name}") for name in ("omar", "sara", "lina", "visitor"))
"""OWNER owns the agents; SARA and LINA are the group `finance`; VISITOR is nobody in particular."""

TOOLS = """
kind: Tool
name: erp.get
effect: read
description: Reads an order.
input: {type: object, required: [id], properties: {id: {type: string}}}
---
kind: Tool
name: erp.status
effect: read
description: Tells how far an order is.
pollable: true
input: {type: object, properties: {}}
---
kind: Tool
name: erp.pay
effect: pay
description: Pays an invoice.
input:
  type: object
  required: [amount]
  properties: {amount: {type: integer, minimum: 1}, note: {type: string}}
---
kind: Tool
name: erp.drop
effect: delete
description: Drops an order; nobody is granted it.
input: {type: object, properties: {}}
---
kind: Tool
name: erp.scan
effect: read
description: Scans a page for ten cents.
cost_per_call: 0.10
input: {type: object, properties: {page: {type: integer}}}
"""

PEOPLE = """
kind: Person
id: user:omar
---
kind: Person
id: user:sara
---
kind: Person
id: user:lina
---
kind: Group
name: finance
members: [user:omar, user:sara, user:lina]
"""

BIG_PAYMENTS = """
@id("big") @hold("finance") @reason("over 500")
forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount > 500 };
"""

MODEL = "local/tiny-1"
"""A model with the operator's own price: 1 micro-USD a token in, 2 a token out."""

GRANTED = ("erp.get", "erp.status", "erp.pay", "erp.scan")


def yaml(kind: str, **fields: Any) -> str:
    """One document; JSON is YAML too."""
    return json.dumps({"kind": kind, **fields})


def documents(*texts: str) -> str:
    """Several documents of one file."""
    return "\n---\n".join(texts)


def agent(name: str = "buyer", *, status: str = "active", team: str = "procurement", **remit: Any) -> str:
    """An agent granted everything but `erp.drop`, with whatever else its remit says."""
    granted = {"tools": list(GRANTED), "models": [MODEL], **remit}
    purpose = "Buys what is needed."
    return yaml("Agent", name=name, owner=OWNER, team=team, purpose=purpose, status=status, remit=granted)


TWO_PEOPLE = yaml(
    "Workspace",
    name=WORKSPACE,
    timezone="Asia/Dubai",
    prices=[{"model": MODEL, "input": 1, "output": 2}],
    activation={"people": 2},
)
"""`workspace.yaml` where it takes two to point a channel at a release."""


def budget(name: str, level: str, window: str, **amount: Any) -> str:
    """A budget of the whole workspace: `budget("b", "team", "day", calls=5, hard=False)`."""
    return yaml("Budget", name=name, level=level, window=window, **amount)


def files(changes: Mapping[str, str | None] | None = None) -> dict[str, bytes]:
    """The workspace's files with some replaced, and those given as None left out."""
    texts: dict[str, str | None] = {
        "workspace.yaml": yaml(
            "Workspace", name=WORKSPACE, timezone="Asia/Dubai", prices=[{"model": MODEL, "input": 1, "output": 2}]
        ),
        "people.yaml": PEOPLE,
        "tools/erp.yaml": TOOLS,
        "agents/buyer.yaml": agent(),
        "policies/pay.cedar": BIG_PAYMENTS,
        **(changes or {}),
    }
    return {path: text.encode() for path, text in sorted(texts.items()) if text is not None}


class CountingIds:
    """`run_00000000000000000001` and so on: the same story gets the same ids."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def new(self, prefix: str) -> str:
        with self._lock:
            return f"{prefix}_{next(self._numbers):020d}"


@dataclass
class World:
    """The parts over one database file, each opened when first asked for."""

    path: Path
    clock: ManualClock
    ids: Ids
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        settings = Settings(database_url=f"sqlite:///{self.path}")
        self.parts = open_parts(settings, self.clock, self.ids)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    @property
    def store(self) -> Any:
        return self.parts.store

    # -- what people use

    @property
    def releases(self) -> Releases:
        return open_releases(self.parts)

    @property
    def approvals(self) -> Approvals:
        return Approvals(self.parts.store, self.clock, self.ids)

    @property
    def edits(self) -> Edits:
        return Edits(self.parts.store, self.clock, self.ids, self.parts.keys, self.parts.rulesets)

    @property
    def questions(self) -> Questions:
        return Questions(self.parts.store, self.clock, self.ids, self.parts.keys)

    @property
    def delegations(self) -> Delegations:
        return Delegations(self.parts.store, self.clock, self.ids)

    @property
    def stops(self) -> Stops:
        return Stops(self.parts.store, self.clock, self.ids)

    def plan(self, changed: Mapping[str, bytes], channel: str = "production", only: tuple[str, ...] = ()) -> Plan:
        return self.releases.plan(Folder(WORKSPACE, dict(changed), ()), OWNER, "as planned", channel, only)

    def apply(self, changes: Mapping[str, str | None] | None = None, channel: str = "production") -> Release:
        return self.releases.apply(self.plan(files(changes), channel), channel)

    # -- what agents use

    @cached_property
    def queue(self) -> AdmissionQueue:
        return open_queue(self.parts)

    @cached_property
    def door(self) -> InProcessDoor:
        return open_door(self.parts, self.queue, WORKSPACE)

    @cached_property
    def client(self) -> Client:
        return Client(EmbeddedDoor(self.door, lambda: None))

    def start(self, agent: str = "buyer", on_behalf_of: str = VISITOR, **fields: Any) -> Run:
        return self.door.start_run(RunRequest(AgentName(agent), UserId(on_behalf_of), **fields))

    def rules(self, release: ReleaseId | None = None) -> Ruleset:
        active = self.parts.store.active(WORKSPACE, "production") if release is None else release
        assert active is not None
        return self.parts.rulesets.of(WORKSPACE, active)

    def action(self, run: Run, tool: str, arguments: Mapping[str, Any], id: str = "") -> Admit:
        """An action with an id of the test's choice, as the door would prepare it."""
        rules = self.rules(run.release)
        known = rules.tool(tool)
        cost = Cost(micros=known.cost_per_call if known is not None else None)
        chosen = ActionId(id or self.ids.new("act"))
        action = Action(
            chosen, run.workspace, run.id, run.agent, ActionKind.TOOL, tool, arguments, cost, run.on_behalf_of
        )
        raw = orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)
        sealed = self.parts.keys.of_run(run).seal(chosen, ARGUMENTS, raw)
        return Admit(prepare(rules, run, action, raw), (sealed,))

    def outcome(self, run: Run, action: str, status: str = "ok", cost: Cost | None = None, **fields: Any) -> Settle:
        return Settle(run, Outcome(ActionId(action), OutcomeStatus(status), cost), **fields)

    # -- what an auditor uses

    def records(self, kind: RecordKind | None = None, run: RunId | None = None) -> list[dict[str, Any]]:
        wanted = "" if kind is None else kind.value
        return [orjson.loads(body) for _, body in self.parts.store.records(WORKSPACE, 0, 10_000, run, wanted)]

    def scope(self, kind: ScopeKind, name: str = "") -> Scope:
        found = self.parts.store.scope(scope_id(kind, WORKSPACE, name))
        return found if found is not None else Scope(scope_id(kind, WORKSPACE, name), kind)

    @property
    def replay(self) -> Replay:
        return Replay(self.parts.store, self.parts.rulesets, self.parts.keys)

    def close(self) -> None:
        if "queue" in self.__dict__:
            self.queue.close()
        self.parts.close()


@contextmanager
def reopened(path: Path, clock: ManualClock | None = None, ids: Ids | None = None) -> Iterator[World]:
    """A world on a database that is there already, as another process would open it."""
    it = World(path, clock or ManualClock(), ids or RandomIds())
    try:
        yield it
    finally:
        it.close()


@contextmanager
def world(
    folder: Path, changes: Mapping[str, str | None] | None = None, *, clock: ManualClock | None = None
) -> Iterator[World]:
    """A new database with one release of `files(changes)` on the channel `production`."""
    with reopened(folder / "remit.db", clock, CountingIds()) as it:
        it.apply(changes)
        yield it
