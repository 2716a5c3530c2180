"""`--help` of every command is a golden file: it fits a terminal, has an example, and says how to go on.

`REMIT_UPDATE_GOLDEN=1 pytest tests/cli/test_help.py` writes the files anew; the difference is to be reviewed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from remit.cli.main import COMMANDS, cli
from tests.cli.conftest import Command

GOLDEN = Path(__file__).parent / "golden" / "help"
WIDTH = 80
HEAVY = (
    "pydantic",
    "sqlalchemy",
    "cedarpy",
    "rich",
    "alembic",
    "jsonschema_rs",
    "ruamel",
    "cryptography",
    "genai_prices",
)


def names(group: click.Command, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group, as it is typed after `remit`."""
    yield above
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            yield from names(found, (*above, name))


NAMES = list(names(cli))


@pytest.mark.parametrize("name", NAMES, ids=lambda name: " ".join(("remit", *name)))
def test_help(name: tuple[str, ...], command: Command) -> None:
    said = command(*name, "--help")
    golden = GOLDEN / f"{'-'.join(('remit', *name))}.txt"
    if os.environ.get("REMIT_UPDATE_GOLDEN"):
        golden.write_text(said.out, "utf-8")
    assert said.out == golden.read_text("utf-8")
    assert (said.code, said.err) == (0, "")
    too_long = [line for line in said.out.splitlines() if len(line) > WIDTH]
    assert too_long == []
    assert command(*name, "-h").out == said.out, "-h is short for it"


@pytest.mark.parametrize("name", [name for name in NAMES if name and name != ("policy",)], ids=" ".join)
def test_there_is_an_example_of_it_in_its_own_help_or_its_groups(name: tuple[str, ...], command: Command) -> None:
    said = "".join(command(*name[:length], "--help").out for length in range(1, len(name) + 1))
    assert f"\n    remit {' '.join(name)}" in said


PEOPLES = {("worker",), ("up",), ("serve",), ("demo",), ("schema",), ("policy", "new"), ("notify", "test")}
"""Commands that serve until they are stopped, or whose answer is a file or a line for whoever tries something."""


def test_every_other_command_answers_programs_too() -> None:
    silent = set()
    for name in NAMES:
        found: click.Command = cli
        for part in name:
            assert isinstance(found, click.Group)
            found = found.get_command(click.Context(found), part) or found
        is_act = not isinstance(found, click.Group) or found.invoke_without_command
        if is_act and name and not any("--output" in option.opts for option in found.params):
            silent.add(name)
    assert silent == PEOPLES


def test_there_is_no_golden_file_of_a_command_that_is_gone() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {"-".join(("remit", *name)) for name in NAMES}


def test_the_list_says_what_each_command_says_of_itself(command: Command) -> None:
    listed = command("--help").out
    for name, entry in COMMANDS.items():
        assert f"  {name}" in listed
        assert entry.summary in listed
        assert entry.summary.endswith(".")


@pytest.mark.parametrize(
    ("typed", "meant"), [("aply", "apply"), ("run", "runs"), ("validte", "validate"), ("unfreze", "unfreeze")]
)
def test_a_mistyped_command_is_told_what_may_be_meant(typed: str, meant: str, command: Command) -> None:
    said = command(typed)
    assert said.code == 2
    assert said.out == ""
    assert f"There is no command `{typed}`. Perhaps `{meant}` is meant." in said.err


def test_an_unknown_command_is_told_where_to_look(command: Command) -> None:
    assert "There is no command `xyzzy`. `remit --help` lists them." in command("xyzzy").err


def test_an_unknown_option_and_a_missing_argument(command: Command) -> None:
    assert command("apply", "--forse").code == 2
    assert "No such option" in command("apply", "--forse").err
    assert "Missing argument 'DIR'" in command("apply").err


def loaded_by(script: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_what_needs_nothing_loads_nothing(argument: str) -> None:
    modules = loaded_by(f"from remit.cli.main import run\nassert run(['{argument}']) == 0")
    assert "remit.cli.main" in modules
    assert modules.isdisjoint(HEAVY)
    assert not any(name.startswith(("remit.storage", "remit.kernel", "remit.policy")) for name in modules)


def test_an_agent_that_imports_remit_loads_no_database() -> None:
    modules = loaded_by("import remit\nremit.Denied, remit.Client")
    assert modules.isdisjoint({"sqlalchemy", "alembic", "sqlite3", "click", "rich"})


def test_version(command: Command) -> None:
    import remit

    said = command("--version")
    assert (said.code, said.out, said.err) == (0, f"remit {remit.__version__}\n", "")
