"""Clients that hold on to a server, or send it more than it takes, at both gateways: others are served meanwhile."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.gateways.llm.gateway import Gateway, gateway
from tests.worlds import MODEL

CHAT, MESSAGES, MCP = "/openai/v1/chat/completions", "/anthropic/v1/messages", "/mcp"
PATHS = (CHAT, MESSAGES, MCP)
SLOW_EACH = 12
HELLO: dict[str, Any] = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "Say hello"}]}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with pytest.MonkeyPatch.context() as patch, gateway(tmp_path_factory.mktemp("hostile")) as opened:
        patch.setenv("FAKE_KEY", "sk-upstream")
        yield opened


def head_of(it: Gateway, path: str, *lines: str) -> bytes:
    told = (f"Authorization: Bearer {it.server.key()}", "Host: 127.0.0.1", "Content-Type: application/json", *lines)
    return "\r\n".join([f"POST {path} HTTP/1.1", *told, "", ""]).encode()


def connected(it: Gateway) -> socket.socket:
    return socket.create_connection((it.server.host, it.server.port), timeout=30)


def read_all(connection: socket.socket) -> bytes:
    found = b""
    while True:
        try:
            more = connection.recv(65_536)
        except ConnectionResetError:
            return found
        if not more:
            return found
        found += more


def code_in(path: str, answer: bytes) -> str:
    """The code of an error, in the words of the dialect."""
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    if path == MCP:
        return str(error["data"]["code"])
    return str(error["code"] if path == CHAT else error["remit"]["code"])


@pytest.mark.slow
def test_who_sends_a_body_drop_by_drop_is_given_up_and_keeps_nobody_from_being_served(it: Gateway) -> None:
    assert it.server.ask("POST", CHAT, HELLO).status == 200
    with ExitStack() as opened:
        slow = [(path, opened.enter_context(connected(it))) for path in PATHS for _ in range(SLOW_EACH)]
        for path, connection in slow:
            connection.sendall(head_of(it, path, "Content-Length: 1000") + b"{")
        longest_s = 0.0
        for _ in range(40):  # four seconds and more: longer than a body may take
            for _, connection in slow:
                connection.sendall(b" ")
            begun = time.monotonic()
            assert it.server.ask("POST", CHAT, HELLO).status == 200
            longest_s = max(longest_s, time.monotonic() - begun)
            time.sleep(0.1)
        assert longest_s < 5, "nobody waits for those"
        for path, connection in slow:
            answer = read_all(connection)
            assert answer.startswith(b"HTTP/1.1 408"), answer[:100]
            assert code_in(path, answer) == "body_too_slow"
    admitted = [each for each in it.decisions() if each["state"] == "admitted"]
    assert len(it.fake.requests) == len(admitted)


@pytest.mark.slow
def test_who_sends_a_head_drop_by_drop_is_given_up(it: Gateway) -> None:
    with connected(it) as connection:
        connection.sendall(f"POST {MCP} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode())
        for number in range(4):
            connection.sendall(f"X-{number}: y\r\n".encode())
            time.sleep(0.2)
        assert read_all(connection).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("path", PATHS)
def test_a_body_without_a_length_is_taken_up_to_the_limit_only(it: Gateway, path: str) -> None:
    """100 MB in chunks: the server does not read them all before it says no."""
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    sent = 0
    with connected(it) as connection:
        connection.sendall(head_of(it, path, "Transfer-Encoding: chunked"))
        try:
            while sent < 100:
                connection.sendall(piece)
                sent += 1
        except OSError:  # the server has hung up
            pass
        answer = read_all(connection)
    assert sent < 100
    if answer:  # a client that still writes when the connection is closed may lose it
        assert answer.startswith(b"HTTP/1.1 413"), answer[:100]
        assert code_in(path, answer) == "body_too_large"
    assert it.server.ask("POST", CHAT, HELLO).status == 200


def test_one_request_id_on_many_connections_is_as_many_calls(it: Gateway) -> None:
    before = len(it.fake.requests)
    same = {"X-Request-Id": "same", "Idempotency-Key": "same"}
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(it.server.ask, "POST", CHAT, HELLO, headers=same) for _ in range(16)]
        replies = [each.result() for each in asked]
    assert [reply.status for reply in replies] == [200] * 16
    assert len({reply.headers["remit-action"] for reply in replies}) == 16
    assert len({reply.headers["x-request-id"] for reply in replies}) == 16
    assert len(it.fake.requests) == before + 16


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 2", "Content-Length: 40"),
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Content-Length: +2",),
        ("Content-Length: 2, 40",),
        ("Transfer-Encoding : chunked",),
    ],
)
def test_what_two_readers_could_cut_differently_is_refused_and_nothing_behind_it_is_read(
    it: Gateway, path: str, lines: tuple[str, ...]
) -> None:
    inner, before = json.dumps(HELLO).encode(), len(it.fake.requests)
    behind = head_of(it, CHAT, f"Content-Length: {len(inner)}") + inner
    with connected(it) as connection:
        connection.sendall(head_of(it, path, *lines) + b"{}" + behind)
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), answer[:100]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert len(it.fake.requests) == before
