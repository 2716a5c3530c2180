"""The files of a folder on disk, within limits, and only those that make up the configuration."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from remit.domain.problem import Problem
from remit.workspace.placement import is_configuration
from remit.workspace.text_checks import MAX_BYTES

MAX_FILES = 10_000
"""Most files and folders looked at, hidden ones not counted."""
MAX_FOLDERS_DEEP = 16


class FolderUnreadable(Exception):
    """The folder itself can not be read. The message says why and what to do; commands end with `exit_code`."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder's configuration as bytes.

    Attributes:
        name: the folder's own name, for workspace.read.
        files: by POSIX path relative to the folder, sorted; exactly what a release keeps.
        problems: files that could not be read, and links.
    """

    name: str
    files: Mapping[str, bytes]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Walk:
    root: Path
    seen: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(path, 0, 0, "", message, remedy))


def read_folder(path: Path) -> Folder:
    """Read every YAML and Cedar file below `path`, wherever it stands; hidden files and folders are left out.

    At most one byte more than MAX_BYTES of a file is read: enough for read() to refuse it.

    Raises:
        FolderUnreadable: `path` is no folder, may not be listed, or holds more than MAX_FILES files.
    """
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "does not exist"
        raise FolderUnreadable(f"{path} {what}. Name the folder that holds agents/, tools/ and policies/.")
    root = path.resolve()
    walk = _Walk(root)
    for entry, relative in _entries(walk, root, "", 0):
        _take(walk, entry, relative)
    return Folder(root.name, dict(sorted(walk.files.items())), tuple(walk.problems))


def _entries(walk: _Walk, folder: Path, prefix: str, depth: int) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yield every entry that is not hidden, depth first, with its path relative to the root."""
    try:
        with os.scandir(folder) as scan:
            entries = sorted((entry for entry in scan if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        if not prefix:
            raise FolderUnreadable(f"{folder} can not be listed: {error.strerror}. Check its permissions.") from None
        walk.problem(prefix.rstrip("/"), f"the folder can not be listed: {error.strerror}", "Check its permissions")
        return
    for entry in entries:
        walk.seen += 1
        if walk.seen > MAX_FILES:
            raise FolderUnreadable(
                f"{walk.root} holds more than {MAX_FILES:,} files. Name a folder of its own for Remit."
            )
        relative = prefix + entry.name
        if not entry.is_dir(follow_symlinks=False):
            yield entry, relative
        elif depth == MAX_FOLDERS_DEEP:
            walk.problem(_printable(relative), f"more than {MAX_FOLDERS_DEEP} folders deep", "Move it up")
        else:
            yield from _entries(walk, Path(entry.path), relative + "/", depth + 1)


def _take(walk: _Walk, entry: os.DirEntry[str], relative: str) -> None:
    shown = _printable(relative)
    if entry.is_symlink() and entry.is_dir():
        walk.problem(shown, "is a link to a folder, which is not followed", "Put the folder itself here")
    elif not is_configuration(relative):
        return
    elif shown != relative:
        walk.problem(shown, "the file's name is not UTF-8", "Rename it")
    elif entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(walk.root):
        walk.problem(shown, "is a link that leads out of the folder", "Put the file itself here")
    else:
        _read(walk, Path(entry.path), relative)


def _read(walk: _Walk, path: Path, relative: str) -> None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            walk.problem(relative, "is not a regular file", "Put a file here, or rename it")
            return
        with path.open("rb") as file:
            walk.files[relative] = file.read(MAX_BYTES + 1)
    except OSError as error:
        walk.problem(relative, f"can not be read: {error.strerror}", "Check the file and its permissions")


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
