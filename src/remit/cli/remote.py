"""The control plane's routes at a server, asked with a person's token."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import click

from remit import __version__
from remit.cli.output import clean, note
from remit.cli.places import PlaceUnusable, Server
from remit.cli.sse import events_of
from remit.cli.turned import Turned

PREFIX = "/api/v1"
MAX_ANSWER = 64 * 1_048_576
TIMEOUT_S = 30.0
"""How long a server may take to accept a connection, and then to send the next part of its answer."""
STREAM_TIMEOUT_S = 45.0
"""How long a stream may be silent: three heartbeats of the server."""
TRIES = 3
LONGEST_PAUSE_S = 10.0


class Unreachable(click.ClickException):
    """The server did not answer, or it is no Remit. The message says what to look at."""

    exit_code = 2


class Remote:
    """A Home at a server.

    Every request that changes something carries an Idempotency-Key and keeps it when it is sent again after a broken
    connection: it happens once.
    """

    is_server = True

    def __init__(self, server: Server, workspace: str = "") -> None:
        """Raises PlaceUnusable for an address that can not be used, and for another workspace than the token's."""
        parts = urlsplit(server.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise PlaceUnusable("the server's address must be https://HOST or http://HOST, without name and password")
        is_near = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
        if parts.scheme == "http" and not is_near and os.environ.get("REMIT_UNENCRYPTED", "") not in ("1", "true"):
            raise PlaceUnusable(
                f"http://{parts.hostname} would send your token in the clear: use https://, or set REMIT_UNENCRYPTED=1"
                " where the network is yours alone"
            )
        if not (server.token.isascii() and server.token.isprintable() and " " not in server.token):
            raise PlaceUnusable("the token is none: it holds characters that no token has")
        if workspace and server.workspace and workspace != server.workspace:
            raise PlaceUnusable(
                f"you are signed in to workspace {server.workspace} of {server.url}, not to {workspace}:"
                " sign in there, or leave the workspace out"
            )
        self.shown = self.address = server.url
        self.workspace = server.workspace or workspace
        self.person = server.person
        self.expires_at = server.expires_at
        self._server = server
        self._host, self._port, self._below = parts.hostname, parts.port, parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None
        self._session: dict[str, str] = {}  # headers of a session, where a person has signed in for this command

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session that was begun for this command, and hang up."""
        if self._session:
            try:
                self.ask("DELETE", "/session")
            except click.ClickException:
                note("Your session could not be ended; it ends by itself when it is not used.")
            self._session = {}
        self._drop()

    # -- asking

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: object) -> Any:
        """See Home."""
        asked = urlencode({name: str(value) for name, value in query.items() if value not in (None, "")})
        sent = None if body is None else json.dumps(body).encode()
        target = f"{PREFIX}{path}{'?' if asked else ''}{asked}"
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        try:
            return self._answered(method, target, sent, headers)
        except Turned as refused:
            is_agent = str(refused.problem.get("detail")).endswith(("an agent's key", "a run's token"))
            needs_session = refused.code in ("credential_kind", "sign_in_needed") and not is_agent
            if not needs_session or self._session:
                raise
            self._sign_in_for_this(refused)
            return self._answered(method, target, sent, {**headers, "Idempotency-Key": str(uuid.uuid4())})

    def public(self, path: str) -> Any:
        """Ask a route outside /api/v1."""
        return self._answered("GET", path, None, {})

    def begin_session(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Sign in with a password (`/session`) or a link (`/session/link`); what follows is asked in that session."""
        response = self._sent("POST", PREFIX + path, json.dumps(body).encode(), {})
        document: Mapping[str, Any] = self._document(response)
        if response.status >= 300:
            raise Turned(document, response.status)
        cookies = [value.partition(";")[0] for value in response.headers.get_all("Set-Cookie", [])]
        self._session = {"Cookie": "; ".join(cookies), "X-CSRF-Token": str(document.get("csrf", ""))}
        return document

    def _sign_in_for_this(self, refused: Turned) -> None:
        """Ask for the password: what a leaked token must not do needs the person."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            if refused.code == "sign_in_needed":  # it says where to answer instead
                raise refused
            raise Turned(
                {
                    **refused.problem,
                    "code": "session_needed",
                    "detail": "a token may not do this: it needs you signed in",
                    "remedy": "Run it on a terminal, where your password is asked for; or on the database itself",
                }
            ) from refused
        person = self.person or str(self._answered("GET", f"{PREFIX}/me", None, {})["person"])
        password = click.prompt(f"Password of {clean(person)} at {self.shown}", hide_input=True, err=True)
        self.begin_session("/session", {"person": person, "password": password, "workspace": self.workspace})

    def _answered(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        pause_s, why = 0.3, ""
        for number in range(TRIES):
            if number:
                time.sleep(pause_s)
                pause_s *= 3
            response = self._sent(method, target, body, headers)
            try:
                document = self._document(response)
            except (OSError, http.client.HTTPException) as error:
                why = _said(error)
                continue
            if response.status < 300:
                return document
            if response.status not in (502, 503, 504) or number == TRIES - 1:
                raise Turned(document, response.status)
            why = f"{response.status}: {document.get('detail', '')}"
        raise Unreachable(f"{self.shown} broke off its answer ({why}): check that the server runs")

    def _sent(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float = TIMEOUT_S
    ) -> http.client.HTTPResponse:
        """Send one request. One that broke off before an answer began is sent again: a write is under its key."""
        whole = {
            "Accept": "application/json",
            "User-Agent": f"remit-cli/{__version__}",
            **headers,
            **self._credential(),
        }
        if body is not None:
            whole["Content-Type"] = "application/json"
        for number in range(2):
            is_kept = self._connection is not None
            connection = self._connection = self._connection or self._new(timeout_s)
            try:
                connection.request(method, self._below + target, body, whole)
                return connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if number or not (is_kept or isinstance(error, http.client.RemoteDisconnected)):
                    raise self._unreachable(error) from error
        raise AssertionError("the loop returns or raises")

    def _credential(self) -> dict[str, str]:
        if self._session:
            return self._session
        return {"Authorization": f"Bearer {self._server.token}"} if self._server.token else {}

    def _new(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _document(self, response: http.client.HTTPResponse) -> Any:
        """Read an answer to its end. One that can not be read leaves no connection behind."""
        try:
            content = response.read(MAX_ANSWER)
        except BaseException:
            self._drop()
            raise
        if response.will_close or not response.isclosed():
            self._drop()
        if not content and response.status < 300:
            return {}
        try:
            document = json.loads(content)
        except ValueError:
            document = None
        if not isinstance(document, dict) or (response.status >= 300 and "code" not in document):
            raise Unreachable(
                f"{self.shown} answered {response.status}, and not as Remit does: check the address in"
                " `remit context show`"
            )
        return document

    def _unreachable(self, error: Exception) -> Unreachable:
        if isinstance(error, ssl.SSLCertVerificationError):
            said = f"its certificate is not trusted: {error.verify_message}. SSL_CERT_FILE names a file of authorities"
        elif isinstance(error, TimeoutError):
            said = f"no answer within {TIMEOUT_S:g} s. Check that the server runs, and the network"
        else:
            said = f"{_said(error)}. Check the address, and that the server runs"
        return Unreachable(f"{self.shown} can not be reached: {said}")

    # -- following

    def events(self, after: int | None, waited: Callable[[float], None] = time.sleep) -> Iterator[Mapping[str, Any]]:
        """See Home. A stream that breaks is taken up behind the last event that came."""
        stream = Remote(self._server)  # a connection of its own: who follows asks for details beside it
        last, pause_s = after, 0.0
        while True:
            try:
                for event in stream._stream(last):
                    last, pause_s = event["id"], 0.0
                    yield event
                why = "the stream ended"
            except (OSError, http.client.HTTPException, Unreachable) as error:
                why = str(error) or type(error).__name__
            except Turned as refused:
                if refused.status != 429 and refused.status < 500:
                    raise
                why = str(refused)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2 or 0.5)
            if pause_s > 0.5:  # one break is no news: servers are restarted
                note(f"Trying again in {pause_s:g} s: {why}.")
            waited(pause_s)

    def _stream(self, after: int | None) -> Iterator[Mapping[str, Any]]:
        headers = {"Accept": "text/event-stream"} | ({} if after is None else {"Last-Event-ID": str(after)})
        response = self._sent("GET", f"{PREFIX}/events", None, headers, STREAM_TIMEOUT_S)
        try:
            if response.status >= 300:
                raise Turned(self._document(response), response.status)
            yield from events_of(raw.decode("utf-8", "replace").rstrip("\r\n") for raw in response)
        finally:
            response.close()
            self._drop()


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"
