"""What starts workflows from outside: events that somebody tells, and webhooks whose senders sign what they send."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from remit.domain.clock import MICROS_PER_SECOND, Clock
from remit.domain.ids import ReleaseId, UserId, WorkflowName, WorkspaceName
from remit.domain.release import PRODUCTION
from remit.domain.workflow import Trigger, Workflow
from remit.domain.workflow_act import WorkflowAct, WorkflowAsked
from remit.execution.rulesets import Rulesets
from remit.execution.workflows.programs import Programs
from remit.execution.workflows.starting import NothingActive, Start, Starts
from remit.storage.journal import WorkflowRun
from remit.storage.port import Reads
from remit.storage.vault import NoSecret, Vault
from remit.workspace.expressions import Failed
from remit.workspace.program import TRIGGERED

TOLERANCE_S = 300
"""How far the time of a signed request may be from now."""
WEBHOOK = UserId("system:webhook")
"""For whom the agent of a run that a webhook started acts."""


class NotSigned(Exception):
    """A webhook that is not there, or whose signature does not hold. One answer for all, so that nothing is told."""


class Replayed(Exception):
    """A signed request that came before."""


class InputsFailed(Exception):
    """What a trigger says of the inputs could not be worked out from the event."""


@dataclass(frozen=True, slots=True)
class _Found:
    workflow: Workflow
    number: int
    trigger: Trigger


class Triggers:
    """Starts what events and webhooks trigger. Safe to use from any thread; blocks."""

    def __init__(
        self, store: Reads, rulesets: Rulesets, programs: Programs, starts: Starts, vault: Vault, clock: Clock
    ) -> None:
        self._store = store
        self._rulesets = rulesets
        self._programs = programs
        self._starts = starts
        self._vault = vault
        self._clock = clock

    def event(self, workspace: WorkspaceName, name: str, data: Any, id: str, by: UserId) -> list[WorkflowRun]:
        """Start every workflow that an event triggers; told again with the same `id`, the same runs are the answer.

        Raises NothingActive, InputsFailed, InputsUnfit, RunRefused and KeyReused.
        """
        release = self._release(workspace)
        runs = []
        for found in self._triggers(workspace, release):
            if found.trigger.event == name:
                key = f"event/{name}/{id}/{found.number}" if id else ""
                start = self._start(workspace, release, found, data, key, f"event:{name}", by)
                asked = WorkflowAsked(WorkflowAct.EVENT, found.workflow.name, by, event=name)
                runs.append(self._starts.start(replace(start, asked=asked))[0])
        return runs

    def webhook(
        self,
        workspace: WorkspaceName,
        name: str,
        timestamp: str,
        signature: str,
        body: bytes,
        read: Callable[[bytes], Any],
    ) -> WorkflowRun:
        """Start the workflow of a webhook. `read` makes data of the body, and is asked only once its signature holds.

        `signature` is `sha256=` and the HMAC-SHA-256, in hexadecimal, of `TIMESTAMP:WORKSPACE/NAME:BODY` under the
        trigger's secret: what was signed for one webhook is taken at no other. Raises NotSigned and Replayed, and as
        `event` and `read`.
        """
        try:
            release = self._release(workspace)
        except NothingActive:
            raise NotSigned from None
        matching = [each for each in self._triggers(workspace, release) if each.trigger.webhook == name]
        if not matching or not self._is_fresh(timestamp):
            raise NotSigned
        found = matching[0]
        try:
            secret = self._vault.secret(found.trigger.secret)
        except NoSecret:
            raise NotSigned from None
        told = f"{timestamp}:{workspace}/{name}:".encode() + body
        expected = hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(f"sha256={expected}".encode(), signature.encode("utf-8", "replace")):
            raise NotSigned
        key = f"webhook/{name}/{expected}"
        start = self._start(workspace, release, found, read(body), key, f"webhook:{name}", WEBHOOK)
        run, repeated = self._starts.start(start)
        if repeated:
            raise Replayed(f"this request has started {run.run} before")
        return run

    def _release(self, workspace: WorkspaceName) -> ReleaseId:
        release = self._store.active(workspace, PRODUCTION)
        if release is None:
            raise NothingActive(f"channel {PRODUCTION} of workspace {workspace} points at no release")
        return release

    def _triggers(self, workspace: WorkspaceName, release: ReleaseId) -> Iterator[_Found]:
        for _, workflow in sorted(self._rulesets.of(workspace, release).configuration.workflows.items()):
            for number, trigger in enumerate(workflow.triggers):
                yield _Found(workflow, number, trigger)

    def _start(
        self,
        workspace: WorkspaceName,
        release: ReleaseId,
        found: _Found,
        data: Any,
        key: str,
        by: str,
        on_behalf_of: UserId,
    ) -> Start:
        program = self._programs.of(workspace, release, WorkflowName(found.workflow.name))
        now = dt.datetime.fromtimestamp(self._clock.now() / 1e6, dt.UTC)
        try:
            inputs = program.filled(f"{TRIGGERED}{found.number}", found.trigger.inputs, {"now": now, "event": data})
        except Failed as error:
            raise InputsFailed(f"{found.workflow.name} can not be started by this: {error}") from None
        if not isinstance(inputs, Mapping):
            raise InputsFailed(f"{found.workflow.name} can not be started by this: its inputs come to no object")
        return Start(workspace, found.workflow.name, inputs, on_behalf_of, by, key, verified=True)

    def _is_fresh(self, timestamp: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
            return False
        return abs(self._clock.now() - int(timestamp) * MICROS_PER_SECOND) <= TOLERANCE_S * MICROS_PER_SECOND
