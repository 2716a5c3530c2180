"""Folders with mistakes in them, kept as files, and the exact text each is answered with.

`REMIT_UPDATE_GOLDEN=1 pytest tests/workspace/test_bad_folders.py` writes the answers anew; the difference is to be
reviewed.
"""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from remit.cli.main import cli
from remit.workspace.files import MAX_FILES, FolderUnreadable, read_folder
from remit.workspace.reading import read
from remit.workspace.text_checks import MAX_BYTES

BAD = Path(__file__).parent / "bad"
CASES = sorted(path.name for path in BAD.iterdir())
WARNINGS_ONLY = {"unpriced-model", "model-priced-by-the-hour"}


def answer(folder: Path) -> tuple[str, int]:
    result = CliRunner().invoke(cli, ["validate", str(folder)])
    return result.output, result.exit_code


@pytest.mark.parametrize("case", CASES)
def test_a_bad_folder_is_answered_with_exactly_this(case: str) -> None:
    output, code = answer(BAD / case)
    golden = BAD / case / "expected.txt"
    if os.environ.get("REMIT_UPDATE_GOLDEN"):
        golden.write_text(output, "utf-8")
    assert output == golden.read_text("utf-8")
    assert code == (0 if case in WARNINGS_ONLY else 1)


@pytest.mark.parametrize("case", CASES)
def test_every_mistake_says_where_it_is_and_what_would_be_right(case: str) -> None:
    folder = read_folder(BAD / case)
    for problem in read(folder.files, folder.name, folder.problems).problems:
        assert problem.file
        assert problem.message
        assert problem.remedy
        assert not problem.message.endswith(".")
        assert not problem.remedy.endswith(("..", "?"))


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "people.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    output, code = answer(tmp_path)
    assert output.startswith("people.yaml: error: the file is larger than 1 MiB. ")
    assert code == 1


def test_a_million_brackets_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "people.yaml").write_bytes(b"[" * (MAX_BYTES - 1))
    assert answer(tmp_path)[0].startswith("people.yaml:1:33: error: nested more than 32 levels deep. ")


def test_too_many_files(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(FolderUnreadable, match="holds more than 10,000 files"):
        read_folder(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("kind: Person\nid: user:eve\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "people.yaml").symlink_to(outside)
    (folder / "agents").symlink_to(tmp_path)
    output, code = answer(folder)
    assert code == 1
    assert "agents: error: is a link to a folder, which is not followed. " in output
    assert "people.yaml: error: is a link that leads out of the folder. " in output


def test_a_link_within_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text("kind: Person\nid: user:eve\n")
    (tmp_path / "people.yaml").symlink_to("all.txt")
    assert answer(tmp_path)[1] == 0


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "people.yaml")
    (tmp_path / "budgets.yaml").symlink_to("nowhere")
    output, code = answer(tmp_path)
    assert "people.yaml: error: is not a regular file. " in output
    assert "budgets.yaml: error: can not be read: No such file or directory. " in output
    assert code == 1


def test_a_folder_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(FolderUnreadable, match="does not exist"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnreadable, match="is a file, not a folder"):
        read_folder(tmp_path / "file")


def test_hidden_files_and_folders_are_not_configuration(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "ci.yaml").write_text("on: push\n")
    (tmp_path / ".pre-commit-config.yaml").write_text("repos: []\n")
    (tmp_path / "people.yaml").write_text("kind: Person\nid: user:eve\n")
    assert list(read_folder(tmp_path).files) == ["people.yaml"]
    assert answer(tmp_path)[1] == 0


def test_a_byte_order_mark_is_no_mistake() -> None:
    files = {"people.yaml": b"\xef\xbb\xbfkind: Person\nid: user:eve\n"}
    assert read(files, "x").problems == ()
