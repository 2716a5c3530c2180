"""Tool servers at URLs of this machine: the SDK's own, and one that answers what a test wants it to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel

from remit.domain.ids import ServerName
from remit.domain.upstream import ToolServer


def at(port: int, **fields: Any) -> ToolServer:
    """A server at a port of this machine."""
    found = {"private": True, **fields}
    return ToolServer(ServerName("web"), url=f"http://127.0.0.1:{port}/mcp", **found)


class Name(BaseModel):
    name: str


def ordinary() -> MCPServer:
    """A server as people write them."""
    server: MCPServer = MCPServer("ordinary", instructions="As people write them.")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    async def count(ctx: Context) -> str:
        """Count to three."""
        for done in range(3):
            await ctx.report_progress(done, 3)
        return "three"

    @server.tool()
    async def ask(ctx: Context) -> str:
        """Ask for a name."""
        answer = await ctx.elicit("your name?", Name)
        return f"hello {answer.data.name}" if answer.action == "accept" else answer.action

    @server.tool()
    async def wait() -> str:
        """Wait for long."""
        await asyncio.sleep(60)
        return "waited"

    @server.tool()
    async def headers(ctx: Context) -> dict[str, str]:
        """Tell what came with the request."""
        return dict(ctx.headers or {})

    @server.resource("shop://terms")
    def terms() -> str:
        return "Pay within 30 days."

    @server.prompt()
    def remind(name: str) -> str:
        return f"Remind {name}."

    return server


def old(app: Any) -> Any:
    """Let a server speak only what was before 2026-07-28: anything newer is a bad request to it."""

    async def before(scope: Any, receive: Any, send: Any) -> None:
        if dict(scope.get("headers", [])).get(b"mcp-protocol-version") == b"2026-07-28":
            await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Bad Request: Unsupported protocol version"})
            return
        await app(scope, receive, send)

    return before


@asynccontextmanager
async def serving(*, legacy: bool) -> AsyncIterator[int]:
    """Serve the ordinary server in this event loop; yield its port."""
    app = ordinary().streamable_http_app()
    config = uvicorn.Config(old(app) if legacy else app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        task = asyncio.create_task(server._serve(sockets=[taken]))
        while not server.started:  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0.01)
        try:
            yield taken.getsockname()[1]
        finally:
            server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await task


Reply = Callable[[dict[str, Any], dict[str, str], asyncio.StreamWriter], Awaitable[bool]]
"""Takes a message, its headers and where to write; returns whether it has answered."""


@asynccontextmanager
async def odd_web(reply: Reply) -> AsyncIterator[int]:
    """Serve a modern server that does what `reply` does, and what is right where that does nothing."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                message = orjson.loads(body) if body else {"method": head[0].split()[0]}
                if not await reply(message, headers, writer):
                    write(writer, answered(message))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def write(
    writer: asyncio.StreamWriter, document: Any, status: str = "200 OK", kind: str = "application/json", *more: str
) -> None:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    lines = (f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}", *more)
    writer.write("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body)


def answered(message: dict[str, Any]) -> dict[str, Any]:
    id, method = message.get("id"), message.get("method")
    result: dict[str, Any] = {"content": [{"type": "text", "text": "well"}]}
    if method == "server/discover":
        result = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
    elif method == "tools/list":
        region = {"type": "string", "x-mcp-header": "Region"}
        schema = {"type": "object", "properties": {"region": region, "q": {"type": "string"}}}
        bad = {"type": "object", "properties": {"n": {"type": "number", "x-mcp-header": "N"}}}
        result = {"tools": [{"name": "sql", "inputSchema": schema}, {"name": "bad", "inputSchema": bad}]}
    return {"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete", **result}}
