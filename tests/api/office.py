"""A control plane on a world of the tests, asked in this process, and callers of every kind.

with office(tmp_path) as it:
    it.ask("GET", "/api/v1/runs", it.token(Role.VIEWER))
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from remit.compose import open_api
from remit.control.attempts import Attempts
from remit.control.credentials import Credentials
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.control.signing_in import SigningIn
from remit.control.tokens import RunTokens
from remit.domain.identity import Role
from remit.domain.ids import AgentName, CredentialId, RunId, UserId
from remit.storage.sealed import KeyFile, Keyring
from tests.worlds import WORKSPACE, World, agent, world

PREFIX = "/api/v1"
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
"""Hashes that cost nothing; what real ones cost is argon2's own business."""
TWO_AGENTS = {"agents/seller.yaml": agent("seller")}


@dataclass(frozen=True)
class Shows:
    """What a caller shows."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""


NOBODY = Shows("nobody")


@dataclass
class Office:
    """The control plane, and who calls it."""

    world: World
    app: FastAPI = field(init=False)
    client: TestClient = field(init=False)
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = open_api(self.world.parts, self.world.queue)
        self.client = TestClient(self.app, raise_server_exceptions=True)

    def ask(self, method: str, path: str, who: Shows = NOBODY, body: Any = None, **headers: str) -> Any:
        """Send one request; `body` is written as JSON, text goes as it is."""
        sent = {**who.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        content = body if body is None or isinstance(body, str) else json.dumps(body)
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        self.client.cookies.clear()
        return self.client.request(method, path, content=content, headers=sent)

    # -- callers

    @property
    def people(self) -> People:
        return People(self.world.store, self.world.clock, self.world.ids, QUICK)

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.world.store, self.world.clock, self.world.ids)

    @property
    def signing_in(self) -> SigningIn:
        it = self.world
        return SigningIn(it.store, it.clock, it.ids, QUICK, Attempts(it.store, it.clock), 43_200)

    @cached_property
    def tokens(self) -> RunTokens:
        it = self.world
        path = it.parts.settings.key_path
        assert path is not None
        return RunTokens(it.store, Keyring(KeyFile(path)), it.clock, it.ids)

    def person(self, *roles: Role) -> UserId:
        """A person with just these roles, added when first asked for."""
        id = UserId(f"user:{'-'.join(sorted(roles)) or 'nobody'}")
        if self.world.store.account(WORKSPACE, id) is None:
            self.people.add(WORKSPACE, id, roles, "user:test")
        return id

    def token(self, *roles: Role) -> Shows:
        made = self.credentials.make_person_token(WORKSPACE, self.person(*roles), "user:test", "", 3_600)
        return self._bearer(f"token of {sorted(roles)}", made.secret)

    def session(self, *roles: Role, csrf: bool = True) -> Shows:
        return self.session_of(self.person(*roles), f"session of {sorted(roles)}", csrf=csrf)

    def session_of(self, person: UserId, name: str = "", *, csrf: bool = True) -> Shows:
        link = self.signing_in.one_time_link(WORKSPACE, person, "user:test")
        signed = self.ask("POST", f"{PREFIX}/session/link", body={"secret": link.secret})
        secret = signed.cookies["remit_session"]
        self.made += [link.secret, secret]
        headers = {"Cookie": f"remit_session={secret}"} | ({"X-CSRF-Token": signed.json()["csrf"]} if csrf else {})
        return Shows(f"{name or person}{'' if csrf else ' without CSRF token'}", headers, secret)

    def agent(self, name: str = "buyer") -> Shows:
        return self._bearer(
            f"key of {name}", self.credentials.make_agent_key(WORKSPACE, AgentName(name), "user:test").secret
        )

    def run_token(self, run: RunId, agent: str = "buyer") -> Shows:
        key = self.credentials.make_agent_key(WORKSPACE, AgentName(agent), "user:test")
        token, _ = self.tokens.issue(WORKSPACE, AgentName(agent), run, CredentialId(key.credential.id), 900)
        return self._bearer("token of a run", token)

    def _bearer(self, name: str, secret: str) -> Shows:
        self.made.append(secret)
        return Shows(name, {"Authorization": f"Bearer {secret}"}, secret)


@contextmanager
def office(folder: Path, changes: Mapping[str, str | None] | None = None) -> Iterator[Office]:
    """A control plane over a new world with two agents."""
    with world(folder, {**TWO_AGENTS, **(changes or {})}) as it:
        opened = Office(it)
        with opened.client:
            yield opened


def office_of(world: World, workspace: str, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office of a world with a workspace of another name."""
    for module in ("tests.api.office", "tests.worlds"):
        monkeypatch.setattr(f"{module}.WORKSPACE", workspace)
    return Office(world)
