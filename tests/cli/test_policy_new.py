"""`remit policy new`: a policy of a template, on standard output or in a new file."""

from pathlib import Path

from remit.workspace.template import template_names
from tests.cli.conftest import Command

CAP = ("policy", "new", "spend-cap", "--set", "tool=erp.pay", "--set", "most=300")


def test_without_a_template_all_are_listed_with_their_parameters(shop: Path, command: Command) -> None:
    said = command("policy", "new")
    assert (said.code, said.err) == (0, "")
    assert [line for line in said.out.splitlines() if line and not line.startswith(" ")] == list(template_names())
    assert "    start [8]: the first hour, in the time zone of the workspace" in said.out
    assert max(len(line) for line in said.out.splitlines()) <= 80


def test_a_policy_is_written_to_a_file_that_the_folder_takes(shop: Path, command: Command) -> None:
    target = shop / "policies" / "cap.cedar"
    said = command(*CAP, "-o", target)
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith(f"Wrote {target}.")
    assert target.read_text("utf-8") == command(*CAP).out
    assert command("validate", shop).code == 0


def test_a_file_that_is_there_is_left_alone(shop: Path, command: Command) -> None:
    target = shop / "policies" / "pay.cedar"
    before = target.read_bytes()
    said = command(*CAP, "-o", target)
    assert (said.code, said.out) == (2, "")
    assert f"{target} is there already: name another file, or append without -o" in said.err
    assert target.read_bytes() == before


def test_what_can_not_be_made_or_written_is_one_line(shop: Path, command: Command) -> None:
    for arguments, expected in (
        (("policy", "new", "spend-cup"), "Perhaps `spend-cap` is meant."),
        ((*CAP[:3], "--set", "tool"), "--set tool has no value: write --set tool=VALUE."),
        ((*CAP, "--set", "most=5"), "most is given twice: leave out one."),
        ((*CAP, "-o", "nowhere/a.cedar"), "nowhere/a.cedar can not be written: No such file or directory."),
    ):
        said = command(*arguments)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("Error: ")
        assert expected in said.err
