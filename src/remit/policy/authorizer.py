"""What the policies say to one action, asked of the official implementation on the slice that applies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson
from cedarpy import Entities, Schema

from remit.domain.ids import AgentName, GroupName, ToolName
from remit.domain.problem import Problem
from remit.domain.release import Cap, Configuration, Mask
from remit.policy.annotations import duties, joined
from remit.policy.entities import entities, entities_json, hierarchy
from remit.policy.grants import permits
from remit.policy.inputs import ToolInput
from remit.policy.schema import MODEL_CALL, cedar_schema_json
from remit.policy.scopes import uid
from remit.policy.slice_cache import SliceCache
from remit.policy.slices import PolicyIndex
from remit.policy.statements import Policy, parse, split
from remit.policy.verdicts import AskedSet, Verdict

__all__ = [
    "Authorizer",
    "InvalidPolicies",
    "PolicyAnswer",
    "PolicyHold",
    "PolicyRequest",
    "ToolInput",
]

MAX_SLICES = 10_000
"""Slices kept: one for each agent and target that was asked for."""


class InvalidPolicies(ValueError):
    """A configuration whose policies do not even parse was to be enforced."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """One action put to the policies.

    Attributes:
        action: the tool's name, or `model.call`.
        resource_type: `Tool` or `Model`.
        input_json: `context.input` as JSON text, made ahead by `ToolInput.context`.
        call: `context.call` in Cedar's JSON form; entities as `{"__entity": {"type": ..., "id": ...}}`.
    """

    agent: AgentName
    action: str
    resource_type: str
    resource: str
    input_json: bytes | str
    call: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PolicyHold:
    """A policy that wants somebody of `group` to approve."""

    id: str
    group: GroupName
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """What the policies say.

    Attributes:
        permitted: a permit matched, no forbid did, and nothing went wrong. Holds are not counted in.
        permits: the permits that matched, empty where a forbid did.
        forbids: the forbids that matched, each with its `@reason`.
        errors: what could not be evaluated, as `policy:code` or `request:code`, without data. Any of them denies.
        duties: what the permits and the grant demand to be done to the arguments; the lowest cap wins.
    """

    permitted: bool
    permits: tuple[str, ...] = ()
    forbids: tuple[tuple[str, str], ...] = ()
    holds: tuple[PolicyHold, ...] = ()
    errors: tuple[str, ...] = ()
    duties: tuple[Mask | Cap, ...] = ()


_SliceKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Sliced:
    """The policies for one agent and target. A set is None where it holds nothing."""

    every: AskedSet | None
    base: AskedSet | None


class Authorizer:
    """The policies of one release, ready to be asked. Immutable but for its cache of slices; safe to share.

    Base policies (permits and plain forbids) and holds (forbids with `@hold`) are told apart: a hold must not hide
    whether the action is permitted at all. The official implementation evaluates each policy by itself and names every
    forbid that matched, so one evaluation of the slice says both, unless holds alone denied: then the base set is asked
    once more without them.
    """

    def __init__(
        self, configuration: Configuration, policies: tuple[Policy, ...], max_slices: int = MAX_SLICES
    ) -> None:
        self.inputs: Mapping[ToolName, ToolInput] = {
            name: ToolInput.of(tool) for name, tool in configuration.tools.items()
        }
        self._schema = Schema.from_json_str(cedar_schema_json(configuration))
        self._entities = Entities.from_json_str(entities_json(configuration), self._schema)
        self._known = frozenset((entity.uid.type.basename, entity.uid.id) for entity in entities(configuration))
        self._policies = {policy.id: policy for policy in policies}
        self._index = PolicyIndex.of(((policy.id, policy.tree) for policy in policies), hierarchy(configuration))
        self._holds = frozenset(policy.id for policy in policies if policy.annotation("hold") is not None)
        self._duties = {policy.id: duties(policy.tree.annotations.items()) for policy in policies}
        self._granted = {
            (agent.name, grant.tool): grant.duties
            for agent in configuration.agents.values()
            for grant in agent.remit.grants
        }
        self._slices = SliceCache(max_slices, self._sliced)

    @classmethod
    def of(cls, configuration: Configuration, max_slices: int = MAX_SLICES) -> Authorizer:
        """Parse every policy and every grant, once.

        Raises:
            InvalidPolicies: one does not parse, or two have the same id. `validate.problems` finds these and more.
            ValueError: the tools make no schema, or a derived field is malformed.
        """
        parsed = tuple(_parsed(configuration))
        refused = [each for each in parsed if isinstance(each, Problem)]
        policies = tuple(each for each in parsed if isinstance(each, Policy))
        ids: set[str] = set()
        for policy in policies:
            if policy.id in ids:
                refused.append(policy.statement.problem(f"the id {policy.id} is taken", "Choose another @id"))
            if policy.tree.effect == "permit" and policy.annotation("hold") is not None:
                refused.append(policy.statement.problem("@hold stands on a permit", "Hold with a forbid"))
            ids.add(policy.id)
        if refused:
            raise InvalidPolicies(refused)
        return cls(configuration, policies, max_slices)

    def authorize(self, request: PolicyRequest) -> PolicyAnswer:
        """Return what the policies say. Never raises: whatever goes wrong is an error of the answer, which denies."""
        if fault := self._fault(request):
            return PolicyAnswer(False, errors=(f"request:{fault}",))
        try:
            sliced = self._slices.get((request.agent, request.action, request.resource_type, request.resource))
            asked = _asked(request)
            every = self._verdict(sliced.every, asked)
            held = () if every.allowed else tuple(filter(self._holds.__contains__, every.determining))
            base = self._verdict(sliced.base, asked) if held and held == every.determining else every
        except Exception:  # noqa: BLE001 - whatever it is, the answer must be no
            return PolicyAnswer(False, errors=("request:failed",))
        return self._answer(request, base, held, every.errors)

    def slice_of(self, agent: str, action: str, resource_type: str, resource: str) -> tuple[str, ...]:
        """Return the ids of the policies that have a say in a request, whatever its context."""
        return self._index.slice(uid("Agent", agent), uid("Action", action), uid(resource_type, resource))

    @property
    def cached_slices(self) -> int:
        """How many slices are kept at the moment."""
        return len(self._slices)

    def policy(self, name: str) -> Policy | None:
        """Return a policy by its id, or None."""
        return self._policies.get(name)

    def _fault(self, request: PolicyRequest) -> str:
        """Return what is wrong with the request before any policy is asked, or an empty string."""
        expected = request.resource if request.resource_type == "Tool" else MODEL_CALL
        if request.resource_type not in ("Tool", "Model") or request.action != expected:
            return "action_and_resource_differ"
        if ("Agent", request.agent) not in self._known:
            return "unknown_agent"
        if (request.resource_type, request.resource) not in self._known:
            return "unknown_resource"
        return ""

    def _sliced(self, key: _SliceKey) -> _Sliced:
        found = [self._policies[name] for name in self.slice_of(*key)]
        return _Sliced(AskedSet.of(found), AskedSet.of([policy for policy in found if policy.id not in self._holds]))

    def _verdict(self, policies: AskedSet | None, asked: Mapping[str, object]) -> Verdict:
        return Verdict() if policies is None else policies.verdict(asked, self._entities, self._schema)

    def _answer(
        self, request: PolicyRequest, base: Verdict, held: tuple[str, ...], errors: tuple[str, ...]
    ) -> PolicyAnswer:
        errors = tuple(sorted({*base.errors, *errors}))
        permitted = base.allowed and not errors
        forbids = () if base.allowed else (name for name in base.determining if name not in self._holds)
        return PolicyAnswer(
            permitted,
            base.determining if base.allowed else (),
            tuple((name, self._text(name, "reason")) for name in forbids),
            tuple(PolicyHold(name, GroupName(self._text(name, "hold")), self._text(name, "reason")) for name in held),
            errors,
            joined(self._demanded(request, base.determining)) if permitted else (),
        )

    def _text(self, name: str, annotation: str) -> str:
        return self._policies[name].annotation(annotation) or ""

    def _demanded(self, request: PolicyRequest, determining: tuple[str, ...]) -> Iterator[Mask | Cap]:
        if request.resource_type == "Tool":
            yield from self._granted.get((request.agent, ToolName(request.resource)), ())
        for name in determining:
            yield from self._duties[name]


def _parsed(configuration: Configuration) -> Iterator[Policy | Problem]:
    for file in configuration.policies:
        for statement in split(file):
            yield parse(statement)
    for agent in configuration.agents.values():
        yield from permits(agent)


def _asked(request: PolicyRequest) -> dict[str, object]:
    """Return the request as the official implementation takes it.

    The context is joined from two texts. `call` comes last, since of a key that stands twice the last one counts: no
    input, however it was made, can replace what the kernel says of the call.
    """
    given = request.input_json if isinstance(request.input_json, str) else request.input_json.decode()
    call = orjson.dumps(dict(request.call)).decode()
    return {
        "principal": {"type": "Agent", "id": request.agent},
        "action": {"type": "Action", "id": request.action},
        "resource": {"type": request.resource_type, "id": request.resource},
        "context": f'{{"input":{given},"call":{call}}}',
    }
