"""A way through to a server that adds a credential: for clients, such as the suite, that cannot send one.

Every byte of a request goes on as it came, Host and blanks included; one header line is added to its head.
"""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
LONGEST_HEAD = 65_536


def passed(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until one of the two has had enough."""
    with contextlib.suppress(OSError):
        while some := source.recv(65_536):
            target.sendall(some)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def head_of(reading: BufferedIOBase) -> bytes:
    """Return the head of the next request, without its last empty line; nothing at the end."""
    head = b""
    while line := reading.readline(LONGEST_HEAD):
        if line == b"\r\n":
            return head
        head += line
        assert len(head) < LONGEST_HEAD
    return b""


class Door(socketserver.ThreadingTCPServer):
    """Listens at a free port."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, key: str) -> None:
        super().__init__(("127.0.0.1", 0), Passage)
        self.behind = (host, port)
        self.line = f"Authorization: Bearer {key}\r\n".encode()


class Passage(socketserver.StreamRequestHandler):
    """One connection."""

    server: Door

    def handle(self) -> None:
        with socket.create_connection(self.server.behind) as behind:
            back = threading.Thread(target=passed, args=(behind, self.connection), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while head := head_of(self.rfile):
                    length = LENGTH.search(head)
                    body = self.rfile.read(int(length[1])) if length else b""
                    behind.sendall(head + self.server.line + b"\r\n" + body)
            with contextlib.suppress(OSError):
                behind.shutdown(socket.SHUT_RDWR)
            back.join(10)


@contextmanager
def keyed(host: str, port: int, key: str) -> Iterator[int]:
    """Return a port through which requests reach a server with the credential."""
    with Door(host, port, key) as door:
        thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield int(door.server_address[1])
        finally:
            door.shutdown()
            thread.join()
