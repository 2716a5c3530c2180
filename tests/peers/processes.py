"""Programs that run beside a test."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.peers.installed import ROOT

START_S = 60
"""How long a program may take to say where it is, on a machine with much else to do."""


@contextmanager
def serving(command: Sequence[str], errors: Path) -> Iterator[str]:
    """Run a server until the block ends and return the first line it says: its URL. Its errors go to a file."""
    with errors.open("wb") as kept:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=kept, stdin=subprocess.DEVNULL, cwd=ROOT, start_new_session=True
        )
    assert process.stdout is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        said = process.stdout.readline().decode().strip() if ready else ""
        assert said, f"{command[0]} did not start: {errors.read_text()}"
        yield said
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
        process.stdout.close()


def finished(command: Sequence[str], *, given: str = "", within_s: float = 60, **variables: str) -> str:
    """Run a program to its end and return what it printed. `variables` join a bare environment."""
    done = ran(command, given=given, within_s=within_s, variables=variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ran(
    command: Sequence[str], *, given: str = "", within_s: float = 60, variables: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, however it ends."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        timeout=within_s,
        env={**bare, **variables},
        cwd=ROOT,
        check=False,
    )
