"""`remit approvals`: what waits for a person, and the person's answer."""

from __future__ import annotations

import click

from remit.cli.approval_detail import answer_words, show
from remit.cli.output import line, output_option, table
from remit.cli.session import Session, moment, session, workspace_option
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId
from remit.storage.port import Approval

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


approvals.add_command(show)


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
        said = answer_words(answered.answers[-1])
        line(f"{answered.id}: {said}; it waits for {_missing(answered)}.", style="yellow")
        return
    line(f"{answered.id} is {answered.state.value}.", style="green" if approve else "yellow")


def _state(open_session: Session, approval: Approval) -> str:
    waiting = approval.state in (ApprovalState.PENDING, ApprovalState.APPROVED)
    is_over = waiting and open_session.parts.clock.now() >= approval.expires_at
    return ApprovalState.EXPIRED.value if is_over else approval.state.value


def _missing(approval: Approval) -> str:
    """Name the groups that still must answer."""
    return ", ".join(sorted(approval.missing)) if approval.state is ApprovalState.PENDING else ""
