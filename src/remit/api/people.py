"""People of the workspace: who they are and what they may do. Only a signed-in admin changes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from remit.api.access import allow, people, signed_in
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Reason, Shown, missing, words
from remit.api.use_cases import UseCases
from remit.domain.identity import Caller, Role
from remit.domain.ids import CredentialId, UserId
from remit.storage.identity import Account

Secret = Annotated[str, Field(max_length=1_000, json_schema_extra={"format": "password"})]


class NewPerson(Body):
    """A person to add; without a password they sign in by a link."""

    id: Annotated[str, Field(min_length=1, max_length=133, examples=["user:sara"])]
    name: Annotated[str, Field(max_length=200)] = ""
    roles: list[Role] = Field(default_factory=list, max_length=6)
    password: Secret = ""


class Roles(Body):
    """Exactly these roles."""

    roles: list[Role] = Field(max_length=6)


class NewPassword(Body):
    """A new password for somebody."""

    password: Secret


class PasswordChange(Body):
    """One's own password."""

    old: Secret = ""
    new: Secret


class PersonShown(Shown):
    """A person."""

    id: str
    name: str
    roles: list[str]
    signs_in_with: list[str]
    created_at: int
    disabled_at: int | None


class PeopleShown(Shown):
    """All people of the workspace."""

    people: list[PersonShown]


class LinkShown(Shown):
    """A sign-in link's secret, told once."""

    person: str
    secret: str | None
    expires_at: int | None


class PeopleRoutes:
    """People."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/people", self.all, PeopleShown)
        yield Route("POST", "/people", self.add, PersonShown, 201, writes=True)
        yield Route("GET", "/people/{person}", self.one, PersonShown)
        yield Route("PUT", "/people/{person}/roles", self.set_roles, PersonShown, writes=True)
        yield Route("POST", "/people/{person}/disable", self.disable, PersonShown, writes=True)
        yield Route("POST", "/people/{person}/enable", self.enable, PersonShown, writes=True)
        yield Route("POST", "/people/{person}/password", self.reset_password, PersonShown, writes=True)
        yield Route("POST", "/people/{person}/sign-in-link", self.make_link, LinkShown, 201, writes=True)
        yield Route("POST", "/me/password", self.change_password, PersonShown, writes=True)

    @allow(people())
    def all(self, caller: Asker) -> PeopleShown:
        """List the people of the workspace."""
        return PeopleShown(people=[_shown(account) for account in self._use.people.all(caller.workspace)])

    @allow(people())
    def one(self, person: str, caller: Asker) -> PersonShown:
        """Return one person."""
        return _shown(self._existing(person, caller))

    @allow(signed_in(Role.ADMIN))
    def add(self, body: NewPerson, caller: Asker) -> PersonShown:
        """Add a person."""
        added = self._use.people.add(
            caller.workspace, body.id, body.roles, str(caller.person), name=body.name, password=body.password
        )
        return _shown(added)

    @allow(signed_in(Role.ADMIN))
    def set_roles(self, person: str, body: Roles, caller: Asker) -> PersonShown:
        """Give a person exactly these roles, from their next request on."""
        self._existing(person, caller)
        return _shown(self._use.people.set_roles(caller.workspace, person, body.roles, str(caller.person)))

    @allow(signed_in(Role.ADMIN))
    def disable(self, person: str, caller: Asker, body: Reason = Reason()) -> PersonShown:  # noqa: B008 - frozen
        """Turn away a person's sessions and tokens from the next request on."""
        self._existing(person, caller)
        reason = words(body.reason, "reason")
        return _shown(self._use.people.disable(caller.workspace, person, str(caller.person), reason))

    @allow(signed_in(Role.ADMIN))
    def enable(self, person: str, caller: Asker, body: Reason = Reason()) -> PersonShown:  # noqa: B008 - frozen
        """Let a disabled person in again."""
        self._existing(person, caller)
        reason = words(body.reason, "reason")
        return _shown(self._use.people.enable(caller.workspace, person, str(caller.person), reason))

    @allow(signed_in(Role.ADMIN))
    def reset_password(self, person: str, body: NewPassword, caller: Asker) -> PersonShown:
        """Set a person's password; all their sessions end."""
        self._existing(person, caller)
        return _shown(self._use.people.reset_password(caller.workspace, person, body.password, str(caller.person)))

    @allow(signed_in(Role.ADMIN))
    def make_link(self, person: str, caller: Asker) -> LinkShown:
        """Make a link that signs a person in once, within 15 minutes."""
        self._existing(person, caller)
        made = self._use.signing_in.one_time_link(caller.workspace, UserId(person), str(caller.person))
        return LinkShown(person=person, secret=made.secret, expires_at=made.credential.expires_at)

    @allow(signed_in())
    def change_password(self, body: PasswordChange, caller: Asker) -> PersonShown:
        """Change one's own password; all other sessions end."""
        keep = CredentialId(caller.credential)
        changed = self._use.people.change_password(caller.workspace, str(caller.person), body.old, body.new, keep)
        return _shown(changed)

    def _existing(self, person: str, caller: Caller) -> Account:
        found = self._use.store.account(caller.workspace, UserId(person))
        if found is None:
            raise missing("person", person)
        return found


def _shown(account: Account) -> PersonShown:
    ways = [way for way, has in (("password", account.password), ("identity_provider", account.subject)) if has]
    return PersonShown(
        id=account.id,
        name=account.name,
        roles=sorted(account.roles),
        signs_in_with=ways,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
    )
