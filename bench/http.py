"""Admission over HTTP beside a raw ASGI echo: the same server, the same callers, in the same run.

The load comes from a process of its own, over the loopback, each caller on a connection that is kept. The echo reads
the same body and sends as many bytes, so what differs is what Remit does.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import workspace
from bench.measure import Table, medians, percentile
from remit.api.answers import Receive, Scope, Send
from remit.api.limits import RequestLimits
from remit.api.serving import Listening, ServerLimits, Whole, bound, server_of
from remit.compose import open_parts, open_queue
from remit.control.credentials import Credentials
from remit.domain.ids import AgentName, WorkspaceName
from remit.server import open_server

CALLERS = (1, 64)
TOOL = "erp.get_order"
ANSWER_BYTES = 1_100


@dataclass(frozen=True, slots=True)
class Load:
    """What the callers saw, and what the server's process used for each request."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def table(*, quick: bool = False) -> Table:
    """Measure echo and admission in turns."""
    callers, rounds, requests = (CALLERS, 1, 200) if quick else (CALLERS, 3, 8_000)
    rows = []
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder, _echo() as echo, _remit(Path(folder)) as remit:
        for count in callers:
            each = max(2, (requests if count > 1 else requests // 8) // count)
            figures = [_round(echo, remit, count, each) for _ in range(rounds)]
            rows.append((count, *medians(figures)))
    return Table(
        "Admission over HTTP",
        (
            "callers",
            "a second",
            "p50 ms",
            "p99 ms",
            "CPU µs",
            "echo: a second",
            "echo: p50 ms",
            "echo: p99 ms",
            "echo: CPU µs",
            "CPU to echo",
            "rate to echo",
        ),
        tuple(rows),
        f"uvicorn with uvloop and httptools, one process; medians of {rounds} rounds. CPU is that of the server's"
        " process for one request: event loop, writer and commit together. The callers are another process on the same"
        " machine. Every answer is durable on a file with synchronous=FULL.",
    )


def _round(echo: Target, remit: Target, callers: int, each: int) -> tuple[float, ...]:
    floor = _loaded(echo, callers, each)
    ours = _loaded(remit, callers, each)
    return (
        *(ours.rate, ours.p50_ms, ours.p99_ms, ours.cpu_us),
        *(floor.rate, floor.p50_ms, floor.p99_ms, floor.cpu_us),
        *(ours.cpu_us / floor.cpu_us, ours.rate / floor.rate),
    )


@dataclass(frozen=True, slots=True)
class Target:
    """A server in this process."""

    port: int
    key: str


def _loaded(target: Target, callers: int, each: int) -> Load:
    """Have another process send the requests; only what it reports once it is warm is counted."""
    told = {"port": target.port, "key": target.key, "callers": callers, "each": each}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.http", json.dumps(told)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        begin_cpu = time.process_time()
        process.stdin.write("go\n")
        process.stdin.flush()
        seen = json.loads(process.stdout.readline())
        cpu_s = time.process_time() - begin_cpu
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
    parts = open_parts(workspace.applied(folder))
    queue = open_queue(parts)
    credentials = Credentials(parts.store, parts.clock, parts.ids)
    key = credentials.make_agent_key(WorkspaceName(workspace.NAME), AgentName("buyer"), "user:omar").secret
    opened = open_server(parts, queue, secure=False)
    try:
        with _serving(opened.whole, opened.limits) as port:
            yield Target(port, key)
    finally:
        queue.close()
        parts.close()


@contextmanager
def _echo() -> Iterator[Target]:
    with _serving(Whole((), _answer), RequestLimits()) as port:
        yield Target(port, "")


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


@contextmanager
def _serving(whole: Whole, requests: RequestLimits) -> Iterator[int]:
    ready = threading.Event()
    limits = ServerLimits()
    with bound(Listening(port=0), limits.backlog) as taken:
        server = server_of(whole, Listening(), limits, requests, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            assert ready.wait(30)
            yield taken.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)


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


if __name__ == "__main__":
    import uvloop

    uvloop.run(_call(json.loads(sys.argv[1])))
