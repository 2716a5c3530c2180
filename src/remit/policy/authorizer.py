"""What the policies say to one action, asked of the official implementation on the slice that applies."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson
from cedarpy import AuthzResult, Decision, Entities, PolicySet, Schema, is_authorized

from remit.domain.ids import AgentName, GroupName, ToolName
from remit.domain.problem import Problem
from remit.domain.release import Cap, Configuration, Mask
from remit.policy.annotations import duties, joined
from remit.policy.entities import entities, entities_json, hierarchy
from remit.policy.grants import permits
from remit.policy.inputs import ToolInput, input_context
from remit.policy.schema import MODEL_CALL, cedar_schema_json
from remit.policy.scopes import uid
from remit.policy.slices import PolicyIndex
from remit.policy.statements import Policy, parse, split

__all__ = [
    "Authorizer",
    "InvalidPolicies",
    "PolicyAnswer",
    "PolicyHold",
    "PolicyRequest",
    "ToolInput",
    "input_context",
]

MAX_SLICES = 10_000
"""Slices kept: one for each agent and target that was asked for."""

_PERMIT_ALL = "permit(principal, action, resource);"

# The wording of the official implementation's errors; what follows the policy's id may quote arguments.
_EVALUATION_ERROR = re.compile(r"error while evaluating policy `policy(\d+)`: (.*)", re.DOTALL)
_CODES = (
    ("integer overflow", "overflow"),
    ("does not have the attribute", "missing_attribute"),
    ("does not exist", "missing_entity"),
    ("type error", "type"),
)


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


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What one policy set says: whether it allows, the determining policies, and the errors."""

    allowed: bool = False
    determining: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sliced:
    """The policies for one agent and target, parsed. A set is None where no policy could change its verdict."""

    base: PolicySet | None
    base_ids: tuple[str, ...]
    holds: PolicySet | None
    hold_ids: tuple[str, ...]


_SliceKey = tuple[str, str, str, str]


class _SliceCache:
    """Slices by request, at most `limit`, the oldest dropped first. Safe to use from many threads.

    Two threads may make the same slice at once: slices are values, so either will do.
    """

    def __init__(self, limit: int, make: Callable[[_SliceKey], _Sliced]) -> None:
        self._limit = limit
        self._make = make
        self._kept: dict[_SliceKey, _Sliced] = {}
        self._lock = threading.Lock()

    def get(self, key: _SliceKey) -> _Sliced:
        """Return the slice of a request, made now if it is not kept."""
        found = self._kept.get(key)
        if found is None:
            found = self._make(key)
            with self._lock:
                while len(self._kept) >= self._limit:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = found
        return found

    def __len__(self) -> int:
        return len(self._kept)


class Authorizer:
    """The policies of one release, ready to be asked. Immutable but for its cache of slices; safe to share.

    Base policies (permits and plain forbids) and holds (forbids with `@hold`) are evaluated apart: a hold must not hide
    whether the action is permitted at all.
    """

    def __init__(
        self, configuration: Configuration, policies: tuple[Policy, ...], max_slices: int = MAX_SLICES
    ) -> None:
        self.inputs: Mapping[ToolName, ToolInput] = {
            name: ToolInput.of(tool) for name, tool in configuration.tools.items()
        }
        self._schema = Schema.from_json_str(cedar_schema_json(configuration))
        self._entities = Entities.from_json_str(entities_json(configuration), self._schema)
        self._known = frozenset(entity.uid for entity in entities(configuration))
        self._policies = {policy.id: policy for policy in policies}
        self._index = PolicyIndex.of(((policy.id, policy.tree) for policy in policies), hierarchy(configuration))
        self._duties = {policy.id: duties(policy.tree.annotations.items()) for policy in policies}
        self._granted = {
            (agent.name, grant.tool): grant.duties
            for agent in configuration.agents.values()
            for grant in agent.remit.grants
        }
        self._slices = _SliceCache(max_slices, self._sliced)

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
            base = self._evaluated(asked, sliced.base, sliced.base_ids)
            holds = self._evaluated(asked, sliced.holds, sliced.hold_ids)
        except Exception:  # noqa: BLE001 - whatever it is, the answer must be no
            return PolicyAnswer(False, errors=("request:failed",))
        return self._answer(request, base, holds)

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
        if uid("Agent", request.agent) not in self._known:
            return "unknown_agent"
        if uid(request.resource_type, request.resource) not in self._known:
            return "unknown_resource"
        return ""

    def _sliced(self, key: _SliceKey) -> _Sliced:
        ids = self.slice_of(*key)
        hold_ids = tuple(name for name in ids if self._policies[name].annotation("hold") is not None)
        base_ids = tuple(name for name in ids if self._policies[name].annotation("hold") is None)
        return _Sliced(
            self._set(base_ids) if base_ids else None,
            base_ids,
            # Only against a permit does a forbid show: this one makes the holds visible and is itself never reported.
            self._set(hold_ids, _PERMIT_ALL) if hold_ids else None,
            (*hold_ids, "") if hold_ids else (),
        )

    def _set(self, ids: tuple[str, ...], last: str = "") -> PolicySet:
        texts = [self._policies[name].statement.text for name in ids]
        return PolicySet.from_str("\n".join((*texts, last)))

    def _evaluated(self, asked: dict[str, object], policies: PolicySet | None, ids: tuple[str, ...]) -> _Verdict:
        if policies is None:
            return _Verdict()
        result = is_authorized(asked, policies, self._entities, self._schema)
        return _Verdict(result.allowed, _determining(result, ids), _errors(result, ids))

    def _answer(self, request: PolicyRequest, base: _Verdict, holds: _Verdict) -> PolicyAnswer:
        errors = tuple(sorted({*base.errors, *holds.errors}))
        permitted = base.allowed and not errors
        forbids = () if base.allowed else base.determining
        held = () if holds.allowed else holds.determining
        demanded = self._demanded(request, base.determining) if permitted else ()
        return PolicyAnswer(
            permitted,
            base.determining if base.allowed else (),
            tuple((name, self._text(name, "reason")) for name in forbids),
            tuple(PolicyHold(name, GroupName(self._text(name, "hold")), self._text(name, "reason")) for name in held),
            errors,
            joined(demanded),
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


def _determining(result: AuthzResult, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the determining policies by our ids, sorted; the official ids are `policy` and a position."""
    named = (ids[int(reason.removeprefix("policy"))] for reason in result.diagnostics.reasons)
    return tuple(sorted(name for name in named if name))


def _errors(result: AuthzResult, ids: tuple[str, ...]) -> tuple[str, ...]:
    errors = [_error(message, ids) for message in result.diagnostics.errors]
    if result.decision is Decision.NoDecision and not errors:
        errors.append("request:refused")
    return tuple(errors)


def _error(message: str, ids: tuple[str, ...]) -> str:
    """Return the error without the data its message may quote."""
    found = _EVALUATION_ERROR.fullmatch(message)
    if found is None or int(found[1]) >= len(ids):
        return "request:refused"
    code = next((code for words, code in _CODES if words in found[2]), "evaluation")
    return f"{ids[int(found[1])]}:{code}"
