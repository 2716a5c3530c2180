"""What waits for people, and their answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

from pydantic import Field

from remit.api.access import allow, people
from remit.api.approval_details import TitleShown
from remit.api.high_risk import check_signed_in
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Json, Prose, Shown, missing, words
from remit.api.use_cases import UseCases
from remit.control.approval_detail import title_without
from remit.control.approvals import MIN_DIGEST
from remit.domain.facts import ApprovalState
from remit.domain.identity import Caller, Role
from remit.domain.ids import ApprovalId, GroupName, ReleaseId, UserId, WorkspaceName
from remit.domain.release import Tool
from remit.execution.rulesets import ReleaseUnusable, Rulesets, TooManyLoading
from remit.kernel.ruleset import Ruleset
from remit.storage.port import Approval


class Answer(Body):
    """An answer names the digest of the arguments that were looked at, or its first digits."""

    digest: Annotated[str, Field(min_length=MIN_DIGEST, max_length=64, pattern="^[0-9a-f]+$")]
    comment: Prose = ""
    group: str | None = Field(None, max_length=128, description="For which group, where you are in several that wait.")
    instead_of: str | None = Field(None, max_length=256, description="Whom you stand in for, where it is several.")


class EditedAnswer(Answer):
    """An answer with other arguments in the place of those that were looked at."""

    arguments: Json


class Asking(Body):
    """A question to the agent."""

    text: Prose
    instead_of: str | None = Field(None, max_length=256, description="Whom you stand in for, where it is several.")


class QuestionShown(Shown):
    """A question and the reply. `agent_says` is the agent's own word: nothing has checked it."""

    question: str
    by: str
    at: int
    text: str
    replied_at: int | None
    agent_says: str | None


class QuestionsShown(Shown):
    """The questions about an approval, in the order they were asked."""

    questions: list[QuestionShown]


class VotesShown(Shown):
    """Approvals of people that count, of those that must be there; where several ways lead there, of the shortest."""

    given: int
    needed: int


class ApprovalShown(Shown):
    """An approval, without arguments: who lists what waits reads nothing that is sealed."""

    id: str
    title: TitleShown = Field(description="Made of the tool's effect and name; the detail's says what of.")
    description: str = Field(description="Of the tool, in the release that asked; empty where that is not in use.")
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
    votes: VotesShown
    missing: list[str]
    asked: list[str] = Field(description="Groups that may answer now.")
    edits: list[Json] = Field(description="Who changed the arguments when; earlier answers are void.")
    escalations: list[Json] = Field(description="Which group's time was over, and who may answer as well since then.")
    questions: list[Json] = Field(description="What was asked, without its words: GET .../questions has them.")


class ApprovalsShown(Shown):
    """Approvals, newest first."""

    approvals: list[ApprovalShown]


class Tools:
    """The tools that approvals are about, as the releases that asked know them; each release is asked for once.

    What is over makes no release ready: there may be as many as ever asked.
    """

    def __init__(self, rulesets: Rulesets) -> None:
        self._rulesets = rulesets
        self._found: dict[ReleaseId, Ruleset | None] = {}

    def of(self, approval: Approval) -> Tool | None:
        """Return the tool; None for a model call, and where the release does not know it or is not there to ask."""
        where, release = approval.workspace, approval.release
        if release not in self._found:
            if approval.state is not ApprovalState.PENDING and not self._rulesets.is_ready(where, release):
                return None
            self._found[release] = self._rules(where, release)
        rules = self._found[release]
        return None if rules is None else rules.tool(approval.target)

    def _rules(self, where: WorkspaceName, release: ReleaseId) -> Ruleset | None:
        with suppress(ReleaseUnusable, TooManyLoading):
            return self._rulesets.of(where, release)
        return None


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
        yield Route("POST", "/approvals/{approval}/edit", self.edit, ApprovalShown, writes=True)
        yield Route("POST", "/approvals/{approval}/ask", self.ask, ApprovalShown, writes=True)
        yield Route("GET", "/approvals/{approval}/questions", self.questions, QuestionsShown)

    @allow(people())
    def all(self, caller: Asker, state: ApprovalState | None = None) -> ApprovalsShown:
        """List approvals; one whose time is over is shown as expired whatever its row says."""
        tools = Tools(self._use.rulesets)
        shown = [self._shown(found, tools) for found in self._use.store.approvals(caller.workspace)]
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

    @allow(people(Role.APPROVER))
    def edit(self, approval: str, body: EditedAnswer, caller: Asker) -> ApprovalShown:
        """Put other arguments in the place of the agent's, and approve them where the rules allow.

        They are decided afresh: what the agent would be denied is refused, with every finding. Earlier answers are
        void.
        """
        check_signed_in(self._use, caller, self._existing(approval, caller))
        edited = self._use.answering.edits.edit(
            ApprovalId(approval),
            UserId(str(caller.person)),
            body.digest,
            body.arguments,
            comment=words(body.comment, "comment"),
            group=GroupName(body.group) if body.group else None,
            instead_of=UserId(body.instead_of) if body.instead_of else None,
        )
        return self._shown(edited)

    @allow(people(Role.APPROVER))
    def ask(self, approval: str, body: Asking, caller: Asker) -> ApprovalShown:
        """Ask the agent something before you answer. It reads it while it waits."""
        self._existing(approval, caller)
        instead_of = UserId(body.instead_of) if body.instead_of else None
        person = UserId(str(caller.person))
        return self._shown(
            self._use.answering.questions.ask(
                ApprovalId(approval), person, words(body.text, "text"), instead_of=instead_of
            )
        )

    @allow(people(Role.APPROVER, Role.AUDITOR))
    def questions(self, approval: str, caller: Asker) -> QuestionsShown:
        """Return the questions and replies. That you read them is on record."""
        found = self._existing(approval, caller)
        told = self._use.answering.questions.read(
            found, UserId(str(caller.person)), reads_all=Role.AUDITOR in caller.roles
        )
        return QuestionsShown(
            questions=[
                QuestionShown(
                    question=each.question.id,
                    by=each.question.by,
                    at=each.question.at,
                    text=each.text,
                    replied_at=each.question.answered_at,
                    agent_says=each.reply,
                )
                for each in told
            ]
        )

    def _answer(self, approval: str, body: Answer, caller: Caller, *, approve: bool) -> ApprovalShown:
        check_signed_in(self._use, caller, self._existing(approval, caller))
        answered = self._use.approvals.answer(
            ApprovalId(approval),
            UserId(str(caller.person)),
            body.digest,
            approve=approve,
            comment=words(body.comment, "comment"),
            group=GroupName(body.group) if body.group else None,
            instead_of=UserId(body.instead_of) if body.instead_of else None,
        )
        return self._shown(answered)

    def _existing(self, approval: str, caller: Caller) -> Approval:
        found = self._use.store.approval(ApprovalId(approval))
        if found is None or found.workspace != caller.workspace:
            raise missing("approval", approval)
        return found

    def _shown(self, stored: Approval, tools: Tools | None = None) -> ApprovalShown:
        now = self._use.clock.now()
        approval = stored.lapsed(now)
        waits = approval.state is ApprovalState.PENDING
        tool = (tools or Tools(self._use.rulesets)).of(approval)
        title, votes = title_without(tool, approval.target), approval.standing(now)
        return ApprovalShown(
            id=approval.id,
            title=TitleShown(en=title.en, ar=title.ar),
            description="" if tool is None else tool.description,
            run=approval.run,
            agent=approval.agent,
            action=approval.action,
            target=approval.target,
            digest=approval.digest,
            release=approval.release,
            on_behalf_of=approval.on_behalf_of,
            approvers=list(approval.approvers),
            state=approval.state,
            created_at=approval.created_at,
            expires_at=approval.expires_at,
            answers=[dict(answer) for answer in approval.answers],
            votes=VotesShown(given=votes.given, needed=votes.needed),
            missing=sorted(approval.missing) if waits else [],
            asked=list(approval.standing(now).asked) if waits else [],
            edits=[edit.as_json() for edit in approval.edits],
            escalations=[{"group": each.group, "to": each.to, "at": each.at} for each in approval.escalations],
            questions=[question.as_json() for question in approval.questions],
        )
