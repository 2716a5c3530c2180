"""An OpenID Connect provider, as its client sees it: discovery, authorization code with PKCE, a verified identity.

OpenID Connect Core 1.0, section 3.1; PKCE is RFC 7636 with S256; what a client must check of an ID token is section
3.1.3.7.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant

ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "ES384", "RS512", "ES512", "Ed25519")
"""Signatures only, and none with a shared secret: a public key can not be taken for one."""
TIMEOUT_S = 5.0
MAX_BYTES = 1_048_576
KEPT_S = 600
"""How long the provider's own description is kept."""
KEYS_KEPT_S = 60
"""How long its keys are taken for its keys where many tokens are shown."""
KEYS_FRESH_S = 5
"""How old they may be when a token does not fit them: it may be signed by a key that is new there."""
SKEW_S = 60


class ProviderFailed(Exception):
    """The provider did not answer as it must. The message names the step, and nothing it said."""


class TokenUnfit(ProviderFailed):
    """An identity token that says nothing here: not the provider's, for somebody else, or over."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What a sign-in began with; it comes back in a sealed cookie."""

    state: str
    nonce: str
    verifier: str = field(repr=False)

    @classmethod
    def new(cls) -> Begun:
        """Return fresh random values."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to the provider."""

    issuer: str
    id: str
    redirect: str
    secret: str = field(repr=False, default="")
    others: tuple[str, ...] = ()
    """Other clients of the provider: an identity token made for one of them may be shown for a person, too."""


class Provider:
    """One provider. Safe to use from any thread."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._told: tuple[Instant, Mapping[str, Any]] | None = None  # guarded by _lock, as is the next
        self._keys: tuple[Instant, KeySet] | None = None

    def address(self, begun: Begun) -> str:
        """Return where to send the browser. Raises ProviderFailed."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect,
            "scope": "openid profile email",
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        at = self._endpoint("authorization_endpoint")
        return f"{at}{'&' if '?' in at else '?'}{urlencode(query)}"

    def identity(self, code: str, begun: Begun) -> Mapping[str, Any]:
        """Return the claims of whoever came back with a code. Raises ProviderFailed."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect,
            "client_id": self._client.id,
            "code_verifier": begun.verifier,
        }
        if self._client.secret:
            form["client_secret"] = self._client.secret
        answer = _fetched(self._endpoint("token_endpoint"), urlencode(form).encode())
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderFailed("the identity provider gave no identity token")
        claims = self._claims(token, 0, (self._client.id,))
        if not secrets.compare_digest(str(claims.get("nonce")).encode(), begun.nonce.encode()):
            raise TokenUnfit("the identity token is not for this sign-in")
        return claims

    def holder(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that somebody shows who does not sign in: an agent, for whom it acts.

        So there is no nonce. Raises TokenUnfit, and ProviderFailed where the provider does not answer.
        """
        meant = (self._client.id, *self._client.others)
        try:
            return self._claims(token, KEYS_KEPT_S, meant)
        except TokenUnfit:
            return self._claims(token, KEYS_FRESH_S, meant)

    def _claims(self, token: str, keys_kept_s: int, clients: tuple[str, ...]) -> Mapping[str, Any]:
        """Return what a token says, signed by the provider, for one of these clients and not over."""
        try:
            claims = jwt.decode(token, self._key_set(keys_kept_s), algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, TypeError, KeyError):
            raise TokenUnfit("the identity token is not signed by the identity provider") from None
        self._check(claims, clients)
        return claims

    def _key_set(self, kept_s: int) -> KeySet:
        """Return the provider's keys, as they were so many seconds ago at most."""
        with self._lock:
            kept = self._keys
        now = self._clock.now()
        if kept is not None and now < kept[0] + kept_s * MICROS_PER_SECOND:
            return kept[1]
        told = _fetched(self._endpoint("jwks_uri"))
        try:
            keys = KeySet.import_key_set(told)  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError):
            raise ProviderFailed("the identity provider names no keys") from None
        with self._lock:
            self._keys = now, keys
        return keys

    def _check(self, claims: Mapping[str, Any], clients: tuple[str, ...]) -> None:
        now = self._clock.now() // MICROS_PER_SECOND
        audience = claims.get("aud")
        meant = [audience] if isinstance(audience, str) else audience
        expires, subject = claims.get("exp"), claims.get("sub")
        is_sound = (
            claims.get("iss") == self._client.issuer
            and isinstance(meant, list)
            and any(client in meant for client in clients)
            and (len(meant) == 1 or claims.get("azp") in clients)
            and isinstance(expires, int)
            and now < expires + SKEW_S
            and isinstance(subject, str)
            and 0 < len(subject) <= 255
        )
        if not is_sound:
            raise TokenUnfit("the identity token is not for Remit, or it is over")

    def _endpoint(self, name: str) -> str:
        found = self._description().get(name)
        if not isinstance(found, str) or not _is_safe(found):
            raise ProviderFailed(f"the identity provider names no safe {name}")
        return found

    def _description(self) -> Mapping[str, Any]:
        with self._lock:
            now = self._clock.now()
            if self._told is None or now >= self._told[0] + KEPT_S * MICROS_PER_SECOND:
                told = _fetched(f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration")
                if told.get("issuer") != self._client.issuer:
                    raise ProviderFailed("the identity provider says that it is another one")
                self._told = now, told
            return self._told[1]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a code or a secret goes where the provider said, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _fetched(url: str, form: bytes | None = None) -> Mapping[str, Any]:
    if not _is_safe(url):
        raise ProviderFailed("the identity provider is not reached over TLS")
    request = urllib.request.Request(url, form, {"Accept": "application/json"})  # noqa: S310 - checked above
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_S) as answer:
            value = json.loads(answer.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:  # HTTPError and URLError are OSErrors
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is an open answer as well
        raise ProviderFailed(f"the identity provider did not answer at {urlsplit(url).path}") from None
    if not isinstance(value, dict):
        raise ProviderFailed(f"the identity provider did not answer at {urlsplit(url).path}")
    return value


def _is_safe(url: str) -> bool:
    """Tell whether an address is reached over TLS, or lies on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"))
