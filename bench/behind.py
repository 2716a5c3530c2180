"""What stands behind the gateways when they are measured, and what they are measured against: processes of their own.

python -m bench.behind endpoint PORT      an endpoint of models that thinks nothing
python -m bench.behind through PORT URL   an HTTP proxy that looks at nothing: the floor of the model gateway
python -m bench.behind tools PORT         a server of the official MCP SDK over HTTP: also the floor of the MCP gateway
python -m bench.behind sessions PORT      the same as the SDK has it by itself: with sessions, answering with events
python -m bench.behind stdio              the same server on its standard streams
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from bench.crowd import DIGITS
from bench.http import serve_at
from bench.servers import ServerProcess, free_port
from remit.api.serving import Whole
from remit.asgi.answers import Application, Receive, Scope, Send
from remit.asgi.limits import RequestLimits

WORDS = 40
"""Chunks of a streamed answer."""
GAP_S = 0.002
"""Between two chunks: none is read together with the next, as from a model that thinks."""
TIMED = b'"user":"timed"'
"""In a request: each chunk of its answer says when it was sent."""
CALLS_FILE = "REMIT_BENCH_CALLS"
"""Names the file in which a line is written for every call that is carried out, whatever any server knows."""


def process(role: str, *more: str, calls: Path | None = None) -> ServerProcess:
    """Return one of these programs at a free port, to be started; `calls` is the file it writes its calls to."""
    port = free_port()
    environment = None if calls is None else {CALLS_FILE: str(calls)}
    return ServerProcess([sys.executable, "-m", "bench.behind", role, str(port), *more], port, environment)


class Diary:
    """What was carried out, a line each. One write to a file opened for appending is whole or not there."""

    def __init__(self) -> None:
        calls = os.environ.get(CALLS_FILE)
        self._file = None if calls is None else os.open(calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @property
    def is_kept(self) -> bool:
        """Whether anybody wants to know."""
        return self._file is not None

    def tell(self, what: str) -> None:
        """Write a line."""
        if self._file is not None:
            os.write(self._file, f"{what}\n".encode())


# -- an endpoint of models


def _event(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _data({"choices": [choice], **more})


def _data(document: Mapping[str, Any]) -> bytes:
    told = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny", **document}
    return b"data: " + json.dumps(told, separators=(",", ":")).encode() + b"\n\n"


USAGE = {"prompt_tokens": 200, "completion_tokens": WORDS, "total_tokens": 200 + WORDS}
WHOLE = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "tiny",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "word " * WORDS}, "finish_reason": "stop"}
        ],
        "usage": USAGE,
    },
    separators=(",", ":"),
).encode()


class Endpoint:
    """An endpoint of models that says the same words to everybody."""

    def __init__(self) -> None:
        self._diary = Diary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = await _body(receive)
        if self._diary.is_kept:
            self._diary.tell(json.loads(body)["user"])
        await _answered(body, send)


async def _answered(body: bytes, send: Send) -> None:
    if b'"stream":true' not in body:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(WHOLE)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": WHOLE})
        return
    timed = TIMED in body
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _event({"role": "assistant", "content": ""}), "more_body": True})
    for _ in range(WORDS):
        await asyncio.sleep(GAP_S)
        said = f"@{time.perf_counter_ns():020}@ ".translate(DIGITS) if timed else "word "
        await send({"type": "http.response.body", "body": _event({"content": said}), "more_body": True})
    last = _event({}, "stop") + _data({"choices": [], "usage": USAGE}) + b"data: [DONE]\n\n"
    await send({"type": "http.response.body", "body": last, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _lifespan(receive: Receive, send: Send) -> None:
    for word in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{word}.complete"})


# -- the floor of the model gateway


class Through:
    """Passes requests on to one address, and the answers back as they come."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = await _body(receive)
        async with self._opened().post(self._url, data=body, headers={"content-type": "application/json"}) as answer:
            kind = answer.headers["content-type"].encode()
            length = answer.headers.get("content-length")
            headers = [(b"content-type", kind), *([(b"content-length", length.encode())] if length else [])]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            pieces: AsyncIterator[bytes] = answer.content.iter_any()
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    def _opened(self) -> Any:
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._session


# -- a server of tools


def _tools() -> Any:
    from mcp.server import MCPServer

    server = MCPServer("bench", log_level="ERROR")
    diary = Diary()

    @server.tool()
    def get_order(order_id: str, currency: str) -> str:
        """Read an order."""
        diary.tell(order_id)
        return f"{order_id} is open, {len(order_id) * 37} {currency}"

    return server


def _serve(app: Application, port: int) -> None:
    serve_at(Whole((), app), RequestLimits(), port)


def main(role: str, *more: str) -> None:
    """Be one of the processes."""
    if role == "endpoint":
        _serve(Endpoint(), int(more[0]))
    elif role == "through":
        _serve(Through(more[1]), int(more[0]))
    elif role == "tools":
        _serve(_tools().streamable_http_app(stateless_http=True, json_response=True), int(more[0]))
    elif role == "sessions":
        _serve(_tools().streamable_http_app(), int(more[0]))
    else:
        _tools().run("stdio")


if __name__ == "__main__":
    main(*sys.argv[1:])
