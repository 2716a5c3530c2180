"""`remit workflows compile`: workflows written in Python become files of a workspace folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum
from pathlib import Path

import click

from remit.cli.output import TABLE, document, line, note, output_option
from remit.cli.session import Failed

EXAMPLES = """\b
Examples:
  remit workflows compile flows.renew --to company
  remit workflows compile flows/renew.py
  remit workflows compile flows.renew:renew_contract
  remit workflows compile flows.renew --to company --check

Importing MODULE runs it. Each workflow of it is written to workflows/NAME.yaml.

Exit code: 0 done; 1 with --check, a file is not what MODULE says; 2 nothing
could be compiled, or a file is in the way."""

HERE = "workspace.yaml"


class State(StrEnum):
    """How a file stands to what its module says."""

    CURRENT = "current"
    WRITTEN = "written"
    DIFFERS = "differs"
    LEFT = "left"
    """It was compiled from the module once, which has no such workflow any more."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file of the workspace, what is in it and what should be. `before` is None where there is no such file."""

    file: Path
    before: str | None
    text: str

    @property
    def is_current(self) -> bool:
        """Tell whether nothing has to be written."""
        return self.before == self.text

    def difference(self) -> Iterator[str]:
        """Yield the lines of a unified diff from what is there to what should be."""
        name = self.file.as_posix()
        old = [] if self.before is None else self.before.splitlines()
        return unified_diff(old, self.text.splitlines(), name, f"{name} (compiled)", lineterm="")


@click.command("compile", epilog=EXAMPLES)
@click.argument("module", metavar="MODULE[:NAME]")
@click.option(
    "--to", "folder", metavar="DIR", type=click.Path(path_type=Path), help="The workspace folder; else the current one."
)
@click.option("--check", is_flag=True, help="Write nothing; show what differs and exit with 1 if anything does.")
@click.option("--force", is_flag=True, help="Write over files that were not compiled from MODULE.")
@output_option
@click.pass_context
def compile_workflows(
    ctx: click.Context, module: str, folder: Path | None, check: bool, force: bool, output: str
) -> None:
    """Write the workflows of a Python module, or the one named, into a workspace.

    MODULE is a dotted name, as Python imports it from here, or the path of a .py file; NAME is a workflow or its
    function.
    """
    if check and force:
        raise click.UsageError("--check writes nothing: leave out --force.", ctx)
    to = _workspace(folder)
    named, _, name = module.partition(":")
    source = _source(named, to)
    targets = _targets(named, name, to, source)
    if not check and not force:
        _refuse_foreign(targets, source)
    if not check:
        _write(targets)
    changed = State.DIFFERS if check else State.WRITTEN
    states = [(each.file, State.CURRENT if each.is_current else changed) for each in targets]
    if not name:
        states += [(file, State.LEFT) for file in _left(to, source, targets)]
    if output == TABLE:
        _tell(states, targets, source, to, check=check)
    else:
        document([{"file": str(file), "state": state.value} for file, state in states], output)
    ctx.exit(1 if check and any(state is not State.CURRENT for _, state in states) else 0)


def _workspace(folder: Path | None) -> Path:
    if folder is None:
        if not Path(HERE).is_file():
            raise Failed(f"there is no {HERE} here: run it in the workspace folder, or name that with --to DIR")
        return Path()
    if not folder.is_dir():
        raise Failed(f"{folder} is no folder: --to names the workspace folder, which holds agents/ and tools/")
    return folder


def _source(module: str, folder: Path) -> str:
    """Return the module as the files name it: a path is one from the workspace folder, so that all machines agree."""
    if not module.endswith(".py"):
        return module
    return Path(os.path.relpath(Path(module).resolve(), folder.resolve())).as_posix()


def _targets(module: str, name: str, folder: Path, source: str) -> Sequence[Target]:
    from remit.sdk.modules import NotCompiled, workflows_of  # as ruamel below: only where it is used
    from remit.workspace.compiled import NotWritable, compiled

    try:
        files = [compiled(each.document, source) for each in workflows_of(module, name)]
    except (NotCompiled, NotWritable) as error:
        raise Failed(f"{error}.") from error
    return [Target(folder / each.path, _read(folder / each.path), each.text) for each in files]


def _refuse_foreign(targets: Sequence[Target], source: str) -> None:
    from remit.workspace.compiled import source_of

    for each in targets:
        if each.before is None or each.is_current:
            continue
        other = source_of(each.before)
        if other != source:
            why = f"was compiled from {other}, not from {source}" if other else "was not compiled from a module"
            raise Failed(f"{each.file} {why}. Rename the workflow, or write over the file with --force.")


def _write(targets: Sequence[Target]) -> None:
    for each in targets:
        if each.is_current:
            continue
        try:
            each.file.parent.mkdir(exist_ok=True)
            each.file.write_text(each.text, "utf-8", newline="")
        except OSError as error:
            raise Failed(f"{each.file} can not be written: {error.strerror}.") from error


def _left(folder: Path, source: str, targets: Sequence[Target]) -> Iterator[Path]:
    """Yield files that were compiled from this module, which does not have their workflow any more."""
    from remit.workspace.compiled import source_of

    made = {each.file for each in targets}
    for file in sorted((folder / "workflows").glob("*.yaml")):
        if file not in made and source_of(_read(file) or "") == source:
            yield file


def _read(file: Path) -> str | None:
    try:
        return file.read_text("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failed(f"{file} can not be read: {error.strerror}.") from error


def _tell(
    states: Sequence[tuple[Path, State]], targets: Sequence[Target], source: str, folder: Path, *, check: bool
) -> None:
    for each in targets if check else ():
        for told in each.difference():
            line(told, style={"+": "green", "-": "red"}.get(told[:1]))
    for file, state in states:
        if state is State.LEFT:
            note(f"{file} is left over: {source} has no such workflow any more. Delete the file.")
        elif state is State.DIFFERS:
            note(f"{file} is not what {source} says: compile it again without --check.")
        else:
            line(f"{file} is current" if state is State.CURRENT else f"wrote {file}")
    if any(state is State.WRITTEN for _, state in states):
        note(f"`remit validate {folder}` checks what was written together with the rest.")
