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

EXAMPLES = """\b
Examples:
  remit demo
  remit demo --folder /tmp/remit-demo

No real model is called unless REMIT_DEMO_MODEL (as openai/gpt-5-mini) names
one; OPENAI_BASE_URL and OPENAI_API_KEY then say where it is. It costs money."""


@click.command(epilog=EXAMPLES)
@click.option("--folder", default=FOLDER, show_default=True, help="Where the databases are made, afresh each time.")
@click.pass_context
def demo(ctx: click.Context, folder: str) -> None:
    """Watch two agents of an example company work under their remits.

    One falls into a loop that would have run all night and is stopped; the other reaches for a billing function it
    was not granted and is refused. Then recorded runs of an airline's agent pass through the same path.
    """
    root = _repository()
    sys.stdout.flush()
    # A process of its own, as an agent is: the example's modules never mix with those of the command.
    script = str(root / "examples/gulf-trading/play.py")
    played = subprocess.run([sys.executable, script, "--folder", folder], check=False)  # noqa: S603 - our own script
    if played.returncode:
        ctx.exit(played.returncode)
    _airline(root)


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
