"""Decide a recorded action again, from its record and its sealed arguments. It must come out the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from remit.domain.decision import Decision
from remit.domain.ids import RunId, WorkspaceName
from remit.domain.record import RecordKind
from remit.execution.keys import Keys
from remit.execution.recorded import Recorded
from remit.execution.rulesets import ReleaseUnusable, Rulesets
from remit.kernel.decide import VERSION, decide
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
        self._recorded = Recorded(store, rulesets, keys)

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
            now = decide(*self._recorded.situation(record))
        except WrongMasterKey as error:
            return came(Agreement.WRONG_KEY, detail=str(error))
        except PayloadLost as error:
            return came(Agreement.ERASED, detail=str(error))
        except ReleaseUnusable as error:
            return came(Agreement.RELEASE_LOST, detail=str(error))
        same = now == recorded
        return came(Agreement.SAME if same else Agreement.DIFFERENT, now)
