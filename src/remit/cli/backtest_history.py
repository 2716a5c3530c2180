"""`remit backtest --history`: what a candidate would have decided on our own recorded actions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from remit.cli.output import TABLE, document, line
from remit.cli.session import Failed, Session, moment, session
from remit.compose import Parts, the_workspace
from remit.control.releases import content_id
from remit.domain.clock import SystemClock
from remit.domain.flip import Comparison, Flips
from remit.domain.flip_words import say_gap, say_kind, say_sides
from remit.domain.ids import ReleaseId, WorkspaceName
from remit.domain.messages import Language
from remit.execution.backtest.backtests import Asked, Backtests, nobody
from remit.kernel.ruleset import Ruleset
from remit.storage.candidate import Backtest, BacktestState
from remit.workspace.files import read_folder
from remit.workspace.reading import read

SHOWN = 30
"""Groups of flips in the terminal; `-o json` has all that are kept."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked on the command line. `candidate` is a folder, or a release's id."""

    candidate: Path
    days: int
    agent: str
    tool: str
    workspace: str | None
    channel: str
    language: Language
    output: str
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Rules that are not active, and the workspace they are for."""

    workspace: WorkspaceName
    rules: Ruleset


def run(options: Options) -> int:
    """Go over history and write the report; return how many flips of this change were not expected."""
    with session() as opened:
        candidate = candidate_of(opened, options.candidate, options.workspace)
        found, elapsed_ms = _found(opened, candidate, options)
    if found.state is not BacktestState.DONE:
        raise Failed(f"Backtest {found.id} is {found.state.value}: somebody cancelled it. Nothing was judged.")
    if options.output != TABLE:
        document(
            report_json(found) | {"elapsed_ms": elapsed_ms, "decisions_per_s": _rate(found, elapsed_ms)}, options.output
        )
    else:
        _write(found, options, elapsed_ms)
    flips = found.comparison.of_this_change
    return sum(f.count for f in flips if f.key.id not in options.expected) + found.comparison.more


def candidate_of(opened: Session, named: Path, workspace: str | None) -> Candidate:
    """Read a folder, or find a release of the database by its id."""
    if str(named).startswith("rel_") and not named.exists():
        where = opened.workspace(workspace)
        release = opened.releases.named(where, str(named))
        return Candidate(where, opened.parts.rulesets.of(where, release.id))
    folder = read_folder(named)
    reading = read(folder.files, folder.name, folder.problems)
    if reading.configuration is None:
        raise Failed(f"{len(reading.errors)} errors: run `remit validate {named}` to see them")
    where = the_workspace(opened.parts, workspace or reading.configuration.settings.name)
    return Candidate(where, Ruleset(content_id(folder.files), reading.configuration))


def backtests_of(parts: Parts) -> Backtests:
    """Return the use cases of backtests."""
    return Backtests(parts.store, parts.keys.apart(), parts.clock, parts.ids, parts.rulesets.of)


def _found(opened: Session, candidate: Candidate, options: Options) -> tuple[Backtest, int]:
    parts = opened.parts
    active = parts.store.active(candidate.workspace, options.channel)
    backtests = backtests_of(parts)
    asked = Asked(candidate.workspace, options.days, opened.person, options.agent, options.tool)
    begun = backtests.begin(asked, candidate.rules.release, active)
    started = SystemClock().now()
    base = None if active is None else parts.rulesets.of(candidate.workspace, ReleaseId(active))
    try:
        with progress("Backtest", begun.total) as advance:
            found = backtests.run(begun, candidate.rules, base, advance)
    except KeyboardInterrupt:
        backtests.cancel(begun)
        raise
    return found, (SystemClock().now() - started) // 1000


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show progress on standard error where that is a terminal, and nothing where it is not."""
    if not sys.stderr.isatty():
        yield nobody
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda passed: bar.advance(task, passed)


def report_json(found: Backtest) -> dict[str, object]:
    """Return a backtest as programs read it, with words in both languages."""
    return {
        "id": found.id,
        "workspace": found.workspace,
        "release": found.release,
        "active": found.base,
        "since": found.since,
        "until": found.until,
        "agent": found.agent,
        "tool": found.target,
        "state": found.state.value,
        **comparison_json(found.comparison),
    }


def comparison_json(comparison: Comparison) -> dict[str, object]:
    """Return what was found, with words in both languages."""
    written = comparison.as_json()
    written["flips"] = [_flips_json(flips) for flips in comparison.flips]
    return written


def _flips_json(flips: Flips) -> dict[str, object]:
    examples = [
        example.as_json()
        | {"words": {name: dict(zip(("before", "after"), say_sides(example, name), strict=True)) for name in LANGUAGES}}
        for example in flips.examples
    ]
    words = {name: say_kind(flips.key, name) for name in LANGUAGES}
    return flips.as_json() | {"examples": examples, "words": words}


LANGUAGES: tuple[Language, ...] = ("en", "ar")


def _rate(found: Backtest, elapsed_ms: int) -> int:
    return found.decided * 1000 // max(1, elapsed_ms)


def _write(found: Backtest, options: Options, elapsed_ms: int) -> None:
    base = f", active {found.base}" if found.base else ""
    line(f"Backtest {found.id} of {found.release} over {options.days} days of {found.workspace}{base}")
    line(f"{found.decided:,} decisions in {elapsed_ms / 1000:.1f} s, {_rate(found, elapsed_ms):,} a second.")
    line()
    write_comparison(found.comparison, options.language, options.expected)


def write_comparison(found: Comparison, language: Language, expected: tuple[str, ...] = ()) -> None:
    """Write groups of flips, the largest first, and what could not be decided again."""
    line(f"{found.decided:,} decided again, {found.flipped:,} came out otherwise.")
    if found.unchanged:
        line(f"{found.unchanged:,} of them rest on nothing that changes, so they come out the same.")
    for flips in found.flips[:SHOWN]:
        _write_flips(flips, language, expected)
    hidden = sum(flips.count for flips in found.flips[SHOWN:]) + found.more
    if hidden:
        line(f"and {hidden:,} more; `-o json` has the groups that are kept")
    if found.gaps:
        line()
        line(f"{sum(found.gaps.values()):,} could not be decided again:", style="yellow")
        for gap, count in found.gaps.items():
            line(f"  {count:>8,}  {say_gap(gap, language)}, such as {', '.join(found.gap_examples[gap][:2])}")
    if found.unobserved:
        line(f"{found.unobserved:,} were not looked at: the queue was full.", style="yellow")


def _write_flips(flips: Flips, language: Language, expected: tuple[str, ...]) -> None:
    key = flips.key
    note = ", as the active release does already" if key.already else ", expected" if key.id in expected else ""
    line(f"{key.id}  {flips.count:>8,}  {say_kind(key, language)}: {key.cause}{note}", style=_colour(flips))
    line(f"    {key.agent}, {key.target}")
    for example in flips.examples[:2]:
        before, after = say_sides(example, language)
        line(f"    {example.action} in {example.run}, {moment(example.at)}")
        line(f"      then: {before}")
        line(f"      now:  {after}")


def _colour(flips: Flips) -> str | None:
    if flips.key.already:
        return None
    return "red" if flips.key.kind.endswith("->allow") or flips.key.kind == "duties" else "yellow"
