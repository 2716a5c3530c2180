"""`remit rollback`: activate an earlier release again."""

from __future__ import annotations

import click

from remit.cli.moved import tell_moved
from remit.cli.output import as_json, output_option
from remit.cli.session import only_option, session, workspace_option

EXAMPLES = """\b
Examples:
  remit rollback
  remit rollback --to rel_330a804b
  remit rollback --only agents/customer-care.yaml
  remit rollback --to rel_330a --only policies/refunds.cedar -m "too strict\""""


@click.command(epilog=EXAMPLES)
@click.option(
    "--to", "target", default="", help="A release id or its beginning; the one before the active if left out."
)
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@click.option("--channel", default="production", show_default=True, help="The channel to move.")
@workspace_option
@only_option
@output_option
def rollback(
    target: str, message: str, channel: str, workspace: str | None, only: tuple[str, ...], output: str
) -> None:
    """Point a channel at an earlier release, or take just some files back to how they were there."""
    with session() as open_session:
        releases = open_session.releases
        where = open_session.workspace(workspace)
        release = releases.rollback(where, open_session.person, message, channel, target, only)
        waiting = releases.waiting(release, channel)
    if output == "json":
        as_json({"release": release.id, "channel": channel, "proposed": waiting is not None})
    else:
        tell_moved(release, channel, waiting)
