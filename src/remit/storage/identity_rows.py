"""People and credentials in SQL that every dialect understands; `?` stands for a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Select, select

from remit.domain.identity import Role
from remit.domain.ids import CredentialId, UserId, WorkspaceName
from remit.storage.identity import (
    Account,
    Answer,
    CountFailure,
    Credential,
    Failures,
    ForgetAnswers,
    Forgive,
    IdentityWrite,
    SecretKind,
    Seen,
    Unclaim,
)
from remit.storage.identity_tables import answers, attempts, credentials, people

MAX_LIST = 10_000
"""The most rows one question returns."""

_UPSERT_PERSON = (
    "insert into people (workspace, id, name, roles, password, subject, created_at, disabled_at)"
    " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (workspace, id) do update set name = excluded.name,"
    " roles = excluded.roles, password = excluded.password, subject = excluded.subject,"
    " disabled_at = excluded.disabled_at"
)
_UPSERT_CREDENTIAL = (
    "insert into credentials (id, workspace, kind, holder, digest, hint, label, created_by, created_at, expires_at,"
    " revoked_at, seen_at, successor, channel) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " on conflict (id) do update set expires_at = excluded.expires_at, revoked_at = excluded.revoked_at,"
    " successor = excluded.successor"
)
_CLAIM = (
    "insert into answers (workspace, caller, key, request, claim, status, sealed, at)"
    " values (?, ?, ?, ?, ?, 0, ?, ?) on conflict (workspace, caller, key) do nothing"
)
_COMPLETE = "update answers set status = ?, sealed = ? where workspace = ? and caller = ? and key = ? and claim = ?"
_UNCLAIM = "delete from answers where workspace = ? and caller = ? and key = ? and claim = ? and status = 0"
_COUNT_FAILURE = (
    "insert into attempts (key, failures, last_at) values (?, 1, ?) on conflict (key) do update set"
    " failures = case when attempts.last_at < ? then 1 else attempts.failures + 1 end, last_at = excluded.last_at"
)


def statements(writes: Iterable[IdentityWrite]) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Say what is written, in the given order."""
    for write in writes:
        yield _statement(write)


def _statement(write: IdentityWrite) -> tuple[str, list[tuple[object, ...]]]:
    match write:
        case Account():
            return _UPSERT_PERSON, [_account_row(write)]
        case Credential():
            return _UPSERT_CREDENTIAL, [_credential_row(write)]
        case Answer(status=0) as a:
            return _CLAIM, [(a.workspace, a.caller, a.key, a.request, a.claim, a.sealed, a.at)]
        case Answer() as a:
            return _COMPLETE, [(a.status, a.sealed, a.workspace, a.caller, a.key, a.claim)]
        case Unclaim(answer=a):
            return _UNCLAIM, [(a.workspace, a.caller, a.key, a.claim)]
        case ForgetAnswers(before=before):
            return "delete from answers where at < ?", [(before,)]
        case Seen(credential=credential, at=at):
            return "update credentials set seen_at = ? where id = ?", [(at, credential)]
        case CountFailure(key=key, at=at, since=since):
            return _COUNT_FAILURE, [(key, at, since)]
        case Forgive(key=key):
            return "delete from attempts where key = ?", [(key,)]


def _account_row(account: Account) -> tuple[object, ...]:
    return (
        account.workspace,
        account.id,
        account.name,
        " ".join(sorted(account.roles)),
        account.password,
        account.subject,
        account.created_at,
        account.disabled_at,
    )


def _credential_row(credential: Credential) -> tuple[object, ...]:
    return (
        credential.id,
        credential.workspace,
        credential.kind.value,
        credential.holder,
        credential.digest,
        credential.hint,
        credential.label,
        credential.created_by,
        credential.created_at,
        credential.expires_at,
        credential.revoked_at,
        credential.seen_at,
        credential.successor,
        credential.channel,
    )


class IdentityQueries:
    """The reading half, of whatever store can run a query."""

    def _all(self, query: Select[Any]) -> Sequence[Any]:
        raise NotImplementedError

    def account(self, workspace: WorkspaceName, id: UserId) -> Account | None:
        """Return a person of a workspace."""
        return self._account(people.c.workspace == workspace, people.c.id == id)

    def account_of_subject(self, workspace: WorkspaceName, subject: str) -> Account | None:
        """Return the person whom an identity provider knows by this issuer and subject."""
        return self._account(people.c.workspace == workspace, people.c.subject == subject) if subject else None

    def _account(self, *where: Any) -> Account | None:
        found = self._all(select(people).where(*where))
        return _account_from(found[0]) if found else None

    def accounts(self, workspace: WorkspaceName) -> Sequence[Account]:
        """Return the people of a workspace by id."""
        query = select(people).where(people.c.workspace == workspace).order_by(people.c.id)
        return [_account_from(row) for row in self._all(query.limit(MAX_LIST))]

    def workspaces_with_people(self) -> Sequence[WorkspaceName]:
        """Return the workspaces that have people, sorted."""
        query = select(people.c.workspace).distinct().order_by(people.c.workspace)
        return [WorkspaceName(row[0]) for row in self._all(query)]

    def credential(self, id: CredentialId) -> Credential | None:
        """Return a credential, whether it holds or not."""
        found = self._all(select(credentials).where(credentials.c.id == id))
        return _credential_from(found[0]) if found else None

    def credential_by_digest(self, digest: str) -> Credential | None:
        """Return the credential of a secret."""
        found = self._all(select(credentials).where(credentials.c.digest == digest))
        return _credential_from(found[0]) if found else None

    def credentials(
        self, workspace: WorkspaceName, holder: str = "", kind: SecretKind | None = None
    ) -> Sequence[Credential]:
        """Return credentials of a workspace, newest first."""
        query = select(credentials).where(credentials.c.workspace == workspace)
        if holder:
            query = query.where(credentials.c.holder == holder)
        if kind is not None:
            query = query.where(credentials.c.kind == kind.value)
        query = query.order_by(credentials.c.created_at.desc(), credentials.c.id.desc())
        return [_credential_from(row) for row in self._all(query.limit(MAX_LIST))]

    def failures(self, key: str) -> Failures | None:
        """Return how often in a row an attempt has failed."""
        found = self._all(select(attempts).where(attempts.c.key == key))
        return Failures(*found[0]) if found else None

    def answer(self, workspace: WorkspaceName, caller: str, key: str) -> Answer | None:
        """Return what was answered, or that it is being worked on."""
        mine = (answers.c.workspace == workspace, answers.c.caller == caller, answers.c.key == key)
        found = self._all(select(answers).where(*mine))
        return Answer(**found[0]._mapping) if found else None


def _account_from(row: Any) -> Account:
    fields = dict(row._mapping)
    fields["roles"] = frozenset(Role(role) for role in fields["roles"].split())
    return Account(**fields)


def _credential_from(row: Any) -> Credential:
    fields = dict(row._mapping)
    fields["kind"] = SecretKind(fields["kind"])
    return Credential(**fields)
