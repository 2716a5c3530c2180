"""From what a caller shows to who calls. What the credential is decides the kind, before anybody looks at roles."""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict
from dataclasses import dataclass

from remit.control.credentials import PREFIXES, digest_of
from remit.control.tokens import RunToken, RunTokens, TokenRefused
from remit.control.transaction import written
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.identity import Caller, CredentialKind
from remit.domain.ids import AgentName, RunId, UserId
from remit.storage.identity import Credential, SecretKind, Seen
from remit.storage.port import Store

LONGEST_SECRET = 2_048
SEEN_EVERY_S = 60
"""How finely it is kept when a credential was last shown."""
KEPT_S = 1
"""How long an agent's credential is taken for good without asking the database again, where asked to be quick."""
MAX_KEPT = 4_096
RUN = "run_"
"""How the ids of runs begin: a token that was made for work that was handed on rests on the run above."""

_KINDS = (
    (SecretKind.AGENT_KEY, CredentialKind.AGENT_KEY),
    (SecretKind.PERSON_TOKEN, CredentialKind.PERSON_TOKEN),
    (SecretKind.SESSION, CredentialKind.SESSION),
)


@dataclass(frozen=True, slots=True)
class _Kept:
    caller: Caller
    until: Instant


class Proof:
    """Identifies callers of one database."""

    def __init__(self, store: Store, tokens: RunTokens, clock: Clock, session_idle_s: int) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._idle = session_idle_s * MICROS_PER_SECOND
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # agents only, by digest; guarded by _lock

    def of(self, secret: str) -> Caller | None:
        """Return who shows this secret, or None: unknown, expired, revoked, or its holder is disabled.

        Always asks the database, so that what was revoked is refused at once.
        """
        if len(secret) > LONGEST_SECRET:
            return None
        kind = next((kind for kind, prefix in PREFIXES if secret.startswith(prefix)), None)
        if kind is None:
            return self._of_run_token(secret)
        found = self._store.credential_by_digest(digest_of(secret))
        if found is None or found.kind is not kind or not hmac.compare_digest(found.digest, digest_of(secret)):
            return None
        return self._of_credential(found)

    def quickly(self, secret: str) -> Caller | None:
        """Return an agent that `of` has identified within the last second, else None. Blocks on nothing."""
        with self._lock:
            kept = self._kept.get(digest_of(secret))
        return kept.caller if kept is not None and self._clock.now() < kept.until else None

    def keep(self, secret: str, caller: Caller) -> None:
        """Let `quickly` find this agent for a second."""
        until = Instant(self._clock.now() + KEPT_S * MICROS_PER_SECOND)
        with self._lock:
            self._kept[digest_of(secret)] = _Kept(caller, until)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)

    def forget(self) -> None:
        """Forget whom `quickly` would find: a credential was revoked."""
        with self._lock:
            self._kept.clear()

    def _of_credential(self, found: Credential) -> Caller | None:
        now = self._clock.now()
        kind = dict(_KINDS).get(found.kind)
        if kind is None or not found.holds_at(now):
            return None
        if kind is CredentialKind.SESSION and now >= (found.seen_at or found.created_at) + self._idle:
            return None
        caller = self._agent(found) if kind is CredentialKind.AGENT_KEY else self._person(found, kind)
        if caller is not None and now >= (found.seen_at or 0) + SEEN_EVERY_S * MICROS_PER_SECOND:
            written(self._store, [Seen(found.id, now)])
        return caller

    def _agent(self, found: Credential) -> Caller:
        return Caller(
            CredentialKind.AGENT_KEY, found.workspace, found.id, agent=AgentName(found.holder), channel=found.channel
        )

    def _person(self, found: Credential, kind: CredentialKind) -> Caller | None:
        account = self._store.account(found.workspace, UserId(found.holder))
        if account is None or account.disabled_at is not None:
            return None
        return Caller(kind, found.workspace, found.id, person=account.id, roles=account.roles)

    def _of_run_token(self, secret: str) -> Caller | None:
        if secret.count(".") != 2:
            return None
        try:
            token = self._tokens.verify(secret)
        except TokenRefused:
            return None
        rests = self._is_below(token) if token.issuer.startswith(RUN) else self._is_of_key(token)
        if not rests:
            return None
        return Caller(
            CredentialKind.RUN_TOKEN,
            token.workspace,
            token.id,
            agent=token.agent,
            run=token.run,
            issuer=token.issuer,
        )

    def _is_of_key(self, token: RunToken) -> bool:
        """Tell whether the key holds that a token was made with: the agent's own, or one of an agent above its run."""
        issuer = self._store.credential(token.issuer)
        if issuer is None or issuer.kind is not SecretKind.AGENT_KEY or issuer.workspace != token.workspace:
            return False
        if not issuer.holds_at(self._clock.now()):
            return False
        if issuer.holder == token.agent:
            return True
        run = self._store.run(token.run)
        return run is not None and issuer.holder in {above.agent for above in run.line}

    def _is_below(self, token: RunToken) -> bool:
        """Tell whether the run holds that a token was made by: the one right above its own, as long as it goes on."""
        run = self._store.run(token.run)
        if run is None or run.parent != RunId(token.issuer):
            return False
        if (run.workspace, run.agent) != (token.workspace, token.agent):
            return False
        above = self._store.scope(scope_id(ScopeKind.RUN, run.workspace, run.parent))
        return above is not None and above.progress is not None and not above.progress.ended_at
