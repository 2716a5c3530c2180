"""What the active release says: agents, tools, policies; and what it would say to an action that nobody attempts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from remit.api.access import allow, people
from remit.api.actions import FindingShown, ToldIn, findings_of
from remit.api.policy_reasons import PolicyReadingShown, readings_shown
from remit.api.releases import TestShown, test_of
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Json, Named, Shown, missing
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.control.policy_tests import run_tests, situation
from remit.domain.action import ActionKind
from remit.domain.arguments import PayloadLimits, checked
from remit.domain.finding import Code, Verdict
from remit.domain.identity import Caller
from remit.domain.ids import AgentName, BudgetName, ReleaseId, UserId
from remit.domain.messages import Language, say, telling
from remit.domain.release import PolicyFile
from remit.domain.scenario import GivenFacts, Scenario
from remit.domain.text import ACTOR_FORMS, is_actor
from remit.execution.metering import LEAST, MAX_TOKENS
from remit.kernel.checks.policy import request_of
from remit.kernel.decide import decide
from remit.kernel.prepared import model_arguments
from remit.kernel.ruleset import Ruleset
from remit.policy.statements import Policy, parse, split
from remit.policy.why import readings
from remit.workspace.reading import read

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]


class FactsGiven(Body):
    """The state of the world before the action; what is not given is as on a quiet first call."""

    at: Annotated[str, Field(max_length=40, pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?$")] = ""
    steps: Count = 0
    tool_calls: Count = 0
    model_calls: Count = 0
    depth: Count = 0
    verified: bool = False
    running_s: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    in_flight: Count = 0
    repeats: Count = 0
    spent: dict[str, Annotated[int, Field(ge=0, le=2**62)]] = Field(default_factory=dict, max_length=100)
    calls: dict[str, Count] = Field(default_factory=dict, max_length=100)
    stopped: list[Literal["workspace", "team", "agent", "run", "tool", "model"]] = Field(
        default_factory=list, max_length=6
    )
    loop: Code | None = None
    approval: Literal["pending", "approved", "rejected", "expired"] | None = None


class WhatIf(Body):
    """An action that nobody attempts: `tool` with `arguments`, or `model` with tokens."""

    agent: Named
    tool: Annotated[str, Field(max_length=300)] = ""
    model: Annotated[str, Field(max_length=300)] = ""
    arguments: Json = Field(default_factory=dict)
    input_tokens: Annotated[int, Field(ge=0, le=MAX_TOKENS)] = 0
    max_output_tokens: Annotated[int, Field(ge=0, le=MAX_TOKENS)] = 0
    on_behalf_of: Annotated[str, Field(min_length=1, max_length=256)] = "user:test"
    facts: FactsGiven = FactsGiven()
    cost_micros: Annotated[int, Field(ge=0, le=2**62)] | None = None
    release: Annotated[str, Field(max_length=64)] = ""
    language: Language = "en"


class WhatIfShown(Shown):
    """The decision there would be."""

    release: str
    verdict: str
    words: list[str]
    findings: list[FindingShown]
    duties: list[str]
    policies: list[str]
    approvers: list[str]
    why: list[PolicyReadingShown]


class TestRun(Body):
    """Whose tests to run: by default the active release's."""

    release: Annotated[str, Field(max_length=64)] = ""


class TestsShown(Shown):
    """How the workspace's own tests come out."""

    release: str
    passed: int
    failed: int
    tests: list[TestShown]


class StatementShown(Shown):
    """One policy of a file: its `@id`, else its file and place; the line it begins at, and `permit` or `forbid`."""

    id: str
    line: int
    effect: str
    text: str


class PolicyShown(Shown):
    """A policy file, whole and by its statements."""

    path: str
    text: str
    statements: list[StatementShown]


class PoliciesShown(Shown):
    """The policy files of a release.

    `decided_by` is `compiled`, or `official` where compiled policies were found to differ, and then `why` says how.
    """

    release: str
    decided_by: Literal["compiled", "official"]
    why: str
    policies: list[PolicyShown]


class PolicyRoutes:
    """Policies."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/policies", self.all, PoliciesShown)
        yield Route("POST", "/policies/test", self.what_if, WhatIfShown)
        yield Route("POST", "/policies/run-tests", self.run_tests, TestsShown, heavy=True)

    @allow(people())
    def all(self, caller: Asker, release: str = "") -> PoliciesShown:
        """Return the policy files of a release, by default the active one."""
        rules = rules_of(self._use, caller, release)
        files = [
            PolicyShown(path=file.path, text=file.text, statements=_statements(file))
            for file in rules.configuration.policies
        ]
        why = rules.authorizer.distrusted
        decided_by: Literal["compiled", "official"] = "official" if why else "compiled"
        return PoliciesShown(release=rules.release, decided_by=decided_by, why=why, policies=files)

    @allow(people())
    def what_if(self, body: WhatIf, caller: Asker) -> WhatIfShown:
        """Decide an action that nobody attempts: nothing is reserved, recorded or changed."""
        rules = rules_of(self._use, caller, body.release)
        if bool(body.tool) is bool(body.model):
            raise Refusal(422, "field_unfit", "it is one of tool and model", "Name one of them", field="tool")
        if rules.agent(AgentName(body.agent)) is None:
            raise missing("agent", body.agent)
        _check(body)
        try:
            facts, call = situation(rules, _scenario(body))
        except (OverflowError, ValueError):
            raise Refusal(
                422, "field_unfit", "this can not be decided", "Give facts that can be", field="facts"
            ) from None
        decision = decide(facts, call)
        request = request_of(facts, call)
        why = () if request is None else readings(rules.authorizer, request)
        return WhatIfShown(
            release=rules.release,
            verdict=decision.verdict.word,
            words=[say(reason, body.language) for reason in telling(decision.reasons)],
            findings=findings_of(decision, body.language),
            duties=[str(duty.field) for duty in decision.duties],
            policies=list(decision.policies),
            approvers=list(decision.approvers),
            why=readings_shown(why, body.language),
        )

    @allow(people())
    def run_tests(
        self,
        caller: Asker,
        body: TestRun = TestRun(),  # noqa: B008 - frozen
        language: ToldIn = "en",
    ) -> TestsShown:
        """Run the workspace's own tests against a release."""
        rules = rules_of(self._use, caller, body.release)
        release = self._use.store.release(caller.workspace, ReleaseId(rules.release))
        scenarios = () if release is None else read(release.files, caller.workspace).scenarios
        tested = run_tests(rules, scenarios)
        passed = sum(result.passed for result in tested)
        return TestsShown(
            release=rules.release,
            passed=passed,
            failed=len(tested) - passed,
            tests=[test_of(result, language) for result in tested],
        )


def rules_of(use: UseCases, caller: Caller, release: str = "") -> Ruleset:
    """Return the rules of a release of the caller's workspace, by default the active one. Raises Refusal."""
    rules = use.rules(caller.workspace, release)
    if rules is None:
        raise missing("release", release or "active on production")
    return rules


def _check(body: WhatIf) -> None:
    """Refuse what no run and no action could have: the answer would be about nothing. Raises Refusal, BadArguments."""
    checked(body.arguments, PayloadLimits())
    if not is_actor(body.on_behalf_of):
        raise Refusal(422, "field_unfit", "on_behalf_of names nobody", f"Write {ACTOR_FORMS}", field="on_behalf_of")
    for (field, least), tokens in zip(LEAST, (body.input_tokens, body.max_output_tokens), strict=True):
        if body.model and tokens < least:
            raise Refusal(422, "field_unfit", f"{field} is less than {least}", "Send what may be used", field=field)


def _tokens(body: WhatIf) -> Mapping[str, int | str]:
    provider, _, name = body.model.partition("/")
    return model_arguments(provider, name, body.input_tokens, body.max_output_tokens)


def _scenario(body: WhatIf) -> Scenario:
    given = body.facts
    facts = GivenFacts(
        **given.model_dump(exclude={"spent", "stopped"}),
        spent={BudgetName(name): amount for name, amount in given.spent.items()},
        stopped=tuple(given.stopped),
    )
    return Scenario(
        file="",
        line=0,
        name="what if",
        agent=AgentName(body.agent),
        kind=ActionKind.TOOL if body.tool else ActionKind.MODEL,
        target=body.tool or body.model,
        arguments=body.arguments if body.tool else _tokens(body),
        expect=Verdict.ALLOW,
        on_behalf_of=UserId(body.on_behalf_of),
        cost_micros=body.cost_micros,
        facts=facts,
    )


def _statements(file: PolicyFile) -> list[StatementShown]:
    """Return the policies of a file of a release, all of which parse."""
    parsed = [parse(statement) for statement in split(file)]
    return [
        StatementShown(
            id=policy.id, line=policy.statement.line, effect=str(policy.tree.effect), text=policy.statement.text
        )
        for policy in parsed
        if isinstance(policy, Policy)
    ]
