"""Whom messages go to in tests: a webhook and a mail server on this machine."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Webhook:
    """Keeps what is posted to it; `status` is what it answers."""

    port: int = 0
    status: int = 200
    tries: int = 0
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def webhook() -> Iterator[Webhook]:
    kept = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.tries += 1
            if kept.status == 200:
                kept.got.append((self.path, json.loads(body)))
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_port
        yield from _serving(server, kept)


@dataclass
class Mailbox:
    """Keeps what is sent to it, and the credentials that were shown."""

    port: int = 0
    refuses: bool = False
    shown: list[str] = field(default_factory=list)
    got: list[tuple[str, str, str]] = field(default_factory=list)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A server that speaks as much of RFC 5321 and of AUTH PLAIN (RFC 4954) as a sender needs."""
    kept = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 posts")
            while line := self.rfile.readline():
                verb, _, rest = line.decode().strip().partition(" ")
                if verb.upper() == "QUIT":
                    self.say("221 bye")
                    return
                self.answer(verb.upper(), rest)

        def answer(self, verb: str, rest: str) -> None:
            if verb == "EHLO":
                self.say("250-posts\r\n250 AUTH PLAIN")
            elif verb == "AUTH":
                kept.shown.append(base64.b64decode(rest.split()[1]).decode())
                self.say("235 welcome")
            elif verb == "RCPT" and kept.refuses:
                self.say("550 nobody of that name")
            elif verb == "DATA":
                self.say("354 go on")
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line)
                mail = message_from_bytes(b"".join(lines), policy=policy.default)
                body = mail.get_body(("plain",))
                kept.got.append((str(mail["To"]), str(mail["Subject"]), "" if body is None else body.get_content()))
                self.say("250 taken")
            else:
                self.say("250 fine")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_address[1]
        yield from _serving(server, kept)


def _serving(server: socketserver.BaseServer, kept: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join(5)
