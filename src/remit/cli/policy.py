"""`remit policy`: write and test the policies of a workspace folder."""

from __future__ import annotations

from pathlib import Path

import click

from remit.cli.output import TABLE, document, line, output_option
from remit.cli.policy_new import new
from remit.cli.session import Failed, explained, folder_option
from remit.control.policy_tests import Tested
from remit.domain.messages import say

EXAMPLES = """\b
Examples:
  remit policy test examples/gulf-trading
  remit policy test . -k refund -o json

Exit code: 0 all pass, 1 some fail, 2 the folder has mistakes."""


@click.group()
def policy() -> None:
    """Write and test policies."""


policy.add_command(new)


@policy.command(epilog=EXAMPLES)
@folder_option
@click.option("-k", "part", default="", help="Only tests whose name holds this text.")
@output_option
@click.pass_context
def test(ctx: click.Context, folder: Path, part: str, output: str) -> None:
    """Run tests/*.yaml of DIR: agent, action and facts in, decision and reasons compared."""
    tested = [result for result in _tested(folder) if part.casefold() in result.scenario.name.casefold()]
    failed = [result for result in tested if not result.passed]
    if output != TABLE:
        document([_json(result) for result in tested], output)
    else:
        for result in tested:
            _write(result)
        line(f"{len(tested) - len(failed)} passed, {len(failed)} failed.", style="red" if failed else "green")
    ctx.exit(1 if failed else 0)


def _tested(folder: Path) -> tuple[Tested, ...]:
    from remit.control.policy_tests import run_tests
    from remit.control.releases import content_id
    from remit.kernel.ruleset import Ruleset
    from remit.workspace.files import read_folder
    from remit.workspace.reading import read

    with explained():
        found = read_folder(folder)
        reading = read(found.files, found.name, found.problems)
        if reading.configuration is None:
            raise Failed(f"{len(reading.errors)} errors: run `remit validate {folder}` to see them")
        return run_tests(Ruleset(content_id(found.files), reading.configuration), reading.scenarios)


def _write(result: Tested) -> None:
    where = f"{result.scenario.file}:{result.scenario.line}"
    if result.passed:
        line(f"ok    {result.scenario.name}")
        return
    line(f"FAIL  {result.scenario.name} ({where})", style="red")
    for miss in result.misses:
        line(f"      {miss}")


def _json(result: Tested) -> dict[str, object]:
    decision = result.decision
    return {
        "name": result.scenario.name,
        "file": result.scenario.file,
        "line": result.scenario.line,
        "passed": result.passed,
        "misses": list(result.misses),
        "verdict": decision.verdict.word,
        "reasons": [{"code": reason.code.value, "words": say(reason)} for reason in decision.reasons],
    }
