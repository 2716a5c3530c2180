"""Run tokens: signed, short-lived, good for one run. JWT (RFC 7519) with EdDSA over Ed25519 (RFC 8037), nothing else.

The key pair of a workspace follows from a payload key that is sealed under the master key like all others, so every
process on the database has the same one and a copy of the database has none.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from remit.domain.clock import MICROS_PER_SECOND, Clock
from remit.domain.ids import AgentName, CredentialId, Ids, KeyId, RunId, WorkspaceName
from remit.storage.port import Store
from remit.storage.sealed import Keyring
from remit.storage.subjects import Subjects

ALGORITHM = "Ed25519"
"""The fully specified name of RFC 9864; the polymorphic `EdDSA` would let a token choose its curve."""
AUDIENCE = "remit"
ISSUER = "remit/"
"""With the name of the workspace behind it."""
LONGEST_S = 3_600
MAX_TOKEN = 2_048
"""Longest token that is looked at."""
MAX_KEPT = 256


class TokenRefused(Exception):
    """A text that is no valid run token. The message does not say which part of it was wrong."""


@dataclass(frozen=True, slots=True)
class RunToken:
    """What a verified token says. `issuer` is the agent key it was made with."""

    id: str
    workspace: WorkspaceName
    agent: AgentName
    run: RunId
    issuer: CredentialId


class RunTokens:
    """Makes and verifies run tokens of one database."""

    def __init__(self, store: Store, keyring: Keyring, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._subjects = Subjects(store, keyring)
        self._keyring = keyring
        self._clock = clock
        self._ids = ids
        self._lock = threading.Lock()
        self._kept: OrderedDict[WorkspaceName, OKPKey] = OrderedDict()  # guarded by _lock

    def issue(
        self, workspace: WorkspaceName, agent: AgentName, run: RunId, issuer: CredentialId, lasting_s: int
    ) -> tuple[str, int]:
        """Return a token and when it expires, in seconds since 1970."""
        now = self._clock.now() // MICROS_PER_SECOND
        expires = now + min(lasting_s, LONGEST_S)
        key = self._key(workspace, make=True)
        claims = {
            "iss": ISSUER + workspace,
            "aud": AUDIENCE,
            "jti": self._ids.new("tok"),
            "iat": now,
            "exp": expires,
            "sub": agent,
            "run": run,
            "key": issuer,
        }
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM]), expires

    def verify(self, token: str) -> RunToken:
        """Return what a token says. Raises TokenRefused."""
        if len(token) > MAX_TOKEN:
            raise TokenRefused("the token is not valid")
        workspace = _claimed_workspace(token)
        try:
            decoded = jwt.decode(token, self._key(workspace), algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, KeyError):
            raise TokenRefused("the token is not valid") from None
        claims = decoded.claims
        now = self._clock.now() // MICROS_PER_SECOND
        told = {name: claims.get(name) for name in ("jti", "sub", "run", "key")}
        is_ours = claims.get("iss") == ISSUER + workspace and claims.get("aud") == AUDIENCE
        is_current = _is_number(claims.get("iat")) and _is_number(claims.get("exp")) and now < claims["exp"]
        if not (is_ours and is_current and all(isinstance(value, str) and value for value in told.values())):
            raise TokenRefused("the token is not valid")
        return RunToken(
            str(told["jti"]),
            workspace,
            AgentName(str(told["sub"])),
            RunId(str(told["run"])),
            CredentialId(str(told["key"])),
        )

    def _key(self, workspace: WorkspaceName, *, make: bool = False) -> OKPKey:
        with self._lock:
            if workspace not in self._kept:
                self._kept[workspace] = self._read(workspace, make)
                if len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
            return self._kept[workspace]

    def _read(self, workspace: WorkspaceName, make: bool) -> OKPKey:
        id = KeyId(f"{workspace}/run-tokens")
        # To verify never makes a key: the token's word alone says which workspace it is of.
        stored = self._subjects.stored(id, self._clock.now()) if make else self._store.key(id)
        if stored is None or stored.is_destroyed:
            raise TokenRefused("the token is not valid")
        private = Ed25519PrivateKey.from_private_bytes(self._keyring.unwrap(stored).salt("run-tokens"))
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return OKPKey.import_key(pem, {"kid": hashlib.sha256(public).hexdigest()[:16], "use": "sig"})


def _claimed_workspace(token: str) -> WorkspaceName:
    """Return whose key must have signed it, before anything of it is believed."""
    try:
        _, payload, _ = token.split(".")
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        issuer = claims["iss"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise TokenRefused("the token is not valid") from None
    if not isinstance(issuer, str) or not issuer.startswith(ISSUER):
        raise TokenRefused("the token is not valid")
    return WorkspaceName(issuer.removeprefix(ISSUER))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
