"""Kinds Person and Group: who owns agents and who answers holds."""

from __future__ import annotations

from remit.domain.ids import GroupName, UserId
from remit.domain.release import Group, OnExpiry, Order, Person
from remit.workspace.form import Choice, Duration, Name, Reference, Text, Whole
from remit.workspace.record import Field, ListOf, Record, Values
from remit.workspace.report import At

USER = Name(UserId, "user:layla.haddad", prefix="user:")
GROUP = Name(GroupName, "finance-approvers")
ADDRESSES = ListOf(Reference(), unique=True)

_ID = Field[UserId]("id", USER, "`user:` and a name, as the identity provider gives it", required=True)
_FULL_NAME = Field[str]("name", Text("Layla Haddad", 200), "the person's name as others know it, in any script", "")
_NOTIFY = Field[tuple[str, ...]]("notify", ADDRESSES, "where they are told of approvals that wait for them", ())


def _person(values: Values, _: At) -> Person:
    return Person(values[_ID], values[_FULL_NAME], values[_NOTIFY])


PERSON = Record("a Person", (_ID, _FULL_NAME, _NOTIFY), _person)

_NAME = Field[GroupName]("name", GROUP, "the group's name", required=True)
_MEMBERS = Field[tuple[UserId, ...]](
    "members", ListOf(USER, at_least=1, unique=True), "ids of people; at least one, or else `groups`", ()
)
_QUORUM = Field[int]("quorum", Whole(1, 100), "how many different members must approve", 1)
_EXPIRES_AFTER = Field[int | None](
    "expires_after", Duration(), "how long it has to answer; where left out, `approval_expiry` of the workspace"
)
_ON_EXPIRY = Field[OnExpiry](
    "on_expiry",
    Choice(OnExpiry),
    "what happens when that time is over: nobody may answer, or another group may too",
    OnExpiry.EXPIRE,
)
_ESCALATE_TO = Field[GroupName | None]("escalate_to", GROUP, "that other group")
_GROUPS = Field[tuple[GroupName, ...]](
    "groups", ListOf(GROUP, at_least=2, unique=True), "groups that answer together, at least two and at most eight", ()
)
_ORDER = Field[Order](
    "order",
    Choice(Order),
    "whether one of `groups` is enough, all must approve, or each waits for the one before it",
    Order.ALL,
)
_TOLD = Field[tuple[str, ...]]("notify", ADDRESSES, "where the group is told, besides its members' own addresses", ())

MAX_GROUPS = 8
"""Groups that one group is made of."""


def _group(values: Values, at: At) -> Group | None:
    groups = values[_GROUPS]
    for field in _OF_GROUPS if not groups else _OF_MEMBERS:
        if field in values:
            said = "belongs to a group of groups" if not groups else "belongs to each of its groups"
            at.key(field.name).wrong(values.place_of(field), f"`{field.name}` {said}", "Remove it here")
            return None
    if len(groups) > MAX_GROUPS:
        at.key("groups").wrong(values.place_of(_GROUPS), f"has {len(groups)} items", f"Write 2 to {MAX_GROUPS} items")
        return None
    if not groups and values[_QUORUM] > len(values[_MEMBERS]):
        said = f"{values[_QUORUM]} must approve, and the group has {len(values[_MEMBERS])}"
        at.key("quorum").wrong(values.place_of(_QUORUM), said, "Lower it, or add members")
        return None
    if (values[_ON_EXPIRY] is OnExpiry.ESCALATE) is (values[_ESCALATE_TO] is None):
        said = "`on_expiry: escalate` and `escalate_to` belong together"
        at.wrong(values.node, said, "Write both or neither of them")
        return None
    return Group(
        values[_NAME],
        values[_MEMBERS],
        values[_QUORUM],
        values[_EXPIRES_AFTER],
        values[_ON_EXPIRY],
        values[_ESCALATE_TO],
        groups,
        values[_ORDER],
        values[_TOLD],
    )


_OF_MEMBERS = (_QUORUM, _EXPIRES_AFTER, _ON_EXPIRY, _ESCALATE_TO)
_OF_GROUPS = (_ORDER,)

GROUP_RECORD = Record(
    "a Group", (_NAME, _MEMBERS, *_OF_MEMBERS, _GROUPS, _ORDER, _TOLD), _group, one_of=(("members", "groups"),)
)
