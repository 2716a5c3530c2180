"""Recorded actions as they were decided on: the facts of their records, and their arguments unsealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from remit.domain.action import Action, ActionKind, Assurance, Cost
from remit.domain.facts import Facts
from remit.domain.ids import RunId, WorkspaceName
from remit.domain.payload import ARGUMENTS
from remit.domain.record import RecordKind
from remit.execution.keys import Keys
from remit.execution.rulesets import Rulesets
from remit.kernel.checks.policy import request_of
from remit.kernel.prepared import Prepared, prepare
from remit.kernel.ruleset import Ruleset
from remit.policy.request import PolicyRequest
from remit.storage.port import Reads
from remit.storage.sealed import PayloadLost, WrongMasterKey

RUNS = 20
"""Of the newest runs that many are looked at for a comparison."""
PER_RUN = 10
"""And of each of them that many decisions, the first."""


class Recorded:
    """Reads recorded actions of one database."""

    def __init__(self, store: Reads, rulesets: Rulesets, keys: Keys) -> None:
        self._store = store
        self._rulesets = rulesets
        self._keys = keys

    def situation(self, record: dict[str, Any], rules: Ruleset | None = None) -> tuple[Facts, Prepared]:
        """Return what a `decision_made` record was decided on, under its own release or the rules given.

        Raises PayloadLost, WrongMasterKey, and ReleaseUnusable.
        """
        run = self._store.run(RunId(record["run"]))
        payload = self._store.payload(record["action"], ARGUMENTS)
        if run is None or payload is None:
            raise PayloadLost(f"the arguments of {record['action']} are not kept")
        run = self._keys.salted(run)
        arguments = orjson.loads(self._keys.of_run(run).open(payload))
        action = Action(
            id=record["action"],
            workspace=run.workspace,
            run=run.id,
            agent=record["agent"],
            kind=ActionKind(record["action_kind"]),
            target=record["target"],
            arguments=arguments,
            cost=Cost.from_json(record["cost"]),
            on_behalf_of=record["on_behalf_of"],
            assurance=Assurance(record["assurance"]),
            definition=record.get("definition", ""),
        )
        call = prepare(rules or self._rulesets.of(run.workspace, record["release"]), run, action)
        if call.digest != record["arguments_digest"]:
            raise PayloadLost(f"the arguments of {record['action']} are not those on record: their digest differs")
        return Facts.from_json(record["facts"]), call

    def requests(self, workspace: WorkspaceName, rules: Ruleset) -> Iterator[PolicyRequest]:
        """Yield what the policies of other rules would be asked of the newest actions whose arguments are kept."""
        return (request for _, request in self.actions(workspace, rules))

    def actions(self, workspace: WorkspaceName, rules: Ruleset) -> Iterator[tuple[str, PolicyRequest]]:
        """Yield the same, each with the action's id."""
        for run in self._store.runs(workspace, RUNS):
            for _, body in self._store.records(workspace, 0, PER_RUN, run.id, RecordKind.DECISION_MADE.value):
                record = orjson.loads(body)
                try:
                    facts, call = self.situation(record, rules)
                except (PayloadLost, WrongMasterKey):
                    continue
                request = request_of(facts, call)
                if request is not None:
                    yield record["action"], request
