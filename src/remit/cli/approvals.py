"""`remit approvals`: what waits for a person, and the person's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from remit.cli.approval_acts import (
    ask,
    comment_option,
    delegate,
    digest_option,
    edit,
    for_option,
    group_option,
    questions,
)
from remit.cli.approval_detail import answer_words, show
from remit.cli.home import get, home, part, post
from remit.cli.output import TABLE, document, line, output_option, table
from remit.cli.session import workspace_option
from remit.cli.when import moment

EXAMPLES = """\b
Examples:
  remit approvals ls
  remit approvals show apr_m83ab51881jqyhrwyyt9
  remit approvals approve apr_m83ab518... --digest 6962fd2f3387
  remit approvals reject apr_m83ab518... --digest 6962fd2f3387 -m "no"
  remit approvals edit apr_m83... --digest 6962fd2f3387 --arguments @new.json
  remit approvals ask apr_m83ab518... "Why today?"
  remit approvals questions apr_m83ab518...
  remit approvals delegate user:salma --until 7d

Who you are is taken from REMIT_USER (user:name)."""


@click.group(epilog=EXAMPLES)
def approvals() -> None:
    """List and answer what waits for a person."""


for command in (show, edit, ask, questions, delegate):
    approvals.add_command(command)


@approvals.command()
@click.option("--all", "everything", is_flag=True, help="Also those that are answered, used up or expired.")
@workspace_option
@output_option
def ls(everything: bool, workspace: str | None, output: str) -> None:
    """List approvals that wait, newest first."""
    with home(workspace) as at:
        found = get(at, "/approvals", state="" if everything else "pending")["approvals"]
    rows = [
        (
            a["id"],
            a["target"],
            a["agent"],
            ", ".join(a["approvers"]),
            a["state"],
            ", ".join(a["missing"]),
            moment(a["expires_at"]),
        )
        for a in found
    ]
    table(("approval", "action", "agent", "approvers", "state", "missing", "expires"), rows, output, found)


@approvals.command()
@click.argument("approval")
@digest_option
@comment_option
@group_option
@for_option
@workspace_option
@output_option
def approve(
    approval: str,
    digest: str,
    comment: str,
    group: str | None,
    instead_of: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Let APPROVAL's action run once, with exactly the arguments of that digest."""
    body = {"digest": digest, "comment": comment, "group": group, "instead_of": instead_of}
    _answer("approve", approval, body, workspace, output)


@approvals.command()
@click.argument("approval")
@digest_option
@comment_option
@group_option
@for_option
@workspace_option
@output_option
def reject(
    approval: str,
    digest: str,
    comment: str,
    group: str | None,
    instead_of: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Refuse APPROVAL's action."""
    body = {"digest": digest, "comment": comment, "group": group, "instead_of": instead_of}
    _answer("reject", approval, body, workspace, output)


def _answer(verb: str, approval: str, body: Mapping[str, Any], workspace: str | None, output: str) -> None:
    with home(workspace) as at:
        answered = post(at, f"/approvals/{part(approval)}/{verb}", body)
    if output != TABLE:
        document(answered, output)
    elif answered["state"] == "pending":
        said = answer_words(answered["answers"][-1])
        line(f"{answered['id']}: {said}; it waits for {', '.join(answered['missing'])}.", style="yellow")
    else:
        line(f"{answered['id']} is {answered['state']}.", style="green" if verb == "approve" else "yellow")
