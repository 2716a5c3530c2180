"""What an agent attempts.

Everything but the arguments comes from the door, never from something the agent can fill in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from remit.domain.canonical import JsonValue
from remit.domain.clock import Instant
from remit.domain.ids import ActionId, AgentName, RunId, UserId, WorkspaceName
from remit.domain.money import Micros


class ActionKind(StrEnum):
    """What is attempted."""

    TOOL = "tool"
    MODEL = "model"


class Assurance(StrEnum):
    """How surely the door enforces."""

    ENFORCED = "enforced"
    COOPERATIVE = "cooperative"
    OBSERVED = "observed"


class ActionState(StrEnum):
    """Where an action stands: held → admitted → ok | error | unknown, or denied, rejected, expired."""

    HELD = "held"
    ADMITTED = "admitted"
    OK = "ok"
    ERROR = "error"
    UNKNOWN = "unknown"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Cost:
    """What an action may cost at most, or did cost. `micros` is None where no price is known: never count that as 0."""

    micros: Micros | None = Micros(0)
    tokens: int = 0
    calls: int = 1

    def as_json(self) -> dict[str, int | None]:
        """Return the form that stands in records."""
        return {"micros": self.micros, "tokens": self.tokens, "calls": self.calls}

    @classmethod
    def from_json(cls, data: Mapping[str, int | None]) -> Cost:
        """Read the form that stands in records."""
        micros = data["micros"]
        return cls(None if micros is None else Micros(micros), data["tokens"] or 0, data["calls"] or 0)


NOT_SENT = Cost(Micros(0), 0, 0)
"""What a call costs that was never sent: nothing, and it does not count as a call."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing an agent attempts in a run.

    Attributes:
        id: chosen by the door; the same id again gets the stored decision.
        target: the tool's name, or the model's as `provider/model`.
        arguments: plain JSON, already parsed and within limits.
        cost: the worst case, reserved before the action runs.
        definition: digest of what the tool's server says of it now, where the door knows; empty where it does not.
    """

    id: ActionId
    workspace: WorkspaceName
    run: RunId
    agent: AgentName
    kind: ActionKind
    target: str
    arguments: Mapping[str, JsonValue]
    cost: Cost
    on_behalf_of: UserId
    assurance: Assurance = Assurance.COOPERATIVE
    definition: str = ""


class OutcomeStatus(StrEnum):
    """What an admitted action came to."""

    OK = "ok"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an admitted action.

    `cost` None means: as reserved. `error` is a type name, never a message with data in it.
    """

    action: ActionId
    status: OutcomeStatus
    cost: Cost | None = None
    error: str = ""
    at: Instant | None = None
