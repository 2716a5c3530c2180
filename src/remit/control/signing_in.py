"""Signing in: by password, by a link that works once, through an identity provider. Each makes a session."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NoReturn

from remit.control.attempts import Attempts
from remit.control.credentials import Made, digest_of, make
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.control.transaction import Change, changing
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.identity import Role
from remit.domain.ids import CredentialId, Ids, UserId, WorkspaceName
from remit.domain.record import RecordKind
from remit.storage.identity import Account, Credential, SecretKind
from remit.storage.port import Store, Wanted

LINK_S = 900
"""How long a sign-in link may be used."""
MAX_SESSIONS = 20
"""Most sessions of one person; the oldest ends when one more begins."""
FIRST_ADMIN = UserId("user:admin")


class SignInRefused(Exception):
    """Nobody was signed in. The message is the same whatever was wrong, so that it tells a stranger nothing."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session and the secret that goes into its cookie."""

    account: Account
    session: Credential
    secret: str = field(repr=False)


class SigningIn:
    """Sessions of one database."""

    def __init__(
        self, store: Store, clock: Clock, ids: Ids, passwords: Passwords, attempts: Attempts, session_max_s: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._passwords = passwords
        self._attempts = attempts
        self._session_max_s = session_max_s

    # -- links

    def first_admin(self, workspace: WorkspaceName, by: str = "remit:up") -> Made | None:
        """Make the first admin of a workspace and their sign-in link; None where the workspace has people already.

        The first admin has every role: somebody must be able to begin alone.
        """
        if self._store.accounts(workspace):
            return None
        people = People(self._store, self._clock, self._ids, self._passwords)
        people.add(workspace, FIRST_ADMIN, frozenset(Role), by, name="Admin")
        return self.one_time_link(workspace, FIRST_ADMIN, by)

    def one_time_link(self, workspace: WorkspaceName, person: UserId, by: str) -> Made:
        """Make the secret of a link that signs a person in once, within 15 minutes. Raises SignInRefused."""
        account = self._store.account(workspace, person)
        if account is None or account.disabled_at is not None:
            raise SignInRefused(f"there is no person {person} in workspace {workspace} who may sign in")
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            made = make(self._ids.new("lnk"), workspace, SecretKind.SIGN_IN_LINK, person, by, now, LINK_S)
            change.writes.identity.append(made.credential)
            content: dict[str, object] = {
                "credential": made.credential.id,
                "credential_kind": SecretKind.SIGN_IN_LINK.value,
                "holder": person,
                "change": "made",
                "by": by,
                "until": made.credential.expires_at,
                "successor": None,
                "reason": "",
            }
            change.record(self._ids.new("chg"), RecordKind.KEY_CHANGED, content)
        return made

    def by_link(self, secret: str, peer: str) -> SignedIn:
        """Use a link up. Raises SignInRefused, and TooManyAttempts."""
        keys = [f"address:{peer}"]
        self._attempts.check(keys)
        link = self._store.credential_by_digest(digest_of(secret))
        if link is None or link.kind is not SecretKind.SIGN_IN_LINK:
            self._attempts.failed(keys)
            raise SignInRefused("the link is not valid: it works once, for 15 minutes")
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=link.workspace), now) as change:
            link = self._store.credential(link.id)  # as it stands under the lock: of two at once one comes too late
            account = None if link is None else self._store.account(link.workspace, UserId(link.holder))
            if link is None or not link.holds_at(now) or account is None or account.disabled_at is not None:
                raise SignInRefused("the link is not valid: it works once, for 15 minutes")
            change.writes.identity.append(replace(link, revoked_at=now))
            return self._begin(change, account, "link")

    # -- passwords

    def by_password(self, workspace: WorkspaceName, person: str, password: str, peer: str) -> SignedIn:
        """Sign in. Raises SignInRefused, the same for an unknown person as for a wrong password, and TooManyAttempts.

        It takes as long for both, too.
        """
        of_account, of_address = f"account:{workspace}/{person[:200]}", f"address:{peer}"
        self._attempts.check([of_address, of_account])  # who has to wait takes no lock
        self._attempts.claim(workspace, of_account)
        account = self._store.account(workspace, UserId(person))
        stored = "" if account is None or account.disabled_at is not None else account.password
        is_right = self._passwords.is_right(stored, password)
        if account is None or not is_right:
            self._attempts.failed([of_address])
            raise SignInRefused("name or password is not right")
        self._attempts.succeeded([of_account])
        with changing(self._store, Wanted(workspace=workspace), self._clock.now()) as change:
            return self._begin(change, account, "password")

    # -- identity providers

    def by_subject(self, workspace: WorkspaceName, subject: str, roles: frozenset[Role], person: UserId) -> SignedIn:
        """Sign in whom an identity provider has identified, with the roles it gives them now.

        A person it has never named before is added. Raises SignInRefused, and PersonRefused for an unfit name.
        """
        account = self._store.account_of_subject(workspace, subject)
        people = People(self._store, self._clock, self._ids, self._passwords)
        if account is None:
            account = people.add(workspace, person, roles, "remit:oidc", subject=subject)
        elif account.disabled_at is None and account.roles != roles:
            account = people.set_roles(workspace, account.id, roles, "remit:oidc")
        if account.disabled_at is not None:
            raise SignInRefused("this person may not sign in")
        with changing(self._store, Wanted(workspace=workspace), self._clock.now()) as change:
            return self._begin(change, account, "oidc")

    def turn_away(self, workspace: WorkspaceName, subject: str) -> NoReturn:
        """Refuse whom an identity provider gives no role here; who had some loses them, their sessions and tokens."""
        account = self._store.account_of_subject(workspace, subject)
        if account is not None and account.disabled_at is None:
            people = People(self._store, self._clock, self._ids, self._passwords)
            people.strip(workspace, account.id, "remit:oidc", "the identity provider gives no role")
        raise SignInRefused("the identity provider gives this person no role here: ask an admin of it")

    # -- sessions

    def sign_out(self, workspace: WorkspaceName, session: CredentialId) -> None:
        """End a session."""
        found = self._store.credential(session)
        if found is None or found.workspace != workspace or found.kind is not SecretKind.SESSION:
            return
        with changing(self._store, Wanted(workspace=workspace), self._clock.now()) as change:
            change.writes.identity.append(replace(found, revoked_at=change.now))

    def _begin(self, change: Change, account: Account, how: str) -> SignedIn:
        now = change.now
        open_now = [
            session
            for session in self._store.credentials(account.workspace, account.id, SecretKind.SESSION)
            if session.holds_at(now)
        ]
        for oldest in open_now[MAX_SESSIONS - 1 :]:
            change.writes.identity.append(replace(oldest, revoked_at=now))
        id = self._ids.new("ses")
        made = make(id, account.workspace, SecretKind.SESSION, account.id, account.id, now, self._session_max_s, how)
        change.writes.identity.append(made.credential)
        content: dict[str, object] = {"person": account.id, "session": id, "how": how}
        change.record(self._ids.new("chg"), RecordKind.SIGNED_IN, content)
        return SignedIn(account, made.credential, made.secret)


def idle_until(session: Credential, idle_s: int) -> Instant:
    """Return when a session ends if nothing more is done in it."""
    last = session.seen_at or session.created_at
    end = Instant(last + idle_s * MICROS_PER_SECOND)
    return end if session.expires_at is None else min(end, session.expires_at)
