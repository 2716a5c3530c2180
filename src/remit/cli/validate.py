"""`remit validate`: every mistake in a folder, in one go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path

import click

from remit.cli.output import TABLE, clean, document, in_colour, line, output_option
from remit.cli.when import days_of
from remit.domain.problem import Problem, Severity
from remit.policy.statements import Policy, parse, split
from remit.workspace.files import read_folder
from remit.workspace.reading import Reading, read

EXAMPLES = """\b
Examples:
  remit validate examples/gulf-trading
  remit validate . -o json
  remit validate . && remit apply .
  remit validate . --history 30d

Exit code: 0 no errors (warnings are allowed), 1 errors, 2 the folder can
not be read."""


@click.command(epilog=EXAMPLES)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--history", "days", metavar="DAYS", callback=days_of, help="Name policies that decided nothing in so long, as 30d."
)
@output_option
@click.pass_context
def validate(ctx: click.Context, folder: Path, days: int | None, output: str) -> None:
    """Find every mistake in the workspace folder DIR.

    Each is shown as `file:line:column: error: field: what is wrong. What would be right.` Nothing is changed.
    """
    found = read_folder(folder)
    reading = read(found.files, found.name, found.problems)
    if days is not None:
        reading = replace(reading, problems=tuple(sorted((*reading.problems, *_idle(reading, days)))))
    if output != TABLE:
        document(_json(reading), output)
    else:
        _write(reading, len(found.files))
    ctx.exit(1 if reading.errors else 0)


def _idle(reading: Reading, days: int) -> Iterator[Problem]:
    """Yield a warning for each written policy that the active release has had all this time, and that did nothing."""
    from remit.cli.home import get, home  # a folder alone is validated without a database

    configuration = reading.configuration
    if configuration is None:
        return
    with home(configuration.settings.name) as at:
        matches = get(at, "/policies/matches", days=days)
    idle = frozenset(matches["idle"])
    for file in configuration.policies:
        for policy in map(parse, split(file)):
            if isinstance(policy, Policy) and policy.id in idle:
                statement = policy.statement
                yield Problem(
                    statement.file,
                    statement.line,
                    statement.column,
                    "",
                    f"the policy decided nothing in {days}d (decisions in that time: {matches['decisions']:,})",
                    "Remove it, or try it with `remit policy test`: it may be meant for what seldom happens",
                    Severity.WARNING,
                )


def _json(reading: Reading) -> dict[str, object]:
    return {
        "errors": len(reading.errors),
        "warnings": len(reading.problems) - len(reading.errors),
        "problems": [asdict(problem) for problem in reading.problems],
    }


def _write(reading: Reading, files: int) -> None:
    for _, problems in groupby(reading.problems, key=lambda problem: problem.file):
        for problem in problems:
            _write_problem(problem)
        line()
    line(_summary(reading, files), style=None if reading.problems else "green")


def _write_problem(problem: Problem) -> None:
    shown = str(problem)
    if in_colour():
        colour = "red" if problem.severity is Severity.ERROR else "yellow"
        word = f"{problem.severity.value}:"
        shown = clean(shown).replace(word, click.style(word, fg=colour), 1)
        click.echo(shown)
    else:
        line(shown)


def _summary(reading: Reading, files: int) -> str:
    errors, warnings = len(reading.errors), len(reading.problems) - len(reading.errors)
    if errors or warnings:
        places = len({problem.file for problem in reading.problems})
        said = " and ".join(
            _count(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number
        )
        return f"{said} in {_count(places, 'file')}."
    configuration = reading.configuration
    assert configuration is not None
    parts = [
        _count(len(configuration.agents), "agent"),
        _count(len(configuration.tools), "tool"),
        *([_count(len(configuration.workflows), "workflow")] if configuration.workflows else []),
        _count(len(configuration.policies), "policy file"),
        _count(len(reading.scenarios), "test"),
    ]
    return f"No problems in {_count(files, 'file')}: {', '.join(parts)}."


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
