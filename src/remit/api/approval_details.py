"""What an approver sees of an approval."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from remit.api.access import allow, people
from remit.api.actions import FindingShown, ToldIn, finding_of
from remit.api.route import Route
from remit.api.shapes import Asker, Json, Shown, missing
from remit.api.use_cases import UseCases
from remit.control.approval_detail import ApprovalDetail, Argument, BudgetStanding, Similar, Withheld
from remit.control.origins import Origin, OriginKind
from remit.control.sides import Part
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId, UserId
from remit.domain.messages import Language
from remit.domain.title import shown


class TitleShown(Shown):
    """A title in both languages; values in it stand between U+2068 and U+2069, which keep directions apart."""

    en: str
    ar: str


class OriginShown(Shown):
    """Where a value was first seen: in the task text, in an earlier result, in a person's edit, or nowhere before.

    `labels` are what the release says of that tool's results, such as `untrusted`.
    """

    path: str
    kind: OriginKind
    action: str
    target: str
    labels: list[str]


class ArgumentShown(Shown):
    """One argument: its exact `value`, and `text` with hidden characters spelled out. A secret one has neither."""

    name: str
    role: str | None
    masked: bool
    value: Any
    text: str
    origins: list[OriginShown]


class ClaimsShown(Shown):
    """What the agent's side says of the run. Nobody has checked it."""

    said_by: str = "agent"
    purpose: str
    task: str


class StepShown(Shown):
    """An earlier action of the run; `cost` is the actual one where there is an outcome, else what was reserved."""

    action: str
    target: str
    state: str
    at: int
    outcome: str
    cost: Json


class PastShown(Shown):
    """A request like this one."""

    id: str
    state: ApprovalState
    created_at: int
    run: str


class SimilarShown(Shown):
    """Requests of this agent for this tool in the last `days`, by state, and the newest of them."""

    days: int
    counts: dict[str, int]
    newest: list[PastShown]


class BudgetAfter(Shown):
    """A budget this action counts against, in its unit: what is used now, and what would be. Null where unpriced."""

    name: str
    level: str
    unit: str
    window: str
    hard: bool
    amount: int
    before: int
    after: int | None


class OwnSideShown(Shown):
    """Why you may not answer: the agent of this name is yours, the run of this id acts for you, or you started it."""

    part: Part
    name: str


class ApprovalDetailShown(Shown):
    """All that is shown of an approval. `withheld` says why there are no arguments; null where they are here.

    `own_side` is null for whoever may answer.
    """

    id: str
    state: ApprovalState
    title: TitleShown
    agent: str
    on_behalf_of: str
    run: str
    action: str
    target: str
    effect: str | None
    reversible: bool | None
    description: str
    digest: str
    release: str
    approvers: list[str]
    answers: list[Json]
    missing: list[str]
    created_at: int
    expires_at: int
    withheld: Withheld | None
    arguments: list[ArgumentShown]
    claims: ClaimsShown
    findings: list[FindingShown]
    path: list[StepShown]
    path_has_earlier: bool
    similar: SimilarShown
    budgets: list[BudgetAfter]
    own_side: OwnSideShown | None


class ApprovalDetailRoutes:
    """Details of approvals."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/approvals/{approval}/detail", self.one, ApprovalDetailShown)

    @allow(people())
    def one(self, approval: str, caller: Asker, language: ToldIn = "en") -> ApprovalDetailShown:
        """Return what an approver sees. Reading arguments is put on record before they are answered."""
        found = self._use.store.approval(ApprovalId(approval))
        if found is None or found.workspace != caller.workspace:
            raise missing("approval", approval)
        return self._shown(self._use.details.of(found, UserId(str(caller.person)), caller.roles), language)

    def _shown(self, detail: ApprovalDetail, language: Language) -> ApprovalDetailShown:
        approval, tool, looked = detail.approval, detail.tool, detail.looked
        rules = self._use.rulesets.of(approval.workspace, approval.release)

        def labels(target: str) -> list[str]:
            known = rules.tool(target)
            return [] if known is None else list(known.output_labels)

        return ApprovalDetailShown(
            id=approval.id,
            state=approval.lapsed(self._use.clock.now()).state,
            title=TitleShown(en=detail.title.en, ar=detail.title.ar),
            agent=approval.agent,
            on_behalf_of=approval.on_behalf_of,
            run=approval.run,
            action=approval.action,
            target=approval.target,
            effect=None if tool is None else tool.effect.value,
            reversible=None if tool is None else tool.reversible,
            description="" if tool is None else tool.description,
            digest=approval.digest,
            release=approval.release,
            approvers=list(approval.approvers),
            answers=[dict(answer) for answer in approval.answers],
            missing=sorted(approval.missing) if approval.state is ApprovalState.PENDING else [],
            created_at=approval.created_at,
            expires_at=approval.expires_at,
            withheld=looked.withheld,
            arguments=[argument_shown(each, labels) for each in looked.arguments],
            claims=ClaimsShown(purpose=detail.purpose, task=looked.task),
            findings=[finding_of(finding, language) for finding in detail.findings],
            path=[
                StepShown(
                    action=step.action,
                    target=step.target,
                    state=step.state,
                    at=step.at,
                    outcome=step.outcome,
                    cost=dict(step.cost),
                )
                for step in detail.path
            ],
            path_has_earlier=detail.has_earlier,
            similar=_similar(detail.similar),
            budgets=[_budget(each) for each in detail.budgets],
            own_side=None if detail.tie is None else OwnSideShown(part=detail.tie.part, name=detail.tie.name),
        )


LONGEST_TEXT = 2_000
"""Characters of one argument's `text`; `value` has all of them."""


def argument_shown(argument: Argument, labels: Callable[[str], list[str]] = lambda _: []) -> ArgumentShown:
    """Return an argument as the API has it; `labels` says what the release says of a tool's results."""
    return ArgumentShown(
        name=argument.name,
        role=None if argument.role is None else argument.role.value,
        masked=argument.is_masked,
        value=argument.value,
        text="" if argument.is_masked else shown(argument.value, LONGEST_TEXT),
        origins=[_origin(origin, labels(origin.target)) for origin in argument.origins],
    )


def _origin(origin: Origin, labels: list[str]) -> OriginShown:
    return OriginShown(path=origin.path, kind=origin.kind, action=origin.action, target=origin.target, labels=labels)


def _similar(similar: Similar) -> SimilarShown:
    newest = [PastShown(id=p.id, state=p.state, created_at=p.created_at, run=p.run) for p in similar.newest]
    return SimilarShown(days=similar.days, counts=dict(similar.counts), newest=newest)


def _budget(standing: BudgetStanding) -> BudgetAfter:
    budget = standing.budget
    return BudgetAfter(
        name=budget.name,
        level=budget.level.value,
        unit=budget.unit.value,
        window=budget.window.value,
        hard=budget.hard,
        amount=budget.amount,
        before=standing.before,
        after=standing.after,
    )
