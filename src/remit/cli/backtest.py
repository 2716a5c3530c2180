"""`remit backtest`: what a folder's rules would have decided on recorded actions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from remit.cli.backtest_text import write_report
from remit.cli.output import TABLE, document, note, output_option
from remit.cli.session import Failed, explained, workspace_option
from remit.cli.when import days_of
from remit.compose import Parts, open_door, open_parts, open_queue, open_releases
from remit.domain.clock import MICROS_PER_SECOND, ManualClock, SystemClock
from remit.domain.finding import Verdict
from remit.domain.ids import AgentName
from remit.domain.release import Configuration, Release
from remit.execution.backtest.passage import EVENT_S, PassedRun, pass_runs
from remit.execution.backtest.recording import BrokenRecording, RecordedRun, read_runs
from remit.execution.backtest.report import Report, report
from remit.execution.backtest.report import as_json as report_json
from remit.settings import Settings
from remit.workspace.files import read_folder

CHANNEL = "backtest"
AUTHOR = "remit:backtest"
DEFAULT_START = "2026-01-05T09:00:00Z"
"""When the first run begins unless told otherwise: a Monday morning, as in a workspace's own tests."""
MAX_EVENT_S = 3600

EXAMPLES = """\b
Examples:
  remit backtest . --history 30d
  remit backtest rel_3f2a9c --history 7d --agent buyer -o json
  remit backtest . --pin act_1m3k0v7s2qk9xw5tz0ab=deny
  remit backtest examples/airline --runs examples/airline/runs/desk.jsonl
  remit backtest . --runs runs.jsonl --fail-on deny

Exit code: 0 it ran, 1 it ran and found what --fail-on names, 2 it could
not run: the folder or the file has mistakes."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """A report and what it is about. `elapsed_ms` is real time, everything else is the same each time."""

    release: Release
    agent: AgentName
    found: Report
    elapsed_ms: int

    @property
    def calls_per_s(self) -> int:
        """Calls decided, and where admitted settled, in a second."""
        return self.found.calls * 1000 // max(1, self.elapsed_ms)


def _moment(ctx: click.Context, param: click.Parameter, value: str) -> datetime:
    """Read RFC 3339 with its offset."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise click.BadParameter(f"{value!r} is no moment; write it as {DEFAULT_START}", ctx, param)
    return moment


@click.command(epilog=EXAMPLES)
@click.argument("candidate", metavar="DIR|RELEASE", type=click.Path(path_type=Path))
@click.option("--history", "days", metavar="DAYS", callback=days_of, help="Our own recorded actions, such as 30d.")
@click.option("--runs", "file", metavar="FILE", type=click.Path(path_type=Path), help="Or recorded runs, one a line.")
@click.option(
    "--pin", metavar="ACTION", help="Write a recorded action as a test of DIR; ACTION=deny says what to expect."
)
@click.option("--agent", metavar="NAME", help="Only this agent's; with --runs, whose remit holds.")
@click.option("--tool", metavar="NAME", default="", help="With --history: only calls of this tool or model.")
@click.option("--channel", default="production", show_default=True, help="Whose active release is compared with.")
@click.option("--expect", "expected", metavar="FLIP", multiple=True, help="With --history: a flip that is wanted.")
@click.option("--start", callback=_moment, default=DEFAULT_START, show_default=True, help="When the first run begins.")
@click.option(
    "--pace",
    type=click.IntRange(0, MAX_EVENT_S),
    default=EVENT_S,
    show_default=True,
    help="Seconds from one event of a run to the next.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["deny", "hold", "flip"]),
    help="Exit 1 on a denial; `hold`: on a hold too; with --history `flip`: on one that is not expected.",
)
@click.option("--language", type=click.Choice(["en", "ar"]), default="en", help="With --history: of the findings.")
@workspace_option
@output_option
@click.pass_context
def backtest(ctx: click.Context, /, candidate: Path, agent: str | None, output: str, **given: Any) -> None:
    """Find out what a workspace folder, or a stored release, would have decided.

    With --history, each recorded decision is made again with the candidate's rules: facts, budgets and approvals as
    they were. With --runs, recorded runs of elsewhere are put through admission, in a database of its own that is
    removed afterwards. Nothing is called in either case.
    """
    chosen = [name for name in ("days", "file", "pin") if given[name] is not None]
    if len(chosen) != 1:
        raise click.UsageError("Say one of --history, --runs and --pin.")
    if given["pin"] is not None:
        _pin(candidate, given["pin"], given["workspace"], output)
        return
    if given["days"] is not None:
        unexpected = _history(candidate, agent or "", output, given)
        ctx.exit(1 if given["fail_on"] == "flip" and unexpected else 0)
    result = _passed(candidate, given["file"], agent, given["start"], given["pace"])
    if output != TABLE:
        document(_json(result), output)
    else:
        write_report(result.found, _heading(result, given["file"].name), _throughput(result))
    ctx.exit(1 if _fails(result.found, given["fail_on"]) else 0)


def _pin(folder: Path, action: str, workspace: str | None, output: str) -> None:
    from remit.cli.pin import pin

    pin(folder, action, workspace, output)


def _history(candidate: Path, agent: str, output: str, given: Mapping[str, Any]) -> int:
    from remit.cli.backtest_history import Options, run

    language, expected = given["language"], given["expected"]
    days, tool, channel = given["days"], given["tool"], given["channel"]
    return run(Options(candidate, days, agent, tool, given["workspace"], channel, language, output, expected))


def _passed(folder: Path, file: Path, agent: str | None, start: datetime, pace: int) -> Backtest:
    recorded = _recorded(file)
    clock = ManualClock(int(start.timestamp()) * MICROS_PER_SECOND)
    with explained(), TemporaryDirectory(prefix="remit-backtest-") as place:
        settings = Settings(database_url=f"sqlite:///{place}/remit.db", key_file=Path(place) / "remit.key")
        parts = open_parts(settings, clock)
        try:
            return _run(parts, clock, folder, recorded, agent, pace)
        finally:
            parts.close()


def _recorded(file: Path) -> tuple[RecordedRun, ...]:
    try:
        with file.open("rb") as stream:
            return read_runs(stream, str(file))
    except BrokenRecording as error:
        for problem in error.problems:
            note(str(problem))
        raise Failed(f"{file}: {error.lines} of its lines can not be read as runs; nothing was run.") from error
    except OSError as error:
        raise Failed(f"{file} can not be read: {error.strerror}. Name a file of recorded runs.") from error


def _run(
    parts: Parts,
    clock: ManualClock,
    folder: Path,
    recorded: Sequence[RecordedRun],
    agent: str | None,
    pace: int,
) -> Backtest:
    release, configuration = _release(parts, folder)
    name = _agent(configuration, agent)
    queue = open_queue(parts)
    try:
        door = open_door(parts, queue, release.workspace)
        started = SystemClock().now()
        with _progress(len(recorded)) as shown:
            found = report(shown(pass_runs(recorded, door, clock, name, CHANNEL, pace)))
        elapsed_ms = (SystemClock().now() - started) // 1000
    finally:
        queue.close()
    return Backtest(release, name, found, elapsed_ms)


def _release(parts: Parts, folder: Path) -> tuple[Release, Configuration]:
    """Make a release of the folder as `remit apply` would, its own tests included."""
    releases = open_releases(parts)
    plan = releases.plan(read_folder(folder), AUTHOR, "", CHANNEL)
    return releases.apply(plan, CHANNEL), plan.configuration


def _agent(configuration: Configuration, wanted: str | None) -> AgentName:
    known = sorted(configuration.agents)
    if wanted is not None:
        if wanted in configuration.agents:
            return AgentName(wanted)
        raise Failed(f"There is no agent {wanted} here; there is {', '.join(known) or 'none'}.")
    if len(known) != 1:
        raise Failed(f"The folder has {len(known)} agents: name one with --agent ({', '.join(known) or 'none'}).")
    return known[0]


class _Shown:
    """Passes runs on and moves the bar, where there is one."""

    def __init__(self, advance: Callable[[], None] | None = None) -> None:
        self._advance = advance

    def __call__(self, passed: Iterator[PassedRun]) -> Iterator[PassedRun]:
        for run in passed:
            yield run
            if self._advance is not None:
                self._advance()


@contextmanager
def _progress(runs: int) -> Iterator[_Shown]:
    """Show progress on standard error where that is a terminal, and nothing where it is not."""
    if not sys.stderr.isatty():
        yield _Shown()
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Backtest", total=runs)
        yield _Shown(lambda: bar.advance(task))


def _heading(result: Backtest, file: str) -> str:
    return f"{result.release.workspace}, release {result.release.id[:12]}, as {result.agent}, on {file}"


def _throughput(result: Backtest) -> str:
    seconds = result.elapsed_ms / 1000
    return f"{result.found.calls:,} calls decided and recorded in {seconds:.1f} s, {result.calls_per_s:,} a second."


def _json(result: Backtest) -> dict[str, object]:
    about: dict[str, object] = {
        "workspace": result.release.workspace,
        "release": result.release.id,
        "agent": result.agent,
    }
    speed = {"elapsed_ms": result.elapsed_ms, "calls_per_s": result.calls_per_s}
    return about | report_json(result.found) | {"throughput": speed}


def _fails(found: Report, fail_on: str | None) -> bool:
    denied, held = found.decisions[Verdict.DENY], found.decisions[Verdict.HOLD]
    return bool(fail_on and (denied or (fail_on == "hold" and held)))
