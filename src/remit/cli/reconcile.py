"""`remit reconcile`: say what became of an action whose outcome is unknown."""

from __future__ import annotations

import click

from remit.cli.output import line, output_option, table
from remit.cli.session import Failed, moment, session, workspace_option
from remit.compose import open_queue
from remit.domain.action import Cost, Outcome, OutcomeStatus
from remit.domain.ids import ActionId
from remit.domain.money import usd_to_micros
from remit.execution.commands import Settle

EXAMPLES = """\b
Examples:
  remit reconcile
  remit reconcile act_m83ab50w86rcc0d0b7e7 --status ok --cost 0.02
  remit reconcile act_m83ab50w86rcc0d0b7e7 --status error --cost 0

Without an action it lists those that are open or unknown. Find out in the
other system what happened before you say so: an unknown outcome keeps its
reservation until then, on purpose."""


@click.command(epilog=EXAMPLES)
@click.argument("action", required=False)
@click.option("--status", type=click.Choice(["ok", "error"]), help="What it came to.")
@click.option("--cost", default=None, help="US dollars it cost; what was reserved if left out.")
@workspace_option
@output_option
def reconcile(action: str | None, status: str | None, cost: str | None, workspace: str | None, output: str) -> None:
    """Settle ACTION, whose outcome is unknown, or list such actions."""
    with session() as open_session:
        store = open_session.parts.store
        found = store.open_actions(open_session.workspace(workspace))
        if action is None:
            rows = [(o.id, o.target, o.agent, "unknown" if o.unknown else "open", moment(o.admitted_at)) for o in found]
            table(("action", "target", "agent", "state", "admitted"), rows, output)
            return
        if status is None:
            raise Failed("say what it came to: --status ok or --status error")
        one = next((o for o in found if o.id == action and o.unknown), None)
        run = None if one is None else store.run(one.run)
        if one is None or run is None:
            raise Failed(f"{action} has no unknown outcome; `remit reconcile` lists those that have")
        outcome = Outcome(ActionId(action), OutcomeStatus(status), _cost(cost))
        queue = open_queue(open_session.parts)
        try:
            queue.submit(Settle(run, outcome, reconciles=True, by=open_session.person))
        finally:
            queue.close()
    line(f"{action} is settled as {status}.", style="green")


def _cost(text: str | None) -> Cost | None:
    if text is None:
        return None
    try:
        return Cost(usd_to_micros(text))
    except ValueError as error:
        raise Failed(f"--cost: {error}") from error
