"""What waits for people, and their answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from remit.api.access import allow, people
from remit.api.high_risk import check_signed_in
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Json, Prose, Shown, missing, words
from remit.api.use_cases import UseCases
from remit.control.approvals import MIN_DIGEST
from remit.domain.facts import ApprovalState
from remit.domain.identity import Caller, Role
from remit.domain.ids import ApprovalId, UserId
from remit.storage.port import Approval


class Answer(Body):
    """An answer names the digest of the arguments that were looked at, or its first digits."""

    digest: Annotated[str, Field(min_length=MIN_DIGEST, max_length=64, pattern="^[0-9a-f]+$")]
    comment: Prose = ""


class ApprovalShown(Shown):
    """An approval."""

    id: str
    run: str
    agent: str
    action: str
    target: str
    digest: str
    release: str
    on_behalf_of: str
    approvers: list[str]
    state: ApprovalState
    created_at: int
    expires_at: int
    answers: list[Json]
    missing: list[str]


class ApprovalsShown(Shown):
    """Approvals, newest first."""

    approvals: list[ApprovalShown]


class ApprovalRoutes:
    """Approvals."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/approvals", self.all, ApprovalsShown)
        yield Route("GET", "/approvals/{approval}", self.one, ApprovalShown)
        yield Route("POST", "/approvals/{approval}/approve", self.approve, ApprovalShown, writes=True)
        yield Route("POST", "/approvals/{approval}/reject", self.reject, ApprovalShown, writes=True)

    @allow(people())
    def all(self, caller: Asker, state: ApprovalState | None = None) -> ApprovalsShown:
        """List approvals; one whose time is over is shown as expired whatever its row says."""
        shown = [self._shown(found) for found in self._use.store.approvals(caller.workspace)]
        return ApprovalsShown(approvals=[each for each in shown if state in (None, each.state)])

    @allow(people())
    def one(self, approval: str, caller: Asker) -> ApprovalShown:
        """Return one approval."""
        return self._shown(self._existing(approval, caller))

    @allow(people(Role.APPROVER))
    def approve(self, approval: str, body: Answer, caller: Asker) -> ApprovalShown:
        """Let the action run once, with exactly the arguments of the digest."""
        return self._answer(approval, body, caller, approve=True)

    @allow(people(Role.APPROVER))
    def reject(self, approval: str, body: Answer, caller: Asker) -> ApprovalShown:
        """Refuse the action: in that run it stays refused."""
        return self._answer(approval, body, caller, approve=False)

    def _answer(self, approval: str, body: Answer, caller: Caller, *, approve: bool) -> ApprovalShown:
        check_signed_in(self._use, caller, self._existing(approval, caller))
        answered = self._use.approvals.answer(
            ApprovalId(approval),
            UserId(str(caller.person)),
            body.digest,
            approve=approve,
            comment=words(body.comment, "comment"),
        )
        return self._shown(answered)

    def _existing(self, approval: str, caller: Caller) -> Approval:
        found = self._use.store.approval(ApprovalId(approval))
        if found is None or found.workspace != caller.workspace:
            raise missing("approval", approval)
        return found

    def _shown(self, approval: Approval) -> ApprovalShown:
        waits = approval.state in (ApprovalState.PENDING, ApprovalState.APPROVED)
        is_over = waits and self._use.clock.now() >= approval.expires_at
        return ApprovalShown(
            id=approval.id,
            run=approval.run,
            agent=approval.agent,
            action=approval.action,
            target=approval.target,
            digest=approval.digest,
            release=approval.release,
            on_behalf_of=approval.on_behalf_of,
            approvers=list(approval.approvers),
            state=ApprovalState.EXPIRED if is_over else approval.state,
            created_at=approval.created_at,
            expires_at=approval.expires_at,
            answers=[dict(answer) for answer in approval.answers],
            missing=sorted(approval.missing) if approval.state is ApprovalState.PENDING else [],
        )
