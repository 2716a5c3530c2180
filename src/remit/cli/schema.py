"""`remit schema`: JSON Schemas that let an editor complete and check the YAML."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import click

from remit.cli.output import as_json, line
from remit.workspace.kind import KINDS
from remit.workspace.placement import kinds_at, places
from remit.workspace.schemas import schema_of, schemas

FOLDER = ".schemas"

EXAMPLES = """\b
Examples:
  remit schema examples/gulf-trading
  remit schema --kind Agent > agent.json

\b
Then, as the first line of agents/buyer.yaml:
  # yaml-language-server: $schema=../.schemas/agent.json"""


class SchemasUnwritable(click.ClickException):
    """The schemas can not be written where they were asked for."""

    exit_code = 2


@click.command(epilog=EXAMPLES)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--kind", metavar="KIND", type=click.Choice(list(KINDS)), help="Write the schema of one kind to standard output."
)
def schema(folder: Path, kind: str | None) -> None:
    """Write a JSON Schema for every kind of document into DIR/.schemas.

    DIR is the workspace folder, by default the current one. Editors with YAML support then complete keys and mark
    mistakes; `remit validate` finds more, since it sees the whole folder.
    """
    if kind is not None:
        as_json(schema_of(kind))
        return
    target = folder / FOLDER
    try:
        written = _write(folder, target)
    except OSError as error:
        raise SchemasUnwritable(f"{target} can not be written: {error.strerror}.") from error
    line(f"Wrote {written} schemas to {target}. Begin a file with its line, and an editor checks it:")
    line()
    for place in places():
        if kinds_at(place):
            line(f"  {place:15} # yaml-language-server: $schema={reference(place)}")


def reference(place: str) -> str:
    """Return how a file at a place refers to its schema."""
    kinds = kinds_at(place)
    stem = kinds[0].casefold() if len(kinds) == 1 else PurePosixPath(place).stem
    return "../" * place.count("/") + f"{FOLDER}/{stem}.json"


def _write(folder: Path, target: Path) -> int:
    if not folder.is_dir():
        raise SchemasUnwritable(f"{folder} is not a folder. Name the workspace's folder.")
    target.mkdir(exist_ok=True)
    made = schemas()
    for name, content in made.items():
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (target / name).write_text(text, encoding="utf-8")
    return len(made)
