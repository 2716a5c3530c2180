"""`remit stops`: what is stopped now, by whom, why and until when."""

from __future__ import annotations

import click

from remit.cli.home import home, pages
from remit.cli.output import output_option, table
from remit.cli.session import workspace_option
from remit.cli.when import moment

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
    with home(workspace) as at:
        found = pages(at, "/stops", "stops", MOST)
    rows = [
        (
            each["target"],
            each["kind"],
            each["by"],
            moment(each["at"]),
            None if each["until"] is None else moment(each["until"]),
            f"{each['acknowledged']} of {each['told']}",
            each["reason"],
        )
        for each in found
    ]
    table(("target", "kind", "by", "at", "until", "heard", "why"), rows, output, found)
