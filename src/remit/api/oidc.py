"""Signing in through an identity provider."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import RedirectResponse

from remit.api.access import PUBLIC, allow
from remit.api.provider import Begun, Provider, ProviderFailed
from remit.api.route import Route
from remit.api.sessions import set_session
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.control.people import USER
from remit.control.signing_in import SignInRefused
from remit.domain.clock import MICROS_PER_SECOND
from remit.domain.identity import Role
from remit.domain.ids import UserId
from remit.domain.text import is_name
from remit.storage.sealed import KeyWrapper, PayloadLost

PATH = "/session/oidc"
COOKIE = "remit_oidc"
LASTING_S = 600
"""How long somebody may take at the provider."""


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """From claims to a person: which claim names them, which lists groups, and the roles each group brings."""

    person: str
    groups: str
    roles: Mapping[str, frozenset[Role]]

    def roles_of(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        """Return the roles of every group that is mapped."""
        told = claims.get(self.groups)
        groups = [told] if isinstance(told, str) else told if isinstance(told, list) else []
        return frozenset(role for group in groups for role in self.roles.get(str(group), ()))

    def person_of(self, claims: Mapping[str, Any]) -> UserId:
        """Return the id a new person gets. Raises SignInRefused."""
        name = str(claims.get(self.person, "")).partition("@")[0]
        if not is_name(name):
            raise SignInRefused(f"the claim {self.person} is no name that a person can have here")
        return UserId(USER + name)


class OidcRoutes:
    """To the provider, and back."""

    def __init__(self, use: UseCases, provider: Provider, rules: ClaimRules, wrapper: KeyWrapper, prefix: str) -> None:
        self._use = use
        self._provider = provider
        self._rules = rules
        self._wrapper = wrapper
        self._path = prefix + PATH

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", PATH, self.begin, None, 303, form=RedirectResponse)
        yield Route("GET", PATH + "/callback", self.come_back, None, 303, form=RedirectResponse)

    @allow(PUBLIC)
    def begin(self) -> RedirectResponse:
        """Send the browser to the identity provider."""
        begun = Begun.new()
        try:
            answer = RedirectResponse(self._provider.address(begun), 303)
        except ProviderFailed as error:
            raise _failed(error) from None
        content = json.dumps({**asdict(begun), "until": self._use.clock.now() + LASTING_S * MICROS_PER_SECOND})
        sealed = base64.urlsafe_b64encode(self._wrapper.wrap(content.encode(), COOKIE)).decode()
        secure = self._use.doorkeeper.secure
        # Lax: the provider's redirect back is a navigation from another site, and must bring it.
        answer.set_cookie(
            COOKIE, sealed, max_age=LASTING_S, path=self._path, secure=secure, httponly=True, samesite="lax"
        )
        return answer

    @allow(PUBLIC)
    def come_back(
        self,
        request: Request,
        state: Annotated[str, Query(max_length=200)],
        code: Annotated[str, Query(max_length=2_000)] = "",
    ) -> RedirectResponse:
        """Sign in whom the identity provider sends back."""
        begun = self._begun(request.cookies.get(COOKIE, ""))
        if begun is None or not secrets.compare_digest(state.encode(), begun.state.encode()):
            raise Refusal(401, "not_signed_in", "this sign-in was not begun here, or too long ago", "Begin again")
        if not code:
            raise Refusal(401, "not_signed_in", "the identity provider did not sign anybody in", "Begin again")
        try:
            claims = self._provider.identity(code, begun)
        except ProviderFailed as error:
            raise _failed(error) from None
        workspace, subject = self._use.home_workspace(), f"{claims['iss']} {claims['sub']}"
        roles = self._rules.roles_of(claims)
        if not roles:
            self._use.signing_in.turn_away(workspace, subject)
        signed = self._use.signing_in.by_subject(workspace, subject, roles, self._rules.person_of(claims))
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, path=self._path)
        set_session(answer, self._use, signed)
        return answer

    def _begun(self, cookie: str) -> Begun | None:
        try:
            told = json.loads(self._wrapper.unwrap(base64.urlsafe_b64decode(cookie), COOKIE))
        except (PayloadLost, binascii.Error, ValueError):
            return None
        if self._use.clock.now() >= told.pop("until"):
            return None
        return Begun(**told)


def _failed(error: ProviderFailed) -> Refusal:
    return Refusal(502, "provider_failed", str(error), "Try again; else ask who looks after the identity provider")
