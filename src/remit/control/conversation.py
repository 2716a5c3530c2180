"""What a run was told, what it asked for and what it was given back, for whoever may audit it.

Payloads are sealed. What a person reads is on record before it is shown, and an argument whose role is secret is shown
to nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from remit.control.approval_detail import (
    MAX_STEPS,
    Argument,
    Kept,
    Withheld,
    argument_of,
    kept_before,
    kept_of,
    opened_before,
)
from remit.control.concerned import Rules
from remit.control.origins import Origin, origins
from remit.control.payload_reads import PayloadReads
from remit.domain.ids import ActionId, ReleaseId, RunId, WorkspaceName
from remit.domain.payload import TASK
from remit.domain.release import Tool
from remit.domain.run import Run
from remit.domain.title import NEVER_SHOWN
from remit.storage.approval_history import ApprovalHistory
from remit.storage.port import SealedPayload, Store
from remit.storage.sealed import PayloadLost


@dataclass(frozen=True, slots=True)
class Said:
    """What one action was given, and what came back.

    Attributes:
        withheld: why nothing is here.
        result: as JSON, or as text where it is none; None with `has_result` False where none is kept.
        labels: what the release says of this tool's results.
    """

    action: str
    withheld: Withheld | None
    arguments: tuple[Argument, ...] = ()
    has_result: bool = False
    result: object = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """The task of a run, and of some of its actions what was said. `withheld` is of the task."""

    task: str
    withheld: Withheld | None
    said: tuple[Said, ...]


class Conversations:
    """Opens what runs said."""

    def __init__(self, store: Store, history: ApprovalHistory, reads: PayloadReads, rules: Rules) -> None:
        self._store = store
        self._history = history
        self._reads = reads
        self._rules = rules

    def step(self, workspace: WorkspaceName, record: dict[str, Any], by: str) -> Said:
        """Return what one action was given, with where each value came from; the reading is on record first."""
        run = RunId(record["run"])
        try:
            kept = kept_of(self._reads, record)
            earlier = self._history.decided(workspace, run, ActionId(record["action"]), MAX_STEPS)
            before = kept_before(self._reads, [orjson.loads(body) for body in earlier])
            task = self._reads.sealed(run, TASK)
        except PayloadLost:
            return Said(record["action"], Withheld.ERASED)
        if kept is None:
            return Said(record["action"], Withheld.NOT_KEPT)
        searched = [payload for _, *both in before for payload in both if payload is not None]
        searched += [] if task is None else [task]
        self._reads.record(
            workspace, by, {"action": record["action"], "run_id": run}, [each for each in kept[1:] if each], searched
        )
        told = "" if task is None else self._reads.open(task).decode("utf-8", "replace")
        given = self._given(workspace, kept)
        traced = origins(given, told, opened_before(self._reads, before))
        return self._said(workspace, kept, traced)

    def page(self, run: Run, records: Sequence[dict[str, Any]], by: str) -> Conversation:
        """Return the task and what some actions of a run said; one reading, on record first."""
        task, withheld = self._task(run)
        kept = [self._kept(record) for record in records]
        shown = [each for found in kept if isinstance(found, tuple) for each in found[1:] if each is not None]
        shown += [] if task is None else [task]
        if shown:
            self._reads.record(run.workspace, by, {"run_id": run.id}, shown)
        said = tuple(
            self._said(run.workspace, found, ()) if isinstance(found, tuple) else Said(record["action"], found)
            for record, found in zip(records, kept, strict=True)
        )
        return Conversation("" if task is None else self._reads.open(task).decode("utf-8", "replace"), withheld, said)

    def _task(self, run: Run) -> tuple[SealedPayload | None, Withheld | None]:
        try:
            found = self._reads.sealed(run.id, TASK)
        except PayloadLost:
            return None, Withheld.ERASED
        return found, None if found is not None else Withheld.NOT_KEPT

    def _kept(self, record: dict[str, Any]) -> Kept | Withheld:
        try:
            return kept_of(self._reads, record) or Withheld.NOT_KEPT
        except PayloadLost:
            return Withheld.ERASED

    def _tool(self, workspace: WorkspaceName, record: dict[str, Any]) -> Tool | None:
        return self._rules(workspace, ReleaseId(record["release"])).tool(record["target"])

    def _given(self, workspace: WorkspaceName, kept: Kept) -> dict[str, object]:
        """Return the arguments whose origin may be looked for."""
        tool = self._tool(workspace, kept[0])
        roles = {} if tool is None else tool.roles
        arguments = _object(kept[1], self._reads)
        return {name: value for name, value in arguments.items() if roles.get(name) not in NEVER_SHOWN}

    def _said(self, workspace: WorkspaceName, kept: Kept, traced: Sequence[Origin]) -> Said:
        record, arguments, result = kept
        tool = self._tool(workspace, record)
        roles = {} if tool is None else tool.roles
        given = _object(arguments, self._reads)
        return Said(
            action=record["action"],
            withheld=None,
            arguments=tuple(argument_of(name, value, roles.get(name), traced) for name, value in given.items()),
            has_result=result is not None,
            result=None if result is None else _read(self._reads.open(result)),
            labels=() if tool is None else tuple(str(label) for label in tool.output_labels),
        )


def _object(sealed: SealedPayload | None, reads: PayloadReads) -> dict[str, object]:
    found = {} if sealed is None else orjson.loads(reads.open(sealed))
    return found if isinstance(found, dict) else {}


def _read(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")
