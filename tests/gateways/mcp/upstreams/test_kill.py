"""What becomes of the processes of tool servers when Remit itself is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.gateways.mcp.upstreams.asking import lives

ROOT = Path(__file__).resolve().parents[4]
GATEWAY = """
import asyncio, sys
from tests.gateways.mcp.upstreams.asking import asking, odd

async def main():
    async with asking() as at:
        pid, _ = await at.json(odd(*sys.argv[1:]), "child")
        print(pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def _server_after_a_kill(*behaves: str) -> int:
    """Kill a process that has started a tool server, and return the server's."""
    command = [sys.executable, "-c", GATEWAY, *behaves]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True) as gateway:
        assert gateway.stdout is not None
        pid = int(gateway.stdout.readline())
        gateway.send_signal(signal.SIGKILL)
    return pid


def _clear(pid: int) -> None:
    """Kill what is left of a server's group: what it had started is."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _ended(pid: int, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while lives(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not lives(pid)


@pytest.mark.slow
def test_a_server_ends_when_remit_is_killed_since_its_input_is_closed():
    pid = _server_after_a_kill()
    try:
        assert _ended(pid, 10)
    finally:
        _clear(pid)


@pytest.mark.slow
def test_one_that_does_not_heed_the_end_of_its_input_outlives_remit():
    """The border of what is promised: nobody is left to kill it."""
    pid = _server_after_a_kill("stubborn")
    try:
        assert not _ended(pid, 1)
    finally:
        _clear(pid)
