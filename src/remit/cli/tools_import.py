"""`remit tools import`: what a server offers, as Tool files for a person to confirm; and what changed since."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remit.cli.output import TABLE, document, line, note, output_option
from remit.cli.session import Failed, work_folder_option

if TYPE_CHECKING:
    from remit.workspace.proposals.comparison import Compared
    from remit.workspace.proposals.importing import Import

EXAMPLES = """\b
Examples:
  remit tools import erp
  remit tools import erp --dir company --accept erp.create_payment
  remit tools import erp --all
  remit tools import erp --check

A new tool is written to tools/SERVER.yaml with a proposed effect, marked for
you to confirm. Until it is accepted it has no pin, and the gateway denies it.
A tool that the server describes otherwise than you accepted is denied until
you accept the change, which is shown. On a terminal each is asked for.

Exit code: 0 done; 1 with --check, something is new, changed or gone; 2 the
server or the folder can not be read."""


@click.command("import", epilog=EXAMPLES)
@click.argument("server")
@work_folder_option
@click.option("--accept", "names", multiple=True, metavar="TOOL", help="Pin this one; may be given more than once.")
@click.option("--all", "everything", is_flag=True, help="Pin all that is new or changed.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything is new or changed.")
@output_option
@click.pass_context
def import_tools(
    ctx: click.Context, server: str, folder: Path, names: tuple[str, ...], everything: bool, check: bool, output: str
) -> None:
    """Read the tools of SERVER into Tool files, and show what changed."""
    from remit.cli.tools_offered import offered_by
    from remit.workspace.proposals.comparison import Standing
    from remit.workspace.proposals.importing import Import, ImportRefused

    if check and (names or everything):
        raise click.UsageError("--check writes nothing: leave out --accept and --all.", ctx)
    try:
        work = Import.of(folder, server)
        work.compare(offered_by(work.server))
        open_ones = [
            one for one in work.compared if one.standing in (Standing.NEW, Standing.PROPOSED, Standing.CHANGED)
        ]
        chosen = _named(open_ones, names) if not everything else open_ones
        shown = output == TABLE
        if shown:
            _write_all(work)
        if shown and not (check or names or everything) and _may_ask():
            chosen = [one for one in open_ones if click.confirm(f"Accept {one.name}?", default=False)]
        written = () if check else work.write(chosen)
    except ImportRefused as error:
        raise Failed(str(error)) from None
    if not shown:
        document(_json(work, chosen if not check else (), written), output)
    else:
        _conclude(work, chosen, written, check=check)
    differs = any(one.standing not in (Standing.ACCEPTED, Standing.UNFIT) for one in work.compared)
    ctx.exit(1 if check and differs else 0)


def _may_ask() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _named(open_ones: Sequence[Compared], names: Iterable[str]) -> list[Compared]:
    """Return those of the names given, by the tool's name or the server's own. Raises Failed for one there is not."""
    found = []
    for name in names:
        one = next((each for each in open_ones if name in _names_of(each)), None)
        if one is None:
            listed = ", ".join(each.name for each in open_ones) or "nothing"
            raise Failed(f"{name} is neither new nor changed. To be accepted: {listed}")
        found.append(one)
    return found


def _names_of(one: Compared) -> tuple[str, ...]:
    return (one.name,) if one.offered is None else (one.name, one.offered.name)


def _write_all(work: Import) -> None:
    from remit.domain.text import revealed
    from remit.workspace.proposals.comparison import Standing

    for one in work.compared:
        if one.standing is Standing.ACCEPTED:
            continue
        if one.standing is Standing.GONE:
            line(f"gone      {one.name}: the server does not offer it any more", style="yellow")
            continue
        if one.standing is Standing.UNFIT:
            line(f"unfit     {one.name}: it {one.problem}", style="red")
            continue
        line(f"{one.standing.value:<9} {one.name}", style="red" if one.standing is Standing.CHANGED else "yellow")
        if one.standing is Standing.CHANGED:
            for each in one.changes:
                line(f"    {each}", style={"+": "green", "-": "red"}.get(each[:1]))
        elif one.proposal is not None:
            line(f"    effect {one.proposal.guess.effect}: {one.proposal.guess.why}")
            said = str(one.proposal.document.get("description", "")).partition("\n")[0]
            line(f"    {revealed(said)[:200]}")
            for each in one.proposal.notes:
                line(f"    {each}")
        if one.problem:
            line(f"    what it is now {one.problem}", style="red")


def _conclude(work: Import, chosen: Sequence[Compared], written: Sequence[str], *, check: bool) -> None:
    from remit.workspace.proposals.comparison import Standing

    counts = {standing: sum(one.standing is standing for one in work.compared) for standing in Standing}
    told = ", ".join(f"{count} {standing.value}" for standing, count in counts.items() if count) or "nothing offered"
    line(f"{work.server.name}: {told}.")
    for path in written:
        line(f"wrote {path}")
    for said in work.said:
        line(said, style="yellow")
    left = counts[Standing.NEW] + counts[Standing.PROPOSED] + counts[Standing.CHANGED] - len(chosen)
    if left and not check:
        note(f"{left} not accepted, and denied until they are: `remit tools import {work.server.name} --accept TOOL`")


def _json(work: Import, chosen: Sequence[Compared], written: Sequence[str]) -> dict[str, object]:
    accepted = {one.name for one in chosen}
    return {
        "server": work.server.name,
        "tools": [
            {
                "name": one.name,
                "standing": one.standing.value,
                "accepted": one.name in accepted or one.standing.value == "accepted",
                "digest": "" if one.offered is None else one.offered.digest,
                "effect": "" if one.proposal is None else one.proposal.guess.effect.value,
                "because": "" if one.proposal is None else one.proposal.guess.why,
                "notes": [] if one.proposal is None else list(one.proposal.notes),
                "problem": one.problem,
                "changes": list(one.changes),
            }
            for one in work.compared
        ],
        "written": list(written),
        "said": list(work.said),
    }
