"""Actions: what was decided and why, from which facts, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import Query

from remit.api.access import allow, everyone
from remit.api.route import Route
from remit.api.shapes import Asker, Json, Shown, missing
from remit.api.use_cases import UseCases
from remit.domain.decision import Decision
from remit.domain.finding import Finding
from remit.domain.ids import WorkspaceName
from remit.domain.messages import Language, say, telling
from remit.domain.record import RecordKind
from remit.storage.approval_history import OUTCOMES
from remit.storage.port import Reads

ToldIn = Annotated[Language, Query(description="The language of the words.")]


class OutcomeShown(Shown):
    """What an admitted action came to."""

    status: str
    error: str
    cost: Json | None
    at: int
    reconciled: bool


class ActionShown(Shown):
    """An action; `words` say why. Its arguments are sealed; `arguments_digest` stands for them."""

    id: str
    run: str
    agent: str
    kind: str
    target: str
    state: str
    verdict: str
    words: list[str]
    on_behalf_of: str
    assurance: str
    release: str
    at: int
    approval: str | None
    arguments_digest: str
    reserved: Json
    outcome: OutcomeShown | None


class FindingShown(Shown):
    """What one check found, in words and as code with parameters."""

    code: str
    check: str
    verdict: str
    params: Json
    words: str


class ActionWhole(ActionShown):
    """An action with its decision; `facts` are what it was decided from, and are not for agents."""

    findings: list[FindingShown]
    duties: list[Json]
    policies: list[str]
    approvers: list[str]
    facts: Json | None


class Explanation(Shown):
    """A decision in words."""

    action: str
    verdict: str
    words: list[str]
    findings: list[FindingShown]
    policies: list[str]
    approvers: list[str]
    release: str


class ActionRoutes:
    """Actions."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/actions/{action}", self.one, ActionWhole)
        yield Route("GET", "/actions/{action}/explanation", self.explain, Explanation)

    @allow(everyone())
    def one(self, action: str, caller: Asker, language: ToldIn = "en") -> ActionWhole:
        """Return an action: its decision, the facts it was decided from, and its outcome."""
        record = self._seen(action, caller)
        decision = Decision.from_json(record["decision"])
        return ActionWhole(
            **actions_of(self._use.store, caller.workspace, [record], language)[0].model_dump(),
            findings=findings_of(decision, language),
            duties=record["decision"]["duties"],
            policies=list(decision.policies),
            approvers=list(decision.approvers),
            facts=record["facts"] if caller.is_person else None,
        )

    @allow(everyone())
    def explain(self, action: str, caller: Asker, language: ToldIn = "en") -> Explanation:
        """Put a decision into words."""
        record = self._seen(action, caller)
        decision = Decision.from_json(record["decision"])
        return Explanation(
            action=action,
            verdict=decision.verdict.word,
            words=[say(reason, language) for reason in telling(decision.reasons)],
            findings=findings_of(decision, language),
            policies=list(decision.policies),
            approvers=list(decision.approvers),
            release=record["release"],
        )

    def _seen(self, action: str, caller: Asker) -> dict[str, Any]:
        body = self._use.store.record(caller.workspace, f"{action}/decision")
        record: dict[str, Any] = {} if body is None else orjson.loads(body)
        is_seen = record.get("kind") == RecordKind.DECISION_MADE and (
            caller.is_person or (record["agent"] == caller.agent and caller.run in (None, record["run"]))
        )
        if not is_seen:
            raise missing("action", action)
        return record


def findings_of(decision: Decision, language: Language) -> list[FindingShown]:
    """Return what every check found."""
    return [finding_of(finding, language) for finding in decision.findings]


def finding_of(finding: Finding, language: Language) -> FindingShown:
    """Return one finding, in words too."""
    return FindingShown(
        code=finding.code.value,
        check=finding.code.check.value,
        verdict=finding.verdict.word,
        params=dict(finding.params),
        words=say(finding, language),
    )


def actions_of(
    store: Reads, workspace: WorkspaceName, decided: Sequence[dict[str, Any]], language: Language = "en"
) -> list[ActionShown]:
    """Return the actions of `decision_made` records with what is known of their outcomes by now."""
    keys = [f"{record['action']}/{part}" for record in decided for part in OUTCOMES]
    told = store.records_at(workspace, keys)
    return [_action_of(record, told, language) for record in decided]


def _action_of(record: dict[str, Any], told: Mapping[str, bytes], language: Language) -> ActionShown:
    decision = Decision.from_json(record["decision"])
    return ActionShown(
        id=record["action"],
        run=record["run"],
        agent=record["agent"],
        kind=record["action_kind"],
        target=record["target"],
        state=record["state"],
        verdict=decision.verdict.word,
        words=[say(reason, language) for reason in telling(decision.reasons)],
        on_behalf_of=record["on_behalf_of"],
        assurance=record["assurance"],
        release=record["release"],
        at=record["at"],
        approval=record.get("approval"),
        arguments_digest=record["arguments_digest"],
        reserved=record["cost"],
        outcome=_outcome(record["action"], told),
    )


def _outcome(action: str, told: Mapping[str, bytes]) -> OutcomeShown | None:
    for part in OUTCOMES:
        body = told.get(f"{action}/{part}")
        if body is not None:
            outcome = orjson.loads(body)
            return OutcomeShown(
                status=outcome["status"],
                error=outcome["error"],
                cost=outcome.get("cost"),
                at=outcome["at"],
                reconciled=part == "reconciled",
            )
    return None
