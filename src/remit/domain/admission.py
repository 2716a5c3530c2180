"""What a door asks and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.domain.action import ActionState, Assurance, Cost
from remit.domain.canonical import JsonValue
from remit.domain.clock import Instant
from remit.domain.decision import Decision
from remit.domain.facts import ApprovalState
from remit.domain.ids import ActionId, AgentName, ApprovalId, ReleaseId, RunId, UserId
from remit.domain.workflow_act import WorkflowAsked


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is started with.

    Attributes:
        on_behalf_of: whom the agent acts for: `user:NAME`, `service:NAME` or `system:NAME`.
        task: what was asked, in words; sealed, never in a record.
        subject: whose data the run handles; its payloads are then sealed under that subject's key and erased with it.
        channel: which channel's release to pin. Empty: the door's own, which is `production` in the agent's process
            and the key's at a server.
        identity_token: of an identity provider, for the person in `on_behalf_of`; only a server can verify it.
        verified: whether the door knows for whom the agent acts, and did not just hear it from the agent.
        parent: the run it is to be below: with its release, for the same person, and with nothing that it has not.
        release: what the run is pinned to in place of what the channel points at; only workflows say so.
        started_by: who or what asks for it, where that is not the agent itself; only workflows say so.
        follows: the run that it does again, goes on with or undoes; only workflows say so.
        asked: what a person has asked for in words of the record, where one has; only workflows say so.
        handed: whether the work was handed on already, by an action of the run above that was admitted.
    """

    agent: AgentName
    on_behalf_of: UserId
    task: str = ""
    purpose: str = ""
    subject: str = ""
    parent: RunId | None = None
    channel: str = ""
    assurance: Assurance = Assurance.COOPERATIVE
    identity_token: str = field(default="", repr=False)
    verified: bool = False
    release: ReleaseId | None = None
    started_by: str = ""
    follows: RunId | None = None
    asked: WorkflowAsked | None = None
    handed: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """The durable answer to one attempt.

    Attributes:
        state: admitted, held or denied.
        approval: what a held action waits for.
        digest: of the arguments; what a person who answers must name.
        repeated: whether this is the stored answer to an attempt made before.
    """

    action: ActionId
    run: RunId
    state: ActionState
    decision: Decision
    at: Instant
    approval: ApprovalId | None = None
    digest: str = ""
    reserved: Cost = Cost()
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """What a person wants to know before they answer. `reply` is the agent's own word, None where it gave none yet."""

    id: str
    at: Instant
    text: str
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingFor:
    """How an approval stands, for the agent that waits for it.

    Attributes:
        arguments: what a person has put in the place of the agent's; None where nobody has, or it is not approved yet.
    """

    approval: ApprovalId
    state: ApprovalState
    arguments: Mapping[str, JsonValue] | None = None
    questions: tuple[AskedQuestion, ...] = ()

    @property
    def unanswered(self) -> tuple[AskedQuestion, ...]:
        """The questions that wait for the agent."""
        return tuple(question for question in self.questions if question.reply is None)
