"""`remit terminate` and `remit reactivate`: end for good, and, on purpose, let start anew."""

from __future__ import annotations

import sys

import click

from remit.cli.freeze import anyway_option
from remit.cli.home import home, post
from remit.cli.output import TABLE, document, line, output_option
from remit.cli.session import Failed, workspace_option

EXAMPLES = """\b
Examples:
  remit terminate run:run_m83ab50taczcejtryx2y -m "wrong customer"
  remit terminate agent:buyer -m "leaked key" --revoke-keys --yes
  remit reactivate agent:buyer -m 'new key, new owner'"""

_TARGET = "TARGET is workspace, run:ID, agent:NAME, team:NAME, user:NAME, service:NAME or system:NAME."
_reason_option = click.option("-m", "--message", "--reason", "message", required=True, help="Why, for the record.")
_yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command(
    epilog=EXAMPLES,
    help="Stop TARGET for good: nothing of it is admitted any more, its open runs and those below them end, their"
    f" approvals are void. It can not be lifted. {_TARGET} Tools and models are frozen.",
)
@click.argument("target")
@_reason_option
@click.option("--revoke-keys", is_flag=True, help="Revoke the keys of the agent, or of all agents in the target.")
@_yes_option
@anyway_option
@workspace_option
@output_option
def terminate(
    target: str, message: str, revoke_keys: bool, yes: bool, anyway: bool, workspace: str | None, output: str
) -> None:
    """End a target for good."""
    _be_sure(f"End {target} for good{' and revoke its keys' if revoke_keys else ''}?", yes=yes)
    body = {"target": target, "reason": message, "revoke_keys": revoke_keys, "anyway": anyway}
    with home(workspace) as at:
        done = post(at, "/stops/terminate", body)
    if output != TABLE:
        document(done, output)
        return
    keys = f", {done['keys']} keys revoked" if revoke_keys else ""
    line(f"{target} is terminated: {done['runs']} open runs ended{keys}. Nothing of it is admitted.", style="red")


@click.command(
    epilog=EXAMPLES,
    help="Let TARGET start anew after a termination. Runs that have ended stay ended, and keys that were revoked stay"
    f" revoked. {_TARGET}",
)
@click.argument("target")
@_reason_option
@_yes_option
@workspace_option
@output_option
def reactivate(target: str, message: str, yes: bool, workspace: str | None, output: str) -> None:
    """Let a target start anew."""
    _be_sure(f"Let {target} start anew?", yes=yes)
    with home(workspace) as at:
        told = post(at, "/stops/reactivate", {"target": target, "reason": message})
    if output != TABLE:
        document(told, output)
        return
    line(f"{target} may start new runs.", style="green")


def _be_sure(question: str, *, yes: bool) -> None:
    """Ask whoever sits at the terminal; where nobody does, only --yes will do."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Failed("nobody is there to be asked: say --yes")
    click.confirm(question, abort=True, err=True)
