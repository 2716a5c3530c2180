"""People of a workspace: who they are, what they may do, whether they may sign in at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from remit.control.passwords import Passwords
from remit.control.transaction import Change, changing
from remit.domain.clock import Clock
from remit.domain.identity import Role
from remit.domain.ids import CredentialId, Ids, UserId, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.text import is_name, unfit
from remit.storage.identity import Account, SecretKind
from remit.storage.port import Store, Wanted

USER = "user:"
LONGEST_NAME = 200
MAX_PEOPLE = 10_000
"""Most people of one workspace."""


class PersonRefused(Exception):
    """A person who can not be added or changed. The message says why."""


class People:
    """People of one database. An account is of one workspace: nothing crosses it."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, passwords: Passwords) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._passwords = passwords

    def all(self, workspace: WorkspaceName) -> Sequence[Account]:
        """Return the people of a workspace."""
        return self._store.accounts(workspace)

    def named(self, workspace: WorkspaceName, id: str) -> Account:
        """Return a person. Raises PersonRefused."""
        found = self._store.account(workspace, UserId(id))
        if found is None:
            raise PersonRefused(f"there is no person {id} in workspace {workspace}")
        return found

    def add(
        self,
        workspace: WorkspaceName,
        id: str,
        roles: Iterable[Role],
        by: str,
        *,
        name: str = "",
        password: str = "",
        subject: str = "",
    ) -> Account:
        """Add a person; without a password they sign in by a link or through the identity provider.

        Raises PersonRefused and PasswordUnfit.
        """
        if not id.startswith(USER) or not is_name(id.removeprefix(USER)):
            raise PersonRefused("a person's id is `user:` and a name of letters, digits, `.`, `_` and `-`")
        why = unfit(name, LONGEST_NAME)
        if why is not None:
            raise PersonRefused(f"the name {why}")
        hashed = self._passwords.hash(password) if password else ""
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            known = self._store.accounts(workspace)
            if any(account.id == id for account in known):
                raise PersonRefused(f"there is a person {id} in workspace {workspace} already")
            if len(known) >= MAX_PEOPLE:
                raise PersonRefused(f"workspace {workspace} has {MAX_PEOPLE:,} people already")
            added = Account(workspace, UserId(id), name, frozenset(roles), now, hashed, subject)
            self._write(change, added, "added", by)
        return added

    def set_roles(self, workspace: WorkspaceName, id: str, roles: Iterable[Role], by: str) -> Account:
        """Give a person exactly these roles, from their next request on.

        Raises PersonRefused where nobody could administer the workspace afterwards.
        """
        with changing(self._store, Wanted(workspace=workspace), self._clock.now()) as change:
            person = replace(self.named(workspace, id), roles=frozenset(roles))
            self._keep_an_admin(person)
            self._write(change, person, "roles", by)
        return person

    def strip(self, workspace: WorkspaceName, id: str, by: str, reason: str = "") -> Account:
        """Take all roles from a person and end what they hold.

        The only admin keeps the role, so that somebody can administer the workspace, but has to sign in anew.
        """
        with changing(self._store, Wanted(workspace=workspace), self._clock.now()) as change:
            person = self.named(workspace, id)
            stripped = replace(person, roles=frozenset())
            with suppress(PersonRefused):
                self._keep_an_admin(stripped)
                person = stripped
            self._end_everything(change, person)
            self._write(change, person, "roles", by, reason)
        return person

    def disable(self, workspace: WorkspaceName, id: str, by: str, reason: str = "") -> Account:
        """Turn away a person's sessions and tokens from the next request on. Raises PersonRefused."""
        with changing(self._store, Wanted(workspace=workspace), self._clock.now()) as change:
            person = replace(self.named(workspace, id), disabled_at=change.now)
            self._keep_an_admin(person)
            self._write(change, person, "disabled", by, reason)
        return person

    def enable(self, workspace: WorkspaceName, id: str, by: str, reason: str = "") -> Account:
        """Let a disabled person in again; what they held before stays revoked. Raises PersonRefused."""
        with changing(self._store, Wanted(workspace=workspace), self._clock.now()) as change:
            person = replace(self.named(workspace, id), disabled_at=None)
            self._end_everything(change, person)
            self._write(change, person, "enabled", by, reason)
        return person

    def change_password(
        self, workspace: WorkspaceName, id: str, old: str, new: str, keep: CredentialId | None = None
    ) -> Account:
        """Change one's own password; every other session ends. Raises PersonRefused and PasswordUnfit."""
        person = self.named(workspace, id)
        if person.password and not self._passwords.is_right(person.password, old):
            raise PersonRefused("the password so far is not right")
        return self._set_password(workspace, id, new, id, keep)

    def reset_password(self, workspace: WorkspaceName, id: str, new: str, by: str) -> Account:
        """Set somebody's password; all their sessions end. Raises PersonRefused and PasswordUnfit."""
        self.named(workspace, id)
        return self._set_password(workspace, id, new, by, None)

    def _set_password(self, workspace: WorkspaceName, id: str, new: str, by: str, keep: CredentialId | None) -> Account:
        hashed = self._passwords.hash(new)
        with changing(self._store, Wanted(workspace=workspace), self._clock.now()) as change:
            person = replace(self.named(workspace, id), password=hashed)
            self._end_everything(change, person, keep, sessions_only=True)
            self._write(change, person, "password", by)
        return person

    def _end_everything(
        self, change: Change, person: Account, keep: CredentialId | None = None, *, sessions_only: bool = False
    ) -> None:
        """Revoke what a person holds. It is on record with the change to the person."""
        held = self._store.credentials(person.workspace, person.id)
        for credential in held:
            is_meant = not sessions_only or credential.kind in (SecretKind.SESSION, SecretKind.SIGN_IN_LINK)
            if is_meant and credential.id != keep and credential.holds_at(change.now):
                change.writes.identity.append(replace(credential, revoked_at=change.now))

    def _keep_an_admin(self, changed: Account) -> None:
        known = self._store.accounts(changed.workspace)
        others = [account for account in known if account.id != changed.id]
        was_admin = any(_administers(account) for account in known if account.id == changed.id)
        if was_admin and not any(_administers(account) for account in (changed, *others)):
            raise PersonRefused(f"{changed.id} is the only admin: make another person one first")

    def _write(self, change: Change, person: Account, what: str, by: str, reason: str = "") -> None:
        change.writes.identity.append(person)
        content: dict[str, object] = {
            "person": person.id,
            "change": what,
            "roles": sorted(person.roles),
            "disabled": person.disabled_at is not None,
            "by": by,
            "reason": reason,
        }
        change.record(self._ids.new("chg"), RecordKind.PERSON_CHANGED, content)


def _administers(account: Account) -> bool:
    return Role.ADMIN in account.roles and account.disabled_at is None
