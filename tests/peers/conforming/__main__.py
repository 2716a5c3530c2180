"""Serve it: at a free port of this machine, whose URL is printed, or on the standard streams."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys

import uvicorn
from mcp.server.stdio import stdio_server

from tests.peers.conforming.events import Events
from tests.peers.conforming.server import conforming


async def on_streams() -> None:
    server = conforming()
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def at_port() -> None:
    # h11 takes the blanks around a field off, as HTTP has it; the other parser leaves that to the SDK, which does not.
    app = conforming().streamable_http_app(event_store=Events(), retry_interval=500)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        print(f"http://127.0.0.1:{taken.getsockname()[1]}/mcp", flush=True)  # noqa: T201
        uvicorn.Server(uvicorn.Config(app, http="h11", log_level="error")).run(sockets=[taken])


if __name__ == "__main__":
    logging.disable(logging.INFO)
    if "--stdio" in sys.argv:
        asyncio.run(on_streams())
    else:
        at_port()
