"""A call of a model as an effect of a step: asking twice changes nothing but the bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remit.domain.action import ActionKind, Assurance, OutcomeStatus
from remit.domain.admission import Admission
from remit.domain.ids import ActionId, ApprovalId
from remit.domain.prompt import PROMPT
from remit.execution import metering
from remit.execution.door import Entrance
from remit.execution.workflows.acting import Performed
from remit.execution.workflows.models import ModelCalls, ModelRequest
from remit.execution.workflows.turn import Turn


@dataclass(frozen=True, slots=True)
class ModelDeed:
    """See Deed. Its output is the chat completion."""

    turn: Turn
    calls: ModelCalls
    request: ModelRequest
    timeout_s: float | None
    kind: ActionKind = ActionKind.MODEL
    is_read: bool = True
    may_repeat: bool = True

    @property
    def target(self) -> str:
        """See Deed."""
        return self.request.model

    @property
    def most_micros(self) -> int | None:
        """See Deed."""
        provider, _, name = self.request.model.partition("/")
        most = metering.Usage(self.request.input_tokens, self.request.max_output_tokens)
        configuration = self.turn.door.rules_of(self.turn.run).configuration
        return metering.worst_case(configuration, provider, name, most).micros

    async def admit(self, id: ActionId, under: ApprovalId | None, arguments: Mapping[str, Any]) -> Admission:  # noqa: ARG002
        """See Deed. Nobody edits a prompt: an approval is found by what it is for."""
        request = self.request
        return await self.turn.door.admit_model(
            self.turn.run,
            request.model,
            request.input_tokens,
            request.max_output_tokens,
            id,
            {PROMPT: request.told},
            Entrance(Assurance.ENFORCED),
        )

    async def perform(self, id: ActionId, arguments: Mapping[str, Any]) -> Performed:  # noqa: ARG002
        """See Deed."""
        configuration = self.turn.door.rules_of(self.turn.run).configuration
        answer = await self.turn.away(self.calls.ask(configuration, self.request, id, self.timeout_s), only_reads=True)
        return Performed(answer.document, answer.raw, usage=answer.usage)

    def recalled(self, raw: bytes) -> Performed:
        """See Deed."""
        answer = self.calls.output_of(raw)
        return Performed(answer.document, answer.raw, usage=answer.usage)

    async def status(self, id: ActionId, number: int) -> tuple[OutcomeStatus | None, bytes]:  # noqa: ARG002
        """It has no effect: nobody need be asked."""
        raise LookupError
