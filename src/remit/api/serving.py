"""One server process: which addresses it may listen at, the application as a whole, start and orderly stop."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import secrets
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from remit.asgi.answers import REQUEST, Application, Receive, Refusal, Scope, Send, refuse
from remit.asgi.limits import RequestLimits

PORT = 7070
_log = logging.getLogger("remit.server")


class NotEncrypted(Exception):
    """An address that others can reach, without TLS. The message says what to do."""


class CertificateUnfit(Exception):
    """A certificate and key that TLS can not be spoken with. The message says why."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens, and with which certificate."""

    host: str = "127.0.0.1"
    port: int = PORT
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """How it is reached from this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"

    def check(self, *, unencrypted: bool = False) -> None:
        """Raise NotEncrypted where keys would cross a network in the clear, unless that is wanted."""
        if self.certificate is None and not unencrypted and not is_loopback(self.host):
            raise NotEncrypted(
                f"{self.host} can be reached from other machines, and without TLS everybody in between reads the keys:"
                " give --cert and --key, listen at 127.0.0.1 behind a proxy that speaks TLS, or say --unencrypted"
            )

    def check_certificate(self) -> None:
        """Raise CertificateUnfit where the files can not be read, do not belong together or need a passphrase."""
        if self.certificate is None:
            return
        try:
            # An empty passphrase: else somebody is asked for one, at a terminal that may not be there.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, "")
        except (ssl.SSLError, OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise CertificateUnfit(
                f"{self.certificate} and {self.key}: {why}: give a certificate chain in PEM and its own private key,"
                " without a passphrase"
            ) from None


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's own, for nobody else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Route(Protocol):
    """An ASGI application for some paths. `close` ends what would otherwise go on for long."""

    def takes(self, scope: Scope) -> bool: ...

    def close(self) -> None: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Whole:
    """The raw routes first, everything else to the control plane's application. Each request gets an id."""

    def __init__(
        self,
        routes: Sequence[Route],
        rest: Application | None,
        around: Callable[[Application], Application] | None = None,
        finishing: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """Begin; `around` is put around everything that answers, to watch it; `finishing` is awaited at the end."""
        self._routes = tuple(routes)
        self._finishing = tuple(finishing)
        self._rest = rest
        self._all = self._one if around is None else around(self._one)

    def close(self) -> None:
        """End what goes on for long."""
        for route in self._routes:
            route.close()

    async def finish(self) -> None:
        """Let go of what requests were answered with, once none is left."""
        for finish in self._finishing:
            await finish()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in start and stop (ASGI lifespan)."""
        if scope["type"] != "http":
            await self._one(scope, receive, send)
            return
        id = secrets.token_hex(8)
        scope[REQUEST] = id
        header = (b"x-request-id", id.encode())

        async def named(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], header]
            await send(message)

        await self._all(scope, receive, named)

    async def _one(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for route in self._routes:
                if route.takes(scope):
                    await route(scope, receive, send)
                    return
        if self._rest is not None:
            await self._rest(scope, receive, send)
        elif scope["type"] == "http":
            await refuse(send, Refusal(404, "no_route", "there is nothing at this address", "See docs/reference"))
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    for word in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{word}.complete"})


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a bound on how large a request's head may be, and how long it and the body may take to arrive.

    uvicorn has neither for this parser: a caller could send header lines for ever, or the rest of a body that was
    refused unread, and hold a connection with a byte now and then.
    """

    limits = RequestLimits()
    """Of every connection; `bounded_by` makes a protocol with others."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        self._head_bytes = 0
        self._in_head = self._in_body = False
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = self._watch()

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that goes on; at most one read more than allowed is kept."""
        before = self._head_bytes if self._in_head else 0
        super().data_received(data)
        if self._in_body and self._timer is None:  # a body that came with its head needs no timer
            self._timer = self.loop.call_later(self.limits.message_s, self._hang_up)
        if not self._in_head:
            return
        self._head_bytes = before + len(data)
        if self._head_bytes > self.limits.head_bytes:
            self._end(b"431 Request Header Fields Too Large")
        elif self._timer is None:
            self._timer = self._watch()

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting, and begin to wait for the rest."""
        self._in_head = False
        self._in_body = True
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop waiting."""
        self._in_body = False
        self._wait_no_more()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self) -> None:
        # Whoever reads bodies waits for less: the request is answered by now, and there is nothing left to say.
        self.transport.close()

    def _watch(self) -> asyncio.TimerHandle:
        return self.loop.call_later(self.limits.arrival_s, self._end, b"408 Request Timeout")

    def _end(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def bounded_by(limits: RequestLimits) -> type[BoundedProtocol]:
    """Return a protocol with these limits."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits})


class Server(uvicorn.Server):
    """uvicorn, which tells the application first when it stops, so that streams end instead of being waited for."""

    def __init__(self, config: uvicorn.Config, whole: Whole, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._whole = whole
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when requests are taken."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, end the streams, answer what is under way."""
        self._whole.close()
        await super().shutdown(sockets)
        await self._whole.finish()


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How much a server takes on at a time, and how long it takes to stop."""

    connections: int = 1_024
    backlog: int = 512
    idle_s: int = 30
    stop_s: int = 10


YOUNG_OBJECTS = 20_000
"""Objects made before the collector looks for cycles among them. An admission makes some hundred and leaves none."""


def spare_the_collector() -> None:
    """Take what was loaded so far out of garbage collection: it stays as long as the process does.

    Else every look through a hundred thousand objects of libraries and releases stops event loop and writer for tens of
    milliseconds, again and again: the longest waits there are.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


def serve(server: Server, taken: socket.socket) -> None:
    """Serve at an address that was taken, until SIGTERM or SIGINT. The process is this server's."""
    spare_the_collector()
    # uvicorn raises the signal anew after its orderly stop. SIGTERM would then end the process before the queue and the
    # database are closed.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            server.run(sockets=[taken])
    finally:
        signal.signal(signal.SIGTERM, before)


def server_of(
    whole: Whole, listening: Listening, limits: ServerLimits, requests: RequestLimits, ready: Callable[[], None]
) -> Server:
    """Return a server that is still to run."""
    config = uvicorn.Config(
        whole,
        loop="auto",
        http=bounded_by(requests),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=limits.idle_s,
        timeout_graceful_shutdown=limits.stop_s,
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.key,
    )
    return Server(config, whole, ready)


def bound(listening: Listening, backlog: int) -> socket.socket:
    """Take the address, before anything else is begun. Raises OSError where it is taken, or not this machine's."""
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((listening.host, listening.port))
        taken.listen(backlog)
    except OSError:
        taken.close()
        raise
    return taken
