"""The one way out of a gateway: HTTP to addresses that a workspace names, and to no others behind its back.

Whoever may write a URL into a workspace could point it at what only this machine reaches: a metadata endpoint, a
database's admin page. So the address that is really connected to is looked at, each time, whatever was found before.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType
from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class OutboundLimits:
    """Bounds of what a gateway sends and takes.

    Attributes:
        connections: most at the same time, of all destinations together; more wait for one within `connect_s`.
        lookups: most names that are looked up at the same time.
        connect_s: how long looking up a name, connecting and the TLS handshake may take together.
        pause_s: how long nothing may come while an answer is waited for or read.
        head_bytes: of all header lines of an answer together.
        body_bytes: of an answer that is read whole.
        stream_bytes: of an answer that is read in pieces.
        kept_s: how long an idle connection is kept for the next request.
    """

    connections: int = 512
    lookups: int = 8
    connect_s: float = 10.0
    pause_s: float = 120.0
    head_bytes: int = 32_768
    body_bytes: int = 16 * 1_048_576
    stream_bytes: int = 256 * 1_048_576
    kept_s: float = 4.0


class OutboundFailed(Exception):
    """A request that brought no answer, or not all of it. Its text holds neither credentials nor the path of the URL.

    Attributes:
        code: `forbidden` (the address is not for this URL), `unreachable`, `timed_out`, `broken` (it hung up, or that
            was no HTTP), `redirected`, `encoded`, `too_large`, `unsendable` (the URL or a header can not be sent).
        sent: whether the other side may have received the request.
    """

    def __init__(self, code: str, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.code = code
        self.sent = sent


MOST_TARGETS = 1_000
"""Of URLs whose text was looked at, kept for the next request."""


class Resolver(Protocol):
    """Looks up a name. Blocks; is called from a thread."""

    def __call__(self, host: str, port: int) -> Sequence[AddrInfoType]: ...


def look_up(host: str, port: int) -> Sequence[AddrInfoType]:
    """Ask the system. Raises OSError."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def forbidden(address: str, *, private: bool) -> str:
    """Return why an address may not be connected to; empty where it may.

    `private` allows private and loopback addresses. Link-local ones, where clouds keep their credentials, multicast,
    unspecified and reserved ones lead to no server of tools or models whatever a workspace says.
    """
    try:
        found: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "is no address"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None or found.sixtofour is not None or found.teredo is not None:
            return "holds an IPv4 address inside an IPv6 one"
        if found in _NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        elif found.is_site_local:
            return "is site-local"
        elif int(found) >> 32 == 0 and int(found) > 1:
            return "holds an IPv4 address inside an IPv6 one"
    for is_so, word in (
        (found.is_unspecified, "unspecified"),
        (found.is_multicast, "a multicast address"),
        (found.is_link_local, "link-local"),
    ):
        if is_so:
            return f"is {word}"
    if found.is_loopback or (found.is_private and not found.is_reserved) or not found.is_global:
        return "" if private and _is_own_network(found) else "is private or loopback"
    return "is reserved" if found.is_reserved else ""


_OWN = tuple(
    ipaddress.ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "::1/128", "fc00::/7")
)


def _is_own_network(address: Address) -> bool:
    return any(address in network for network in _OWN)


class _Forbidden(OSError):
    pass


class _Resolver(AbstractResolver):
    """Looks names up in threads of its own, and refuses a name of which any address is forbidden."""

    def __init__(self, look: Resolver, threads: ThreadPoolExecutor, *, private: bool) -> None:
        self._look = look
        self._threads = threads
        self._private = private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._look, host, port)
        results: list[ResolveResult] = []
        for kind, _, protocol, _, where in found:
            if family not in (socket.AF_UNSPEC, kind):
                continue
            address = str(where[0])
            why = forbidden(address, private=self._private)
            if why:
                raise _Forbidden(f"{host} leads to {address}, which {why}")
            entry = ResolveResult(
                hostname=host, host=address, port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            results.append(entry)
        if not results:
            raise OSError(f"{host} has no address")
        return results

    async def close(self) -> None:
        """The threads are the caller's."""


class Answer:
    """An answer whose head has come. Leaving it as a context closes it; what was not read is not waited for."""

    def __init__(self, response: aiohttp.ClientResponse, limits: OutboundLimits) -> None:
        self._response = response
        self._limits = limits
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    @property
    def kind(self) -> str:
        """The media type of the body, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        """Return the whole body. Raises OutboundFailed."""
        return b"".join([piece async for piece in self._pieces(self._limits.body_bytes)])

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises OutboundFailed."""
        return self._pieces(self._limits.stream_bytes)

    async def _pieces(self, most: int) -> AsyncIterator[bytes]:
        declared = self._response.content_length
        size = 0
        try:
            if declared is not None and declared > most:
                raise self._too_large(most)
            async for piece in self._response.content.iter_any():
                size += len(piece)
                if size > most:
                    raise self._too_large(most)
                yield piece
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.close()
            raise _failure(error, self._response.url, sent=True) from None

    def _too_large(self, most: int) -> OutboundFailed:
        self.close()
        return OutboundFailed("too_large", f"the answer has more than {most:,} bytes", sent=True)

    def close(self) -> None:
        """Drop the connection unless all of the answer was read; then it is kept for the next request."""
        self._response.close()

    async def __aenter__(self) -> Answer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Outbound:
    """Sends HTTP requests for gateways. Owned by one event loop; connections of private and public URLs are kept apart.

    Nothing of this process is sent along: no cookies, no proxies of the environment, no credentials of a `.netrc`.
    """

    def __init__(self, limits: OutboundLimits | None = None, look: Resolver = look_up) -> None:
        self.limits = limits or OutboundLimits()
        self._look = look
        self._threads = ThreadPoolExecutor(self.limits.lookups, thread_name_prefix="remit-lookup")
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._targets: dict[tuple[str, bool], URL] = {}  # of texts alone: what a name leads to is kept nowhere
        self._usual = self._times(self.limits.pause_s)

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        private: bool = False,
        pause_s: float | None = None,
    ) -> Answer:
        """Send a request and return its answer once the head has come; close it. Redirects are refused.

        `pause_s` overrides the limit of the same name. Raises OutboundFailed.
        """
        target = self._target(url, private=private)
        times = self._usual if pause_s is None or pause_s == self.limits.pause_s else self._times(pause_s)
        try:
            # Above 1 MiB the library warns of a body in one piece.
            data = body if len(body) <= 1_048_576 else io.BytesIO(body)
            response = await self._session(private=private).request(
                method, target, data=data, headers=headers, timeout=times, allow_redirects=False
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _failure(error, target, sent=_was_sent(error)) from None
        except ValueError:  # a header with a line break; the text would repeat it
            raise OutboundFailed("unsendable", "a header holds characters that can not be sent", sent=False) from None
        answer = Answer(response, self.limits)
        _check_head(answer, self.limits, target)
        return answer

    async def close(self) -> None:
        """Drop every connection."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _target(self, url: str, *, private: bool) -> URL:
        """Return where a URL leads, once it was looked at as far as its text goes. Raises OutboundFailed."""
        known = self._targets.get((url, private))
        if known is not None:
            return known
        target = _target(url)
        host = target.host or ""
        why = forbidden(host, private=private) if _is_literal(host) else ""
        if why:
            raise OutboundFailed("forbidden", _forbidden_text(f"{host} {why}"), sent=False)
        if len(self._targets) >= MOST_TARGETS:
            self._targets.clear()
        self._targets[url, private] = target
        return target

    def _times(self, pause_s: float) -> aiohttp.ClientTimeout:
        connect_s = self.limits.connect_s
        return aiohttp.ClientTimeout(total=None, connect=connect_s, sock_connect=connect_s, sock_read=pause_s)

    def _session(self, *, private: bool) -> aiohttp.ClientSession:
        found = self._sessions.get(private)
        if found is None:
            found = self._sessions[private] = self._opened(private=private)
        return found

    def _opened(self, *, private: bool) -> aiohttp.ClientSession:
        def socket_to(info: AddrInfoType) -> socket.socket:
            """Make a socket for an address, the last moment at which it can be looked at."""
            kind, form, protocol, _, where = info
            why = forbidden(str(where[0]), private=private)
            if why:
                raise _Forbidden(f"{where[0]} {why}")
            return socket.socket(kind, form, protocol)

        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._look, self._threads, private=private),
            use_dns_cache=False,
            limit=self.limits.connections,
            keepalive_timeout=self.limits.kept_s,
            socket_factory=socket_to,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "remit"},
            max_line_size=self.limits.head_bytes,
            max_field_size=self.limits.head_bytes,
        )


def _target(url: str) -> URL:
    try:
        target = URL(url)
    except ValueError:
        target = URL()
    if target.scheme not in ("http", "https") or not target.host or target.user is not None:
        raise OutboundFailed("unsendable", "the URL is no address of the web without credentials", sent=False)
    return target


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _check_head(answer: Answer, limits: OutboundLimits, target: URL) -> None:
    """Close and refuse an answer that nobody should read."""
    failed: OutboundFailed | None = None
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if sum([len(name) + len(value) + 4 for name, value in answer.headers.items()]) > limits.head_bytes:
        failed = OutboundFailed("too_large", f"the head of the answer has over {limits.head_bytes:,} bytes", sent=True)
    elif answer.status in (301, 302, 303, 307, 308):
        text = f"{target.host} redirects elsewhere, which is not followed: write the URL it leads to, if it is meant"
        failed = OutboundFailed("redirected", text, sent=True)
    elif encoding not in ("identity", ""):
        failed = OutboundFailed("encoded", f"{target.host} answers compressed though it was asked not to", sent=True)
    if failed is not None:
        answer.close()
        raise failed


def _was_sent(error: Exception) -> bool:
    """Tell whether the request may have arrived: not where no connection came about."""
    return not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL)


def _forbidden_text(what: str) -> str:
    return f"{what}: write `private: true` where a private or loopback address is meant"


def _failure(error: Exception, target: URL, *, sent: bool) -> OutboundFailed:
    """Say what went wrong with a destination, by its host and port alone."""
    where = f"{target.host}:{target.port}"
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, _Forbidden):
            return OutboundFailed("forbidden", _forbidden_text(str(error.os_error)), sent=False)
        if isinstance(error, aiohttp.ClientConnectorSSLError):
            return OutboundFailed("unreachable", f"no TLS connection to {where} came about", sent=False)
        reason = error.os_error.strerror or "no address"
        return OutboundFailed("unreachable", f"{where} can not be reached: {reason}", sent=False)
    if isinstance(error, TimeoutError):
        doing = "answer" if sent else "be reached"
        return OutboundFailed("timed_out", f"{where} did not {doing} in time", sent=sent)
    if isinstance(error, aiohttp.InvalidURL):
        return OutboundFailed("unsendable", "the URL is no address of the web", sent=False)
    return OutboundFailed("broken", f"{where} hung up, or answered what is no HTTP", sent=sent)
