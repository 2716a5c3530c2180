"""What the database keeps of people and credentials, and what may be asked about them.

A part of the storage port. Guarantees: a credential's digest is unique; `Forgive` and `CountFailure` are single
statements, so that two processes never lose a count; of two `Claim`s of one key the first stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from remit.domain.clock import Instant
from remit.domain.identity import Role
from remit.domain.ids import CredentialId, UserId, WorkspaceName
from remit.domain.release import PRODUCTION


class SecretKind(StrEnum):
    """What a stored secret is for."""

    SESSION = "session"
    PERSON_TOKEN = "person_token"  # noqa: S105 - a kind, not a secret
    AGENT_KEY = "agent_key"
    SIGN_IN_LINK = "sign_in_link"


@dataclass(frozen=True, slots=True)
class Account:
    """A person of one workspace.

    Attributes:
        password: an argon2id hash in PHC form; empty where there is none to sign in with.
        subject: issuer and subject of the identity provider, or empty.
    """

    workspace: WorkspaceName
    id: UserId
    name: str
    roles: frozenset[Role]
    created_at: Instant
    password: str = field(default="", repr=False)
    subject: str = ""
    disabled_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret somebody holds, known to us by its SHA-256 digest and a visible beginning.

    Attributes:
        holder: a person's id, or an agent's name.
        revoked_at: also set where a single-use link was used.
        seen_at: when it was last shown, to the minute.
        successor: the key that takes over from this one, where it is being rotated.
        channel: whose release decides in the runs of an agent's key; says nothing of other credentials.
    """

    id: CredentialId
    workspace: WorkspaceName
    kind: SecretKind
    holder: str
    digest: str = field(repr=False)
    hint: str
    label: str
    created_by: str
    created_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    seen_at: Instant | None = None
    successor: CredentialId | None = None
    channel: str = PRODUCTION

    def holds_at(self, now: Instant) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Failures:
    """How often in a row somebody has shown what was not right."""

    key: str
    count: int
    last_at: Instant


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer to a write, kept to be given again. `status` 0: it is being worked on, or nobody came back."""

    workspace: WorkspaceName
    caller: str
    key: str
    request: str
    claim: str
    at: Instant
    status: int = 0
    sealed: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """A credential was shown."""

    credential: CredentialId
    at: Instant


@dataclass(frozen=True, slots=True)
class CountFailure:
    """One more failed attempt; the count begins afresh where the last one was before `since`."""

    key: str
    at: Instant
    since: Instant


@dataclass(frozen=True, slots=True)
class Forgive:
    """Forget failed attempts."""

    key: str


@dataclass(frozen=True, slots=True)
class Unclaim:
    """Forget an answer that never came: nothing has happened."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class ForgetAnswers:
    """Forget answers from before an instant."""

    before: Instant


IdentityWrite = Account | Credential | Answer | Seen | CountFailure | Forgive | Unclaim | ForgetAnswers
"""Accounts and credentials are written whole; an answer is claimed while its status is 0, and then completed."""


class IdentityReads(Protocol):
    """Questions about people and credentials; each is one consistent read, safe from any thread."""

    def account(self, workspace: WorkspaceName, id: UserId) -> Account | None: ...

    def account_of_subject(self, workspace: WorkspaceName, subject: str) -> Account | None: ...

    def accounts(self, workspace: WorkspaceName) -> Sequence[Account]: ...

    def workspaces_with_people(self) -> Sequence[WorkspaceName]: ...

    def credential(self, id: CredentialId) -> Credential | None: ...

    def credential_by_digest(self, digest: str) -> Credential | None: ...

    def credentials(
        self, workspace: WorkspaceName, holder: str = "", kind: SecretKind | None = None
    ) -> Sequence[Credential]:
        """Newest first."""

    def failures(self, key: str) -> Failures | None: ...

    def answer(self, workspace: WorkspaceName, caller: str, key: str) -> Answer | None: ...
