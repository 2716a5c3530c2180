"""Who may call a route. Every route declares it; one that does not keeps the application from being made.

What a credential is decides first, and roles are looked at for people only: an agent's key can be given no role that
would let it approve, administer or lift a stop.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeVar

from remit.asgi.answers import Refusal
from remit.control.attempts import Attempts, TooManyAttempts
from remit.control.proof import Proof
from remit.domain.identity import AGENTS, PEOPLE, Caller, CredentialKind, Role

F = TypeVar("F", bound=Callable[..., Any])

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""
CSRF_HEADER = "x-csrf-token"
_DECLARED = "__remit_access__"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a route. No kinds at all: everybody may, and nobody is asked who they are."""

    kinds: frozenset[CredentialKind]
    roles: frozenset[Role] = frozenset()

    @property
    def is_public(self) -> bool:
        """Whether nobody is asked who they are."""
        return not self.kinds

    def check(self, caller: Caller) -> None:
        """Raise Refusal where this caller may not."""
        if caller.kind not in self.kinds:
            raise Refusal(
                403,
                "credential_kind",
                f"this is not for {_WORDS[caller.kind]}",
                f"Use {' or '.join(_WORDS[kind] for kind in sorted(self.kinds))}",
            )
        if caller.is_person and not caller.roles & self.roles:
            raise Refusal(
                403,
                "role_missing",
                f"{caller.person} has none of the roles this needs",
                f"Ask an admin for one of: {', '.join(sorted(self.roles))}",
            )


_WORDS = {
    CredentialKind.SESSION: "a signed-in person",
    CredentialKind.PERSON_TOKEN: "a person's token",
    CredentialKind.AGENT_KEY: "an agent's key",
    CredentialKind.RUN_TOKEN: "a run's token",
}

ANYBODY = frozenset(Role)
PUBLIC = Access(frozenset())


def people(*roles: Role) -> Access:
    """People with one of these roles; without any named, all people of the workspace."""
    return Access(PEOPLE, frozenset(roles) or ANYBODY)


def signed_in(*roles: Role) -> Access:
    """People in a session, not with a token: what a leaked token must not do."""
    return Access(frozenset({CredentialKind.SESSION}), frozenset(roles) or ANYBODY)


def everyone() -> Access:
    """All people of the workspace, and agents for what is their own: the route sees to that."""
    return Access(PEOPLE | AGENTS, ANYBODY)


def agent_keys() -> Access:
    """Agents with their long-lived key."""
    return Access(frozenset({CredentialKind.AGENT_KEY}))


def allow(access: Access) -> Callable[[F], F]:
    """Declare who may call the function that answers a route."""

    def declare(function: F) -> F:
        setattr(function, _DECLARED, access)
        return function

    return declare


class Undeclared(TypeError):
    """A route does not say who may call it."""


def declared(function: Callable[..., Any]) -> Access:
    """Return what a route declares. Raises Undeclared."""
    access = getattr(function, _DECLARED, None)
    if not isinstance(access, Access):
        raise Undeclared(f"{function.__module__}.{function.__qualname__} does not declare who may call it: add @allow")
    return access


def csrf_of(session: str) -> str:
    """Return the token that a browser must send beside this session's cookie to change anything.

    It follows from the session's secret, so nobody can set a pair of their own making.
    """
    return hmac.digest(session.encode(), b"remit csrf", hashlib.sha256).hex()


class Doorkeeper:
    """Says who calls, from the headers alone. Framework free, so that the raw routes ask it too."""

    def __init__(self, proof: Proof, attempts: Attempts, *, secure: bool) -> None:
        """Begin. `secure` says that browsers come over TLS: then the cookie has its `__Host-` name (RFC 6265bis)."""
        self._proof = proof
        self._attempts = attempts
        self.secure = secure
        self.cookie = "__Host-remit_session" if secure else "remit_session"

    def authenticate(self, headers: Mapping[str, str], peer: str) -> Caller:
        """Return who calls. An agent that was identified within the last second is not looked up again.

        Args:
            headers: by lower-case name.
            peer: the address of whoever connected.

        Raises:
            Refusal: 401 for none or a wrong credential, 429 for a peer that has shown too many wrong ones.
        """
        secret = _bearer(headers)
        if secret is not None:
            caller = self._proof.quickly(secret)
            if caller is not None:
                return caller
        return self.identify(headers, peer)

    def identify(self, headers: Mapping[str, str], peer: str, method: str = "GET") -> Caller:
        """Return who calls as `authenticate` does, always by the database, and check the CSRF token of a session."""
        secret = _bearer(headers)
        session = self.session_of(headers) if secret is None else None
        shown = secret if session is None else session
        if shown is None:
            raise Refusal(
                401, "not_signed_in", "no credential was shown", "Sign in, or send Authorization: Bearer and a key"
            )
        caller = self._proof.of(shown)
        # A session counts in its cookie only, and everything else in the header only.
        if caller is None or (caller.kind is CredentialKind.SESSION) is (session is None):
            raise self._wrong(peer)
        if session is not None and method not in SAFE:
            given = headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode("utf-8", "replace"), csrf_of(session).encode()):
                raise Refusal(
                    403,
                    "csrf",
                    "the request does not carry the session's CSRF token",
                    "Send the csrf value of GET /api/v1/session as X-CSRF-Token",
                    field="X-CSRF-Token",
                )
        if caller.kind in AGENTS:
            self._proof.keep(shown, caller)
        return caller

    def session_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the session's secret in the cookie, or None."""
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return None
        return found.value if found is not None and found.value else None

    def forget(self) -> None:
        """Look everybody up again: something was revoked."""
        self._proof.forget()

    def _wrong(self, peer: str) -> Refusal:
        """Count it, and turn it away. A right credential is let in however many wrong ones its address has shown."""
        key = f"address:{peer}"
        try:
            self._attempts.check([key])
        except TooManyAttempts as error:
            return Refusal(429, "too_many_attempts", str(error), "Wait", retry_after_s=error.wait_s)
        self._attempts.failed([key])
        return Refusal(401, "not_valid", "the credential is not valid", "Sign in again, or use another key")


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" and secret.strip() else None
