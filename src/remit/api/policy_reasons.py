"""Why the policies said what they said to a recorded action: every clause with the value it had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import orjson
from fastapi import Query

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import Asker, Shown, missing
from remit.api.use_cases import UseCases
from remit.control.payload_reads import PayloadReads
from remit.domain.identity import Role
from remit.domain.messages import Language
from remit.domain.payload import ARGUMENTS
from remit.domain.policy_reading import Came, PolicyReading, say_clause, say_reading
from remit.domain.record import RecordKind
from remit.execution.recorded import Recorded
from remit.kernel.checks.policy import request_of
from remit.policy.why import readings


class ClauseShown(Shown):
    """A part of a condition. `value` is null where it has none, and then `error` says why."""

    text: str
    words: str
    holds: bool
    value: bool | None
    read: dict[str, str]
    error: str
    line: int


class PolicyReadingShown(Shown):
    """What one policy made of the action: `stance` is permit, forbid or hold; `came` matched, not_matched or failed.

    `text` is the policy as it is written, from `line` of its file on; a clause says in which line it stands.
    """

    policy: str
    stance: str
    came: str
    words: str
    file: str
    line: int
    approvers: str
    text: str
    clauses: list[ClauseShown]


class ReasonsShown(Shown):
    """The policies that had a say, what decided it first; after that the permits that fell short, the nearest first."""

    action: str
    release: str
    policies: list[PolicyReadingShown]


class DecidingPolicyShown(Shown):
    """A policy that decided: its text, from `line` of its file on, and the numbers of the lines that made it count."""

    policy: str
    stance: str
    file: str
    line: int
    text: str
    lines: list[int]


class DecidingShown(Shown):
    """The policies that a decision names, without the values they read."""

    action: str
    release: str
    policies: list[DecidingPolicyShown]


class ReasonRoutes:
    """Why an action was permitted, forbidden or held."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/policies/explain/{action}", self.explain, ReasonsShown)
        yield Route("GET", "/policies/deciding/{action}", self.deciding, DecidingShown)

    @allow(people())
    def deciding(self, action: str, caller: Asker) -> DecidingShown:
        """Return the policies that decided an action, with the lines that made them count. No argument is shown."""
        record = self._record(action, caller)
        if (
            PayloadReads(self._use.store, self._use.keys, self._use.clock, self._use.ids).sealed(action, ARGUMENTS)
            is None
        ):
            raise missing("arguments of action", action)
        named = record["decision"]["policies"]
        found = [
            reading for reading in self._readings(record) if reading.policy in named and reading.came is Came.MATCHED
        ]
        return DecidingShown(action=action, release=record["release"], policies=[_deciding(each) for each in found])

    @allow(people(Role.AUDITOR, Role.ADMIN))
    def explain(
        self,
        action: str,
        caller: Asker,
        language: Annotated[Language, Query(description="The language of the words.")] = "en",
    ) -> ReasonsShown:
        """Return every clause of the policies that had a say in an action, with the values it read.

        It shows arguments, so who asks is put on record first.
        """
        use = self._use
        record = self._record(action, caller)
        reads = PayloadReads(use.store, use.keys, use.clock, use.ids)
        sealed = reads.sealed(action, ARGUMENTS)
        if sealed is None:
            raise missing("arguments of action", action)
        reads.record(caller.workspace, str(caller.person), {"action": action, "run_id": record["run"]}, [sealed])
        shown = readings_shown(self._readings(record), language)
        return ReasonsShown(action=action, release=record["release"], policies=shown)

    def _record(self, action: str, caller: Asker) -> dict[str, Any]:
        body = self._use.store.record(caller.workspace, f"{action}/decision")
        record: dict[str, Any] = {} if body is None else orjson.loads(body)
        if record.get("kind") != RecordKind.DECISION_MADE.value:
            raise missing("action", action)
        return record

    def _readings(self, record: dict[str, Any]) -> tuple[PolicyReading, ...]:
        facts, call = Recorded(self._use.store, self._use.rulesets, self._use.keys).situation(record)
        request = request_of(facts, call)
        return () if request is None else readings(call.rules.authorizer, request)


def _deciding(reading: PolicyReading) -> DecidingPolicyShown:
    """Show a policy; one without a condition counts for whom and what its head names."""
    lines = {clause.line for clause in reading.clauses if clause.holds}
    heads = (
        reading.line + place
        for place, text in enumerate(reading.written.splitlines())
        if text.startswith(("permit", "forbid"))
    )
    return DecidingPolicyShown(
        policy=reading.policy,
        stance=reading.stance.value,
        file=reading.file,
        line=reading.line,
        text=reading.written,
        lines=sorted(lines) or list(heads)[:1],
    )


def readings_shown(found: Iterable[PolicyReading], language: Language) -> list[PolicyReadingShown]:
    """Return readings as the API has them."""
    return [_shown(reading, language) for reading in found]


def _shown(reading: PolicyReading, language: Language) -> PolicyReadingShown:
    return PolicyReadingShown(
        policy=reading.policy,
        stance=reading.stance.value,
        came=reading.came.value,
        words=say_reading(reading, language),
        file=reading.file,
        line=reading.line,
        approvers=reading.approvers,
        text=reading.written,
        clauses=[
            ClauseShown(
                text=clause.text,
                words=say_clause(clause, language),
                holds=clause.holds,
                value=clause.value,
                read=dict(clause.read),
                error=clause.error,
                line=clause.line,
            )
            for clause in reading.clauses
        ],
    )
