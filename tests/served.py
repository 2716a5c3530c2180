"""A server on a world of the tests, at a free port of this machine, in a thread of this process.

with world(tmp_path) as it, served(it) as server:
    with server.client("buyer") as client, client.run("buyer", on_behalf_of=VISITOR) as run: ...
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from remit.api.serving import Listening, Server, ServerLimits, bound, server_of
from remit.asgi.limits import RequestLimits
from remit.control.credentials import Credentials
from remit.domain.ids import AgentName
from remit.sdk.client import Client
from remit.sdk.http import HttpDoor
from remit.sdk.wire import Reach
from remit.server import open_server
from tests.worlds import OWNER, WORKSPACE, World

if TYPE_CHECKING:
    from remit.api.spans import Spans
    from remit.gateways.mcp.port import Upstreams


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    document: Any


@dataclass
class Served:
    """A server that runs, and the keys of the agents that call it."""

    world: World
    host: str
    port: int
    server: Server
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def key(self, agent: str = "buyer") -> str:
        if agent not in self.keys:
            credentials = Credentials(self.world.store, self.world.clock, self.world.ids)
            self.keys[agent] = credentials.make_agent_key(WORKSPACE, AgentName(agent), OWNER).secret
        return self.keys[agent]

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: Mapping[str, str] = {}
    ) -> Reply:
        """Send one request; `body` is written as JSON, bytes go as they are. `key` "" sends no credential."""
        sent = {"Content-Type": "application/json", **headers}
        if key != "":
            sent["Authorization"] = f"Bearer {self.key() if key is None else key}"
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request(method, path, raw, sent)
            answer = connection.getresponse()
            text = answer.read()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, json.loads(text) if text else None)
        finally:
            connection.close()

    def start(self, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """Start a run and return its document."""
        reply = self.ask("POST", "/api/v1/runs", {"on_behalf_of": "user:visitor", **fields}, key=key)
        assert reply.status == 201, reply
        return dict(reply.document)


@contextmanager
def served(
    world: World,
    limits: ServerLimits | None = None,
    requests: RequestLimits | None = None,
    spans: Spans | None = None,
    upstreams: Upstreams | None = None,
) -> Iterator[Served]:
    """Serve a world until the block ends, then stop in order."""
    opened = open_server(world.parts, world.queue, secure=False, spans=spans, upstreams=upstreams)
    listening = Listening(port=0)
    ready = threading.Event()
    with bound(listening, 64) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)  # so that a reader who does not read is noticed
        server = server_of(
            opened.whole, listening, limits or ServerLimits(stop_s=5), requests or opened.limits, ready.set
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, name="served")
        thread.start()
        assert ready.wait(20)
        host, port = taken.getsockname()
        try:
            yield Served(world, host, port, server)
        finally:
            server.should_exit = True
            thread.join(20)
    assert not thread.is_alive()


@contextmanager
def reached(world: World, door: str) -> Iterator[World]:
    """Have the world's own client reach it `embedded`, or over `http` as an agent of another process does."""
    if door == "embedded":
        yield world
        return
    with served(world) as server:
        reach = Reach(server.url, server.key(), timeout_s=20)
        client = Client(HttpDoor(reach))
        world.__dict__["client"] = client  # in place of the cached property
        try:
            yield world
        finally:
            client.close()


DOORS = ("embedded", "http")


def route_of(it: Served, kind: type[Any]) -> Any:
    """The raw route of a kind that a server has."""
    whole: Any = it.server.config.app
    return next(each for each in whole._routes if isinstance(each, kind))
