"""What a person can set, type or be told by is written down, and what the documentation runs does run.

- Every setting is in docs/reference/settings.md, every command in cli.md, every check in checks.md.
- Every promise of the README, every border in LIMITATIONS.md and every figure of docs/reliability.md names what checks
  it, and that exists.
- A fenced block with the info string `python run` is executed. The blocks of one page run as one script, from
  top to bottom, in an empty folder. A block with the info string `LANGUAGE file=PATH` is first written to
  PATH in that folder, so that an example can show the files it needs.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from bench import __main__ as bench

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
LONGEST_EXAMPLE_S = 60

FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")


# --- names that must be documented ---


def setting_names(settings: type[BaseSettings]) -> Iterator[str]:
    """The environment variable of every field, as a person would write it."""
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        match field.validation_alias:
            case str(alias):
                yield alias.upper()
            case AliasChoices(choices=choices):
                yield from (str(choice).upper() for choice in choices)
            case _:
                yield f"{prefix}{name}".upper()


def command_names(command: click.Command, name: str, above: click.Context | None = None) -> Iterator[str]:
    """The full name of every visible command below `command`, loading lazy ones: `remit policy test`."""
    context = click.Context(command, parent=above, info_name=name)
    if not isinstance(command, click.Group):
        yield name
        return
    for part in command.list_commands(context):
        inner = command.get_command(context, part)
        assert inner is not None, f"'{name} {part}' is listed and does not load"
        if not inner.hidden:
            yield from command_names(inner, f"{name} {part}", context)


def check_names() -> list[str]:
    files = (ROOT / "src/remit/kernel/checks").glob("*.py")
    return sorted(path.stem for path in files if path.stem != "__init__")


def missing(names: Iterable[str], page: str) -> list[str]:
    """The names that do not stand alone in the page: `remit runs` does not document `remit run`."""
    return [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", page)]


def reference(page: str) -> str:
    path = REFERENCE / page
    assert path.is_file(), f"docs/reference/{page} does not exist"
    return path.read_text("utf-8")


# --- code blocks ---


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string, its content, and the line of the page (from 1) it begins on."""

    info: str
    lines: tuple[str, ...]
    first_line: int


def blocks(page: str) -> Iterator[Block]:
    """Every fenced block of a Markdown page (CommonMark, section 4.5, without indented fences)."""
    lines = page.splitlines()
    start, opening = 0, ""
    info = ""
    for number, line in enumerate(lines):
        found = FENCE.match(line)
        if not opening and found:
            start, opening, info = number + 1, found["fence"], found["info"].strip()
        elif opening and found and found["fence"].startswith(opening) and not found["info"].strip():
            yield Block(info, tuple(lines[start:number]), start + 1)
            opening = ""
    assert not opening, f"the block that begins on line {start} is never closed"


def script(page: str) -> str:
    """The page's `python run` blocks, each on the lines it has there, so that a traceback names the line."""
    lines: list[str] = []
    for block in blocks(page):
        if block.info == "python run":
            lines += [""] * (block.first_line - 1 - len(lines))
            lines += block.lines
    return "\n".join(lines)


def example_files(page: str) -> Iterator[tuple[str, str]]:
    for block in blocks(page):
        if found := re.fullmatch(r"\w+ file=(\S+)", block.info):
            yield found[1], "\n".join(block.lines) + "\n"


def run_page(page: str, name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    work = folder / "work"
    work.mkdir()
    for path, text in example_files(page):
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text, "utf-8")
    program = folder / name.replace("/", "-")
    program.write_text(script(page), "utf-8")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("REMIT_")}
    return subprocess.run(
        [sys.executable, str(program)],
        cwd=work,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=LONGEST_EXAMPLE_S,
        check=False,
    )


def pages() -> list[str]:
    """The README, and every page of the documentation that has something to run."""
    documents = sorted((ROOT / "docs").rglob("*.md"))
    running = [path for path in documents if script(path.read_text("utf-8"))]
    return ["README.md", *(path.relative_to(ROOT).as_posix() for path in running)]


# --- the documentation ---


def test_every_setting_is_documented() -> None:
    from remit.settings import Settings

    names = list(setting_names(Settings))
    assert names
    assert missing(names, reference("settings.md")) == []


def test_every_command_is_documented() -> None:
    from remit.cli.main import cli

    names = list(command_names(cli, "remit"))
    assert names
    assert missing(names, reference("cli.md")) == []


def test_every_check_is_documented() -> None:
    names = check_names()
    assert names
    assert missing(names, reference("checks.md")) == []


@pytest.mark.parametrize("page", pages())
def test_the_examples_of_a_page_run(page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert script(text), f"{page} has no block with the info string `python run`"
    done = run_page(text, page, tmp_path)
    assert done.returncode == 0, done.stderr


# --- what is promised names what checks it ---

NAMED = re.compile(r"\btests/[\w/]*(?:\.py)?(?:::(?P<test>\w+))?")
MEASURED = re.compile(r"python -m (?P<module>bench(?:\.\w+)?)(?P<names>(?: \w+)*)")


def unchecked(text: str) -> list[str]:
    """The tests and benchmarks that a text names and that are not there."""
    gone = []
    for found in NAMED.finditer(text):
        path = ROOT / found[0].partition("::")[0]
        has_test = path.is_file() and re.search(rf"^(?:async )?def {found['test']}\(", path.read_text("utf-8"), re.M)
        if not path.exists() or (found["test"] and not has_test):
            gone.append(found[0])
    for found in MEASURED.finditer(text):
        module = ROOT / f"{found['module'].replace('.', '/')}.py"
        known = bench.NAMES if found["module"] == "bench" else ("sqlite", "postgres")
        if not (module.exists() or module.with_suffix("").is_dir()) or set(found["names"].split()) - set(known):
            gone.append(found[0])
    return gone


def promises(page: str) -> list[str]:
    """The rows of the README's table of promises."""
    table = page.partition("| promise | checked by |")[2].partition("\n\n")[0]
    return [row for row in table.splitlines() if row.startswith("| **")]


def limitations(page: str) -> list[str]:
    """The items of LIMITATIONS.md that say what can happen; the last one says what is not here yet."""
    return [item for item in re.split(r"^- ", page, flags=re.M)[1:] if not item.startswith("**Not here yet")]


def test_every_promise_names_a_test_that_is_there() -> None:
    rows = promises((ROOT / "README.md").read_text("utf-8"))
    assert len(rows) >= 10
    assert [row for row in rows if not re.search(r"`\.venv/bin/pytest(?: tests/[\w/.]+)+`", row)] == []
    assert unchecked("\n".join(rows)) == []


def test_every_limitation_names_the_test_that_marks_it() -> None:
    items = limitations((ROOT / "LIMITATIONS.md").read_text("utf-8"))
    assert len(items) >= 15
    assert [item for item in items if not re.search(r"Borders?: `tests/", " ".join(item.split()))] == []
    assert unchecked("\n".join(items)) == []


def test_every_figure_of_reliability_names_its_command() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    assert len(MEASURED.findall(page)) >= 2
    assert unchecked(page) == []


# --- the tests above can fail ---


def test_a_test_or_benchmark_that_is_gone_is_noticed() -> None:
    here = "`tests/test_docs.py::test_a_test_or_benchmark_that_is_gone_is_noticed`, python -m bench http"
    assert unchecked(here) == []
    gone = ["tests/test_docs.py::test_nothing", "tests/nowhere", "python -m bench speed", "python -m bench.slow"]
    assert unchecked(" ".join(f"`{name}`" for name in gone)) == gone


def test_a_limitation_without_a_border_is_noticed() -> None:
    found = limitations("# L\n- **One.** Border: `tests/a.py`\n- **Two.** None\n- **Not here yet:** three")
    assert found == ["**One.** Border: `tests/a.py`\n", "**Two.** None\n"]


def test_settings_are_named_as_in_the_environment() -> None:
    class Sample(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="REMIT_")

        database_url: str = ""
        key: str = Field(default="", validation_alias="REMIT_KEY_FILE")
        zone: str = Field(default="", validation_alias=AliasChoices("REMIT_ZONE", "TZ"))

    assert list(setting_names(Sample)) == ["REMIT_DATABASE_URL", "REMIT_KEY_FILE", "REMIT_ZONE", "TZ"]


def test_commands_are_found_in_lazy_groups_and_hidden_ones_are_not() -> None:
    class Lazy(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return ["test", "secret"]

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            return click.Command(cmd_name, hidden=cmd_name == "secret")

    top = click.Group(commands={"policy": Lazy(), "apply": click.Command("apply")})
    assert sorted(command_names(top, "remit")) == ["remit apply", "remit policy test"]


def test_a_command_that_does_not_load_is_an_error() -> None:
    class Broken(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return ["gone"]

    with pytest.raises(AssertionError, match="'remit gone' is listed and does not load"):
        list(command_names(Broken(), "remit"))


def test_a_name_inside_another_is_still_missing() -> None:
    page = "## `remit runs`\n`remit run-all`\n`REMIT_URL_BASE`, loops"
    assert missing(["remit run", "REMIT_URL", "loop", "loops"], page) == ["remit run", "REMIT_URL", "loop"]


def test_a_page_runs_as_one_script_in_an_empty_folder(tmp_path: Path) -> None:
    page = "```yaml file=a/b.yaml\nx: 1\n```\n```python run\nimport os\n```\n```python\n1/0\n```\n"
    page += "```python run\nprint(os.listdir(), open('a/b.yaml').read())\n```\n"
    done = run_page(page, "docs/page.md", tmp_path)
    assert (done.returncode, done.stdout) == (0, "['a'] x: 1\n\n")


def test_a_broken_example_is_caught_with_its_line(tmp_path: Path) -> None:
    done = run_page("# Page\n\n```python run\nx = 1\nassert x == 2\n```\n", "docs/page.md", tmp_path)
    assert done.returncode != 0
    assert 'docs-page.md", line 5' in done.stderr


def test_an_unclosed_block_is_an_error() -> None:
    with pytest.raises(AssertionError, match="begins on line 2 is never closed"):
        list(blocks("text\n```python run\nx = 1\n"))
