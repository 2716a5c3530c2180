"""Compiled policies against the official implementation: the same requests, and the same answers or an alarm."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from cedarpy import pst

from remit.domain.ids import AgentName
from remit.domain.release import Configuration
from remit.policy.authorizer import Authorizer
from remit.policy.call import OPTIONAL
from remit.policy.compiled.expressions import ref
from remit.policy.compiled.values import I64_MAX, I64_MIN, Ref, SetValue, Value
from remit.policy.conditions import parts
from remit.policy.inputs import Input
from remit.policy.reach import World
from remit.policy.request import PolicyRequest
from remit.policy.scopes import Uid
from remit.policy.shapes import EntityOf, Many, Record, Shape, Text, Truth, Whole
from remit.policy.statements import Policy

_T = TypeVar("_T", int, str)

MOST = 1_000
"""Requests that are made of one release: under a second where there are so many policies."""
PER_POLICY = 8
_MOST_PER_POLICY = 40
_MOST_MEETINGS = 8
_MOST_ELEMENTS = 3
_MOST_ENTITIES = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """Two answers to one request. It holds no arguments: both are named by the policies alone."""

    agent: str
    action: str
    compiled: str
    official: str

    def __str__(self) -> str:
        return f"{self.action} by {self.agent}: compiled policies say {self.compiled}, officially it is {self.official}"


def difference(authorizer: Authorizer, requests: Iterable[PolicyRequest]) -> Difference | None:
    """Return the first request that is answered otherwise than by the official implementation; None where none is."""
    asked = authorizer.apart()
    for request in requests:
        ours, official = asked.authorize(request), asked.official(request)
        if ours != official:
            return Difference(request.agent, request.action, str(ours), str(official))
    return None


def first_difference(authorizer: Authorizer, configuration: Configuration, seed: str) -> str:
    """Compare on generated requests and return what differs, in words; empty where nothing does."""
    found = difference(authorizer, generated(authorizer, configuration, seed))
    return "" if found is None else str(found)


def generated(authorizer: Authorizer, configuration: Configuration, seed: str) -> Iterator[PolicyRequest]:
    """Yield requests that the policies have something to say to, some for each; the same for the same seed.

    Values come from the schema's domains and from what the conditions compare with, a little less and a little more.
    """
    choice = random.Random(seed)  # noqa: S311 - nobody gains by guessing it
    world = World.of(configuration)
    some = _some(world)
    policies: Sequence[Policy] = authorizer.policies
    each = max(1, min(PER_POLICY, MOST // max(1, len(policies))))
    for policy in policies if len(policies) <= MOST else choice.sample(policies, MOST):
        meetings = list(islice(world.meetings(policy.tree), _MOST_MEETINGS))
        values = _Values(policy, some, choice)
        count = each if each < PER_POLICY else max(each, min(_MOST_PER_POLICY, 2 * values.edges))
        for _ in range(count if meetings else 0):
            meeting = choice.choice(meetings)
            environment = meeting.environment
            yield PolicyRequest(
                AgentName(choice.choice(sorted(meeting.principals, key=_id)).id),
                environment.action,
                environment.resource_type,
                choice.choice(sorted(meeting.resources, key=_id)).id,
                Input(values.record(environment.input, "input")),
                GivenCall(values.record(environment.call, "call")),
            )


def _id(entity: Uid) -> str:
    return entity.id


@dataclass(frozen=True, slots=True)
class GivenCall:
    """Facts of a call that are there already."""

    values: dict[str, Value]

    def __call__(self, optional: bool) -> dict[str, Value]:
        return self.values if optional else {name: self.values[name] for name in self.values if name not in OPTIONAL}


class _Values:
    """Values near those that one policy compares with.

    Of four values of an attribute three are taken in turn from those near a constant, so that eight requests meet
    every edge of two; the fourth is anything.
    """

    def __init__(self, policy: Policy, some: Mapping[str, Sequence[Ref]], choice: random.Random) -> None:
        every = [part for clause in policy.tree.clauses for part in parts(clause.expr)]
        numbers = dict.fromkeys(part.value for part in every if isinstance(part, pst.LongLit))
        near = [number + step for number in numbers for step in (0, 1, -1)]
        self._numbers = [number for number in dict.fromkeys(near) if I64_MIN <= number <= I64_MAX]
        texts = [part.value for part in every if isinstance(part, pst.StringLit)]
        texts += [_example(part.pattern) for part in every if isinstance(part, pst.Like)]
        self._texts = list(dict.fromkeys(texts))
        self._named = sorted({ref(part.value) for part in every if isinstance(part, pst.EntityLit)})
        self._some = some
        self._choice = choice
        self._drawn: Counter[str] = Counter()
        self.edges = max(len(self._numbers), len(self._texts))

    def record(self, shape: Record, path: str) -> dict[str, Value]:
        """Return a record of a shape; one in four of what may be absent is."""
        return {
            name: self._value(member.shape, f"{path}.{name}")
            for name, member in shape.members.items()
            if member.required or self._choice.random() < 0.75
        }

    def _value(self, shape: Shape, path: str) -> Value:
        match shape:
            case Whole(minimum=low, maximum=high):
                return self._near(self._numbers, [0, -1, I64_MIN, I64_MAX, low, high], path)
            case Text(choices=choices):
                return self._near(self._texts, ["", "é", *sorted(choices or ())], path)
            case Truth():
                return self._choice.random() < 0.5
            case Many(element=element):
                return SetValue([self._value(element, path) for _ in range(self._choice.randint(0, _MOST_ELEMENTS))])
            case EntityOf(type=kind):
                named = (one for one in self._named if one.type == kind)
                return self._choice.choice([*named, *self._some.get(kind, ()), Ref(kind, "nobody")])
            case Record():
                return self.record(shape, path)

    def _near(self, near: Sequence[_T], others: Sequence[_T], path: str) -> _T:
        drawn = self._drawn[path]
        self._drawn[path] += 1
        if not near or drawn % 4 == 3:
            return self._choice.choice(others)
        return near[(drawn - drawn // 4) % len(near)]


def _some(world: World) -> dict[str, list[Ref]]:
    """Return a few entities of each type."""
    found: dict[str, list[Ref]] = {}
    for one in sorted(map(ref, world.hierarchy.ancestors)):
        of_type = found.setdefault(one.type, [])
        if len(of_type) < _MOST_ENTITIES:
            of_type.append(one)
    return found


def _example(pattern: tuple[pst.PatternElem, ...]) -> str:
    return "".join("x" if isinstance(part, pst.Wildcard) else part.value for part in pattern)
