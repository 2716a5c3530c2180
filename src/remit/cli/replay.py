"""`remit replay`: decide what is on record again, and compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import click

from remit.cli.output import TABLE, document, line, output_option
from remit.cli.session import session, workspace_option
from remit.domain.ids import RunId
from remit.execution.replay import Agreement, Replayed

EXAMPLES = """\b
Examples:
  remit replay
  remit replay run_m83ab50taczcejtryx2y
  remit replay -o json

Exit code: 0 every decision came out the same (those whose arguments were
erased are counted, not judged), 1 some did not, 2 it could not be replayed."""

_FAILED = (Agreement.DIFFERENT, Agreement.RELEASE_LOST, Agreement.WRONG_KEY)


@click.command(epilog=EXAMPLES)
@click.argument("run", required=False)
@workspace_option
@output_option
@click.pass_context
def replay(ctx: click.Context, run: str | None, workspace: str | None, output: str) -> None:
    """Decide every recorded action again, or those of RUN, from the facts and arguments on record."""
    from remit.execution.replay import Replay

    counted: Counter[Agreement] = Counter()
    unlike: list[Replayed] = []
    with session() as open_session:
        parts = open_session.parts
        where = open_session.workspace(workspace)
        results = Replay(parts.store, parts.rulesets, parts.keys).all(where, RunId(run) if run else None)
        for result in _shown(results):
            counted[result.agreement] += 1
            if result.agreement is not Agreement.SAME:
                unlike.append(result)
    if output != TABLE:
        document(
            {"counts": {a.value: counted[a] for a in Agreement}, "unlike": [_json(result) for result in unlike]}, output
        )
    else:
        for result in unlike:
            line(f"{result.agreement.value:13} {result.action}  {result.target}  {_words(result)}")
        total = sum(counted.values())
        line(f"{total:,} decisions replayed: {', '.join(f'{n:,} {a.value}' for a, n in counted.items()) or 'none'}.")
    ctx.exit(1 if any(counted[agreement] for agreement in _FAILED) else 0)


def _shown(results: Iterator[Replayed]) -> Iterator[Replayed]:
    """Show progress where a person looks on."""
    import sys

    if not sys.stderr.isatty():
        yield from results
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(results, "Replaying", console=Console(stderr=True), transient=True)


def _words(result: Replayed) -> str:
    if result.now is None:
        return result.detail
    return f"recorded {result.recorded.verdict.word}, now {result.now.verdict.word}"


def _json(result: Replayed) -> dict[str, object]:
    return {
        "action": result.action,
        "run": result.run,
        "target": result.target,
        "agreement": result.agreement.value,
        "recorded": result.recorded.as_json(),
        "now": None if result.now is None else result.now.as_json(),
        "detail": result.detail,
    }
