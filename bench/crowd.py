"""A process that asks a server over HTTP/1.1, each caller on a connection that is kept: the load of bench/gateways.py.

python -m bench.crowd '{"port": ..., "path": ..., "headers": {...}, "body": ..., "callers": 32, "each": 100}'

In the body `@CALLER@` stands for the caller's number and `@NUMBER@` for the request's. It prints `ready`, waits for a
line, asks, and prints what it saw. Nothing is read twice, so that it takes little from the cores it shares.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from bench.measure import percentile

DIGITS = str.maketrans("0123456789", "ghjkmnpqrs")
"""When a chunk was sent is written in letters, so that no screen takes it for a number of anything."""
_SENT = re.compile(rb"@([ghjkmnpqrs]{20})@")
_BACK = {code: digit for digit, code in DIGITS.items()}
PATIENCE_S = 300


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked, of whom, by how many, how often.

    `opening` are bodies that each caller sends first; where a session is opened by it, the others belong to that.
    `timed` looks at when each chunk was sent, which costs time.
    """

    port: int
    path: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    callers: int = 32
    each: int = 100
    timed: bool = False
    first: int = 0
    warm: int = 2
    opening: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the callers saw; times in milliseconds. Chunks: how long each took from the endpoint to the caller."""

    requests: int
    seconds: float
    answer_ms: float
    first_byte_ms: float
    chunk_ms: float
    slow_chunk_ms: float
    statuses: Mapping[str, int]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class _Caller(asyncio.Protocol):
    """One connection: sends a request, waits for the end of its answer, sends the next."""

    def __init__(self, crowd: _Crowd, number: int) -> None:
        self._crowd = crowd
        self._number = number
        self._left = 0
        self._opening: list[str] = []
        self._session = ""
        self._done: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    async def ask(self, each: int, opening: Sequence[str] = ()) -> None:
        """Ask so many times, after an opening."""
        self._left = each + len(opening)
        self._opening = list(opening)
        self._done = asyncio.get_running_loop().create_future()
        self._send()
        await self._done

    def _send(self) -> None:
        self._left -= 1
        self._head = b""
        self._status = b""
        self._need = -1
        self._tail = b""
        self._got = 0
        body = self._opening.pop(0) if self._opening else ""
        request = self._crowd.request(self._number, body, self._session)
        self._first = 0.0
        self._begun = time.perf_counter()
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._status:
            self._head += data
            head, mark, data = self._head.partition(b"\r\n\r\n")
            if not mark:
                return
            self._status = head[9:12]
            if not self._session and self._crowd.asking.opening:
                at = head.lower().find(b"mcp-session-id: ")
                self._session = "" if at < 0 else head[at + 16 :].partition(b"\r\n")[0].decode()
            _, mark, rest = head.lower().partition(b"content-length:")
            self._need = int(rest.partition(b"\r\n")[0]) if mark else -1
        if not data and self._need:
            return
        now = time.perf_counter()
        self._first = self._first or now
        if self._crowd.asking.timed:
            for sent in _SENT.findall(data):
                self._crowd.chunks.append(now - int(sent.decode().translate(_BACK)) / 1e9)
        self._got += len(data)
        self._tail = (self._tail + data)[-512:]
        if self._got >= self._need if self._need >= 0 else self._tail.endswith(b"\r\n0\r\n\r\n"):
            self._end(now)

    def _end(self, now: float) -> None:
        self._crowd.saw(self._status, self._tail, now - self._begun, self._first - self._begun)
        if self._left:
            self._send()
        elif self._done is not None and not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, _: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("the server has hung up"))

    def close(self) -> None:
        """Hang up."""
        assert self._transport is not None
        self._transport.close()


class _Crowd:
    """All callers of this process, and what they saw."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.chunks: list[float] = []
        self._answers: list[float] = []
        self._firsts: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._number = asking.first

    def request(self, caller: int, body: str = "", session: str = "") -> bytes:
        """Return the next request of a caller; with another body where one is given."""
        self._number += 1
        asking = self.asking
        body = (body or asking.body).replace("@CALLER@", str(caller)).replace("@NUMBER@", str(self._number))
        lines = [f"POST {asking.path} HTTP/1.1", f"Host: 127.0.0.1:{asking.port}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in asking.headers.items()]
        lines += [f"Mcp-Session-Id: {session}"] if session else []
        return "\r\n".join([*lines, f"Content-Length: {len(body.encode())}", "", body]).encode()

    def saw(self, status: bytes, tail: bytes, answer_s: float, first_s: float) -> None:
        """Note an answer; the first of each kind of failure is shown."""
        said = status.decode()
        if b'"error"' in tail or b'"isError":true' in tail:
            said += " with an error"
        if said not in ("200", "202") and said not in self._statuses:
            print(said, tail.decode("utf-8", "replace"), file=sys.stderr)
        self._statuses[said] += 1
        self._answers.append(answer_s)
        self._firsts.append(first_s)

    def clear(self) -> None:
        """Forget what was seen."""
        for seen in (self.chunks, self._answers, self._firsts, self._statuses):
            seen.clear()

    def seen(self, seconds: float) -> Seen:
        """Sum up."""
        chunks = self.chunks or [0.0]
        return Seen(
            len(self._answers),
            seconds,
            percentile(self._answers, 0.5) * 1000,
            percentile(self._firsts, 0.5) * 1000,
            percentile(chunks, 0.5) * 1000,
            percentile(chunks, 0.99) * 1000,
            dict(self._statuses),
        )


async def _ask(asking: Asking) -> None:
    loop = asyncio.get_running_loop()
    crowd = _Crowd(asking)
    made = [
        await loop.create_connection(lambda number=number: _Caller(crowd, number), "127.0.0.1", asking.port)  # type: ignore[misc]
        for number in range(asking.callers)
    ]
    callers = [caller for _, caller in made]
    if asking.warm or asking.opening:
        await asyncio.gather(*(caller.ask(asking.warm, asking.opening) for caller in callers))
    crowd.clear()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    begin = time.perf_counter()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(caller.ask(asking.each) for caller in callers))
    print(json.dumps(asdict(crowd.seen(time.perf_counter() - begin))), flush=True)
    for caller in callers:
        caller.close()


def main(told: dict[str, Any]) -> None:
    """Ask."""
    import uvloop

    uvloop.run(_ask(Asking(**told)))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
