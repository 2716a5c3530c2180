"""Kinds Person and Group: who owns agents and who answers holds."""

from __future__ import annotations

from remit.domain.ids import GroupName, UserId
from remit.domain.release import Group, Person
from remit.workspace.form import Name, Text
from remit.workspace.record import Field, ListOf, Record, Values
from remit.workspace.report import At

USER = Name(UserId, "user:layla.haddad", prefix="user:")
GROUP = Name(GroupName, "finance-approvers")

_ID = Field[UserId]("id", USER, "`user:` and a name, as the identity provider gives it", required=True)
_FULL_NAME = Field[str]("name", Text("Layla Haddad", 200), "the person's name as others know it, in any script", "")


def _person(values: Values, _: At) -> Person:
    return Person(values[_ID], values[_FULL_NAME])


PERSON = Record("a Person", (_ID, _FULL_NAME), _person)

_NAME = Field[GroupName]("name", GROUP, "the group's name", required=True)
_MEMBERS = Field[tuple[UserId, ...]](
    "members", ListOf(USER, at_least=1, unique=True), "ids of people; at least one", required=True
)


def _group(values: Values, _: At) -> Group:
    return Group(values[_NAME], values[_MEMBERS])


GROUP_RECORD = Record("a Group", (_NAME, _MEMBERS), _group)
