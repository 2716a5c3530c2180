"""What callers in another process see of a server, and the CPU it takes of the server's."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass

from bench.crowd import Asking, Seen
from bench.servers import ServerProcess


@dataclass(frozen=True, slots=True)
class Measured:
    """What the callers saw, and the CPU of the server's process for each request."""

    seen: Seen
    cpu_us: float


def measured(asking: Asking, server: ServerProcess) -> Measured:
    """Ask from another process, and measure the server's CPU meanwhile. Raises RuntimeError where it refuses."""
    command = [sys.executable, "-m", "bench.crowd", json.dumps(asdict(asking))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        begin_s = server.cpu_s
        process.stdin.write("go\n")
        process.stdin.flush()
        seen = Seen(**json.loads(process.stdout.readline()))
        cpu_s = server.cpu_s - begin_s
    if set(seen.statuses) != {"200"}:
        raise RuntimeError(f"{asking.path} was answered with {seen.statuses}")
    return Measured(seen, cpu_s * 1e6 / seen.requests)
