"""`remit stops`: what is stopped now, by whom, why and until when."""

from __future__ import annotations

import click

from remit.cli.output import output_option, table
from remit.cli.session import moment, session, workspace_option

EXAMPLES = """\b
Examples:
  remit stops
  remit stops -o json

HEARD is how many of the clients that listened have acknowledged it. Whoever did
not listen is stopped all the same: it is checked when an action is admitted."""

MOST = 1_000


@click.command(epilog=EXAMPLES)
@workspace_option
@output_option
def stops(workspace: str | None, output: str) -> None:
    """List what is stopped now: who, why, when and until when."""
    with session() as open_session:
        found = open_session.stops.in_force(open_session.workspace(workspace), MOST)
    rows = [
        (
            each.target,
            each.stop.kind.value,
            each.stop.by,
            moment(each.stop.at),
            None if each.stop.until is None else moment(each.stop.until),
            f"{each.acknowledged} of {each.told}",
            each.stop.reason,
        )
        for each in found
    ]
    table(("target", "kind", "by", "at", "until", "heard", "why"), rows, output)
