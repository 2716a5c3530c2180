"""decide(): every check, at 10 to 10,000 policies."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson
from cedarpy import Entities, PolicySet, Schema, is_authorized

from bench.measure import Cell, Table, cpu_us, mean_cpu_us, medians, percentile
from bench.world import World, facts_of, world
from remit.api.serving import spare_the_collector
from remit.domain.facts import Facts
from remit.domain.finding import Verdict
from remit.domain.release import Configuration, PolicyFile
from remit.kernel.checks.policy import request_of
from remit.kernel.decide import decide
from remit.kernel.prepared import Prepared
from remit.kernel.ruleset import Ruleset
from remit.policy.authorizer import Authorizer, PolicyAnswer, PolicyRequest
from remit.policy.compiled.reading import written
from remit.policy.entities import entities_json
from remit.policy.grants import permits
from remit.policy.schema import cedar_schema_json
from remit.policy.statements import Policy, split

SIZES = (10, 100, 1_000, 10_000)
WHOLE_SET_UP_TO = 1_000
"""Beyond, one evaluation of the whole set takes too long to be worth waiting for."""

UNSCOPED = 50
"""Policies without a scope, in the row that shows what those cost."""

LINES = 3
"""Of an order, in the row that shows what nested arguments cost."""

Asked = tuple[Facts, Prepared]


class Answered(Authorizer):
    """Policies that have answered already: what remains is everything besides policy evaluation."""

    def __init__(self) -> None:
        self.heard: list[PolicyRequest] = []

    def authorize(self, request: PolicyRequest) -> PolicyAnswer:
        """Return a permit, and remember what was asked."""
        self.heard[:] = [request]
        return PolicyAnswer(permitted=True, permits=("agents/agent-0#erp0.tool_0",))


def answered(rules: Ruleset) -> Ruleset:
    """Return the same rules with an answer that costs nothing in place of policy evaluation."""
    ready = copy.copy(rules)
    ready.authorizer = Answered()
    return ready


def table(*, quick: bool = False) -> Table:
    """Measure each size in turn."""
    sizes, calls, rounds = (SIZES[:2], 40, 2) if quick else (SIZES, 400, 7)
    return Table(
        "decide(): µs of CPU",
        (
            "policies",
            "values in the arguments",
            "in a slice",
            "p50",
            "p99",
            "policy alone, p50",
            "policy alone, p99",
            "besides policy, p50",
            "floor: engine on the slice",
            "floor: engine on all",
            "floor: dict look-up",
            "p50 to engine on the slice",
        ),
        (
            *(_row(world(size), calls, rounds) for size in sizes),
            _row(world(sizes[-2]), calls, rounds, LINES),
            _row(dense(world(sizes[-2])), calls, rounds),
        ),
        f"Every check; {calls} calls of different agents and tools; medians of {rounds} rounds. The floor is one bare"
        " evaluation by the official engine of what applies: on the slice, and on the whole set.",
    )


def _row(company: World, calls: int, rounds: int, lines: int = 0) -> tuple[Cell, ...]:
    rules = Ruleset(company.run(0).release, company.configuration)
    asked = [(facts_of(call), call) for call in company.calls(rules, calls, lines)]
    besides = [(facts_of(call), call) for call in company.calls(answered(rules), calls, lines)]
    for facts, call in (*asked, *besides):  # fills the cache of slices
        assert decide(facts, call).verdict is Verdict.ALLOW
    engine = Engine(company, rules)
    spare_the_collector()  # as a server does
    bare = [engine.question(facts, call) for facts, call in besides]
    requests = [request for request in (request_of(*each) for each in asked) if request is not None]
    figures = []
    for _ in range(rounds):
        ours, policy = cpu_us(_decide, asked), cpu_us(rules.authorizer.authorize, requests)
        rest, alone = cpu_us(_decide, besides), cpu_us(engine.ask, bare)
        figures.append(
            (
                percentile(ours, 0.5),
                percentile(ours, 0.99),
                percentile(policy, 0.5),
                percentile(policy, 0.99),
                statistics.median(rest),
                statistics.median(alone),
            )
        )
    *measured, floor = medians(figures)
    whole = engine.whole_us(bare[:20]) if company.policies <= WHOLE_SET_UP_TO else None
    in_slice = statistics.mean(question.policies for question in bare)
    ratio = measured[0] / floor
    return (company.policies, 4 + 2 * lines, in_slice, *measured, floor, whole, _look_up_us(bare), ratio)


def dense(company: World) -> World:
    """Return the company with unscoped policies that have a say in every call, and forbid none."""
    text = "\n".join(
        f'@id("dense-{number}") forbid(principal, action in Action::"invoke", resource)'
        f" when {{ context.call.steps > {number + 1_000} }};"
        for number in range(UNSCOPED)
    )
    policies = (*company.configuration.policies, PolicyFile("policies/dense.cedar", text))
    return replace(company, configuration=replace(company.configuration, policies=policies))


def _decide(asked: Asked) -> object:
    return decide(*asked)


@dataclass(frozen=True, slots=True)
class Question:
    """One request in the engine's own form, and the policies that could have a say in it."""

    request: dict[str, object]
    slice: PolicySet
    policies: int


class Engine:
    """The official engine alone."""

    def __init__(self, company: World, rules: Ruleset) -> None:
        self._rules = rules
        self._configuration = company.configuration
        self._schema = Schema.from_json_str(cedar_schema_json(company.configuration))
        self._entities = Entities.from_json_str(entities_json(company.configuration), self._schema)

    def question(self, facts: Facts, call: Prepared) -> Question:
        """Return what decide() asks, ready for the engine. The call's rules must be `answered`."""
        decide(facts, call)
        authorizer = call.rules.authorizer
        assert isinstance(authorizer, Answered)
        asked = authorizer.heard[0]
        ids = self._rules.authorizer.slice_of(asked.agent, asked.action, asked.resource_type, asked.resource)
        context = {"input": asked.input.values, "call": asked.call(True)}
        request: dict[str, object] = {
            "principal": {"type": "Agent", "id": asked.agent},
            "action": {"type": "Action", "id": asked.action},
            "resource": {"type": asked.resource_type, "id": asked.resource},
            "context": orjson.dumps(context, default=written).decode(),
        }
        return Question(request, self._set(ids), len(ids))

    def _set(self, ids: Iterable[str]) -> PolicySet:
        found = (self._rules.authorizer.policy(id) for id in ids)
        return PolicySet.from_str("\n".join(policy.statement.text for policy in found if policy is not None))

    def ask(self, question: Question) -> object:
        """Evaluate the slice."""
        return is_authorized(question.request, question.slice, self._entities, self._schema)

    def whole_us(self, questions: Sequence[Question]) -> float:
        """Return the CPU of evaluating every policy there is."""
        every = PolicySet.from_str("\n".join(_texts(self._configuration)))

        def ask(question: Question) -> object:
            return is_authorized(question.request, every, self._entities, self._schema)

        return statistics.median(cpu_us(ask, questions))


def _texts(configuration: Configuration) -> Iterator[str]:
    for file in configuration.policies:
        yield from (statement.text for statement in split(file))
    for agent in configuration.agents.values():
        yield from (permit.statement.text for permit in permits(agent) if isinstance(permit, Policy))


def _look_up_us(questions: Sequence[Question]) -> float:
    table = {str(n): question for n, question in enumerate(questions)}
    get: Callable[[], object] = lambda: table.get("7")  # noqa: E731 - the thinnest call there is
    return mean_cpu_us(get, 100_000)
