"""`remit freeze` and `remit unfreeze`: stop at once, and let go on."""

from __future__ import annotations

import click

from remit.cli.output import line
from remit.cli.session import moment, session, workspace_option

EXAMPLES = """\b
Examples:
  remit freeze agent:procurement-optimizer -m "prices look wrong"
  remit freeze team:procurement --until 2h -m "stocktaking"
  remit freeze tool:billing.refund --until 2026-03-01T18:00:00+04:00
  remit freeze workspace
  remit unfreeze agent:procurement-optimizer"""

TARGET = (
    "TARGET is workspace, run:ID, agent:NAME, team:NAME, user:NAME, service:NAME, system:NAME, tool:NAME or model:NAME."
)
anyway_option = click.option(
    "--anyway", is_flag=True, help="Also a name that the workspace does not know yet, or no longer."
)


@click.command(epilog=EXAMPLES, help=f"Stop TARGET at once: nothing of it is admitted any more. {TARGET}")
@click.argument("target")
@click.option("-m", "--message", "--reason", "message", default="", help="Why, for whoever is stopped by it.")
@click.option("--until", default="", help="When it ends by itself: 30m, 2h, 1d12h, or an instant with its zone.")
@anyway_option
@workspace_option
def freeze(target: str, message: str, until: str, anyway: bool, workspace: str | None) -> None:
    """Stop a target."""
    with session() as open_session:
        where = open_session.workspace(workspace)
        stop = open_session.stops.freeze(where, target, open_session.person, message, until=until, anyway=anyway)
    how_long = "" if stop.until is None else f" until {moment(stop.until)}"
    line(f"{target} is frozen{how_long}: nothing of it is admitted. `remit unfreeze {target}` lifts it.", style="red")


@click.command(epilog=EXAMPLES, help=f"Let TARGET go on. {TARGET}")
@click.argument("target")
@click.option("-m", "--message", "--reason", "message", default="", help="Why, for the record.")
@workspace_option
def unfreeze(target: str, message: str, workspace: str | None) -> None:
    """Lift a freeze."""
    with session() as open_session:
        open_session.stops.unfreeze(open_session.workspace(workspace), target, open_session.person, message)
    line(f"{target} goes on.", style="green")
