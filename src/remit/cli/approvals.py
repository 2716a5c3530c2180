"""`remit approvals`: what waits for a person, and the person's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import orjson

from remit.cli.output import line, output_option, table
from remit.cli.session import Failed, Session, moment, session, workspace_option
from remit.domain.action import ActionKind
from remit.domain.canonical import salted_digest
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId
from remit.storage.port import Approval
from remit.storage.sealed import PayloadLost

EXAMPLES = """\b
Examples:
  remit approvals ls
  remit approvals show apr_m83ab51881jqyhrwyyt9
  remit approvals approve apr_m83ab518... --digest 6962fd2f3387
  remit approvals reject apr_m83ab518... --digest 6962fd2f3387 -m "no"

Who you are is taken from REMIT_USER (user:name)."""


@click.group(epilog=EXAMPLES)
def approvals() -> None:
    """List and answer what waits for a person."""


@approvals.command()
@click.option("--all", "everything", is_flag=True, help="Also those that are answered, used up or expired.")
@workspace_option
@output_option
def ls(everything: bool, workspace: str | None, output: str) -> None:
    """List approvals that wait, newest first."""
    with session() as open_session:
        where = open_session.workspace(workspace)
        state = None if everything else ApprovalState.PENDING
        found = open_session.parts.store.approvals(where, state)
        rows = [
            (
                a.id,
                a.target,
                a.agent,
                ", ".join(a.approvers),
                _state(open_session, a),
                _missing(a),
                moment(a.expires_at),
            )
            for a in found
        ]
    table(("approval", "action", "agent", "approvers", "state", "missing", "expires"), rows, output)


@approvals.command()
@click.argument("approval")
def show(approval: str) -> None:
    """Show exactly what APPROVAL is for, with its arguments and their digest."""
    with session() as open_session:
        found = _found(open_session, approval)
        rows = [
            ("approval", found.id),
            ("state", _state(open_session, found)),
            ("action", found.target),
            ("agent", found.agent),
            ("on behalf of", found.on_behalf_of),
            ("approvers", ", ".join(found.approvers)),
            *(("answered", _answered(answer)) for answer in found.answers),
            ("missing", _missing(found)),
            ("run", found.run),
            ("expires", moment(found.expires_at)),
            ("digest", found.digest),
        ]
        arguments = _arguments(open_session, found)
    for name, value in rows:
        line(f"{name:13} {' '.join(value.split())}")
    for argument in arguments:
        line(argument)


@approvals.command()
@click.argument("approval")
@click.option("--digest", required=True, help="The digest that `show` gave, at least its first 12 digits.")
@click.option("-m", "--comment", default="", help="For the record.")
def approve(approval: str, digest: str, comment: str) -> None:
    """Let APPROVAL's action run once, with exactly the arguments of that digest."""
    _answer(approval, digest, comment, approve=True)


@approvals.command()
@click.argument("approval")
@click.option("--digest", required=True, help="The digest that `show` gave, at least its first 12 digits.")
@click.option("-m", "--comment", default="", help="For the record.")
def reject(approval: str, digest: str, comment: str) -> None:
    """Refuse APPROVAL's action."""
    _answer(approval, digest, comment, approve=False)


def _answer(approval: str, digest: str, comment: str, *, approve: bool) -> None:
    with session() as open_session:
        answered = open_session.approvals.answer(
            ApprovalId(approval), open_session.person, digest, approve=approve, comment=comment
        )
    if answered.state is ApprovalState.PENDING:
        said = _answered(answered.answers[-1])
        line(f"{answered.id}: {said}; it waits for {_missing(answered)}.", style="yellow")
        return
    line(f"{answered.id} is {answered.state.value}.", style="green" if approve else "yellow")


def _found(open_session: Session, approval: str) -> Approval:
    found = open_session.parts.store.approval(ApprovalId(approval))
    if found is None:
        raise Failed(f"there is no approval {approval}; `remit approvals ls` lists them")
    return found


def _state(open_session: Session, approval: Approval) -> str:
    waiting = approval.state in (ApprovalState.PENDING, ApprovalState.APPROVED)
    is_over = waiting and open_session.parts.clock.now() >= approval.expires_at
    return ApprovalState.EXPIRED.value if is_over else approval.state.value


def _missing(approval: Approval) -> str:
    """Name the groups that still must answer."""
    return ", ".join(sorted(approval.missing)) if approval.state is ApprovalState.PENDING else ""


def _answered(answer: Mapping[str, Any]) -> str:
    groups = ", ".join(answer.get("groups", ()))
    return f"{answer['by']} ({groups}): {answer['answer']}" if groups else f"{answer['by']}: {answer['answer']}"


def _arguments(open_session: Session, approval: Approval) -> list[str]:
    from remit.execution.door import ARGUMENTS

    payload = open_session.parts.store.payload(approval.action, ARGUMENTS)
    try:
        if payload is None:
            raise PayloadLost("the arguments are not kept")
        raw = open_session.parts.keys.of(payload.key).open(payload)
        run = open_session.parts.store.run(approval.run)
        salt = b"" if run is None else open_session.parts.keys.salted(run).salt
    except PayloadLost as error:
        return [f"{'arguments':13} {error}"]
    kinds = (kind.encode() for kind in ActionKind)
    if approval.digest not in {salted_digest(salt, kind, approval.target.encode(), raw) for kind in kinds}:
        raise Failed(
            f"what is kept as the arguments of approval {approval.id} has another digest than the approval:"
            " somebody changed one of them, so do not answer it"
        )
    text = orjson.dumps(orjson.loads(raw), option=orjson.OPT_INDENT_2).decode()
    return ["arguments", *(f"  {part}" for part in text.splitlines())]
