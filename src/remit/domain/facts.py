"""The mutable facts a decision rests on.

One row a scope, so that a stop is an update of a row every admission must lock.

A `Scope` is owned by the transaction that loaded it: the kernel reads it, execution/effects.py changes it, nobody
else holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from remit.domain.clock import Instant
from remit.domain.finding import Code
from remit.domain.ids import AgentName, ApprovalId, BudgetName, GroupName, ScopeId, WorkspaceName


class ScopeKind(StrEnum):
    """Levels that hold stops, budgets and limits."""

    WORKSPACE = "workspace"
    TEAM = "team"
    AGENT = "agent"
    USER = "user"
    RUN = "run"


def scope_id(kind: ScopeKind, workspace: WorkspaceName, name: str = "") -> ScopeId:
    """Return the id of a scope's row. The workspace's own sorts before all others of that workspace.

    Raises ValueError for a nameless team, agent, user or run: it would be taken for the workspace.
    """
    if bool(name) is (kind is ScopeKind.WORKSPACE):
        raise ValueError(f"a {kind.value} scope {'has no' if name else 'needs a'} name")
    return ScopeId(f"{workspace}/{kind}/{name}" if name else f"{workspace}/")


LOOP_CHECK = "remit:loop-check"
"""Who has stopped a run that loops."""


class StopKind(StrEnum):
    """A freeze can be lifted, a termination can not."""

    FREEZE = "freeze"
    TERMINATION = "termination"


@dataclass(frozen=True, slots=True)
class Stop:
    """Who stopped a scope, why, when, and until when (None: until lifted)."""

    kind: StopKind
    by: str
    reason: str
    at: Instant
    until: Instant | None = None

    def as_json(self) -> dict[str, object]:
        """Return the form that is stored and recorded."""
        return {
            "kind": self.kind.value,
            "by": self.by,
            "reason": self.reason,
            "at": self.at,
            "until": self.until,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Stop:
        """Read the stored form."""
        return cls(StopKind(data["kind"]), data["by"], data["reason"], data["at"], data["until"])

    def holds_at(self, now: Instant) -> bool:
        """Tell whether the stop is in force."""
        return self.until is None or now < self.until


def stop_id(scope: ScopeId, what: str, at: int) -> str:
    """Return the name of the stop that was set at an instant on a scope, or on a tool or model of it (`what`)."""
    return "stop_" + hashlib.sha256(f"{scope}\x00{what}\x00{at}".encode()).hexdigest()[:20]


@dataclass(slots=True)
class Spend:
    """What one budget has come to in the window [start, end); end 0 means that the window never ends."""

    start: int
    end: int
    spent: int = 0
    reserved: int = 0

    @property
    def used(self) -> int:
        """Spent and set aside together."""
        return self.spent + self.reserved


@dataclass(frozen=True, slots=True)
class LoopSeen:
    """A loop that was detected when the last result came in."""

    code: Code
    params: tuple[tuple[str, int | str], ...] = ()


@dataclass(slots=True)
class Progress:
    """How far a run has come.

    Attributes:
        calls: admitted calls by tool.
        denials: attempts that were denied, those under a stop not counted.
        loop: the loop last detected, until a person lifts it.
    """

    steps: int = 0
    tool_calls: int = 0
    model_calls: int = 0
    ended_at: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    loop: LoopSeen | None = None
    denials: int = 0


@dataclass(frozen=True, slots=True)
class Bucketed:
    """What one temporal fact has come to: (number, amount) of each bucket, ascending; one is `width_us` long."""

    window_s: int
    width_us: int
    buckets: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Scope:
    """The facts of one workspace, team, agent, user or run.

    Attributes:
        stops: by what is stopped: `""` the scope itself; on a workspace also `tool:NAME` and `model:NAME`.
        spends: by budget.
        in_flight: actions admitted and without outcome (agents only).
        rate_at: theoretical arrival time of the generic cell rate algorithm, in microseconds (agents only).
        last_at: the latest instant recorded (workspaces only); time does not run back behind it.
        records: how many records there are (workspaces only), the next one's number being one more.
        progress: of a run; None on every other kind.
        temporal: buckets of temporal facts, by their key; records have what they come to instead.
        history: of a run: what the loop check remembers, in kernel/loops' own form.
    """

    id: ScopeId
    kind: ScopeKind
    stops: dict[str, Stop] = field(default_factory=dict)
    spends: dict[BudgetName, Spend] = field(default_factory=dict)
    in_flight: int = 0
    rate_at: int = 0
    last_at: int = 0
    records: int = 0
    progress: Progress | None = None
    history: bytes = b""
    temporal: dict[str, Bucketed] = field(default_factory=dict)

    def state(self) -> dict[str, object]:
        """Return everything but stops and history, in the form that is stored and recorded."""
        state: dict[str, object] = {
            "spends": {name: [s.start, s.end, s.spent, s.reserved] for name, s in self.spends.items()}
        }
        if self.kind is ScopeKind.AGENT:
            state["in_flight"], state["rate_at"] = self.in_flight, self.rate_at
        elif self.kind is ScopeKind.WORKSPACE:
            state["last_at"], state["records"] = self.last_at, self.records
        if self.progress is not None:
            state["progress"] = _progress_as_json(self.progress)
        if self.temporal:
            state["temporal"] = {name: [b.window_s, b.width_us, b.buckets] for name, b in self.temporal.items()}
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned earlier."""
        self.spends = {name: Spend(*numbers) for name, numbers in state["spends"].items()}
        self.in_flight = state.get("in_flight", 0)
        self.rate_at = state.get("rate_at", 0)
        self.last_at = state.get("last_at", 0)
        self.records = state.get("records", 0)
        if "temporal" in state:
            self.temporal = {
                name: Bucketed(window_s, width_us, tuple((number, amount) for number, amount in buckets))
                for name, (window_s, width_us, buckets) in state["temporal"].items()
            }
        if "progress" in state:
            self.progress = _progress_from_json(state["progress"])

    def as_json(self) -> dict[str, object]:
        """Return what a record keeps of this scope."""
        stops = {what: stop.as_json() for what, stop in self.stops.items()}
        state = self.state()
        state.pop("temporal", None)
        return {"id": self.id, "stops": stops, "state": state}

    @classmethod
    def from_json(cls, kind: ScopeKind, data: Mapping[str, Any]) -> Scope:
        """Read what a record keeps."""
        scope = cls(ScopeId(data["id"]), kind)
        scope.stops = {what: Stop.from_json(stop) for what, stop in data["stops"].items()}
        scope.set_state(data["state"])
        return scope


def _progress_as_json(progress: Progress) -> dict[str, object]:
    loop = progress.loop
    return {
        "steps": progress.steps,
        "tool_calls": progress.tool_calls,
        "model_calls": progress.model_calls,
        "ended_at": progress.ended_at,
        "calls": dict(progress.calls),
        "denials": progress.denials,
        "loop": None if loop is None else {"code": loop.code.value, "params": dict(loop.params)},
    }


def _progress_from_json(data: Mapping[str, Any]) -> Progress:
    loop = data["loop"]
    seen = None if loop is None else LoopSeen(Code(loop["code"]), tuple(sorted(loop["params"].items())))
    return Progress(
        steps=data["steps"],
        tool_calls=data["tool_calls"],
        model_calls=data["model_calls"],
        ended_at=data["ended_at"],
        calls=data["calls"],
        loop=seen,
        denials=data.get("denials", 0),  # of runs that began before they were counted
    )


class ApprovalState(StrEnum):
    """Where an approval stands. One that was used admits nothing more; one whose run has ended is void."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    USED = "used"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class ApprovalFacts:
    """The latest approval of exactly these arguments in this run, or of those that a person has put in their place.

    Attributes:
        edited: the approval is for other arguments by now.
        named: the agent acts on this approval and no other: without it nothing is admitted, whatever the rules allow.
    """

    id: ApprovalId
    state: ApprovalState
    approvers: tuple[GroupName, ...]
    expires_at: Instant
    edited: bool = False
    named: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the form that stands in records."""
        return {
            "id": self.id,
            "state": self.state.value,
            "approvers": list(self.approvers),
            "expires_at": self.expires_at,
            "edited": self.edited,
            "named": self.named,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ApprovalFacts:
        """Read the form that stands in records; older ones know of no edits."""
        return cls(
            data["id"],
            ApprovalState(data["state"]),
            tuple(data["approvers"]),
            data["expires_at"],
            data.get("edited", False),
            data.get("named", False),
        )


@dataclass(slots=True)
class Superior:
    """The facts of a run above the one in which something is attempted: what is done below counts on them as well."""

    agent: AgentName
    started_at: Instant
    run: Scope
    of_agent: Scope
    of_team: Scope | None = None

    def of(self, kind: ScopeKind) -> Scope | None:
        """The scope of one kind; None for the workspace's and the user's, which are those of the run below, too."""
        return {ScopeKind.RUN: self.run, ScopeKind.AGENT: self.of_agent, ScopeKind.TEAM: self.of_team}.get(kind)

    def scopes(self) -> tuple[Scope, ...]:
        """Every scope present."""
        return tuple(scope for scope in (self.of_team, self.of_agent, self.run) if scope is not None)

    def as_json(self) -> dict[str, object]:
        """Return the form that stands in records."""
        scopes = {scope.kind.value: scope.as_json() for scope in self.scopes()}
        return {"agent": self.agent, "started_at": self.started_at, "scopes": scopes}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Superior:
        """Read the form that stands in records."""
        found = {ScopeKind(kind): Scope.from_json(ScopeKind(kind), part) for kind, part in data["scopes"].items()}
        run, agent, team = (found.get(kind) for kind in (ScopeKind.RUN, ScopeKind.AGENT, ScopeKind.TEAM))
        assert run is not None, "each run has a row"
        assert agent is not None, "each agent has a row"
        return cls(AgentName(data["agent"]), data["started_at"], run, agent, team)


@dataclass(slots=True)
class Facts:
    """All that decide() looks at besides the release and the action.

    Attributes:
        run: None where the run was never started.
        repeats: how often exactly this call stands in the run's window already.
        withdrawn: whether the run's release has been withdrawn.
        temporal: what the release's temporal facts come to without this action, by their key.
        above: rows of the runs above this one, of their agents and teams, that are stopped; only their stops count.
        line: the runs above this one, the top one first; empty in records from before they bounded those below.
    """

    now: Instant
    workspace: Scope
    team: Scope | None
    agent: Scope
    user: Scope
    run: Scope | None
    repeats: int = 0
    withdrawn: bool = False
    approval: ApprovalFacts | None = None
    above: tuple[Scope, ...] = ()
    temporal: dict[str, int] = field(default_factory=dict)
    line: tuple[Superior, ...] = ()

    def counted_on(self) -> dict[ScopeId, Scope]:
        """Return every row that an action counts on, those of the runs above included."""
        above = [scope for superior in self.line for scope in superior.scopes()]
        return {scope.id: scope for scope in (*above, *self.scopes())}

    def scopes(self) -> tuple[Scope, ...]:
        """Every scope present, from the widest to the narrowest."""
        every = (self.workspace, self.team, self.agent, self.user, self.run)
        return tuple([scope for scope in every if scope is not None])

    def of(self, kind: ScopeKind) -> Scope | None:
        """The scope of one kind: each is an attribute of that name."""
        found: Scope | None = getattr(self, kind)
        return found

    def as_json(self) -> dict[str, object]:
        """Return the form that stands in records: with it and the arguments the decision can be made again."""
        written: dict[str, object] = {
            "now": self.now,
            "scopes": {scope.kind.value: scope.as_json() for scope in self.scopes()},
            "repeats": self.repeats,
            "withdrawn": self.withdrawn,
            "approval": None if self.approval is None else self.approval.as_json(),
        }
        if self.above:
            written["above"] = [_stops_as_json(scope) for scope in self.above]
        if self.temporal:
            written["temporal"] = dict(self.temporal)
        if self.line:
            written["line"] = [superior.as_json() for superior in self.line]
        return written

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facts:
        """Read the form that stands in records."""
        scopes = {ScopeKind(kind): Scope.from_json(ScopeKind(kind), part) for kind, part in data["scopes"].items()}
        return cls(
            now=data["now"],
            workspace=scopes[ScopeKind.WORKSPACE],
            team=scopes.get(ScopeKind.TEAM),
            agent=scopes[ScopeKind.AGENT],
            user=scopes[ScopeKind.USER],
            run=scopes.get(ScopeKind.RUN),
            repeats=data["repeats"],
            withdrawn=data["withdrawn"],
            approval=None if data["approval"] is None else ApprovalFacts.from_json(data["approval"]),
            above=tuple(_stops_from_json(each) for each in data.get("above", ())),
            temporal=data.get("temporal", {}),
            line=tuple(Superior.from_json(each) for each in data.get("line", ())),
        )


def _stops_as_json(scope: Scope) -> dict[str, object]:
    return {"id": scope.id, "stops": {what: stop.as_json() for what, stop in scope.stops.items()}}


def _stops_from_json(data: Mapping[str, Any]) -> Scope:
    stops = {what: Stop.from_json(stop) for what, stop in data["stops"].items()}
    return Scope(ScopeId(data["id"]), ScopeKind.RUN, stops)
