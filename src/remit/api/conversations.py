"""What a run was told, asked for and was given back: read by auditors and admins, and on record before it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import orjson
from fastapi import Query

from remit.api.access import allow, people
from remit.api.approval_details import ArgumentShown, argument_shown
from remit.api.route import Route
from remit.api.shapes import Asker, Cursor, Shown, cursor_of, missing, number_of
from remit.api.use_cases import UseCases
from remit.control.approval_detail import Withheld
from remit.control.conversation import Conversations, Said
from remit.control.payload_reads import PayloadReads
from remit.domain.identity import Role
from remit.domain.ids import RunId
from remit.domain.record import RecordKind
from remit.domain.title import shown
from remit.storage.approval_history import approval_history_of

LONGEST_TEXT = 20_000
"""Characters of a result's `text`."""
PAGE = 20
LONGEST_PAGE = 50


class SaidShown(Shown):
    """What an action was given and gave back; `withheld` says why it is not here.

    `text` is the result with hidden characters spelled out, null where none is kept; `labels` are what the release says
    of this tool's results.
    """

    action: str
    withheld: Withheld | None
    arguments: list[ArgumentShown]
    text: str | None
    labels: list[str]


class TurnShown(SaidShown):
    """One turn of a conversation."""

    kind: str
    target: str
    verdict: str
    at: int


class ConversationShown(Shown):
    """A run's task, as its agent was started with it, and its actions in order. Nobody has checked what it says."""

    task: str
    withheld: Withheld | None
    turns: list[TurnShown]
    next: str | None


class ConversationRoutes:
    """Conversations."""

    def __init__(self, use: UseCases) -> None:
        self._use = use
        reads = PayloadReads(use.store, use.keys, use.clock, use.ids)
        self._conversations = Conversations(use.store, approval_history_of(use.store), reads, use.rulesets.of)

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/actions/{action}/payload", self.payload, SaidShown)
        yield Route("GET", "/runs/{run}/conversation", self.one, ConversationShown)

    @allow(people(Role.AUDITOR, Role.ADMIN))
    def payload(self, action: str, caller: Asker) -> SaidShown:
        """Return what an action was given, with where each value came from, and gave back. The reading is recorded."""
        body = self._use.store.record(caller.workspace, f"{action}/decision")
        record: dict[str, Any] = {} if body is None else orjson.loads(body)
        if record.get("kind") != RecordKind.DECISION_MADE.value:
            raise missing("action", action)
        return SaidShown(**_said(self._conversations.step(caller.workspace, record, str(caller.person))))

    @allow(people(Role.AUDITOR, Role.ADMIN))
    def one(
        self, run: str, caller: Asker, limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE, cursor: Cursor = ""
    ) -> ConversationShown:
        """Return the task and what the run's actions were given and gave back, in order. The reading is recorded."""
        store, where = self._use.store, caller.workspace
        found = store.run(RunId(run))
        if found is None or found.workspace != where:
            raise missing("run", run)
        decided = store.records(where, number_of(cursor), limit + 1, found.id, RecordKind.DECISION_MADE.value)
        page = decided[:limit]
        records = [orjson.loads(body) for _, body in page]
        told = self._conversations.page(found, records, str(caller.person))
        return ConversationShown(
            task=told.task,
            withheld=told.withheld,
            turns=[_turn(record, said) for record, said in zip(records, told.said, strict=True)],
            next=cursor_of(page[-1][0]) if len(decided) > limit else None,
        )


def _turn(record: dict[str, Any], said: Said) -> TurnShown:
    return TurnShown(
        **_said(said),
        kind=record["action_kind"],
        target=record["target"],
        verdict=record["decision"]["verdict"],
        at=record["at"],
    )


def _said(said: Said) -> dict[str, Any]:
    return {
        "action": said.action,
        "withheld": said.withheld,
        "arguments": [argument_shown(each) for each in said.arguments],
        "text": shown(said.result, LONGEST_TEXT) if said.has_result else None,
        "labels": list(said.labels),
    }
