"""Who answers approvals in whose place while they are away."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from remit.api.access import allow, people, signed_in
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Named, Shown, missing
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.domain.clock import Instant
from remit.domain.identity import Caller, Role
from remit.domain.ids import UserId
from remit.storage.delegation import Delegation


class NewDelegation(Body):
    """From when until when somebody answers in whose place; only an admin names another `person`."""

    delegate: Named
    begins_at: int = Field(ge=0, description="Microseconds since 1970-01-01 UTC.")
    ends_at: int = Field(ge=0, description="The first instant at which it does not hold any more.")
    person: str | None = Field(None, max_length=300, description="Who is away; you, where it is left out.")


class DelegationShown(Shown):
    """A delegation."""

    id: str
    person: str
    delegate: str
    begins_at: int
    ends_at: int
    made_by: str
    made_at: int
    ended_at: int | None


class DelegationsShown(Shown):
    """Delegations, newest first, those that are over included."""

    delegations: list[DelegationShown]


class DelegationRoutes:
    """Delegations of the caller's workspace."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/delegations", self.all, DelegationsShown)
        yield Route("POST", "/delegations", self.make, DelegationShown, status=201, writes=True)
        yield Route("POST", "/delegations/{delegation}/end", self.end, DelegationShown, writes=True)

    @allow(people())
    def all(self, caller: Asker) -> DelegationsShown:
        """List delegations."""
        found = self._use.answering.delegations.all(caller.workspace)
        return DelegationsShown(delegations=[_shown(each) for each in found])

    @allow(signed_in(Role.APPROVER, Role.ADMIN))
    def make(self, body: NewDelegation, caller: Asker) -> DelegationShown:
        """Let somebody answer in your place while you are away, or, as an admin, in somebody else's."""
        person = UserId(body.person or str(caller.person))
        _check_own(person, caller)
        made = self._use.answering.delegations.make(
            caller.workspace,
            UserId(str(caller.person)),
            person,
            UserId(body.delegate),
            Instant(body.begins_at),
            Instant(body.ends_at),
        )
        return _shown(made)

    @allow(people(Role.APPROVER, Role.ADMIN))
    def end(self, delegation: str, caller: Asker) -> DelegationShown:
        """End a delegation before its time: your own, or, as an admin, anybody's."""
        found = self._use.answering.delegations.one(caller.workspace, delegation)
        if found is None:
            raise missing("delegation", delegation)
        _check_own(found.person, caller)
        return _shown(self._use.answering.delegations.end(caller.workspace, delegation, UserId(str(caller.person))))


def _check_own(person: UserId, caller: Caller) -> None:
    if person != caller.person and Role.ADMIN not in caller.roles:
        raise Refusal(
            403, "role_missing", "only an admin says who answers in another's place", "Ask an admin", field="person"
        )


def _shown(delegation: Delegation) -> DelegationShown:
    return DelegationShown(
        id=delegation.id,
        person=delegation.person,
        delegate=delegation.delegate,
        begins_at=delegation.begins_at,
        ends_at=delegation.ends_at,
        made_by=delegation.made_by,
        made_at=delegation.made_at,
        ended_at=delegation.ended_at,
    )
