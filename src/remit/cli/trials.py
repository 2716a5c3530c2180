"""`remit observe` and `remit canary`: a candidate beside the live release, then for some runs, then for all."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from remit.cli.home import Home, get, home, part, post
from remit.cli.output import TABLE, document, line, output_option, table
from remit.cli.session import Failed, expect_option, language_option, workspace_option
from remit.cli.when import moment

PER_CENT = 100
WHOLE = 10_000
"""All runs, as the API counts shares."""

OBSERVE_EXAMPLES = """\b
Examples:
  remit observe rel_330a804b
  remit observe start rel_330a804b --share 10% --agent buyer
  remit observe ls
  remit observe show try_1m3k0v7s2qk9xw5tz0ab
  remit observe stop try_1m3k0v7s2qk9xw5tz0ab"""

CANARY_EXAMPLES = """\b
Examples:
  remit canary rel_330a804b --share 5%
  remit canary start rel_330a804b --agent buyer
  remit canary promote try_1m3k0v7s2qk9xw5tz0ab -m "for all now"
  remit canary demote try_1m3k0v7s2qk9xw5tz0ab
  remit canary stop try_1m3k0v7s2qk9xw5tz0ab"""


class BeginsWith(click.Group):
    """A group that takes a release in place of a command, and then means `start`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or take the first word for a release."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["start", *args]
        return super().resolve_command(ctx, args)


def _share(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """Read a share in per cent, to the hundredth."""
    try:
        share = Decimal(value.removesuffix("%")) * PER_CENT
    except InvalidOperation:
        share = Decimal(0)
    if not value.endswith("%") or share != int(share) or not 1 <= share <= WHOLE:
        raise click.BadParameter(f"{value!r} is no share; write it as 5% or 0.25%", ctx, param)
    return int(share)


_share_option = click.option("--share", callback=_share, default="100%", show_default=True, help="Of all runs.")
_agent_option = click.option("--agent", "agents", multiple=True, metavar="NAME", help="Only runs of this agent.")
_channel_option = click.option("--channel", default="production", show_default=True, help="Whose runs.")


@click.group(cls=BeginsWith, epilog=OBSERVE_EXAMPLES)
def observe() -> None:
    """Let a stored release decide beside the live one, without effect."""


@observe.command("start")
@click.argument("release")
@_share_option
@_agent_option
@_channel_option
@workspace_option
@output_option
def observe_start(
    release: str, share: int, agents: tuple[str, ...], channel: str, workspace: str | None, output: str
) -> None:
    """Begin to observe RELEASE: `remit observe RELEASE` is enough."""
    with home(workspace) as at:
        begun = _begin(at, "observe", release, {"share": share, "agents": list(agents), "channel": channel})
    _tell(begun, output, f"{begun['release']} is observed; `remit observe show {begun['id']}` has the differences.")


@observe.command()
@workspace_option
@output_option
def ls(workspace: str | None, output: str) -> None:
    """List trials of both kinds, newest first."""
    with home(workspace) as at:
        found = get(at, "/trials")["trials"]
    rows = [
        (t["id"], t["kind"], t["state"], t["release"], t["channel"], _whose(t), t["by"], moment(t["started_at"]))
        for t in found
    ]
    table(("trial", "kind", "state", "release", "channel", "runs", "by", "since"), rows, output, found)


@observe.command()
@click.argument("trial")
@language_option
@workspace_option
@output_option
def show(trial: str, language: str, workspace: str | None, output: str) -> None:
    """Show what the observed release decided otherwise."""
    with home(workspace) as at:
        found = get(at, f"/trials/{part(trial)}")
    if output != TABLE:
        document(found, output)
        return
    since = moment(found["started_at"])
    line(f"{found['release']}, {found['state']}, of {_whose(found)} on {found['channel']} since {since}")
    line(f"{found['decided']:,} decided again, {found['flipped']:,} came out otherwise.")
    for flips in found["flips"]:
        line(f"{flips['id']}  {flips['count']:>8,}  {flips['words'][language]}: {flips['cause']}", style="yellow")
        line(f"    {flips['agent']}, {flips['target']}")
        for example in flips["examples"][:2]:
            line(f"    {example['action']} in {example['run']}: {example['words'][language]['after']}")
    for gap in found["gaps"]:
        line(f"{gap['count']:,} could not be decided again: {gap['words'][language]}")
    if found["unobserved"]:
        line(f"{found['unobserved']:,} were not looked at: the queue was full.", style="yellow")


@observe.command("stop")
@click.argument("trial")
@workspace_option
@output_option
def observe_stop(trial: str, workspace: str | None, output: str) -> None:
    """Observe no longer."""
    _ended("stop", trial, workspace, output, {})


@click.group(cls=BeginsWith, epilog=CANARY_EXAMPLES)
def canary() -> None:
    """Enforce a stored release for some of the new runs."""


@canary.command("start")
@click.argument("release")
@_share_option
@_agent_option
@_channel_option
@expect_option
@workspace_option
@output_option
def canary_start(
    release: str,
    share: int,
    agents: tuple[str, ...],
    channel: str,
    expected: tuple[str, ...],
    workspace: str | None,
    output: str,
) -> None:
    """Begin to enforce RELEASE: `remit canary RELEASE --share 5%` is enough.

    It passes the gates of the channel, as activating it would.
    """
    if share == WHOLE and not agents:
        raise Failed("A canary is for a part: say --share 5% or --agent NAME; `remit releases activate` is for all.")
    asked = {"share": share, "agents": list(agents), "channel": channel, "expect": list(expected)}
    with home(workspace) as at:
        begun = _begin(at, "canary", release, asked)
    _tell(begun, output, f"{begun['id']}: new runs of {_whose(begun)} on {channel} get {begun['release']}.")


@canary.command()
@click.argument("trial")
@click.option("-m", "--message", default="", help="Why, for whoever reads the history.")
@expect_option
@workspace_option
@output_option
def promote(trial: str, message: str, expected: tuple[str, ...], workspace: str | None, output: str) -> None:
    """Point the channel at a canary's release, for all runs."""
    _ended("promote", trial, workspace, output, {"message": message, "expect": list(expected)})


@canary.command()
@click.argument("trial")
@workspace_option
@output_option
def demote(trial: str, workspace: str | None, output: str) -> None:
    """Enforce a canary no longer, and observe its release: for admins."""
    _ended("demote", trial, workspace, output, {})


@canary.command("stop")
@click.argument("trial")
@workspace_option
@output_option
def canary_stop(trial: str, workspace: str | None, output: str) -> None:
    """End a canary: new runs get what the channel points at."""
    _ended("stop", trial, workspace, output, {})


def _begin(at: Home, kind: str, release: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    begun: Mapping[str, Any] = post(at, "/trials", {"kind": kind, "release": release, **asked})
    return begun


def _ended(verb: str, trial: str, workspace: str | None, output: str, body: Mapping[str, Any]) -> None:
    with home(workspace) as at:
        ended = post(at, f"/trials/{part(trial)}/{verb}", body)
    said = f"{ended['id']} ({ended['kind']} of {ended['release']}) is {ended['state']}."
    if verb == "promote" and ended["state"] == "running":
        said += f" Promoting it is proposed: another person runs `remit canary promote {ended['id']}`."
    _tell(ended, output, said)


def _tell(trial: Mapping[str, Any], output: str, said: str) -> None:
    if output == TABLE:
        line(said, style="green")
    else:
        document(trial, output)


def _whose(trial: Mapping[str, Any]) -> str:
    share = f"{Decimal(trial['share']) / PER_CENT:f}%" if trial["share"] != WHOLE else "all"
    return f"{share} of {', '.join(trial['agents'])}" if trial["agents"] else share
