"""Decide a recorded action again, from its record and its sealed arguments. It must come out the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from remit.domain.action import Action, ActionKind, Assurance, Cost
from remit.domain.decision import Decision
from remit.domain.facts import Facts
from remit.domain.ids import RunId, WorkspaceName
from remit.domain.payload import ARGUMENTS
from remit.domain.record import RecordKind
from remit.execution.keys import Keys
from remit.execution.rulesets import ReleaseUnusable, Rulesets
from remit.kernel.decide import VERSION, decide
from remit.kernel.prepared import prepare
from remit.storage.port import Reads
from remit.storage.sealed import PayloadLost, WrongMasterKey

PAGE = 500


class Agreement(StrEnum):
    """How a replay came out."""

    SAME = "same"
    DIFFERENT = "different"
    ERASED = "erased"
    WRONG_KEY = "wrong_key"
    """The arguments are there, and sealed under another master key than this process has."""
    OTHER_KERNEL = "other_kernel"
    RELEASE_LOST = "release_lost"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One recorded decision and what deciding again gave. `now` is None where it could not be decided again."""

    action: str
    run: str
    target: str
    recorded: Decision
    now: Decision | None
    agreement: Agreement
    detail: str = ""


class Replay:
    """Replays the records of one database."""

    def __init__(self, store: Reads, rulesets: Rulesets, keys: Keys) -> None:
        self._store = store
        self._rulesets = rulesets
        self._keys = keys

    def all(self, workspace: WorkspaceName, run: RunId | None = None) -> Iterator[Replayed]:
        """Replay every decision of a workspace or one run, in the order they were made."""
        after = 0
        while True:
            page = self._store.records(workspace, after, PAGE, run, RecordKind.DECISION_MADE.value)
            for seq, body in page:
                yield self.one(orjson.loads(body))
                after = seq
            if len(page) < PAGE:
                return

    def one(self, record: dict[str, Any]) -> Replayed:
        """Replay one `decision_made` record."""
        recorded = Decision.from_json(record["decision"])

        def came(agreement: Agreement, now: Decision | None = None, detail: str = "") -> Replayed:
            return Replayed(record["action"], record["run"], record["target"], recorded, now, agreement, detail)

        if record["kernel"] != VERSION:
            return came(Agreement.OTHER_KERNEL, detail=f"decided by kernel {record['kernel']}, this is {VERSION}")
        try:
            now = self._decide(record)
        except WrongMasterKey as error:
            return came(Agreement.WRONG_KEY, detail=str(error))
        except PayloadLost as error:
            return came(Agreement.ERASED, detail=str(error))
        except ReleaseUnusable as error:
            return came(Agreement.RELEASE_LOST, detail=str(error))
        same = now == recorded
        return came(Agreement.SAME if same else Agreement.DIFFERENT, now)

    def _decide(self, record: dict[str, Any]) -> Decision:
        run = self._store.run(RunId(record["run"]))
        payload = self._store.payload(record["action"], ARGUMENTS)
        if run is None or payload is None:
            raise PayloadLost(f"the arguments of {record['action']} are not kept")
        run = self._keys.salted(run)
        arguments = orjson.loads(self._keys.of_run(run).open(payload))
        rules = self._rulesets.of(run.workspace, record["release"])
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
        )
        call = prepare(rules, run, action)
        if call.digest != record["arguments_digest"]:
            raise PayloadLost(f"the arguments of {record['action']} are not those on record: their digest differs")
        return decide(Facts.from_json(record["facts"]), call)
