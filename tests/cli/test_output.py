"""Output for people and for programs: errors are one line, pipes get tab-separated rows, terminals get no commands."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import remit
from remit.cli import output
from remit.cli.main import run
from remit.sdk.client import Client
from tests.cli.conftest import Command
from tests.worlds import VISITOR

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u009b31m\u202eevil\r\x08\x7f"


class Terminal(io.StringIO):
    """Standard output as a person has it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def hostile(client: Client) -> str:
    """A run whose agent wrote terminal sequences wherever it can."""
    with client.run("buyer", on_behalf_of=VISITOR, task=HOSTILE) as active:
        for tool, arguments in ((f"erp.{HOSTILE}", {}), ("erp.get", {"id": "1", HOSTILE: "2"}), ("erp.get", {"id": 7})):
            with pytest.raises(remit.Denied) as denied:
                active.call(tool, arguments, using=lambda **_: None)
            assert "\x1b" not in str(denied.value)
        with pytest.raises(remit.Held):
            active.call("erp.pay", {"amount": 700, "note": HOSTILE}, using=lambda **_: None)
        return active.id


def acts_on_a_terminal(text: str) -> list[str]:
    return [char for char in text if not (char.isprintable() or char == "\n")]


def bold_removed(text: str) -> str:
    """The heading of a table is bold, colours or not; the sequences are our own."""
    return text.replace("\x1b[1m", "").replace("\x1b[0m", "")


@pytest.mark.parametrize("in_json", [False, True])
@pytest.mark.parametrize("on_terminal", [False, True])
def test_what_an_agent_wrote_never_acts_on_a_terminal(
    hostile: str, in_json: bool, on_terminal: bool, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = command("approvals", "ls", "--all").rows[0][0]
    monkeypatch.setenv("NO_COLOR", "1")  # colours are sequences too, our own
    for arguments in (["runs", "show", hostile], ["runs", "ls"], ["approvals", "show", approval], ["replay"]):
        if in_json and arguments[:2] != ["approvals", "show"]:
            arguments = [*arguments, "-o", "json"]
        if on_terminal:
            shown = Terminal()
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", shown)
                assert run(arguments) == 0
            said = bold_removed(shown.getvalue())
        else:
            said = command(*arguments).out.replace("\t", "")
        assert said
        assert acts_on_a_terminal(said) == []


texts = st.text(st.characters(exclude_categories=[]))


@given(st.recursive(texts, lambda inner: st.one_of(st.lists(inner), st.dictionaries(texts, inner)), max_leaves=6))
def test_json_is_harmless_and_comes_back_as_it_was(value: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written = io.StringIO()
        patch.setattr(sys, "stdout", written)
        output.as_json(value)
    said = written.getvalue()
    said.encode()
    assert "\x1b" not in said
    assert not any("\x7f" <= char <= "\x9f" for char in said)
    assert json.loads(said) == value


@given(texts)
def test_a_cell_is_one_cell_whatever_it_holds(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written = io.StringIO()
        patch.setattr(sys, "stdout", written)
        output.table(("a", "b"), [(text, 1)])
    said = written.getvalue()
    assert said.count("\t") == 1
    assert said.endswith("\t1\n")
    assert said.count("\n") == 1
    said.encode()


def test_a_table_on_a_terminal_has_a_heading(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with client.run("buyer", on_behalf_of=VISITOR):
        pass
    shown = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", shown)
        assert run(["runs", "ls"]) == 0
    first, *_ = bold_removed(shown.getvalue()).splitlines()
    assert first.split() == ["run", "agent", "state", "steps", "started", "for"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs", "show", "run_\udcff"),
        ("approvals", "show", "apr_\udcff"),
        ("runs", "ls", "-w", "\udcff"),
        ("freeze", "agent:\udcff"),
        ("reconcile", "act_\udcff", "--status", "ok"),
        ("replay", "run_\udcff"),
        ("releases", "withdraw", "rel_\udcff"),
        ("rollback", "--to", "\udcff"),
        ("apply", "tiny", "-m", "\udcff"),
        ("freeze", "agent:buyer", "-m", "\udcff"),
    ],
    ids=" ".join,
)
def test_bytes_that_are_no_text_on_the_command_line(
    arguments: tuple[str, ...], applied: Path, command: Command
) -> None:
    (applied / "workspace.yaml").write_text('{"kind": "Workspace", "name": "tiny"}')
    said = command(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Error: ")
    assert said.err.endswith(r"\udcff is no text: check its encoding." + "\n")
    assert said.err.count("\n") == 1


def test_an_error_that_quotes_hostile_text_is_one_harmless_line(applied: Path, command: Command) -> None:
    said = command("runs", "show", f"run_{HOSTILE}\nError: second")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert acts_on_a_terminal(said.err) == []


# -- in processes of their own


PROGRAM = Path(sys.executable).with_name("remit")


@pytest.mark.slow
def test_the_installed_command(applied: Path) -> None:
    done = subprocess.run([PROGRAM, "releases", "-o", "json"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["active_on"] == ["production"]
    failed = subprocess.run([PROGRAM, "runs", "show", "run_nothing"], capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == "Error: there is no run run_nothing. `remit runs ls` lists them.\n"
    assert subprocess.run([PROGRAM, "diff", applied], capture_output=True, check=False).returncode == 0


def test_a_reader_that_has_enough_is_no_error(applied: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([PROGRAM, "releases"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_setting_that_is_wrong_is_named(command: Command, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_MAX_BATCH", "many")
    said = command("releases")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Error: REMIT_MAX_BATCH: ")
    assert said.err.count("\n") == 1
