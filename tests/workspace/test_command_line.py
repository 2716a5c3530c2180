"""The frame of the command line: what it imports, how it fails, and how it writes."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from remit.cli import main as command_line
from remit.cli.main import COMMANDS, cli, run
from remit.cli.output import clean, table

GOOD = Path(__file__).parent / "good"
BAD = Path(__file__).parent / "bad"
HEAVY = ("pydantic", "cedarpy", "rich", "ruamel", "jsonschema_rs", "sqlalchemy", "genai_prices", "orjson", "jmespath")


def remit(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from remit.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["-h"]])
def test_what_needs_no_command_imports_none(arguments: list[str]) -> None:
    code = f"""
import sys
from remit.cli.main import run
run({arguments!r})
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stderr == "[]\n"
    assert "remit" in result.stdout


def test_help_lists_every_command_within_80_columns() -> None:
    output = remit("--help").stdout
    assert all(f"  {name} " in output for name in COMMANDS)
    assert max(map(len, output.splitlines())) <= 80


@pytest.mark.parametrize("name", ["validate", "schema"])
def test_help_of_a_command_has_examples_within_80_columns(name: str) -> None:
    output = remit(name, "-h").stdout
    assert f"  remit {name}" in output
    assert max(map(len, output.splitlines())) <= 80


def test_a_mistyped_command_is_told_the_likely_one() -> None:
    result = remit("valdate")
    assert result.returncode == 2
    assert result.stderr.endswith("Error: There is no command `valdate`. Perhaps `validate` is meant.\n")


def test_a_command_that_is_not_installed_fails_only_when_called(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {**COMMANDS, "demo": command_line.Command("remit.cli.nowhere:demo", "Gone.")}
    monkeypatch.setattr(command_line, "COMMANDS", gone)
    assert CliRunner().invoke(cli, ["--help"]).exit_code == 0
    result = CliRunner().invoke(cli, ["demo"])
    assert result.output == "Error: `remit demo` is not part of this installation.\n"


class Expected(Exception):
    exit_code = 2


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (
            Expected("The store is read-only. Make it writable."),
            2,
            "Error: The store is read-only. Make it writable.\n",
        ),
        (click.ClickException("no such release"), 2, "Error: no such release\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (click.Abort(), 130, "Interrupted.\n"),
    ],
)
def test_an_expected_failure_is_one_line_and_a_code(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @click.command()
    def failing() -> None:
        raise raised

    monkeypatch.setattr(command_line, "load", lambda _: failing)
    assert run(["validate"]) == code
    assert capsys.readouterr().err.lstrip("\n") == said


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def failing() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(command_line, "load", lambda _: failing)
    with pytest.raises(ZeroDivisionError):
        run(["validate"])


def test_validate_exits_with_0_1_or_2() -> None:
    assert remit("validate", str(GOOD)).returncode == 0
    assert remit("validate", str(BAD / "malformed")).returncode == 1
    missing = remit("validate", str(GOOD / "nowhere"))
    assert missing.returncode == 2
    assert missing.stdout == ""
    assert missing.stderr.count("\n") == 1


def test_validate_as_json() -> None:
    result = remit("validate", str(BAD / "unpriced-model"), "-o", "json")
    said = json.loads(result.stdout)
    assert (said["errors"], said["warnings"]) == (0, 1)
    assert said["problems"][0]["file"] == "agents/buyer.yaml"
    assert said["problems"][0]["severity"] == "warning"


def on_a_terminal(code: str, **environment: str) -> str:
    """What `code` writes to a terminal of 80 columns."""
    reader, writer = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    env = {**kept, "COLUMNS": "80", "TERM": "xterm", **environment}
    subprocess.run([sys.executable, "-c", code], stdout=writer, env=env, check=True, timeout=60)
    os.close(writer)
    written = b""
    try:
        while part := os.read(reader, 65536):
            written += part
    except OSError:  # Linux says so at the end of a closed terminal
        pass
    os.close(reader)
    return written.decode().replace("\r\n", "\n")


ROWS = "from remit.cli.output import table; table(['Run', 'What happened'], [('run_1', 'x ' * 80), ('run_2', None)])"
LINE = "from remit.cli.output import line; line('done', style='green')"


def test_a_table_fits_80_columns_on_a_terminal() -> None:
    lines = re.sub("\x1b\\[[0-9;]*m", "", on_a_terminal(ROWS)).splitlines()
    assert lines[0].split() == ["Run", "What", "happened"]
    assert max(map(len, lines)) <= 80
    assert len(lines) >= 5


def test_colour_only_on_a_terminal_and_not_against_no_color() -> None:
    assert "\x1b[" in on_a_terminal(LINE)
    assert "\x1b[" not in on_a_terminal(LINE, NO_COLOR="1")
    piped = subprocess.run([sys.executable, "-c", LINE], capture_output=True, text=True, timeout=60)
    assert piped.stdout == "done\n"


def test_piped_rows_are_tab_separated_and_json_keeps_types(capsys: pytest.CaptureFixture[str]) -> None:
    table(["Run", "Started at"], [("run_1", 5), ("two\nlines\tand a tab", None)])
    assert capsys.readouterr().out == "run_1\t5\ntwo lines and a tab\t\n"
    table(["Run", "Started at"], [("run_1", 5), ("أ", None)], "json")
    assert json.loads(capsys.readouterr().out) == [
        {"run": "run_1", "started_at": 5},
        {"run": "أ", "started_at": None},
    ]


def test_what_an_agent_wrote_does_not_reach_the_terminal_as_commands() -> None:
    assert clean("\x1b]0;owned\x07 \u202etxt\u2069 عربي") == "\ufffd]0;owned\ufffd \ufffdtxt\ufffd عربي"
