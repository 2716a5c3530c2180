"""The control plane's routes in this process, on a database: who can open its file and its key may do everything."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, MutableMapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from fastapi import FastAPI

from remit.api.events import event_of
from remit.api.sole_server import address_of
from remit.cli.session import Session
from remit.cli.sse import events_of
from remit.cli.turned import Turned
from remit.compose import open_api
from remit.domain.identity import Caller, CredentialKind, Role
from remit.domain.ids import RunId, WorkspaceName
from remit.settings import SQLITE, Settings

PREFIX = "/api/v1"
LOOK_AGAIN_S = 0.25
PAGE = 500


class Present:
    """Knows who asks without a credential: the person at the keyboard, with every role."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def identify(self, headers: Mapping[str, str], peer: str, method: str = "GET") -> Caller:  # noqa: ARG002
        """Return the person."""
        return self._caller


def _address(settings: Settings) -> str:
    """Return what the setting says, else what the server has written beside its database."""
    said = ""
    if "public_url" not in settings.model_fields_set and settings.database_url.startswith(SQLITE):
        said = address_of(Path(settings.database_url.removeprefix(SQLITE)))
    return said or settings.public_url


class Local:
    """A Home on a database."""

    is_server = False

    def __init__(self, session: Session, workspace: WorkspaceName) -> None:
        self.session = session
        self.shown = session.parts.settings.database
        self.address = _address(session.parts.settings)
        self.workspace: str = workspace
        self.person: str = session.person
        self._where = workspace

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: object) -> Any:
        """See Home."""
        sent = None if body is None else json.dumps(body).encode()
        asked = urlencode({name: str(value) for name, value in query.items() if value not in (None, "")})
        status, text = asyncio.run(_asked(self._application, method, PREFIX + path, asked, sent))
        document = json.loads(text) if text else None
        if status >= 400:
            raise Turned(document or {}, status)
        return document

    def events(self, after: int | None) -> Iterator[Mapping[str, Any]]:
        """See Home."""
        store = self.session.parts.store
        last = self._newest() if after is None else after
        yield {"id": last}
        while True:
            found = store.records(self._where, last, PAGE)
            for seq, body in found:
                yield from events_of(event_of(seq, body, self._agent_of).line.decode().splitlines())
                last = seq
            if len(found) < PAGE:
                time.sleep(LOOK_AGAIN_S)

    def first_admin(self) -> Mapping[str, Any] | None:
        """Make the first admin and their sign-in link, as POST /people/{person}/sign-in-link tells of it.

        None where the workspace has people already.
        """
        from remit.control.attempts import Attempts
        from remit.control.passwords import Passwords
        from remit.control.signing_in import SigningIn

        parts = self.session.parts
        attempts = Attempts(parts.store, parts.clock)
        signing_in = SigningIn(parts.store, parts.clock, parts.ids, Passwords(), attempts, parts.settings.session_max_s)
        made = signing_in.first_admin(self._where, self.person)
        if made is None:
            return None
        return {"person": made.credential.holder, "secret": made.secret, "expires_at": made.credential.expires_at}

    @cached_property
    def _application(self) -> FastAPI:
        caller = Caller(CredentialKind.SESSION, self._where, "", self.session.person, frozenset(Role))
        return open_api(self.session.parts, None, present=Present(caller))

    def _newest(self) -> int:
        from remit.storage.seals import seals_of

        return seals_of(self.session.parts.store).head(self._where).last_seq

    def _agent_of(self, run: str) -> str | None:
        found = self.session.parts.store.run(RunId(run))
        return None if found is None else found.agent


async def _asked(app: FastAPI, method: str, path: str, query: str, body: bytes | None) -> tuple[int, bytes]:
    """Send one request to an ASGI application in this process."""
    headers = [] if body is None else [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": None,
        "server": ("localhost", 0),
    }
    status, parts, received = 0, [], False

    async def receive() -> dict[str, Any]:
        nonlocal received
        if received:
            return {"type": "http.disconnect"}
        received = True
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, b"".join(parts)
