"""A workspace's whole configuration as frozen values.

What a folder of YAML and Cedar says once it is found free of mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from remit.domain.clock import Instant
from remit.domain.ids import (
    AgentName,
    BudgetName,
    GroupName,
    ModelName,
    PromptName,
    ReleaseId,
    ServerName,
    TeamName,
    ToolName,
    UserId,
    WorkflowName,
    WorkspaceName,
)
from remit.domain.money import Micros
from remit.domain.prompt_template import Prompt
from remit.domain.temporal import Temporal
from remit.domain.upstream import Model, ToolServer, Via
from remit.domain.workflow import Workflow

PRODUCTION = "production"
"""The channel that is meant where none is named."""


class Effect(StrEnum):
    """What calling a tool does to the world. Each is also a Cedar action group."""

    READ = "read"
    WRITE = "write"
    SEND = "send"
    PAY = "pay"
    DELETE = "delete"
    ADMIN = "admin"


class AgentStatus(StrEnum):
    """Only an active agent is admitted."""

    DRAFT = "draft"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class ArgumentRole(StrEnum):
    """What an argument means to an approver and to a flow check."""

    DESTINATION = "destination"
    OBJECT = "object"
    SECRET = "secret"  # noqa: S105 - a role, not a password
    PAYLOAD = "payload"
    AMOUNT = "amount"
    WHEN = "when"


class DerivedType(StrEnum):
    """The types a derived field may have; each has one Cedar type."""

    INTEGER = "integer"
    BOOLEAN = "boolean"
    STRING = "string"


class BudgetLevel(StrEnum):
    """Whose spend a budget counts."""

    WORKSPACE = "workspace"
    TEAM = "team"
    AGENT = "agent"
    USER = "user"
    RUN = "run"


class BudgetUnit(StrEnum):
    """What a budget counts."""

    MICRO_USD = "micro_usd"
    TOKENS = "tokens"
    CALLS = "calls"


class BudgetWindow(StrEnum):
    """How long a budget lasts before it starts afresh; `run` never does."""

    RUN = "run"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class OnLoop(StrEnum):
    """What a detected loop does to the next action."""

    WARN = "warn"
    HOLD = "hold"
    STOP = "stop"


class Order(StrEnum):
    """How the groups of one group answer: one of them, all of them, or all of them one after the other."""

    ANY = "any"
    ALL = "all"
    CHAIN = "chain"


class OnExpiry(StrEnum):
    """What happens when a group has not answered in time: the approval expires, or another group may answer too."""

    EXPIRE = "expire"
    ESCALATE = "escalate"


class GrantMode(StrEnum):
    """Where the permit of a granted tool comes from: the grant itself, or a written policy."""

    GRANT = "grant"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Derived:
    """A field that policies read and the agent can not fill in: JMESPath over the arguments.

    `optional` fields are left out of the context where the expression yields null; others deny.
    """

    name: str
    type: DerivedType
    jmespath: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Title:
    """What people read first of a call that waits for them: text with `{placeholders}`, as domain/title.py fills them.

    Without an Arabic one, Remit makes its own in that language.
    """

    en: str
    ar: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something an agent can call. `input_schema` is JSON Schema 2020-12; unknown arguments are refused.

    Behind a gateway, `upstream` is what its server calls it, `via` what it is there, and `pin` the digest of the
    definition that a person has looked at: under any other it is denied. `status` is the tool that tells what became of
    a call of this one, by its action's id. Where it has `approvers`, each call waits for that group.
    """

    name: ToolName
    server: str
    effect: Effect
    description: str
    input_schema: Mapping[str, object]
    roles: Mapping[str, ArgumentRole] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()
    not_governable: tuple[str, ...] = ()
    output_labels: tuple[str, ...] = ()
    reversible: bool = False
    idempotent: bool = False
    pollable: bool = False
    cost_per_call: Micros = Micros(0)
    title: Title | None = None
    output_schema: Mapping[str, object] | None = None
    status: str = ""
    approvers: GroupName = GroupName("")
    upstream: str = ""
    via: Via = Via.TOOL
    pin: str = ""


@dataclass(frozen=True, slots=True)
class Mask:
    """A duty: the argument `field` is replaced before dispatch."""

    field: str


@dataclass(frozen=True, slots=True)
class Cap:
    """A duty: the integer argument `field` is lowered to `maximum` before dispatch."""

    field: str
    maximum: int


@dataclass(frozen=True, slots=True)
class Grant:
    """One tool in a remit.

    `when` is a Cedar condition over `principal`, `resource` and `context` that the permit made from this grant
    carries. With mode POLICY no permit is made: a written policy must permit the call.
    """

    tool: ToolName
    mode: GrantMode = GrantMode.GRANT
    when: str = ""
    calls_per_run: int | None = None
    duties: tuple[Mask | Cap, ...] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """A burst of `calls`, and one more every `seconds / calls` (generic cell rate, ITU-T I.371 annex A).

    So never more than the rate in the long run, and at most `2 * calls - 1` in any window of `seconds`.
    """

    calls: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard stops of one agent.

    None means no limit of that kind; the defaults keep a forgotten agent from running all night.
    """

    steps: int | None = 200
    tool_calls: int | None = 200
    model_calls: int | None = 200
    rate: Rate | None = None
    wall_time_s: int | None = 3600
    depth: int | None = 4
    concurrency: int | None = None
    denials: int | None = 100


@dataclass(frozen=True, slots=True)
class LoopRule:
    """What happens when a run loops. Thresholds left None are those of kernel/loops."""

    on_detection: OnLoop = OnLoop.STOP
    same_result: int | None = None
    error_streak: int | None = None
    approvers: GroupName | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount per window at a level.

    Attributes:
        name: unique in the workspace.
        subject: narrows it to one team, agent or user.
        amount: in the unit: micro-USD, tokens or calls.
        timezone: IANA name in which hours, days and months begin.
        hard: a hard budget denies, a soft one warns.
        warn_at: shares in per cent at which a warning is reported, ascending.
    """

    name: BudgetName
    level: BudgetLevel
    unit: BudgetUnit
    window: BudgetWindow
    amount: int
    subject: str | None = None
    timezone: str = "UTC"
    hard: bool = True
    warn_at: tuple[int, ...] = (80,)


@dataclass(frozen=True, slots=True)
class HoldRule:
    """Effects of which every action of this agent waits for one of `approvers`."""

    effects: tuple[Effect, ...]
    approvers: GroupName


@dataclass(frozen=True, slots=True)
class Remit:
    """What one agent may do. `agents` are those it may hand work to; each is a grant of a tool as well."""

    grants: tuple[Grant, ...] = ()
    models: tuple[ModelName, ...] = ()
    limits: Limits = Limits()
    loops: LoopRule = LoopRule()
    budgets: tuple[Budget, ...] = ()
    holds: tuple[HoldRule, ...] = ()
    agents: tuple[AgentName, ...] = ()


class EndpointKind(StrEnum):
    """How an agent elsewhere is spoken to."""

    HTTP = "http"
    A2A = "a2a"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an agent is that steps of workflows hand work to. `credential` is a reference; `pin` of an A2A card.

    `private` allows a private or loopback address; `answer_s` is how long one answer is waited for.
    """

    kind: EndpointKind
    url: str
    credential: str = ""
    private: bool = False
    answer_s: int = 60
    pin: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """Software that acts on somebody's behalf. Without an `endpoint` the built-in agent works for its steps."""

    name: AgentName
    owner: UserId
    purpose: str
    status: AgentStatus = AgentStatus.ACTIVE
    team: TeamName | None = None
    role: str | None = None
    remit: Remit = Remit()
    endpoint: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the workspace; `id` is `user:` and a name.

    `notify` are references to the addresses at which they are told, such as `env:SLACK_URL`.
    """

    id: UserId
    name: str = ""
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """People who answer holds together, or whom policies name; or groups that answer together.

    Attributes:
        members: people. A group has members or `groups`, not both.
        quorum: how many different members must approve.
        expires_after_s: how long it has to answer; None: as the workspace says.
        escalate_to: who may answer as well once that time is over, where `on_expiry` is ESCALATE.
        groups: the groups it is made of, each with members.
        order: how these answer.
        notify: references to addresses at which the group is told, besides its members' own.
    """

    name: GroupName
    members: tuple[UserId, ...] = ()
    quorum: int = 1
    expires_after_s: int | None = None
    on_expiry: OnExpiry = OnExpiry.EXPIRE
    escalate_to: GroupName | None = None
    groups: tuple[GroupName, ...] = ()
    order: Order = Order.ALL
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """The operator's own price of a model, in micro-USD per million tokens; it overrides the public price list."""

    model: ModelName
    input_micros_per_million: Micros
    output_micros_per_million: Micros


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """Cedar text with the path it came from, relative to the workspace folder."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class BacktestGate:
    """A candidate has been tried on the decisions of so many days, and so many of them at most flipped unexpectedly."""

    days: int
    unexpected_flips: int = 0


@dataclass(frozen=True, slots=True)
class ChannelGates:
    """What a channel requires before it points at another release.

    Attributes:
        tests: the release has tests of its own, and all pass.
        approval: another person than the one who proposes, of this group, agrees.
    """

    channel: str
    tests: bool = False
    backtest: BacktestGate | None = None
    approval: GroupName | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What `workspace.yaml` says. `activation_people`: how many a channel is moved by, one or two."""

    name: WorkspaceName
    timezone: str = "UTC"
    prices: tuple[ModelPrice, ...] = ()
    approval_expiry_s: int = 86_400
    activation_people: int = 1
    sign_in_to_approve: tuple[Effect, ...] = ()
    channels: tuple[ChannelGates, ...] = ()
    temporal: tuple[Temporal, ...] = ()

    def gates_of(self, channel: str) -> ChannelGates | None:
        """Return what a channel requires, or None where it requires nothing."""
        return next((gates for gates in self.channels if gates.channel == channel), None)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything a workspace folder says, found free of mistakes."""

    settings: Settings
    agents: Mapping[AgentName, Agent]
    tools: Mapping[ToolName, Tool]
    policies: tuple[PolicyFile, ...]
    budgets: tuple[Budget, ...]
    people: Mapping[UserId, Person]
    groups: Mapping[GroupName, Group]
    servers: Mapping[ServerName, ToolServer] = field(default_factory=dict)
    models: Mapping[ModelName, Model] = field(default_factory=dict)
    workflows: Mapping[WorkflowName, Workflow] = field(default_factory=dict)
    prompts: Mapping[PromptName, Prompt] = field(default_factory=dict)

    def price_of(self, model: ModelName) -> ModelPrice | None:
        """Return the operator's own price of a model: its document's, else that of workspace.yaml."""
        known = self.models.get(model)
        if known is not None and known.input_price is not None and known.output_price is not None:
            return ModelPrice(model, known.input_price, known.output_price)
        return next((price for price in self.settings.prices if price.model == model), None)

    def is_member(self, person: UserId, group: Group) -> bool:
        """Tell whether somebody is in a group, or in one of the groups it is made of."""
        parts = (self.groups[name] for name in group.groups if name in self.groups)
        return person in group.members or any(person in part.members for part in parts)


@dataclass(frozen=True, slots=True)
class Release:
    """An immutable snapshot. `id` is `rel_` and the SHA-256 over the sorted paths and digests of `files`."""

    id: ReleaseId
    workspace: WorkspaceName
    files: Mapping[str, bytes]
    author: str
    message: str
    created_at: Instant
    withdrawn_at: Instant | None = None
