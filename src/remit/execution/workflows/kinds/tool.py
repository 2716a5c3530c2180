"""A step that calls a tool."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from remit.domain.action import ActionKind, ActionState, Assurance, Outcome, OutcomeStatus
from remit.domain.admission import Admission
from remit.domain.ids import ActionId, ApprovalId, ServerName
from remit.domain.release import Effect, Tool
from remit.domain.upstream import ToolServer
from remit.domain.workflow import Call, Retry, ToolStep
from remit.domain.workflow_progress import Progress
from remit.execution.door import Entrance
from remit.execution.served import KeyReused, Result
from remit.execution.transaction import NothingOpen
from remit.execution.workflows.acting import Acting, Performed, step_key
from remit.execution.workflows.ports import CallFailed, ToolCalls
from remit.execution.workflows.turn import StepFailed, Turn, begun
from remit.execution.workflows.walking import Ready, Values
from remit.kernel.duties import applied

STATUSES = {"ok": OutcomeStatus.OK, "error": OutcomeStatus.ERROR, "absent": None}


class ToolKind:
    """Carries out tool calls."""

    def __init__(self, calls: ToolCalls, absent_after_s: float) -> None:
        self._calls = calls
        self._absent_after_s = absent_after_s

    async def carry_out(self, turn: Turn, ready: Ready) -> Progress:
        """See StepKind."""
        step = ready.step
        assert isinstance(step, ToolStep)
        return await self.call(turn, begun(turn, ready), step.call, step.id, ready.values, step.retry, step.timeout_s)

    async def call(
        self,
        turn: Turn,
        row: Progress,
        call: Call,
        place: str,
        values: Values,
        retry: Retry,
        timeout_s: int | None,
    ) -> Progress:
        """Make one call, whose arguments stand at `place` in the program. Raises as StepKind."""
        arguments = turn.filled(place, call.arguments, values)
        if not isinstance(arguments, Mapping):
            raise StepFailed("arguments_invalid", "its arguments come to no object")
        deed = ToolDeed(turn, self._calls, tool_of(turn, call.tool), timeout_s)
        return await Acting(turn, deed, retry, timeout_s, self._absent_after_s).act(row, arguments)

    async def end(self, turn: Turn, row: Progress, step: ToolStep) -> Progress | None:
        """See Acting.end."""
        deed = ToolDeed(turn, self._calls, tool_of(turn, step.call.tool), step.timeout_s)
        return await Acting(turn, deed, Retry(), step.timeout_s, self._absent_after_s).end(row)


def tool_of(turn: Turn, name: str) -> Tool:
    """Return a tool of the release that a run is pinned to. Raises StepFailed."""
    tool = turn.door.rules_of(turn.run).tool(name)
    if tool is None:
        raise StepFailed("tool_unknown", f"the release has no tool {name}")
    return tool


@dataclass(frozen=True, slots=True)
class ToolDeed:
    """See Deed."""

    turn: Turn
    calls: ToolCalls
    tool: Tool
    timeout_s: int | None

    @property
    def kind(self) -> ActionKind:
        """See Deed."""
        return ActionKind.TOOL

    @property
    def target(self) -> str:
        """See Deed."""
        return self.tool.name

    @property
    def most_micros(self) -> int | None:
        """See Deed."""
        return self.tool.cost_per_call

    @property
    def is_read(self) -> bool:
        """See Deed."""
        return self.tool.effect is Effect.READ

    @property
    def may_repeat(self) -> bool:
        """See Deed."""
        return self.is_read or self.tool.idempotent

    async def admit(self, id: ActionId, under: ApprovalId | None, arguments: Mapping[str, Any]) -> Admission:
        """See Deed."""
        entrance = Entrance(Assurance.ENFORCED, await self._definition(id))
        return await self.turn.door.admit_tool(self.turn.run, self.tool.name, arguments, id, under, entrance)

    async def perform(self, id: ActionId, arguments: Mapping[str, Any]) -> Performed:
        """See Deed."""
        turn = self.turn
        call = self.calls.call(turn.run.workspace, self._server(), self.tool, arguments, id, self.timeout_s)
        answer = await turn.away(call, only_reads=self.is_read)
        return Performed(answer.output, answer.raw, answer.is_error)

    def recalled(self, raw: bytes) -> Performed:
        """See Deed."""
        answer = self.calls.output_of(raw)
        return Performed(answer.output, answer.raw, answer.is_error)

    async def status(self, id: ActionId, number: int) -> tuple[OutcomeStatus | None, bytes]:
        """Ask the tool's own status tool, as an action of the same run."""
        if not self.tool.status:
            raise LookupError(f"{self.tool.name} has no status tool")
        turn, asking = self.turn, ToolDeed(self.turn, self.calls, tool_of(self.turn, self.tool.status), None)
        own = turn.door.action_id(turn.run, step_key(f"{id}?{number}"))
        arguments = {"action": id}
        admission = await asking.admit(own, None, arguments)
        if admission.state is not ActionState.ADMITTED:
            raise LookupError(f"{self.tool.status} was not admitted")
        performed = await asking.perform(own, applied(arguments, admission.decision.duties))
        came = OutcomeStatus.ERROR if performed.is_error else OutcomeStatus.OK
        with contextlib.suppress(NothingOpen, KeyReused):  # it was settled the first time, perhaps with another answer
            await turn.door.settle_once(turn.run, Outcome(own, came), Result(performed.raw), None)
        if performed.is_error:
            raise CallFailed("status", "the status tool answered with an error", sent=False)
        return _told(performed.output)

    async def _definition(self, id: ActionId) -> str:
        """Return what the server says of the tool; what was decided before needs no server to be known again."""
        turn = self.turn
        try:
            return await self.calls.definition(turn.run.workspace, self._server(), self.tool)
        except CallFailed:
            if await turn.thread(turn.store.record, turn.run.workspace, f"{id}/decision") is None:
                raise
            return ""

    def _server(self) -> ToolServer:
        found = self.turn.door.rules_of(self.turn.run).configuration.servers.get(ServerName(self.tool.server))
        if found is None:
            raise StepFailed("no_server", f"{self.tool.name} is at no tool server of the release")
        return found


def _told(output: object) -> tuple[OutcomeStatus | None, bytes]:
    word = output.get("status", output.get("state")) if isinstance(output, Mapping) else output
    if not isinstance(word, str) or word not in STATUSES:
        return OutcomeStatus.UNKNOWN, b""
    result = output.get("result") if isinstance(output, Mapping) else None
    raw = orjson.dumps({"content": [], "structuredContent": result}) if result is not None else b""
    return STATUSES[word], raw
