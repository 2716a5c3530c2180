"""`remit freeze` and `remit unfreeze`: stop at once, and let go on."""

from __future__ import annotations

import click

from remit.cli.output import line
from remit.cli.session import session, workspace_option

EXAMPLES = """\b
Examples:
  remit freeze agent:procurement-optimizer -m "prices look wrong"
  remit freeze tool:billing.refund
  remit freeze workspace
  remit unfreeze agent:procurement-optimizer"""

_TARGET = (
    "TARGET is workspace, run:ID, agent:NAME, team:NAME, user:NAME, service:NAME, system:NAME, tool:NAME or model:NAME."
)


@click.command(epilog=EXAMPLES, help=f"Stop TARGET at once: nothing of it is admitted any more. {_TARGET}")
@click.argument("target")
@click.option("-m", "--message", default="", help="Why, for whoever is stopped by it.")
@click.option("--anyway", is_flag=True, help="Also a name that the workspace does not know yet, or no longer.")
@workspace_option
def freeze(target: str, message: str, anyway: bool, workspace: str | None) -> None:
    """Stop a target."""
    with session() as open_session:
        where = open_session.workspace(workspace)
        open_session.stops.freeze(where, target, open_session.person, message, anyway=anyway)
    line(f"{target} is frozen: nothing of it is admitted. `remit unfreeze {target}` lifts it.", style="red")


@click.command(epilog=EXAMPLES, help=f"Let TARGET go on. {_TARGET}")
@click.argument("target")
@click.option("-m", "--message", default="", help="Why, for the record.")
@workspace_option
def unfreeze(target: str, message: str, workspace: str | None) -> None:
    """Lift a freeze."""
    with session() as open_session:
        open_session.stops.unfreeze(open_session.workspace(workspace), target, open_session.person, message)
    line(f"{target} goes on.", style="green")
