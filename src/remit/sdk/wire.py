"""Requests to a server and its answers: connections that are kept, tries under one key, problems turned into errors."""

from __future__ import annotations

import contextlib
import http.client
import os
import queue
import random
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import orjson

from remit.domain.arguments import BadArguments
from remit.sdk.errors import Refused, Unavailable, Unreachable

MAX_IDLE = 64
"""Connections that are kept for the next call."""
IDLE_S = 15.0
"""How long one is kept; the server closes them after 30 s."""
MAX_ANSWER = 8 * 1_048_576
LONGEST_PAUSE_S = 2.0

_AGAIN = (408, 425, 429, 502, 503, 504)
_SAYS_IT_ALL = frozenset({"run_refused", "release_unusable", "key_reused", "nothing_open", "nothing_asked", "erased"})
_Connection: TypeAlias = http.client.HTTPConnection


@dataclass(frozen=True, slots=True)
class Reach:
    """How a server is reached.

    Attributes:
        url: http:// or https://, with a path where the server is below one.
        api_key: of an agent, as `remit keys` makes them.
        timeout_s: how long one try may take to connect, and then to answer.
        tries: how often a request is sent at most, always under the same key.
        unencrypted: whether the key may cross a network in the clear.
    """

    url: str
    api_key: str = field(repr=False)
    timeout_s: float = 10.0
    tries: int = 3
    unencrypted: bool = False


class NoSuchThing(Refused):
    """The server knows nothing of this name that is the caller's."""


class Wire:
    """One server. Safe to use from any number of threads."""

    def __init__(self, reach: Reach) -> None:
        """Raises Refused for an address that can not be used."""
        parts = urlsplit(reach.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise Refused("the server's address must be https://HOST or http://HOST, without name and password in it")
        if parts.scheme == "http" and not reach.unencrypted and not _is_this_machine(parts.hostname):
            raise Refused(
                f"http://{parts.hostname} would send the key in the clear: use https://, or set REMIT_UNENCRYPTED=1"
                " where the network is yours alone"
            )
        if not reach.api_key:
            raise Refused("no key is given: set REMIT_API_KEY to a key of the agent, as `remit keys` makes them")
        if not (reach.api_key.isascii() and reach.api_key.isprintable() and " " not in reach.api_key):
            raise Refused("REMIT_API_KEY is no key: it holds characters that no key has")
        self._reach = reach
        self._host, self._port, self._below = parts.hostname, parts.port, parts.path.rstrip("/")
        self._shown = f"{parts.scheme}://{parts.netloc}"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: queue.LifoQueue[tuple[_Connection, float]] = queue.LifoQueue(MAX_IDLE)
        self._process = os.getpid()
        self._forked = threading.Lock()  # guards the two above against a fork between threads

    def ask(self, method: str, path: str, body: bytes | None, more_s: float = 0.0) -> Mapping[str, Any]:
        """Send a request until there is an answer. Raises Unavailable, Refused, NoSuchThing and BadArguments.

        Unreachable, which is Unavailable, where no try was answered at all.
        """
        pause_s, why = 0.1, ""
        kind: type[Unavailable] = Unreachable
        for number in range(self._reach.tries):
            if number:
                time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - so that many do not come back as one
                pause_s = min(pause_s * 4, LONGEST_PAUSE_S)
            try:
                status, document = self._once(method, path, body, more_s)
            except (OSError, http.client.HTTPException) as error:
                why = f"{type(error).__name__}: {error}"
                continue
            if status < 300:
                return document
            kind = Unavailable  # somebody is there
            why = f"{status}: {document.get('detail', 'no Remit answered')}"
            if status not in _AGAIN:
                raise _error_of(status, document, self._shown)
        raise kind(
            f"{self._shown} can not be asked ({why}): nothing was admitted. Check REMIT_URL, and that the server runs"
        )

    def stream(self, path: str, silence_s: float) -> tuple[_Connection, http.client.HTTPResponse]:
        """Open a stream on a connection of its own, which the caller closes; it breaks after so long without a word.

        Raises what a request raises, tried once, and OSError where the connection breaks.
        """
        connection = self._new(silence_s)
        try:
            headers = {"Authorization": f"Bearer {self._reach.api_key}", "Accept": "text/event-stream"}
            response = self._sent(connection, "GET", path, None, headers)
            if response.status >= 300:
                raise _error_of(response.status, _document(response.read(MAX_ANSWER)), self._shown)
        except BaseException:
            connection.close()
            raise
        return connection, response

    @staticmethod
    def cut(connection: _Connection) -> None:
        """End a stream that another thread reads."""
        with contextlib.suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of every connection."""
        while True:
            try:
                self._idle.get_nowait()[0].close()
            except queue.Empty:
                return

    def _once(self, method: str, path: str, body: bytes | None, more_s: float) -> tuple[int, Mapping[str, Any]]:
        connection, is_kept = self._taken(more_s)
        headers = {"Authorization": f"Bearer {self._reach.api_key}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            try:
                response = self._sent(connection, method, path, body, headers)
            except (ConnectionError, http.client.BadStatusLine):
                if not is_kept:
                    raise
                # The server has closed a connection that was kept: that says nothing about the server.
                connection.close()
                response = self._sent(connection, method, path, body, headers)
            content = response.read(MAX_ANSWER + 1)
        except BaseException:
            connection.close()
            raise
        if len(content) > MAX_ANSWER or response.will_close:
            connection.close()
        else:
            self._keep(connection)
        return response.status, _document(content)

    def _sent(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> http.client.HTTPResponse:
        connection.request(method, self._below + path, body, headers)
        return connection.getresponse()

    def _taken(self, more_s: float) -> tuple[_Connection, bool]:
        timeout_s = self._reach.timeout_s + more_s
        self._check_process()
        while True:
            try:
                connection, since = self._idle.get_nowait()
            except queue.Empty:
                return self._new(timeout_s), False
            if time.monotonic() - since < IDLE_S and connection.sock is not None:
                connection.sock.settimeout(timeout_s)
                connection.timeout = timeout_s
                return connection, True
            connection.close()

    def _new(self, timeout_s: float) -> _Connection:
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)

    def _keep(self, connection: _Connection) -> None:
        try:
            self._idle.put_nowait((connection, time.monotonic()))
        except queue.Full:
            connection.close()

    def _check_process(self) -> None:
        """A forked process begins with connections of its own: two on one would read each other's answers."""
        if os.getpid() != self._process:
            with self._forked:
                if os.getpid() != self._process:
                    self._idle = queue.LifoQueue(MAX_IDLE)
                    self._process = os.getpid()


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _error_of(status: int, problem: Mapping[str, Any], server: str) -> Exception:
    """Turn a problem document into the error that the port promises."""
    code, detail, remedy = (str(problem.get(name, "")) for name in ("code", "detail", "remedy"))
    if not code:
        return Unavailable(f"{server} answered {status}, and not as Remit does: check REMIT_URL")
    if code.startswith("arguments."):
        return BadArguments(code.removeprefix("arguments."), str(problem.get("field", "")), detail, remedy)
    if status == 413:
        return BadArguments("too_large", "", detail, remedy)
    if status in (401, 403):
        return Refused(f"{detail}. {remedy}.")
    if code in _SAYS_IT_ALL:
        return Refused(detail)
    if status == 404:
        return NoSuchThing(f"{detail}. {remedy}.")
    if status >= 500:
        return Unavailable(detail)
    return Refused(f"{problem.get('field') or 'the request'}: {detail}. {remedy}.")
