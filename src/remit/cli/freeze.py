"""`remit freeze` and `remit unfreeze`: stop at once, and let go on."""

from __future__ import annotations

import click

from remit.cli.home import home, post
from remit.cli.output import TABLE, document, line, output_option
from remit.cli.session import workspace_option
from remit.cli.when import moment

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
@output_option
def freeze(target: str, message: str, until: str, anyway: bool, workspace: str | None, output: str) -> None:
    """Stop a target."""
    with home(workspace) as at:
        stop = post(at, "/stops", {"target": target, "reason": message, "until": until, "anyway": anyway})
    if output != TABLE:
        document(stop, output)
        return
    how_long = "" if stop["until"] is None else f" until {moment(stop['until'])}"
    line(f"{target} is frozen{how_long}: nothing of it is admitted. `remit unfreeze {target}` lifts it.", style="red")


@click.command(epilog=EXAMPLES, help=f"Let TARGET go on. {TARGET}")
@click.argument("target")
@click.option("-m", "--message", "--reason", "message", default="", help="Why, for the record.")
@workspace_option
@output_option
def unfreeze(target: str, message: str, workspace: str | None, output: str) -> None:
    """Lift a freeze."""
    with home(workspace) as at:
        lifted = post(at, "/stops/lift", {"target": target, "reason": message})
    if output != TABLE:
        document(lifted, output)
        return
    line(f"{target} goes on.", style="green")
