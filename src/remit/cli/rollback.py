"""`remit rollback`: activate an earlier release again."""

from __future__ import annotations

import click

from remit.cli.home import home, post
from remit.cli.moved import tell
from remit.cli.output import output_option
from remit.cli.session import only_option, workspace_option

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
    body = {"to": target, "message": message, "channel": channel, "only": list(only)}
    with home(workspace) as at:
        release = post(at, "/releases/rollback", body)
    tell(release, channel, output)
