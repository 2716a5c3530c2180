"""`remit doctor`: whether everything Remit stands on is in order, line by line, with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from remit.cli.checkup import Level, Said, control_plane, fail, ok
from remit.cli.output import TABLE, clean, coloured, document, output_option
from remit.cli.places import PlaceUnusable, Server, chosen_here, contexts_path, read_contexts
from remit.cli.session import workspace_option

EXAMPLES = """\b
Examples:
  remit doctor
  remit doctor -w gulf-trading -o json
  remit --context prod doctor

Nothing is changed. Of a server it sees what your token may see.
Exit code: 0 all in order, 1 something to look at, 2 something is wrong."""

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command(epilog=EXAMPLES)
@workspace_option
@output_option
@click.pass_context
def doctor(ctx: click.Context, workspace: str | None, output: str) -> None:
    """Look at settings, files, database, server, ledger and what waits."""
    found: list[Said] = []
    for said in _all(workspace):
        found.append(said)
        if output == TABLE:
            _write(said)
    if output != TABLE:
        document([asdict(said) for said in found], output)
    ctx.exit(_code(found))


def _code(found: Sequence[Said]) -> int:
    if any(said.level is Level.FAIL for said in found):
        return 2
    return 1 if any(said.level is Level.WARN for said in found) else 0


def _write(said: Said) -> None:
    level = coloured(f"{said.level.value:4}", _COLOURS[said.level])
    click.echo(f"{level}  {said.what:10} {clean(said.text)}")
    if said.remedy:
        click.echo(f"{'':17}{clean(said.remedy)}")


def _all(workspace: str | None) -> Iterator[Said]:
    """Yield every finding; what could not be looked at since something before it is wrong is left out."""
    try:
        read_contexts()
        yield ok("contexts", f"{contexts_path()} is yours alone, or not there")
        chosen = chosen_here()
    except PlaceUnusable as error:
        yield fail("contexts", error.message)
        return
    place = chosen.place
    if isinstance(place, Server):
        yield ok("context", f"{chosen.name or 'REMIT_URL'}, chosen by {chosen.why}: the server {place.url}")
        yield from _server(place, workspace)
        return
    from remit.cli.checkup_database import database

    yield ok("context", f"{chosen.name}, chosen by {chosen.why}: a database")
    yield from database(workspace)


def _server(place: Server, workspace: str | None) -> Iterator[Said]:
    from remit.cli.checkup_server import reached
    from remit.cli.remote import Remote

    try:
        with Remote(place, workspace or "") as remote:
            yield from reached(remote)
            yield from control_plane(remote)
    except click.ClickException as error:
        yield fail("server", error.message)
