"""What the policies say to one action: compiled to Python, or by the official implementation where they are not."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from remit.domain.ids import GroupName, ToolName
from remit.domain.problem import Problem
from remit.domain.release import Cap, Configuration, Mask
from remit.policy.annotations import duties, joined
from remit.policy.call import OPTIONAL, fits
from remit.policy.compiled.expressions import ref
from remit.policy.compiled.operators import Entities, Known
from remit.policy.compiled.reading import entities_of
from remit.policy.compiled.rules import Rule, matched
from remit.policy.compiled.shelf import Shelf
from remit.policy.compiled.values import Ref, Value
from remit.policy.conditions import may_read, reads_beside
from remit.policy.entities import entities, hierarchy
from remit.policy.grants import permits
from remit.policy.inputs import ToolInput
from remit.policy.official import Official
from remit.policy.request import Matched, PolicyAnswer, PolicyHold, PolicyRequest
from remit.policy.schema import MODEL_CALL
from remit.policy.scopes import Uid, uid
from remit.policy.slice_cache import SliceCache
from remit.policy.slices import PolicyIndex
from remit.policy.statements import Policy, parse, split

__all__ = [
    "Authorizer",
    "InvalidPolicies",
    "PolicyAnswer",
    "PolicyHold",
    "PolicyRequest",
    "ToolInput",
]

MAX_SLICES = 10_000
"""Slices kept: one for each class of agents, action and class of targets that was asked for."""
_MAX_ANSWERS = 64
"""Answers kept with a slice: one for each set of permits that matched alone."""


class InvalidPolicies(ValueError):
    """A configuration whose policies do not even parse was to be enforced."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(slots=True)
class Counts:
    """How the questions of this process were answered. Counted without a lock: figures, not facts."""

    compiled: int = 0
    official: int = 0


@dataclass(frozen=True, slots=True)
class _Party:
    """An entity that may ask or be asked for, and the number of its class."""

    ref: Ref
    uid: Uid
    group: int


@dataclass(frozen=True, slots=True)
class _Slice:
    """The policies that have a say, sorted by id. `compiled` is false where one of them could not be."""

    action: Ref
    policies: tuple[Policy, ...]
    permits: tuple[Rule, ...] = ()
    forbids: tuple[Rule, ...] = ()
    holds: tuple[Rule, ...] = ()
    compiled: bool = True
    reads_call: bool = True
    reads_optional: bool = True
    answers: dict[tuple[str, ...], PolicyAnswer] = field(default_factory=dict)


_SliceKey = tuple[int, str, int]
_REFUSED = PolicyAnswer(False, errors=("request:refused",))
_FAILED = PolicyAnswer(False, errors=("request:failed",))


class Authorizer:
    """The policies of one release, ready to be asked. Safe to share: only its caches change, and whom it believes.

    Cedar evaluates each policy by itself and skips one whose scope does not match, so the compiled policies of a slice
    give the decision, the determining policies and the errors of the whole set. Compiled policies are believed until
    `distrust` is called; the official implementation is asked where one could not be compiled.
    """

    def __init__(
        self,
        configuration: Configuration,
        policies: tuple[Policy, ...],
        max_slices: int = MAX_SLICES,
        shelf: Shelf | None = None,
    ) -> None:
        self.inputs: Mapping[ToolName, ToolInput] = {
            name: ToolInput.of(tool) for name, tool in configuration.tools.items()
        }
        self.counts = Counts()
        self._distrusted = ""
        self._shelf = shelf or Shelf()
        self._policies = {policy.id: policy for policy in policies}
        self._index = PolicyIndex.of(((policy.id, policy.tree) for policy in policies), hierarchy(configuration))
        self._temporal = frozenset(fact.name for fact in configuration.settings.temporal)
        self._holds = {
            policy.id: PolicyHold(policy.id, GroupName(group), policy.annotation("reason") or "")
            for policy in policies
            if (group := policy.annotation("hold")) is not None
        }
        self._duties = {policy.id: duties(policy.tree.annotations.items()) for policy in policies}
        self._granted = {
            (agent.name, grant.tool): grant.duties
            for agent in configuration.agents.values()
            for grant in agent.remit.grants
            if grant.duties
        }
        self._known = _known(configuration)
        self._agents, self._resources = self._parties()
        self._slices: SliceCache[_SliceKey, _Slice] = SliceCache(max_slices)
        self._official = Official(configuration, self._holds, max_slices)

    @classmethod
    def of(cls, configuration: Configuration, max_slices: int = MAX_SLICES, shelf: Shelf | None = None) -> Authorizer:
        """Parse every policy and every grant, once. A shelf that releases share spares what they have in common.

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
        return cls(configuration, policies, max_slices, shelf)

    # --- asking ---

    def authorize(self, request: PolicyRequest) -> PolicyAnswer:
        """Return what the policies say. Never raises: whatever goes wrong is an error of the answer, which denies."""
        if self._distrusted:
            return self.official(request)
        try:
            parties = self._asked_for(request)
            if isinstance(parties, PolicyAnswer):
                return parties
            sliced = self._slice(request.action, *parties)
            if not sliced.compiled:
                return self.official(request)
            self.counts.compiled += 1
            return self._compiled_answer(request, sliced, *parties)
        except Exception:  # noqa: BLE001 - whatever it is, the answer must be no
            return _FAILED

    def official(self, request: PolicyRequest) -> PolicyAnswer:
        """Return what the official implementation says, on the same slice. Never raises, as `authorize`."""
        try:
            parties = self._asked_for(request)
            if isinstance(parties, PolicyAnswer):
                return parties
            if not fits(request.call(True), self._temporal):
                return _REFUSED
            sliced = self._slice(request.action, *parties)
            self.counts.official += 1
            key = (parties[0].group, request.action, parties[1].group)
            return self._answer(request, self._official.matched(request, key, sliced.policies))
        except Exception:  # noqa: BLE001 - whatever it is, the answer must be no
            return _FAILED

    def distrust(self, why: str) -> None:
        """Have every question answered by the official implementation from now on, in this process."""
        self._distrusted = self._distrusted or why

    def apart(self) -> Authorizer:
        """Return the same policies with counts of their own, for questions that no action asks."""
        other = copy.copy(self)
        other.counts = Counts()
        return other

    def officially(self) -> Authorizer:
        """Return the same policies, decided by the official implementation alone and counted apart."""
        other = self.apart()
        other.distrust("a second opinion is asked for")
        return other

    @property
    def distrusted(self) -> str:
        """Why the compiled policies are not believed; empty while they are."""
        return self._distrusted

    def slice_of(self, agent: str, action: str, resource_type: str, resource: str) -> tuple[str, ...]:
        """Return the ids of the policies that have a say in a request, whatever its context."""
        return self._index.slice(uid("Agent", agent), uid("Action", action), uid(resource_type, resource))

    @property
    def known(self) -> Entities:
        """The entities of the workspace and its actions, in Cedar's values."""
        return self._known

    @property
    def cached_slices(self) -> int:
        """How many slices are kept at the moment."""
        return len(self._slices)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Every policy and every permit that a grant makes."""
        return tuple(self._policies.values())

    def policy(self, name: str) -> Policy | None:
        """Return a policy by its id, or None."""
        return self._policies.get(name)

    # --- slices ---

    def _parties(self) -> tuple[dict[str, _Party], dict[tuple[str, str], _Party]]:
        """Number the classes of every agent, tool and model there is."""
        numbers: dict[object, int] = {}
        agents: dict[str, _Party] = {}
        resources: dict[tuple[str, str], _Party] = {}
        for one in self._known:
            named = uid(one.type, one.id)
            if one.type == "Agent":
                group = self._index.principal_class(named)
                agents[one.id] = _Party(one, named, numbers.setdefault(group, len(numbers)))
            elif one.type in ("Tool", "Model"):
                group = self._index.resource_class(named)
                resources[one.type, one.id] = _Party(one, named, numbers.setdefault(group, len(numbers)))
        return agents, resources

    def _asked_for(self, request: PolicyRequest) -> tuple[_Party, _Party] | PolicyAnswer:
        """Return who asks and what for, or the answer to a request that no policy needs to be asked about."""
        expected = request.resource if request.resource_type == "Tool" else MODEL_CALL
        if request.resource_type not in ("Tool", "Model") or request.action != expected:
            return _at_fault("action_and_resource_differ")
        agent = self._agents.get(request.agent)
        if agent is None:
            return _at_fault("unknown_agent")
        resource = self._resources.get((request.resource_type, request.resource))
        if resource is None:
            return _at_fault("unknown_resource")
        if request.input.values is None:
            return _REFUSED
        return agent, resource

    def _slice(self, action: str, agent: _Party, resource: _Party) -> _Slice:
        key = (agent.group, action, resource.group)
        return self._slices.get(key) or self._slices.keep(key, self._sliced(action, agent.uid, resource.uid))

    def _sliced(self, action: str, agent: Uid, resource: Uid) -> _Slice:
        names = sorted(self._index.slice(agent, uid("Action", action), resource))
        policies = tuple(self._policies[name] for name in names)
        permits: list[Rule] = []
        forbids: list[Rule] = []
        holds: list[Rule] = []
        for policy in policies:
            compiled = self._shelf.of(policy)
            if compiled.refused:
                return _Slice(Ref("Action", action), policies, compiled=False)
            into = permits if policy.tree.effect == "permit" else holds if policy.id in self._holds else forbids
            into.append(Rule(policy.id, compiled.holds))
        conditions = [clause.expr for policy in policies for clause in policy.tree.clauses]
        return _Slice(
            Ref("Action", action),
            policies,
            tuple(permits),
            tuple(forbids),
            tuple(holds),
            reads_call=any(reads_beside(condition, "input") for condition in conditions),
            reads_optional=any(may_read(condition, OPTIONAL) for condition in conditions),
        )

    # --- answers ---

    def _compiled_answer(self, request: PolicyRequest, sliced: _Slice, agent: _Party, resource: _Party) -> PolicyAnswer:
        call = request.call(sliced.reads_optional) if sliced.reads_call else {}
        if sliced.reads_call and not fits(call, self._temporal):
            return _REFUSED
        context: dict[str, Value] = {"input": request.input.values or {}, "call": call}
        asked = agent.ref, sliced.action, resource.ref, context, self._known
        errors: list[str] = []
        permitting = tuple(matched(sliced.permits, *asked, errors))
        forbidding = matched(sliced.forbids, *asked, errors) if sliced.forbids else []
        holding = matched(sliced.holds, *asked, errors) if sliced.holds else []
        if forbidding or holding or errors or (request.agent, request.resource) in self._granted:
            permits = () if forbidding else permitting
            return self._answer(request, Matched(permits, tuple(forbidding), tuple(holding), tuple(sorted(errors))))
        answer = sliced.answers.get(permitting)
        if answer is None:
            answer = self._answer(request, Matched(permitting))
            if len(sliced.answers) < _MAX_ANSWERS:
                sliced.answers[permitting] = answer
        return answer

    def _answer(self, request: PolicyRequest, found: Matched) -> PolicyAnswer:
        permitted = bool(found.permits) and not found.errors
        return PolicyAnswer(
            permitted,
            found.permits,
            tuple((name, self._policies[name].annotation("reason") or "") for name in found.forbids),
            tuple(self._holds[name] for name in found.holds),
            found.errors,
            joined(self._demanded(request, found.permits)) if permitted else (),
        )

    def _demanded(self, request: PolicyRequest, determining: tuple[str, ...]) -> Iterator[Mask | Cap]:
        if request.resource_type == "Tool":
            yield from self._granted.get((request.agent, ToolName(request.resource)), ())
        for name in determining:
            yield from self._duties[name]


def _at_fault(code: str) -> PolicyAnswer:
    return PolicyAnswer(False, errors=(f"request:{code}",))


def _known(configuration: Configuration) -> dict[Ref, Known]:
    above = {ref(one): frozenset(map(ref, found)) for one, found in hierarchy(configuration).ancestors.items()}
    listed = (entity.as_json() for entity in entities(configuration))
    actions = {one: Known(ancestors=found) for one, found in above.items() if one.type == "Action"}
    return {**entities_of(listed, above.__getitem__), **actions}


def _parsed(configuration: Configuration) -> Iterator[Policy | Problem]:
    for file in configuration.policies:
        for statement in split(file):
            yield parse(statement)
    for agent in configuration.agents.values():
        yield from permits(agent)
