"""`remit demo`: play the examples that come with the repository."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from remit.cli.output import in_colour, line
from remit.cli.session import Failed

FOLDER = ".remit/demo"
PORT = 7070  # not from the server's own module, which takes half a second to load

EXAMPLES = """\b
Examples:
  remit demo
  remit demo --folder /tmp/remit-demo
  remit demo --stay

On a terminal the office stays open afterwards, until Ctrl-C: the server
answers, an agent works on, and you approve and freeze from another terminal.

No real model is called unless REMIT_DEMO_MODEL (as openai/gpt-5-mini) names
one; OPENAI_BASE_URL and OPENAI_API_KEY then say where it is. It costs money."""


@click.command(epilog=EXAMPLES)
@click.option("--folder", default=FOLDER, show_default=True, help="Where the databases are made, afresh each time.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(1, 65_535), help="The server's port.")
@click.option("--stay/--no-stay", default=None, help="Keep the office open; by default, on a terminal only.")
@click.pass_context
def demo(ctx: click.Context, folder: str, port: int, stay: bool | None) -> None:
    """Watch two agents of an example company work under their remits.

    A server is started on this machine, with the company's systems behind it as an MCP server. The agents know
    nothing of Remit: stock MCP and OpenAI clients that lead to its gateways. One falls into a loop that would have
    run all night and is stopped; the other reaches for a billing function it was not granted and is refused. People
    approve and freeze; a workflow goes on after its worker is killed; an auditor verifies. Then recorded runs of an
    airline's agent pass through the same path.
    """
    root = _repository()
    stays = sys.stdin.isatty() and sys.stdout.isatty() if stay is None else stay
    _play(ctx, root, folder, port)
    _airline(root)
    if stays:
        _play(ctx, root, folder, port, "--stay")


def _play(ctx: click.Context, root: Path, folder: str, port: int, *more: str) -> None:
    """Run the example in a process of its own, as an agent is: its modules never mix with those of the command."""
    sys.stdout.flush()
    script = str(root / "examples/gulf-trading/play.py")
    command = [sys.executable, script, "--folder", folder, "--port", str(port), *more]
    with subprocess.Popen(command) as played:  # noqa: S603 - our own script
        code = _ended(played)
    if code:
        ctx.exit(code)


def _ended(played: subprocess.Popen[bytes]) -> int:
    """Wait until the play has ended by itself: Ctrl-C reaches it too, and it has a server to stop."""
    while True:
        try:
            return played.wait()
        except KeyboardInterrupt:
            continue


def _repository() -> Path:
    """Return the checkout this package lies in. Raises Failed where it was installed without one."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "examples/gulf-trading/play.py").is_file():
        raise Failed(
            "the examples come with the repository, and this is an installed package: clone it and run `make run`"
        )
    return root


def _airline(root: Path) -> None:
    """Put an airline agent's runs through admission: the recorded ones where they are, else the example's own."""
    shared = Path(os.environ.get("REMIT_SHARED_DIR") or root.parent / "shared")
    recorded = shared / "data/tau-airline/runs.jsonl"
    is_recorded = recorded.is_file()
    runs = recorded if is_recorded else root / "examples/airline/runs/desk.jsonl"
    found = _backtest(root / "examples/airline", runs)
    whose = "recorded runs of a real airline agent" if is_recorded else "runs of an airline agent, of our own making,"
    line()
    click.echo(click.style(f"{found['runs']} {whose} pass through the same path", bold=in_colour()))
    decisions = found["decisions"]
    line(
        f"   {found['calls']} calls decided and recorded: {decisions['allow']} allowed, {decisions['hold']} held, "
        f"{decisions['deny']} denied."
    )
    line("   Runs  Calls  Policy that held or forbade them")
    for policy in found["policies"]:
        if policy["effect"] != "permit":
            line(f"   {policy['runs']:>4}  {policy['calls']:>5}  {policy['policy']}: {policy['effect']}")
    line("   Every run and reason:")
    line(f"     remit backtest {_short(root / 'examples/airline')} --runs {_short(runs)}", style="cyan")


def _backtest(folder: Path, runs: Path) -> Mapping[str, Any]:
    from remit.cli.backtest import backtest

    written = io.StringIO()
    with redirect_stdout(written):
        backtest.main([str(folder), "--runs", str(runs), "--output", "json"], standalone_mode=False)
    found: Mapping[str, Any] = json.loads(written.getvalue())
    return found


def _short(path: Path) -> str:
    """Return a path as somebody in this folder would type it."""
    return os.path.relpath(path)
