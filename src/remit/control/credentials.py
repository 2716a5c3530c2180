"""Secrets that people and agents hold: made, rotated with overlap, revoked. We keep their digests."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from remit.control.transaction import Change, changing
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ids import AgentName, CredentialId, Ids, UserId, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.release import PRODUCTION
from remit.domain.text import unfit
from remit.storage.identity import Credential, SecretKind
from remit.storage.port import Store, Wanted
from remit.workspace.reading import read

PREFIXES = (
    (SecretKind.AGENT_KEY, "rmt_a_"),
    (SecretKind.PERSON_TOKEN, "rmt_p_"),
    (SecretKind.SESSION, "rmt_s_"),
    (SecretKind.SIGN_IN_LINK, "rmt_l_"),
)
"""How a secret begins, so that scanners find one that has leaked."""
SECRET_BYTES = 32
SHOWN = 6
"""How many characters behind the prefix stay visible: 36 of 256 bits."""
MAX_VALID = 20
"""Most keys of one agent, or tokens of one person, at a time."""
LONGEST_LABEL = 200
LONGEST_S = 366 * 86_400
"""Longest life of a person's token."""
LONGEST_OVERLAP_S = 30 * 86_400


class CredentialRefused(Exception):
    """A credential that can not be made, rotated or revoked. The message says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new credential with its secret, which is told once and kept nowhere."""

    credential: Credential
    secret: str = field(repr=False)


def digest_of(secret: str) -> str:
    """Return the digest a secret is known by. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "backslashreplace")).hexdigest()


def make(
    id: str,
    workspace: WorkspaceName,
    kind: SecretKind,
    holder: str,
    by: str,
    now: Instant,
    lasting_s: int | None,
    label: str = "",
    channel: str = PRODUCTION,
) -> Made:
    """Return a fresh secret and the row it is known by."""
    prefix = dict(PREFIXES)[kind]
    secret = prefix + secrets.token_urlsafe(SECRET_BYTES)
    expires = None if lasting_s is None else Instant(now + lasting_s * MICROS_PER_SECOND)
    hint = secret[: len(prefix) + SHOWN] + "…"
    digest, id_ = digest_of(secret), CredentialId(id)
    made = Credential(id_, workspace, kind, holder, digest, hint, label, by, now, expires, channel=channel)
    return Made(made, secret)


class Credentials:
    """Agent keys and person tokens of one database."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def all(self, workspace: WorkspaceName, holder: str = "", kind: SecretKind | None = None) -> Sequence[Credential]:
        """Return agent keys and person tokens, newest first, whether they hold or not."""
        shown = (SecretKind.AGENT_KEY, SecretKind.PERSON_TOKEN)
        return [c for c in self._store.credentials(workspace, holder, kind) if c.kind in shown]

    def make_agent_key(
        self,
        workspace: WorkspaceName,
        agent: AgentName,
        by: str,
        label: str = "",
        lasting_s: int | None = None,
        channel: str = PRODUCTION,
    ) -> Made:
        """Make a key for one agent, whose runs are of one channel.

        Raises CredentialRefused for a channel that points at no release, or one that does not know the agent.
        """
        known = self._agents(workspace, channel)
        if agent not in known:
            raise CredentialRefused(
                f"the active release of channel {channel} knows no agent {agent}; it knows"
                f" {', '.join(sorted(known)) or 'none'}"
            )
        return self._make(workspace, SecretKind.AGENT_KEY, agent, by, label, lasting_s, channel)

    def make_person_token(self, workspace: WorkspaceName, person: UserId, by: str, label: str, lasting_s: int) -> Made:
        """Make a token for a person, who has the same roles with it. Raises CredentialRefused."""
        account = self._store.account(workspace, person)
        if account is None or account.disabled_at is not None:
            raise CredentialRefused(f"there is no person {person} in workspace {workspace} who may sign in")
        if not 0 < lasting_s <= LONGEST_S:
            raise CredentialRefused(f"a token lasts from 1 to {LONGEST_S:,} s")
        return self._make(workspace, SecretKind.PERSON_TOKEN, person, by, label, lasting_s)

    def rotate(self, workspace: WorkspaceName, id: CredentialId, by: str, overlap_s: int) -> Made:
        """Make the successor of an agent's key; the old one holds for `overlap_s` more, and then no longer.

        Raises CredentialRefused for a key that does not hold, or that has a successor already.
        """
        if not 0 <= overlap_s <= LONGEST_OVERLAP_S:
            raise CredentialRefused(f"the two keys overlap for 0 to {LONGEST_OVERLAP_S:,} s")
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            old = self._holding(workspace, id, now)
            if old.kind is not SecretKind.AGENT_KEY:
                raise CredentialRefused(f"{id} is no agent's key: make a new token and revoke this one")
            if old.successor is not None:
                raise CredentialRefused(f"key {id} is being rotated already: {old.successor} takes over from it")
            until = Instant(now + overlap_s * MICROS_PER_SECOND)
            until = until if old.expires_at is None else min(until, old.expires_at)
            lasting_s = None if old.expires_at is None else (old.expires_at - old.created_at) // MICROS_PER_SECOND
            made = make(
                self._ids.new("key"), workspace, old.kind, old.holder, by, now, lasting_s, old.label, old.channel
            )
            change.writes.identity += [replace(old, expires_at=until, successor=made.credential.id), made.credential]
            _record(change, self._ids, made.credential, "made", by)
            _record(change, self._ids, old, "rotated", by, until=until, successor=made.credential.id)
        return made

    def revoke(self, workspace: WorkspaceName, id: CredentialId, by: str, reason: str = "") -> Credential:
        """Make a credential worthless at once. Run tokens made with it are worthless too. Raises CredentialRefused."""
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            return revoke_in(change, self._ids, self._holding(workspace, id, now), by, reason)

    def revoke_all(self, workspace: WorkspaceName, holder: str, by: str, reason: str = "") -> int:
        """Revoke every credential of an agent or a person, sessions too. Return how many held."""
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            holding = [c for c in self._store.credentials(workspace, holder) if c.holds_at(now)]
            for credential in holding:
                revoke_in(change, self._ids, credential, by, reason)
        return len(holding)

    def _make(
        self,
        workspace: WorkspaceName,
        kind: SecretKind,
        holder: str,
        by: str,
        label: str,
        lasting_s: int | None,
        channel: str = PRODUCTION,
    ) -> Made:
        why = unfit(label, LONGEST_LABEL)
        if why is not None:
            raise CredentialRefused(f"the label {why}")
        if lasting_s is not None and lasting_s < 1:
            raise CredentialRefused("it must last for at least a second")
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            valid = [c for c in self._store.credentials(workspace, holder, kind) if c.holds_at(now)]
            if len(valid) >= MAX_VALID:
                raise CredentialRefused(f"{holder} has {MAX_VALID} already: revoke one first")
            prefix = "key" if kind is SecretKind.AGENT_KEY else "pat"
            made = make(self._ids.new(prefix), workspace, kind, holder, by, now, lasting_s, label, channel)
            change.writes.identity.append(made.credential)
            _record(change, self._ids, made.credential, "made", by)
        return made

    def _holding(self, workspace: WorkspaceName, id: CredentialId, now: Instant) -> Credential:
        found = self._store.credential(id)
        if found is None or found.workspace != workspace:
            raise CredentialRefused(f"there is no credential {id} in workspace {workspace}")
        if not found.holds_at(now):
            raise CredentialRefused(f"credential {id} holds no longer")
        return found

    def _agents(self, workspace: WorkspaceName, channel: str) -> frozenset[AgentName]:
        active = self._store.active(workspace, channel)
        release = None if active is None else self._store.release(workspace, active)
        configuration = None if release is None else read(release.files, workspace).configuration
        return frozenset() if configuration is None else frozenset(configuration.agents)


def revoke_in(change: Change, ids: Ids, credential: Credential, by: str, reason: str) -> Credential:
    """Make a credential worthless as a part of a change, and return it as it is then."""
    revoked = replace(credential, revoked_at=change.now)
    change.writes.identity.append(revoked)
    _record(change, ids, credential, "revoked", by, reason=reason)
    return revoked


def _record(change: Change, ids: Ids, credential: Credential, what: str, by: str, **more: object) -> None:
    content: dict[str, object] = {
        "credential": credential.id,
        "credential_kind": credential.kind.value,
        "holder": credential.holder,
        "change": what,
        "by": by,
        "until": credential.expires_at,
        "successor": None,
        "reason": "",
        "channel": credential.channel if credential.kind is SecretKind.AGENT_KEY else None,
        **more,
    }
    change.record(ids.new("chg"), RecordKind.KEY_CHANGED, content)
