"""An approval as it is stored: what was asked, under which rules, and everything that has become of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.facts import ApprovalFacts, ApprovalState
from remit.domain.ids import (
    ActionId,
    AgentName,
    ApprovalId,
    GroupName,
    ReleaseId,
    RunId,
    UserId,
    WorkspaceName,
)
from remit.domain.oversight import Escalation, Requirement, Standing, Turn, Vote, standing
from remit.domain.record import RecordKind
from remit.domain.release import Order

QUESTION, REPLY = "question", "reply"
"""Parts of the sealed payload of a question."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A person gave the action other arguments, sealed as a payload of `id`; `before` was the digest until then."""

    id: str
    by: UserId
    at: Instant
    before: str

    def as_json(self) -> dict[str, object]:
        """Return the form that is stored."""
        return {"id": self.id, "by": self.by, "at": self.at, "before": self.before}


@dataclass(frozen=True, slots=True)
class Question:
    """A person asked the agent something. Both texts are sealed as payloads of `id`; `answered_at` None: not yet."""

    id: str
    by: UserId
    at: Instant
    answered_at: Instant | None = None

    def as_json(self) -> dict[str, object]:
        """Return the form that is stored."""
        return {"id": self.id, "by": self.by, "at": self.at, "answered_at": self.answered_at}


@dataclass(frozen=True, slots=True)
class Approval:
    """A hold waiting for, or answered by, people. `digest` binds it to one run's exact arguments.

    Attributes:
        approvers: the groups the decision named; `requirements` are what they asked for then, empty in old ones.
        expires_at: when it can not be approved, or once approved not be used, any more.
        answers: every answer ever given; those of an earlier edition than `edits` has are void.
        escalations: what has been put on record of this edition.
        told: the agent knows that it has expired.
    """

    id: ApprovalId
    workspace: WorkspaceName
    run: RunId
    agent: AgentName
    action: ActionId
    target: str
    digest: str
    release: ReleaseId
    on_behalf_of: UserId
    approvers: tuple[GroupName, ...]
    state: ApprovalState
    created_at: Instant
    expires_at: Instant
    answers: tuple[Mapping[str, object], ...] = ()
    requirements: tuple[Requirement, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    edits: tuple[Edit, ...] = ()
    questions: tuple[Question, ...] = ()
    told: bool = False

    @property
    def edition(self) -> int:
        """How often the arguments were changed: only answers of this edition count."""
        return len(self.edits)

    @property
    def since(self) -> Instant:
        """When these arguments were asked about: time runs from then."""
        return self.edits[-1].at if self.edits else self.created_at

    @property
    def payload(self) -> str:
        """Whose payload the arguments are."""
        return self.edits[-1].id if self.edits else self.action

    @property
    def first_digest(self) -> str:
        """The digest of what the agent asked for; empty where nobody has changed it."""
        return self.edits[0].before if self.edits else ""

    @property
    def rules(self) -> tuple[Requirement, ...]:
        """What the groups ask for; of an approval from before they had rules, each of them once."""
        if self.requirements:
            return self.requirements
        lasts_s = (self.expires_at - self.created_at) // MICROS_PER_SECOND
        return tuple(Requirement(name, Order.ALL, ((Turn(name, 1, lasts_s),),)) for name in self.approvers)

    @property
    def votes(self) -> tuple[Vote, ...]:
        """The approvals that count, in the order they were given."""
        return tuple(
            Vote(UserId(str(answer.get("for") or answer["by"])), group, Instant(_number(answer.get("at", 0))))
            for answer in self.current
            if answer["answer"] == "approved"
            for group in _groups(answer)
        )

    @property
    def current(self) -> tuple[Mapping[str, object], ...]:
        """The answers to the arguments as they stand."""
        return tuple(answer for answer in self.answers if answer.get("edition", 0) == self.edition)

    @property
    def missing(self) -> frozenset[GroupName]:
        """The groups that must answer and have not approved."""
        return self.standing(self._latest()).missing

    @property
    def due_at(self) -> Instant | None:
        """When time alone changes something next, and whoever looks puts it on record; None: never."""
        if self.state is ApprovalState.PENDING:
            return self.standing(self._latest()).next_at or self.expires_at
        return self.expires_at if self.state is ApprovalState.APPROVED else None

    def standing(self, now: Instant) -> Standing:
        """Return how the groups' rules stand."""
        return standing(self.rules, self.since, self.votes, now)

    def lapsed(self, now: Instant) -> Approval:
        """Return it as time alone has made it by now: passed on to other groups, or expired."""
        if self.state is ApprovalState.APPROVED and now >= self.expires_at:
            return replace(self, state=ApprovalState.EXPIRED)
        if self.state is not ApprovalState.PENDING:
            return self
        state = ApprovalState.EXPIRED if now >= self.expires_at else self.state
        seen = self.standing(min(now, self.expires_at))  # what has expired passes on to nobody else
        return replace(self, state=state, escalations=seen.escalations)

    def weighed(self, now: Instant) -> Approval:
        """Return it with the state and the time to live that its answers come to."""
        seen = self.standing(now)
        if seen.fulfilled:
            return replace(self, state=ApprovalState.APPROVED)
        return replace(self, expires_at=self.expires_at if seen.ends_at is None else seen.ends_at)

    def facts(self, digest: str, *, named: bool = False) -> ApprovalFacts:
        """Return what the decision on arguments of this digest needs of it; `named`: the agent acts on it by its id."""
        return ApprovalFacts(
            self.id, self.state, self.approvers, self.expires_at, edited=digest != self.digest, named=named
        )

    def course(self) -> dict[str, object]:
        """Return the form in which what has become of it is stored, answers apart."""
        return {
            "requirements": [each.as_json() for each in self.requirements],
            "escalations": [[each.group, each.to, each.at] for each in self.escalations],
            "edits": [each.as_json() for each in self.edits],
            "questions": [each.as_json() for each in self.questions],
            "told": self.told,
        }

    def _latest(self) -> Instant:
        moments = [escalation.at for escalation in self.escalations] + [vote.at for vote in self.votes]
        return max([self.since, *moments])


def course_from(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an Approval that its stored course says."""
    return {
        "requirements": tuple(Requirement.from_json(each) for each in data.get("requirements", ())),
        "escalations": tuple(Escalation(*each) for each in data.get("escalations", ())),
        "edits": tuple(Edit(**each) for each in data.get("edits", ())),
        "questions": tuple(Question(**each) for each in data.get("questions", ())),
        "told": bool(data.get("told", False)),
    }


def lapses(before: Approval, after: Approval) -> Iterator[tuple[str, RecordKind, dict[str, object]]]:
    """Yield what goes on record of what time has changed: key, kind and content. The keys make each one of a kind."""
    about: dict[str, object] = {
        "approval": after.id,
        "run_id": after.run,
        "action": after.action,
        "digest": after.digest,
    }
    new = [each for each in after.escalations if each not in before.escalations]
    for each in new:
        key = f"{after.id}/{after.edition}/{each.group}/{each.to}"
        content = {**about, "group": each.group, "to": each.to, "since": each.at}
        yield key, RecordKind.APPROVAL_ESCALATED, content
    if after.state is ApprovalState.EXPIRED and before.state is not after.state:
        yield f"{after.id}/expired", RecordKind.APPROVAL_EXPIRED, {**about, "was": before.state.value}


def _groups(answer: Mapping[str, object]) -> list[GroupName]:
    groups = answer.get("groups", [])
    return [GroupName(str(group)) for group in groups] if isinstance(groups, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
