"""`remit approvals show`: what an approver sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
import orjson

from remit.cli.output import line
from remit.cli.session import Failed, Session, moment, session
from remit.compose import approval_details
from remit.control.approval_detail import ApprovalDetail, Withheld
from remit.control.origins import Origin, OriginKind
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId
from remit.domain.messages import say
from remit.domain.money import micros_to_usd
from remit.domain.release import BudgetUnit
from remit.domain.title import without_isolates

WITHHELD = {
    Withheld.NOT_YOURS: "not shown: you are in no group that must answer, and neither auditor nor admin",
    Withheld.ERASED: "erased: the key they were sealed under has been destroyed",
    Withheld.NOT_KEPT: "not kept",
}
HIDDEN = "(hidden: secret)"


@click.command()
@click.argument("approval")
def show(approval: str) -> None:
    """Show what APPROVAL is for: title, arguments and where they came from, path, and the digest to answer with.

    That you have read the arguments is put on record.
    """
    with session() as open_session:
        found = open_session.parts.store.approval(ApprovalId(approval))
        if found is None:
            raise Failed(f"there is no approval {approval}; `remit approvals ls` lists them")
        account = open_session.parts.store.account(found.workspace, open_session.person)
        roles = account.roles if account is not None and account.disabled_at is None else frozenset()
        detail = approval_details(open_session.parts).of(found, open_session.person, roles)
        written = [*_facts(open_session, detail), *_arguments(detail), *_circumstances(detail)]
    for name, value in written:
        line(f"{name:13} {' '.join(value.split())}" if value else name)


Lines = Iterator[tuple[str, str]]
"""A name with its value, or a whole line and nothing."""


def _facts(open_session: Session, detail: ApprovalDetail) -> Lines:
    approval, tool = detail.approval, detail.tool
    yield without_isolates(detail.title.en), ""
    yield without_isolates(detail.title.ar), ""
    yield "approval", approval.id
    yield "state", approval.lapsed(open_session.parts.clock.now()).state.value
    yield "action", approval.target
    if tool is not None:
        yield "effect", f"{tool.effect.value}, {'can be undone' if tool.reversible else 'can not be undone'}"
    yield "agent", approval.agent
    yield "on behalf of", approval.on_behalf_of
    yield "approvers", ", ".join(approval.approvers)
    for answer in approval.answers:
        yield "answered", answer_words(answer)
    if approval.state is ApprovalState.PENDING:
        yield "missing", ", ".join(sorted(approval.missing))
    yield "run", approval.run
    yield "expires", moment(approval.expires_at)
    yield "digest", approval.digest
    for finding in detail.findings:
        yield "held since", say(finding)


def answer_words(answer: Mapping[str, Any]) -> str:
    """Say who has answered what."""
    groups = ", ".join(answer.get("groups", ()))
    return f"{answer['by']} ({groups}): {answer['answer']}" if groups else f"{answer['by']}: {answer['answer']}"


def _arguments(detail: ApprovalDetail) -> Lines:
    looked = detail.looked
    if looked.withheld is not None:
        yield "arguments", WITHHELD[looked.withheld]
        return
    yield "arguments", ""
    values = {each.name: HIDDEN if each.is_masked else each.value for each in looked.arguments}
    for part in orjson.dumps(values, option=orjson.OPT_INDENT_2).decode().splitlines():
        yield f"  {part}", ""
    for argument in looked.arguments:
        for origin in argument.origins:
            yield f"  {origin.path}: {_origin(origin)}", ""
    if looked.task:
        yield "the agent says it was told (nobody has checked it)", ""
        for part in looked.task.splitlines()[:20]:
            yield f"  {part[:200]}", ""


def _origin(origin: Origin) -> str:
    match origin.kind:
        case OriginKind.RESULT:
            return f"stands in what {origin.target} gave back ({origin.action})"
        case OriginKind.TASK:
            return "stands in the task text"
        case OriginKind.AGENT:
            return "made by the agent"


def _circumstances(detail: ApprovalDetail) -> Lines:
    if detail.path:
        yield "path of the run, newest last" + (", the beginning left out" if detail.has_earlier else ""), ""
    for step in detail.path:
        cost = step.cost.get("micros")
        money = f", {micros_to_usd(cost)}" if cost else ""
        yield f"  {moment(step.at)} {step.target}: {step.state}{', ' if step.outcome else ''}{step.outcome}{money}", ""
    similar = detail.similar
    counts = ", ".join(f"{count} {state}" for state, count in sorted(similar.counts.items())) or "none"
    yield f"like it, of this agent in the last {similar.days} days: {counts}", ""
    for each in detail.budgets:
        before, after, amount = (_amount(n, each.budget.unit) for n in (each.before, each.after, each.budget.amount))
        yield f"budget {each.budget.name}: {before} used, {after} afterwards, of {amount}", ""


def _amount(amount: int | None, unit: BudgetUnit) -> str:
    if amount is None:
        return "unknown"
    return micros_to_usd(amount) if unit is BudgetUnit.MICRO_USD else f"{amount:,} {unit.value}"
