"""`remit notify`: whether approvers can be told, and whom nobody could tell."""

from __future__ import annotations

import click

from remit.cli.output import line, output_option, table
from remit.cli.session import Failed, Session, moment, session, workspace_option
from remit.compose import vault_of
from remit.control.delivery import AppriseDelivery, NotDelivered
from remit.domain.ids import GroupName, UserId, WorkspaceName
from remit.domain.notice import NoticeState, trial
from remit.storage.outbox import outbox_of

EXAMPLES = """\b
Examples:
  remit notify test user:sara
  remit notify test finance
  remit notify ls --state failed"""

MAX_LISTED = 200
WORDS = {
    "apprise_missing": "apprise is not installed: pip install 'remit[server]'",
    "address_missing": "the variable or file is not there, or empty",
    "address_forbidden": "no workspace may have that read: see REMIT_SECRET_FOLDERS",
    "address_unfit": "what stands there is no address that apprise knows",
    "not_delivered": "whoever is behind the address did not take it",
}
"""What a notice's problem means."""


@click.group(epilog=EXAMPLES)
def notify() -> None:
    """Tell people of approvals that wait: try an address, list what was sent."""


@notify.command()
@click.argument("recipient", metavar="PERSON")
@workspace_option
def test(recipient: str, workspace: str | None) -> None:
    """Send a test to each address of PERSON, which may be a group, as the active release names them.

    The references are looked up here: the server needs the same variables and files.
    """
    with session() as open_session:
        addresses = _addresses(open_session, open_session.workspace(workspace), recipient)
        delivery = AppriseDelivery(vault_of(open_session.parts.settings))
        message = trial(open_session.parts.settings.public_url)
        failed = 0
        for address in addresses:
            try:
                delivery.send(address, message)
                line(f"{address}: sent", style="green")
            except NotDelivered as error:
                failed += 1
                line(f"{address}: not sent: {WORDS[error.code]}", style="red")
    if failed:
        raise click.exceptions.Exit(1)


@notify.command()
@click.option("--state", type=click.Choice([state.value for state in NoticeState]), help="Only those in this state.")
@workspace_option
@output_option
def ls(state: str | None, workspace: str | None, output: str) -> None:
    """List notices, newest first: to whom, by which reference, and what came of it."""
    with session() as open_session:
        where = open_session.workspace(workspace)
        wanted = None if state is None else NoticeState(state)
        found = outbox_of(open_session.parts.store).listed(where, wanted, MAX_LISTED)
    rows = [
        (n.approval, n.reason.value, n.recipient, n.address, n.state.value, n.tries, n.problem, moment(n.created_at))
        for n in found
    ]
    table(("approval", "reason", "recipient", "address", "state", "tries", "problem", "created"), rows, output)


def _addresses(open_session: Session, workspace: WorkspaceName, recipient: str) -> tuple[str, ...]:
    parts = open_session.parts
    release = parts.store.active(workspace, "production")
    if release is None:
        raise Failed(f"channel production of workspace {workspace} points at no release: run `remit apply DIR` first")
    configuration = parts.rulesets.of(workspace, release).configuration
    known = configuration.people.get(UserId(recipient)) or configuration.groups.get(GroupName(recipient))
    if known is None:
        raise Failed(f"the active release knows no person and no group {recipient}")
    if not known.notify:
        raise Failed(f"{recipient} has no addresses: write `notify: [env:NAME]` into people.yaml")
    return known.notify
