"""Places where writing fails: a file system that is full, a folder nobody may write to, a database somebody holds."""

import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from remit.storage import sqlite

NOBODY = 65534


@dataclass
class SmallDisk:
    """A folder with little room, and how to make more."""

    folder: Path
    grow: Callable[[], None]


def mounted(folder: Path, size: str, *more: str) -> bool:
    options = ",".join((f"size={size}", *more))
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    return done.returncode == 0


@contextmanager
def small_file_system(folder: Path) -> Iterator[SmallDisk | None]:
    """A real file system of one megabyte; None where this process may not mount one."""
    if os.geteuid() != 0 or not mounted(folder, "1m"):
        yield None
        return
    try:
        yield SmallDisk(folder, lambda: expect(mounted(folder, "64m", "remount")))
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def small_database(folder: Path) -> Iterator[SmallDisk]:
    """SQLite's own limit of pages, which fails as a full disk does, on whatever file system there is."""
    limit, durable = [150], sqlite._durable

    def limited(db: sqlite3.Connection) -> None:
        durable(db)
        db.execute(f"pragma max_page_count = {limit[0]}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "_durable", limited)
        yield SmallDisk(folder, lambda: limit.__setitem__(0, 100_000))


@contextmanager
def small_disk(kind: str, folder: Path) -> Iterator[SmallDisk]:
    """The kind asked for; where nothing may be mounted the limit of pages stands in for the file system."""
    with ExitStack() as stack:
        disk = stack.enter_context(small_file_system(folder)) if kind == "file system" else None
        yield disk or stack.enter_context(small_database(folder))


@dataclass
class ServerDisk:
    """Room for the database of a server in another process, which is taken away and given back."""

    shrink: Callable[[int], None]
    grow: Callable[[int], None]


@contextmanager
def small_server_disk(kind: str, folder: Path) -> Iterator[ServerDisk]:
    """The kind asked for; where nothing may be mounted a limit of file sizes stands in for the file system."""
    if kind == "file system" and os.geteuid() == 0 and mounted(folder, "64m"):
        try:
            yield ServerDisk(
                lambda _: expect(mounted(folder, f"{used_kib(folder) + 256}k", "remount")),
                lambda _: expect(mounted(folder, "64m", "remount")),
            )
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
    else:
        no_limit = resource.RLIM_INFINITY
        yield ServerDisk(lambda pid: limit_files(pid, largest(folder) + 65_536), lambda pid: limit_files(pid, no_limit))


def used_kib(folder: Path) -> int:
    free = os.statvfs(folder)
    return (free.f_blocks - free.f_bfree) * free.f_frsize // 1024


def largest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.iterdir())


def limit_files(pid: int, size: int) -> None:
    """Let a process write no file beyond so many bytes; Python ignores the signal, and the write fails."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def of_nobody() -> Iterator[Path]:
    """A folder that belongs to a user without privileges, and this process acting as that user.

    Permissions do not bind root, so a test of them must not be root. As anybody else it stays who it is.
    """
    folder = Path(tempfile.mkdtemp(prefix="remit-test-"))
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    """Another process has begun to write, and takes its time."""
    script = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('begin immediate')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
    finally:
        process.communicate()


def expect(holds: bool) -> None:
    assert holds
