"""Admission over HTTP beside a raw ASGI echo: the same kind of server, the same callers, in the same run.

Servers and callers are processes of their own, over the loopback, each caller on a connection that is kept. The echo
reads the same body and sends as many bytes, so what differs is what Remit does.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import workspace
from bench.deciding import Answered
from bench.measure import Table, medians, percentile
from bench.servers import ServerProcess, free_port, running
from remit.api.serving import Listening, ServerLimits, Whole, bound, serve, server_of
from remit.asgi.answers import Receive, Scope, Send
from remit.asgi.limits import RequestLimits
from remit.compose import open_parts, open_queue
from remit.control.credentials import Credentials
from remit.domain.ids import AgentName, WorkspaceName
from remit.server import open_server
from remit.settings import Settings

CALLERS = (1, 64)
TOOL = "erp.get_order"
ANSWER_BYTES = 1_100
COLUMNS = (
    "callers",
    "a second",
    "p50 ms",
    "p99 ms",
    "CPU µs",
    "CPU besides policy µs",
    "a second besides policy",
    "echo: a second",
    "echo: p50 ms",
    "echo: p99 ms",
    "echo: CPU µs",
    "CPU to echo",
    "rate to echo",
)


@dataclass(frozen=True, slots=True)
class Load:
    """What the callers saw, and what the server's process used for each request."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and the key its callers show."""

    server: ServerProcess
    key: str


def table(*, quick: bool = False) -> Table:
    """Measure admission, admission with the policies' answer at hand, and the echo, in turns."""
    callers, rounds, requests = (CALLERS, 1, 200) if quick else (CALLERS, 3, 6_000)
    rows = []
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="remit-bench-"))) for _ in range(2)]
        targets = [stack.enter_context(each) for each in (_remit(folders[0]), _besides(folders[1]), _echo())]
        for count in callers:
            each = max(2, (requests if count > 1 else requests // 8) // count)
            figures = [_round(targets, count, each) for _ in range(rounds)]
            rows.append((count, *medians(figures)))
    return Table(
        "Admission over HTTP",
        COLUMNS,
        tuple(rows),
        f"`remit serve`, one process, on SQLite; medians of {rounds} rounds. CPU is that of the server's process for"
        " one request: event loop, writer, commit and sealing together. The callers are another process on the same"
        " machine. Every answer is durable on a file with synchronous=FULL. Besides policy: a server of the same make"
        " whose policies have answered already.",
    )


def _round(targets: Sequence[Target], callers: int, each: int) -> tuple[float, ...]:
    ours, besides, floor = [loaded(target, callers, each) for target in targets]
    return (
        *(ours.rate, ours.p50_ms, ours.p99_ms, ours.cpu_us, besides.cpu_us, besides.rate),
        *(floor.rate, floor.p50_ms, floor.p99_ms, floor.cpu_us),
        *(ours.cpu_us / floor.cpu_us, ours.rate / floor.rate),
    )


def loaded(target: Target, callers: int, each: int) -> Load:
    """Have another process send the requests; only what it reports once it is warm is counted."""
    told = {"port": target.server.port, "key": target.key, "callers": callers, "each": each}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.http", "call", json.dumps(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        begin_cpu_s = target.server.cpu_s
        process.stdin.write("go\n")
        process.stdin.flush()
        seen = json.loads(process.stdout.readline())
        cpu_s = target.server.cpu_s - begin_cpu_s
    latencies = seen["latencies_ms"]
    return Load(
        len(latencies) / seen["seconds"],
        percentile(latencies, 0.5),
        percentile(latencies, 0.99),
        cpu_s * 1e6 / len(latencies),
    )


# -- the servers


@contextmanager
def _remit(folder: Path) -> Iterator[Target]:
    settings = workspace.applied(folder)
    key = key_of(settings)
    with running(ServerProcess.of_remit(settings)) as server:
        yield Target(server, key)


@contextmanager
def _besides(folder: Path) -> Iterator[Target]:
    settings = workspace.applied(folder)
    key = key_of(settings)
    with running(_own("besides", settings.database_url)) as server:
        yield Target(server, key)


@contextmanager
def _echo() -> Iterator[Target]:
    with running(_own("echo")) as server:
        yield Target(server, "")


def _own(role: str, *more: str) -> ServerProcess:
    port = free_port()
    return ServerProcess([sys.executable, "-m", "bench.http", role, str(port), *more], port)


def key_of(settings: Settings) -> str:
    """Make a key for the agent of the benchmark's workspace."""
    parts = open_parts(settings)
    try:
        credentials = Credentials(parts.store, parts.clock, parts.ids)
        return credentials.make_agent_key(WorkspaceName(workspace.NAME), AgentName("buyer"), "user:omar").secret
    finally:
        parts.close()


def serve_at(whole: Whole, requests: RequestLimits, port: int) -> None:
    """Serve at a port of this machine as `remit serve` does, until told to stop; say when requests are taken."""
    limits = ServerLimits()
    with bound(Listening(port=port), limits.backlog) as taken:
        serve(server_of(whole, Listening(), limits, requests, lambda: print("ready", flush=True)), taken)


def _serve_besides(port: int, url: str) -> None:
    parts = open_parts(Settings(database_url=url))
    queue = open_queue(parts)
    try:
        name = WorkspaceName(workspace.NAME)
        release = parts.store.active(name, "production")
        assert release is not None
        parts.rulesets.of(name, release).authorizer = Answered()
        opened = open_server(parts, queue, secure=False)
        serve_at(opened.whole, opened.limits, port)
    finally:
        queue.close()
        parts.close()


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
        return
    body = (await receive())["body"]
    if scope["path"] == "/api/v1/runs":
        body = b'{"run": "run_0"}'
    body = body.ljust(ANSWER_BYTES)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# -- the callers, in a process of their own


class Caller:
    """One connection: send a request, read its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self._reader = reader
        self._writer = writer
        self._key = key

    async def ask(self, path: str, body: bytes) -> bytes:
        """Send one request; return the body of its answer, which must be a success."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        found = await self._reader.readuntil(b"\r\n\r\n")
        length = int(found.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        answer = await self._reader.readexactly(length)
        assert found[9:10] == b"2", found + answer
        return answer

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


async def _call(told: dict[str, Any]) -> None:
    callers = [await _connected(told) for _ in range(told["callers"])]
    paths = [await _started(caller) for caller in callers]
    latencies: list[float] = []
    await _asked(callers, paths, 2, [], "warm")
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    begin = time.perf_counter()
    await _asked(callers, paths, told["each"], latencies, "load")
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "latencies_ms": latencies}), flush=True)


async def _connected(told: dict[str, Any]) -> Caller:
    return Caller(*await asyncio.open_connection("127.0.0.1", told["port"]), told["key"])


async def _started(caller: Caller) -> str:
    run = json.loads(await caller.ask("/api/v1/runs", b'{"on_behalf_of": "user:omar"}'))
    return f"/api/v1/runs/{run['run']}/actions"


async def _asked(callers: Sequence[Caller], paths: Sequence[str], each: int, latencies: list[float], name: str) -> None:
    async def go(caller: Caller, path: str) -> None:
        for number in range(each):
            asked = {"kind": "tool", "target": TOOL, "arguments": {"order_id": f"PO-{number}", "currency": "AED"}}
            body = json.dumps({**asked, "id": f"{name}-{number}"}).encode()
            begin = time.perf_counter()
            await caller.ask(path, body)
            latencies.append((time.perf_counter() - begin) * 1000)

    await asyncio.gather(*(go(caller, path) for caller, path in zip(callers, paths, strict=True)))


def main(role: str, *more: str) -> None:
    """Be one of the processes."""
    if role == "echo":
        serve_at(Whole((), _answer), RequestLimits(), int(more[0]))
    elif role == "besides":
        _serve_besides(int(more[0]), more[1])
    else:
        import uvloop

        uvloop.run(_call(json.loads(more[0])))


if __name__ == "__main__":
    main(*sys.argv[1:])
