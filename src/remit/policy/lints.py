"""What is no mistake, but seldom meant: permits without a scope, payments without a bound, policies in a shadow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from cedarpy import pst

from remit.domain.problem import Problem, Severity
from remit.domain.release import Agent, ArgumentRole, Cap, Configuration, Effect, GrantMode, Tool
from remit.policy.conditions import Path, chain, parts, path_of
from remit.policy.knowledge import Knowledge
from remit.policy.reach import World
from remit.policy.schema import governable
from remit.policy.scopes import covers_request, uid
from remit.policy.shapes import I64_MAX, Record, Whole
from remit.policy.slices import PolicyIndex
from remit.policy.subjects import Locator, Subject
from remit.policy.truth import assume, outcome

_COMPARING = frozenset({"less", "less_eq", "greater", "greater_eq", "eq", "contains"})
_MAY_FAIL = frozenset({"add", "sub", "mul"})
DUTIES = frozenset({"mask", "cap"})
_TEMPORAL = ("context", "call", "temporal")
MOST_BESIDE = 100
"""Policies of one slice that a policy is compared with. `validate` warns long before."""
MOST_MEETINGS = 1_000
"""Actions of one policy that are looked at; a policy with more is not said to be in a shadow."""


def lints(
    checked: Sequence[Subject], sound: Sequence[Subject], configuration: Configuration, world: World, locator: Locator
) -> Iterator[Problem]:
    """Yield warnings. Of policies only those are told of that are `sound`: one with a mistake has enough to be said."""
    for subject in sound:
        yield from _unscoped(subject)
    yield from _unbounded(checked, _index(checked, world), configuration, locator)
    beside = _Beside(sound, world)
    for place in range(len(sound)):
        yield from _shadowed(place, sound, beside, world)


def _index(subjects: Sequence[Subject], world: World) -> PolicyIndex:
    return PolicyIndex.of(((str(place), each.policy.tree) for place, each in enumerate(subjects)), world.hierarchy)


# --- without a scope ---


def _unscoped(subject: Subject) -> Iterator[Problem]:
    tree = subject.policy.tree
    anyone = isinstance(tree.principal, pst.ScopeAny | pst.ScopeIs)
    anything = isinstance(tree.action, pst.ScopeAny)
    if anyone and anything and tree.effect == "permit":
        yield subject.problem(
            "the permit has no scope: whatever a remit leaves to policies, now or later, it permits to every agent",
            "Name the agent, its role or its team, and the action",
            severity=Severity.WARNING,
        )
    elif anyone and anything and isinstance(tree.resource, pst.ScopeAny):
        yield subject.problem(
            "the policy has no scope, so it is evaluated on every action",
            "Name a principal, an action or a resource, if you can",
            severity=Severity.WARNING,
        )


# --- payments without a bound ---


def _unbounded(
    checked: Sequence[Subject], index: PolicyIndex, configuration: Configuration, locator: Locator
) -> Iterator[Problem]:
    for agent in configuration.agents.values():
        for number, grant in enumerate(agent.remit.grants):
            tool = configuration.tools.get(grant.tool)
            if tool is None or tool.effect is not Effect.PAY:
                continue
            names = index.slice(uid("Agent", agent.name), uid("Action", tool.name), uid("Tool", tool.name))
            slice_ = [checked[int(name)] for name in names]
            if not _is_bounded(agent, number, tool, slice_):
                field = f"remit.tools[{number}]"
                yield Problem(
                    *locator.where("agent", agent.name, field),
                    field,
                    f"nothing bounds what {agent.name} may pay in one call of `{tool.name}`",
                    "Compare its amount in `when` or in a policy, cap it, or give its schema a `maximum`",
                    Severity.WARNING,
                )


def _is_bounded(agent: Agent, number: int, tool: Tool, slice_: Sequence[Subject]) -> bool:
    grant = agent.remit.grants[number]
    amounts = frozenset(_amounts(tool))
    if any(shape.maximum < I64_MAX for _, shape in amounts):
        return True
    paths = {path for path, _ in amounts}
    if any(isinstance(duty, Cap) for duty in grant.duties):
        return True
    permits = [each for each in slice_ if each.policy.tree.effect == "permit"]
    forbids = [each for each in slice_ if each.policy.tree.effect == "forbid"]
    if any(not each.policy.tree.clauses or _bounds(each, paths) for each in forbids):
        return True
    if grant.mode is GrantMode.GRANT and not grant.when.strip():
        return False  # its permit is without a condition, and not among what is checked
    return all(_bounds(each, paths) or _caps(each) for each in permits)


def _amounts(tool: Tool) -> Iterator[tuple[Path, Whole]]:
    """Yield the numbers of a tool's input; where some have the role of an amount, only these."""
    named = {field for field, role in tool.roles.items() if role is ArgumentRole.AMOUNT}
    numbers = list(_numbers(governable(tool), ("context", "input")))
    told = [each for each in numbers if ".".join(each[0][2:]) in named]
    yield from told or numbers


def _numbers(record: Record, path: Path) -> Iterator[tuple[Path, Whole]]:
    for name, member in record.members.items():
        if isinstance(member.shape, Whole):
            yield (*path, name), member.shape
        elif isinstance(member.shape, Record):
            yield from _numbers(member.shape, (*path, name))


def _bounds(subject: Subject, amounts: set[Path]) -> bool:
    """Tell whether a policy compares an amount, or a sum within a window; any condition will do where there is none."""
    conditions = [clause.expr for clause in subject.policy.tree.clauses]
    if not amounts:
        return bool(conditions)
    compared = [
        part
        for condition in conditions
        for part in parts(condition)
        if isinstance(part, pst.BinaryOp) and part.op in _COMPARING
    ]
    paths = {path for part in compared for each in parts(part) if (path := path_of(each)) is not None}
    return not paths.isdisjoint(amounts) or any(path[:3] == _TEMPORAL for path in paths)


def _caps(subject: Subject) -> bool:
    return "cap" in subject.policy.tree.annotations


# --- in another's shadow ---


class _Beside:
    """Which policies may cover the requests of another one. Slices are kept: many policies are of the same."""

    def __init__(self, subjects: Sequence[Subject], world: World) -> None:
        self._index = _index(subjects, world)
        self._slices: dict[tuple[pst.EntityUid, pst.EntityUid, pst.EntityUid], tuple[int, ...]] = {}

    def of(self, meeting: Knowledge) -> tuple[int, ...]:
        """Return the positions of the policies of one slice that the meeting has; none where they are too many."""
        asked = (
            min(meeting.principals, key=str),
            uid("Action", meeting.environment.action),
            min(meeting.resources, key=str),
        )
        found = self._slices.get(asked)
        if found is None:
            names = self._index.slice(*asked)
            found = self._slices[asked] = tuple(map(int, names)) if len(names) <= MOST_BESIDE else ()
        return found


def _shadowed(place: int, checked: Sequence[Subject], beside: _Beside, world: World) -> Iterator[Problem]:
    """Yield a warning where a policy makes no difference beside another one that matches whenever it does."""
    subject = checked[place]
    meetings = _meetings(subject, world)
    if not meetings:
        return
    for number in beside.of(meetings[0]):
        other = checked[number]
        does, alike = _leaves_nothing(subject, other)
        if number == place or not does or not all(_covers(other, subject, meeting) for meeting in meetings):
            continue
        # Of two that cover each other the second is told of.
        if alike and number > place and all(_covers(subject, other, each) for each in _meetings(other, world)):
            continue
        statement = other.policy.statement
        yield subject.problem(
            f"the policy makes no difference: `{other.policy.id}` ({statement.file}:{statement.line}) {does}"
            " whenever it matches",
            "Remove one of them, or correct their conditions",
            severity=Severity.WARNING,
        )
        return


def _meetings(subject: Subject, world: World) -> list[Knowledge]:
    found = list(islice(world.meetings(subject.policy.tree), MOST_MEETINGS + 1))
    return found if len(found) <= MOST_MEETINGS else []


def _leaves_nothing(subject: Subject, other: Subject) -> tuple[str, bool]:
    """Return what another policy does that leaves nothing for this one to do, and whether both do the same.

    Nothing where it leaves something: a permit with duties, a hold of another group.
    """
    if not subject.is_written or not other.is_written:
        return "", False  # a permit beside a grant is an error already
    mine, theirs = subject.policy, other.policy
    hold = theirs.annotation("hold")
    if theirs.tree.effect == "permit":
        alike = mine.tree.effect == "permit" and mine.tree.annotations.keys().isdisjoint(DUTIES)
        return ("permits" if alike else ""), alike
    if mine.tree.effect == "forbid" and mine.annotation("hold") == hold:
        return ("forbids" if hold is None else f"asks {hold}"), True
    return ("forbids" if hold is None else ""), False


def _covers(other: Subject, subject: Subject, meeting: Knowledge) -> bool:
    """Tell whether one policy matches every request of a meeting that the other one matches. True is certain."""
    tree, action = other.policy.tree, uid("Action", meeting.environment.action)
    for principal in meeting.principals:
        for resource in meeting.resources:
            if not covers_request(tree, principal, action, resource, meeting.hierarchy):
                return False
    known: Knowledge | None = meeting
    given: set[tuple[bool, pst.Expr]] = set()
    for wanted, part in _parts(subject.policy.tree):
        given.add((wanted, part))
        known = None if known is None else assume(part, wanted, known)
    if known is None:
        return True
    for wanted, part in _parts(tree):
        if (wanted, part) in given:
            continue
        if any(isinstance(each, pst.BinaryOp) and each.op in _MAY_FAIL for each in parts(part)):
            return False
        found = outcome(part, known)
        if (found.may_fail if wanted else found.may_hold) or not (found.may_hold or found.may_fail):
            return False
    return True


def _parts(tree: pst.Template) -> Iterator[tuple[bool, pst.Expr]]:
    for clause in tree.clauses:
        wanted = isinstance(clause, pst.When)
        for part in chain("and" if wanted else "or", clause.expr):
            yield wanted, part
