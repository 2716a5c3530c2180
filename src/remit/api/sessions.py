"""Signing in and out of a browser, and who one is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Request, Response
from pydantic import Field

from remit.api.access import PUBLIC, allow, csrf_of, everyone, people, signed_in
from remit.api.route import Route, peer_of
from remit.api.shapes import Asker, Body, Named, Shown
from remit.api.use_cases import UseCases
from remit.asgi.limits import RequestLimits, headers_of
from remit.control.signing_in import SignedIn
from remit.domain.identity import CredentialKind
from remit.domain.ids import CredentialId, UserId, WorkspaceName


class Password(Body):
    """Name and password. `workspace` is needed only where there are several."""

    person: Named
    password: Annotated[str, Field(min_length=1, max_length=1_000, json_schema_extra={"format": "password"})]
    workspace: Annotated[str, Field(max_length=128)] = ""


class Link(Body):
    """The secret of a sign-in link."""

    secret: Named


class SessionShown(Shown):
    """A session. `csrf` goes into the header X-CSRF-Token of every request that changes something.

    `groups` are those that the person is in by the active release: what they are asked to answer for.
    """

    workspace: str
    person: str
    name: str
    roles: list[str]
    groups: list[str]
    csrf: str
    expires_at: int | None


class CallerShown(Shown):
    """Who calls, as the credential says."""

    kind: str
    workspace: str
    person: str | None
    roles: list[str]
    agent: str | None
    run: str | None


class SessionRoutes:
    """Sessions."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("POST", "/session", self.sign_in, SessionShown, 201)
        yield Route("POST", "/session/link", self.use_link, SessionShown, 201)
        yield Route("GET", "/session", self.session, SessionShown)
        yield Route("DELETE", "/session", self.sign_out, None, 204)
        yield Route("GET", "/me", self.me, CallerShown)

    @allow(PUBLIC)
    def sign_in(self, body: Password, request: Request, response: Response) -> SessionShown:
        """Sign in with name and password; the answer sets the session's cookie."""
        workspace = WorkspaceName(body.workspace) if body.workspace else self._use.home_workspace()
        signed = self._use.signing_in.by_password(workspace, body.person, body.password, peer_of(request))
        return self._begin(signed, response)

    @allow(PUBLIC)
    def use_link(self, body: Link, request: Request, response: Response) -> SessionShown:
        """Sign in with the secret of a sign-in link, which works once."""
        return self._begin(self._use.signing_in.by_link(body.secret, peer_of(request)), response)

    @allow(signed_in())
    def session(self, caller: Asker, request: Request) -> SessionShown:
        """Return the session and its CSRF token."""
        secret = self._use.doorkeeper.session_of(headers_of(request.scope, RequestLimits()))
        account = self._use.people.named(caller.workspace, str(caller.person))
        found = self._use.store.credential(CredentialId(caller.credential))
        return SessionShown(
            workspace=caller.workspace,
            person=account.id,
            name=account.name,
            roles=sorted(caller.roles),
            groups=self._groups(caller.workspace, account.id),
            csrf=csrf_of(secret or ""),
            expires_at=None if found is None else found.expires_at,
        )

    @allow(people())
    def sign_out(self, caller: Asker, response: Response) -> None:
        """End the session; a token that is shown ends itself."""
        keeper = self._use.doorkeeper
        if caller.kind is CredentialKind.PERSON_TOKEN:
            by = str(caller.person)
            self._use.credentials.revoke(caller.workspace, CredentialId(caller.credential), by, "signed out")
            keeper.forget()
            return
        self._use.signing_in.sign_out(caller.workspace, CredentialId(caller.credential))
        response.delete_cookie(keeper.cookie, path="/", secure=keeper.secure, httponly=True, samesite="lax")

    @allow(everyone())
    def me(self, caller: Asker) -> CallerShown:
        """Return who calls."""
        return CallerShown(
            kind=caller.kind.value,
            workspace=caller.workspace,
            person=caller.person,
            roles=sorted(caller.roles),
            agent=caller.agent,
            run=caller.run,
        )

    def _groups(self, workspace: WorkspaceName, person: UserId) -> list[str]:
        rules = self._use.rules(workspace)
        groups = {} if rules is None else rules.configuration.groups
        return sorted(name for name, group in groups.items() if person in group.members)

    def _begin(self, signed: SignedIn, response: Response) -> SessionShown:
        set_session(response, self._use, signed)
        return SessionShown(
            workspace=signed.account.workspace,
            person=signed.account.id,
            name=signed.account.name,
            roles=sorted(signed.account.roles),
            groups=self._groups(signed.account.workspace, signed.account.id),
            csrf=csrf_of(signed.secret),
            expires_at=signed.session.expires_at,
        )


def set_session(response: Response, use: UseCases, signed: SignedIn) -> None:
    """Give the browser its session: in a cookie that no script reads and that no other site's request brings along."""
    response.set_cookie(
        use.doorkeeper.cookie,
        signed.secret,
        max_age=use.lifetimes.session_max_s,
        path="/",
        secure=use.doorkeeper.secure,
        httponly=True,
        samesite="lax",
    )
