"""What needs a person now: each thing with its state, what it costs and why.

The most urgent kind comes first, within a kind what the caller is asked, then the oldest. Of each kind EACH are listed
and the others counted. All of it is read by index and within bounds: the oldest MOST approvals that wait, and as many
runs of workflows that ended badly in the last DAYS; actions that are open; records only of approvals that are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from enum import StrEnum

import orjson
from pydantic import Field

from remit.api.budgets import BudgetShown
from remit.api.incidents import IncidentKind, IncidentRoutes
from remit.api.shapes import Shown
from remit.api.use_cases import UseCases
from remit.control.approval_detail import title_without
from remit.control.concerned import Concerned
from remit.control.stops import InForce
from remit.domain.action import Cost
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.decision import Decision
from remit.domain.finding import Verdict
from remit.domain.identity import Caller, Role
from remit.domain.ids import ApprovalId, ReleaseId, RunId, UserId, WorkspaceName
from remit.domain.messages import Language, say, telling
from remit.domain.release import PRODUCTION, BudgetUnit
from remit.execution.rulesets import MAX_LOOKED_AT, ReleaseUnusable, Rulesets, TooManyLoading
from remit.execution.workflows.schedules import scheduled_in
from remit.kernel.ruleset import Ruleset
from remit.storage.approval import Approval
from remit.storage.approval_history import approval_history_of
from remit.storage.journal import NOT_UNDONE, WorkflowRun
from remit.storage.journal_rows import journal_of
from remit.storage.port import OpenAction, StoreError
from remit.storage.timetable import timetable_of

EACH = 5
"""Things of one kind that are listed; the others are counted."""
MOST = 1_000
DAYS = 7
"""For how long a run of a workflow that ended badly is told of, unless it is done again before."""
NEAR_PER_CENT = 80
LONGEST_WHY = 300


class AttentionCode(StrEnum):
    """What somebody is needed for, the most urgent first; whoever shows it has the words."""

    LEDGER_ALARM = "ledger_alarm"
    APPROVAL_PENDING = "approval_pending"
    ACTION_UNKNOWN = "action_unknown"
    NOT_UNDONE = "not_undone"
    WORKFLOW_FAILED = "workflow_failed"
    SCHEDULE_PROBLEM = "schedule_problem"
    TOOL_CHANGED = "tool_changed"
    TOOL_NOT_ACCEPTED = "tool_not_accepted"
    BUDGET_EXHAUSTED = "budget_exhausted"
    STOPS_IN_FORCE = "stops_in_force"
    BUDGET_NEAR = "budget_near"


class AttentionShown(Shown):
    """Something that needs a person. Texts that do not apply are empty, numbers that are not known null."""

    code: AttentionCode
    subject: str = Field(
        description="The approval, the unknown action, a workflow, a schedule's times, a tool, the newest"
        " stop's target, or whose budget it is."
    )
    title: str = Field(description="What is asked of an approver, without arguments; an unknown action's tool.")
    agent: str
    run: str = Field(description="The run it is about; of several the latest.")
    workflow: str = Field(description="The workflow whose run it is, or which is to be started.")
    budget: str = Field(description="A budget's name.")
    count: int = Field(description="How many runs, stops or attempts it tells of.")
    since: int | None = Field(description="When it began.")
    until: int | None = Field(description="When an approval expires, or a budget's window ends.")
    per_cent: int | None = Field(description="How much of a budget is spent and set aside.")
    cost: int | None = Field(
        description="Micro-USD: the most that an approved action costs, what an unknown one holds back, what"
        " failed runs have spent, what of a budget is spent and set aside."
    )
    yours: bool | None = Field(
        description="Whether the caller is asked to answer it now; null where the rules of its release are not ready."
    )
    why: str = Field(description="The rule that holds, the person's reason, or what went wrong.")


class MoreShown(Shown):
    """How many things of a kind there are beyond those that are listed."""

    code: AttentionCode
    count: int


def item(code: AttentionCode, subject: str = "", **fields: object) -> AttentionShown:
    """Return something of which only this is known."""
    unknown: dict[str, object] = dict.fromkeys(("title", "agent", "run", "workflow", "budget", "why"), "")
    unknown |= dict.fromkeys(("since", "until", "per_cent", "cost"))
    return AttentionShown.model_validate(
        {**unknown, "count": 1, "yours": False, "code": code, "subject": subject, **fields}
    )


class Attention:
    """Finds what needs a person in a workspace."""

    def __init__(self, use: UseCases, incidents: IncidentRoutes) -> None:
        self._use = use
        self._incidents = incidents
        self._history = approval_history_of(use.store)
        self._journal = journal_of(use.store)
        self._timetable = timetable_of(use.store)

    def of(
        self, caller: Caller, stops: Sequence[InForce], budgets: Sequence[BudgetShown], language: Language
    ) -> tuple[list[AttentionShown], list[MoreShown]]:
        """Return what needs a person now, as this caller sees it, and how much more of each kind there is."""
        where, now = caller.workspace, self._use.clock.now()
        rules = _Rules(self._use.rulesets, self._use.store.active_releases())
        found = [
            *self._alarm(where, now),
            *self._approvals(caller, now, rules),
            *self._unknown(where),
            *self._workflows(where, now),
            *self._schedules(where),
            *self._tools(where),
            *_budgets(budgets),
            *_stops(stops),
        ]
        listed: list[AttentionShown] = []
        more: list[MoreShown] = []
        for code in AttentionCode:
            every = sorted((each for each in found if each.code is code), key=_urgency)
            listed += every[:EACH]
            if len(every) > EACH:
                more.append(MoreShown(code=code, count=len(every) - EACH))
        return [self._told(where, each, language, rules) for each in listed], more

    def _alarm(self, where: WorkspaceName, now: Instant) -> Iterator[AttentionShown]:
        if self._use.evidence(where).lag(now).alarm:
            yield item(AttentionCode.LEDGER_ALARM)

    def _approvals(self, caller: Caller, now: Instant, rules: _Rules) -> Iterator[AttentionShown]:
        where = caller.workspace
        person = UserId(str(caller.person))
        concerned = Concerned(self._use.store, rules.of, where, person, now)
        waiting = [each for each in self._history.waiting(where, MOST) if each.lapsed(now).state is each.state]
        is_approver = Role.APPROVER in caller.roles
        if is_approver:
            concerned.expects(waiting)
        for approval in waiting:
            yield item(
                AttentionCode.APPROVAL_PENDING,
                approval.id,
                title=approval.target,
                agent=approval.agent,
                run=approval.run,
                since=approval.since,
                until=approval.expires_at,
                yours=is_approver and _is_asked(concerned, approval),
            )

    def _unknown(self, where: WorkspaceName) -> Iterator[AttentionShown]:
        for action in self._use.store.open_actions(where):
            if action.unknown:
                yield item(
                    AttentionCode.ACTION_UNKNOWN,
                    action.id,
                    title=action.target,
                    agent=action.agent,
                    run=action.run,
                    since=action.admitted_at,
                    cost=_held_back(action),
                )

    def _workflows(self, where: WorkspaceName, now: Instant) -> Iterator[AttentionShown]:
        """Tell of the runs of a workflow that ended alike in one line: what fails once often fails again."""
        since = Instant(now - DAYS * 86_400 * MICROS_PER_SECOND)
        alike: dict[tuple[AttentionCode, str], list[WorkflowRun]] = {}
        for run in self._journal.ended_badly(where, since, MOST):
            code = AttentionCode.NOT_UNDONE if NOT_UNDONE in run.error else AttentionCode.WORKFLOW_FAILED
            alike.setdefault((code, run.workflow), []).append(run)
        for (code, workflow), runs in alike.items():
            yield item(
                code,
                workflow,
                workflow=workflow,
                agent=runs[-1].agent,
                run=runs[-1].run,
                count=len(runs),
                since=runs[0].ended_at,
                cost=sum(run.spent for run in runs),
                why=runs[-1].error[:LONGEST_WHY],
            )

    def _schedules(self, where: WorkspaceName) -> Iterator[AttentionShown]:
        rows = self._timetable.schedules(where)
        rules = self._use.rules(where) if any(row.problem for row in rows.values()) else None
        if rules is None:
            return
        for each in scheduled_in(rules.configuration, where, dict(rows)):
            if each.row is not None and each.row.problem:
                yield item(
                    AttentionCode.SCHEDULE_PROBLEM,
                    each.schedule.cron,
                    workflow=each.workflow.name,
                    agent=each.workflow.agent,
                    since=each.row.last_at,
                    why=each.row.problem[:LONGEST_WHY],
                )

    def _tools(self, where: WorkspaceName) -> Iterator[AttentionShown]:
        """Tell of tools that the gateway kept back under the release in use: another one may have accepted them."""
        codes = {
            IncidentKind.TOOL_CHANGED: AttentionCode.TOOL_CHANGED,
            IncidentKind.TOOL_NOT_ACCEPTED: AttentionCode.TOOL_NOT_ACCEPTED,
        }
        _, lately = self._incidents.lately(where)
        found = [each for each in lately if each.kind in codes]
        past = self._use.store.activations(where, PRODUCTION) if found else []
        seen: dict[str, AttentionShown] = {}
        for each in found:  # the latest first
            if past and each.last_at >= past[0].at and each.subject not in seen:
                about = {"agent": each.agent, "run": each.run, "count": each.count, "since": each.at}
                seen[each.subject] = item(codes[each.kind], each.subject, **about)
        yield from seen.values()

    def _told(self, where: WorkspaceName, each: AttentionShown, language: Language, rules: _Rules) -> AttentionShown:
        """Add what is read of those only that are listed."""
        if each.code is AttentionCode.APPROVAL_PENDING:
            return each.model_copy(update=self._asked(where, each, language, rules))
        if each.code is AttentionCode.ACTION_UNKNOWN:
            row = self._journal.run(RunId(each.run))
            return each if row is None else each.model_copy(update={"workflow": row.workflow})
        return each

    def _asked(
        self, where: WorkspaceName, each: AttentionShown, language: Language, rules: _Rules
    ) -> dict[str, object]:
        """Say what an approver is asked, as the list of approvals has it: of the arguments nothing; and why."""
        approval = self._use.store.approval(ApprovalId(each.subject))
        body = None if approval is None else self._use.store.record(where, f"{approval.action}/decision")
        if approval is None or body is None:
            return {}
        tool = None
        with suppress(ReleaseUnusable, TooManyLoading):
            tool = rules.of(where, approval.release).tool(approval.target)
        title = title_without(tool, approval.target)
        record = orjson.loads(body)
        reasons = telling(Decision.from_json(record["decision"]).reasons)
        holding = [reason for reason in reasons if reason.verdict is Verdict.HOLD] or reasons
        why = "; ".join(dict.fromkeys(say(reason, language) for reason in holding))
        return {
            "title": getattr(title, language),
            "why": why[:LONGEST_WHY],
            "cost": Cost.from_json(record["cost"]).micros,
        }


class _Rules:
    """The rules that one overview needs, each release asked for once.

    Beside active ones no more are asked for than are kept, so that the next overview finds them ready; and none that
    is not ready once one had to wait too long.
    """

    def __init__(self, rulesets: Rulesets, active: Set[tuple[WorkspaceName, ReleaseId]]) -> None:
        self._rulesets = rulesets
        self._active = active
        self._found: dict[ReleaseId, Ruleset | ReleaseUnusable | TooManyLoading] = {}
        self._older = 0
        self._is_busy = False

    def of(self, where: WorkspaceName, release: ReleaseId) -> Ruleset:
        """Return the rules of a release. Raises ReleaseUnusable and TooManyLoading."""
        if release not in self._found:
            self._found[release] = self._asked_for(where, release)
        found = self._found[release]
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        return found

    def _asked_for(self, where: WorkspaceName, release: ReleaseId) -> Ruleset | ReleaseUnusable | TooManyLoading:
        if (where, release) not in self._active:
            if self._older == MAX_LOOKED_AT or (self._is_busy and not self._rulesets.is_ready(where, release)):
                return TooManyLoading(f"release {release} is not made ready for an overview now")
            self._older += 1
        try:
            return self._rulesets.of(where, release)
        except ReleaseUnusable as error:
            return error
        except TooManyLoading as error:
            self._is_busy = True
            return error


def _is_asked(concerned: Concerned, approval: Approval) -> bool | None:
    """Tell whether an approval waits for somebody; None: not yet to be told.

    Where its release or run can not be had it waits for nobody: nobody could answer.
    """
    try:
        return concerned.is_asked(approval)
    except TooManyLoading:
        return None
    except (ReleaseUnusable, StoreError):
        return False


def _held_back(action: OpenAction) -> int | None:
    """Return what an action without a known outcome keeps from others: it counts in several budgets, but once each."""
    money = [each.amount for each in action.reservations if each.unit is BudgetUnit.MICRO_USD]
    return max(money, default=None)


def _stops(stops: Sequence[InForce]) -> Iterator[AttentionShown]:
    """Say what is stopped, but for single runs: the loop check stops many, and most of them have ended."""
    found = [stop for stop in stops if not stop.target.startswith("run:")]
    if found:
        newest = max(found, key=lambda each: each.stop.at)
        about = {"count": len(found), "since": newest.stop.at, "why": newest.stop.reason}
        yield item(AttentionCode.STOPS_IN_FORCE, newest.target, **about)


def _budgets(budgets: Sequence[BudgetShown]) -> Iterator[AttentionShown]:
    """Say which budgets are near their end."""
    for budget in budgets:
        used = budget.spent + budget.reserved
        per_cent = 100 * used // max(1, budget.amount)
        if per_cent >= NEAR_PER_CENT:
            yield item(
                AttentionCode.BUDGET_EXHAUSTED if per_cent >= 100 else AttentionCode.BUDGET_NEAR,
                budget.subject,
                budget=budget.name,
                until=budget.window_end or None,
                per_cent=per_cent,
                cost=used if budget.unit == BudgetUnit.MICRO_USD.value else None,
            )


def _urgency(each: AttentionShown) -> tuple[int, int, int]:
    """Order within a kind: what the caller is asked, what they may be asked, the oldest, the fullest budget."""
    return (True, None, False).index(each.yours), each.since or 0, -(each.per_cent or 0)
