"""The way out of a gateway: which addresses it connects to, and what it takes from those that answer."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from remit.asgi.outbound import Outbound, OutboundFailed, OutboundLimits, forbidden

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.0.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:93.184.216.34",
        "::127.0.0.1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2001:db8::1",
        "100::1",
        "not-an-address",
    ],
)
def test_an_address_that_is_not_of_the_public_internet_is_forbidden(address):
    assert forbidden(address, private=False)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::93.184.216.34"])
def test_a_public_address_is_not(address):
    assert forbidden(address, private=False) == ""
    assert forbidden(address, private=True) == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "::1", "fd12::1"])
def test_private_allows_private_and_loopback_addresses(address):
    assert forbidden(address, private=True) == ""


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "::ffff:10.0.0.1"]
)
def test_private_allows_nothing_else(address):
    assert forbidden(address, private=True)


@asynccontextmanager
async def listening(talk: Talk):
    """A server that says what a test wants it to, on a port of the kernel's choice."""

    async def closing(reader, writer):
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def saying(*parts: bytes, wait: float = 0.0) -> Talk:
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(wait)

    return talk


def answering(body: bytes = b"{}", status: str = "200 OK", *more: str) -> Talk:
    head = "".join(f"{each}\r\n" for each in (f"HTTP/1.1 {status}", f"content-length: {len(body)}", *more))
    return saying(head.encode() + b"\r\n" + body)


def failure(talk: Talk, limits: OutboundLimits | None = None, **options) -> OutboundFailed:
    """Ask a server that talks so, and return what went wrong."""

    async def ask():
        async with listening(talk) as port:
            out = Outbound(limits or OutboundLimits())
            try:
                url = f"http://127.0.0.1:{port}/secret-path"
                answer = await out.send("POST", url, headers={"x-key": "hunter2"}, body=b"{}", private=True, **options)
                async with answer:
                    await answer.read()
            finally:
                await out.close()

    with pytest.raises(OutboundFailed) as caught:
        asyncio.run(ask())
    assert "secret-path" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_an_answer_is_read():
    async def ask():
        async with listening(answering(b'{"a":1}', "201 Created", "content-type: Application/JSON; x=y")) as port:
            out = Outbound()
            url = f"http://localhost:{port}/"
            async with await out.send("POST", url, headers={}, body=b"{}", private=True) as answer:
                read = (answer.status, answer.kind, await answer.read())
            await out.close()
            return read

    assert asyncio.run(ask()) == (201, "application/json", b'{"a":1}')


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0", "127.1", "2130706433"]
)
def test_no_spelling_of_this_machine_is_connected_to(host):
    heard = []

    async def talk(reader, writer):
        heard.append(1)

    async def ask():
        async with listening(talk) as port:
            out = Outbound()
            try:
                await out.send("GET", f"http://{host}:{port}/", headers={})
            finally:
                await out.close()

    with pytest.raises(OutboundFailed) as caught:
        asyncio.run(ask())
    assert not caught.value.sent
    assert caught.value.code in ("forbidden", "unsendable")
    assert heard == []


def test_a_name_that_leads_elsewhere_the_second_time_is_looked_at_again():
    """DNS rebinding: an address that may be reached for whoever checks first, another one for the next connection."""
    asked: list[str] = []

    def look(host, port):
        address = "169.254.169.254" if asked else "127.0.0.1"
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async def ask():
        out = Outbound(look=look)
        try:
            async with listening(answering(b"{}", "200 OK", "connection: close")) as port:
                url = f"http://rebinding.example:{port}/"
                async with await out.send("GET", url, headers={}, private=True) as answer:
                    assert answer.status == 200
                await out.send("GET", url, headers={}, private=True)
        finally:
            await out.close()

    with pytest.raises(OutboundFailed, match=r"leads to 169.254.169.254, which is link-local") as caught:
        asyncio.run(ask())
    assert (caught.value.code, caught.value.sent) == ("forbidden", False)
    assert len(asked) == 2


def test_a_name_with_one_forbidden_address_among_public_ones_is_refused():
    def look(host, port):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("203.0.114.9", "10.0.0.1")]

    async def ask():
        out = Outbound(look=look)
        try:
            await out.send("GET", "http://two.example/", headers={})
        finally:
            await out.close()

    with pytest.raises(OutboundFailed, match=r"two.example leads to 10.0.0.1, which is private or loopback: write"):
        asyncio.run(ask())


def test_what_the_socket_connects_to_is_looked_at_whatever_was_resolved():
    """The last look is at the address given to the socket itself."""

    async def ask():
        out = Outbound()
        connector = out._session(private=False).connector
        assert isinstance(connector, aiohttp.TCPConnector)
        made = connector._socket_factory
        assert made is not None
        await out.close()
        return made

    made = asyncio.run(ask())
    with pytest.raises(OSError, match=r"127\.0\.0\.1 is private or loopback"):
        made((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)))


def test_a_redirect_is_refused_and_not_followed():
    failed = failure(answering(b"", "307 Temporary Redirect", "location: http://169.254.169.254/"))
    assert (failed.code, failed.sent) == ("redirected", True)


def test_a_body_that_is_too_large_is_refused_by_its_declared_length():
    failed = failure(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n"), OutboundLimits(body_bytes=1000))
    assert (failed.code, failed.sent) == ("too_large", True)


def test_a_body_that_is_too_large_is_refused_while_it_comes():
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert failure(saying(head, chunk, chunk), OutboundLimits(body_bytes=1500)).code == "too_large"


def test_a_head_that_is_too_large_is_refused():
    many = [f"x-{each}: {'y' * 200}" for each in range(30)]
    assert failure(answering(b"{}", "200 OK", *many), OutboundLimits(head_bytes=4096)).code == "too_large"
    assert failure(answering(b"{}", "200 OK", "x-one: " + "y" * 9000), OutboundLimits(head_bytes=4096)).code == "broken"


def test_a_compressed_answer_is_refused():
    assert failure(answering(gzip.compress(b"{}"), "200 OK", "content-encoding: gzip")).code == "encoded"


def test_who_does_not_answer_is_given_up():
    failed = failure(saying(b"", wait=5), pause_s=0.1)
    assert (failed.code, failed.sent) == ("timed_out", True)


def test_who_stops_in_the_middle_is_given_up():
    failed = failure(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nabc", wait=5), pause_s=0.1)
    assert (failed.code, failed.sent) == ("timed_out", True)


@pytest.mark.parametrize(
    "parts", [(b"",), (b"\x00\x01garbage\r\n\r\n",), (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nabc",)]
)
def test_who_hangs_up_or_talks_garbage_is_broken(parts):
    failed = failure(saying(*parts))
    assert (failed.code, failed.sent) == ("broken", True)


def test_where_nobody_listens_nothing_was_sent():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        port = taken.getsockname()[1]

        async def ask():
            out = Outbound()
            try:
                await out.send("POST", f"http://127.0.0.1:{port}/", headers={}, private=True)
            finally:
                await out.close()

        with pytest.raises(OutboundFailed) as caught:
            asyncio.run(ask())
    assert (caught.value.code, caught.value.sent) == ("unreachable", False)


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "http://", "http://user:pass@a.example/", "file:///etc/passwd", "x"]
)
def test_what_is_no_address_of_the_web_is_not_sent(url):
    async def ask():
        out = Outbound()
        try:
            await out.send("GET", url, headers={})
        finally:
            await out.close()

    with pytest.raises(OutboundFailed) as caught:
        asyncio.run(ask())
    assert (caught.value.code, caught.value.sent) == ("unsendable", False)
    assert "pass" not in str(caught.value)


def test_a_secret_with_a_line_break_adds_no_header_and_is_not_repeated():
    async def ask():
        async with listening(answering()) as port:
            out = Outbound()
            try:
                headers = {"authorization": "hunter2\r\nx-other: 1"}
                await out.send("GET", f"http://127.0.0.1:{port}/", headers=headers, private=True)
            finally:
                await out.close()

    with pytest.raises(OutboundFailed, match="a header holds characters that can not be sent") as caught:
        asyncio.run(ask())
    assert not caught.value.sent
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nothing_of_the_process_goes_along(monkeypatch):
    """A proxy of the environment would see every credential."""
    heard = []

    async def talk(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nset-cookie: a=b; Path=/\r\n\r\n")
        await writer.drain()

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    async def ask():
        async with listening(talk) as port:
            out = Outbound()
            for _ in range(2):
                async with await out.send("GET", f"http://127.0.0.1:{port}/", headers={}, private=True) as answer:
                    await answer.read()
            await out.close()

    asyncio.run(ask())
    assert len(heard) == 2
    assert b"cookie" not in heard[1].lower()
    assert b"accept-encoding: identity" in heard[0].lower()


def test_a_connection_is_used_again_but_never_by_those_who_may_not_reach_it():
    peers = []

    async def talk(reader, writer):
        peers.append(writer.get_extra_info("peername"))
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            await writer.drain()

    async def ask():
        async with listening(talk) as port:
            out = Outbound()
            url = f"http://127.0.0.1:{port}/"
            for _ in range(3):
                async with await out.send("GET", url, headers={}, private=True) as answer:
                    await answer.read()
            with pytest.raises(OutboundFailed):
                await out.send("GET", url, headers={})
            await out.close()
            await asyncio.sleep(0.05)

    asyncio.run(ask())
    assert len(peers) == 1
