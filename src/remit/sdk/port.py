"""The one port between an agent and Remit.

In the agent's process it is execution/door.py, over HTTP a client of the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from remit.domain.action import Cost, Outcome
from remit.domain.admission import Admission, RunRequest, WaitingFor
from remit.domain.facts import Stop
from remit.domain.ids import ActionId, ApprovalId
from remit.domain.policy_reading import PolicyReading
from remit.domain.run import Run


class Attempt(Protocol):
    """An action on its way to a decision; only the door looks inside."""

    @property
    def action(self) -> ActionId: ...

    @property
    def target(self) -> str: ...

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments that are decided on: a copy, so that nobody changes them between decision and dispatch."""


class Door(Protocol):
    """Where actions are decided. Every call returns only when its record is durable.

    Raises the errors of sdk/errors.py and BadArguments, never anything of a database or a network library.
    """

    def start_run(self, request: RunRequest) -> Run: ...

    async def astart_run(self, request: RunRequest) -> Run: ...

    def end_run(self, run: Run, status: str) -> None: ...

    async def aend_run(self, run: Run, status: str) -> None: ...

    def attempt_tool(self, run: Run, tool: str, arguments: Mapping[str, Any]) -> Attempt: ...

    def attempt_model(
        self, run: Run, model: str, input_tokens: int, max_output_tokens: int, prompt: Mapping[str, Any]
    ) -> Attempt:
        """Prepare a model call; `prompt` is what domain/prompt.py says of the prompt."""

    def again(self, attempt: Attempt, waited: WaitingFor | None) -> Attempt:
        """Return a new attempt at the same action, with the arguments that were approved."""

    def admit(self, attempt: Attempt) -> Admission: ...

    async def aadmit(self, attempt: Attempt) -> Admission: ...

    def reasons(self, attempt: Attempt) -> tuple[PolicyReading, ...]:
        """Return how the policies read an action that was denied or held; nothing where that is not known any more."""

    def settle(self, attempt: Attempt, outcome: Outcome, result: bytes) -> None: ...

    async def asettle(self, attempt: Attempt, outcome: Outcome, result: bytes) -> None: ...

    def cost_of(self, attempt: Attempt, response: object) -> Cost | None: ...

    def stop_on(self, run: Run) -> Stop | None:
        """Return a stop that holds a run, as far as this side knows without deciding anything; None for none known."""

    def waiting_for(self, approval: ApprovalId, wait_s: float = 0.0) -> WaitingFor | None:
        """Return how an approval stands, None where there is none; a door far away may wait so long for news."""

    def reply(self, run: Run, approval: ApprovalId, text: str, question: str) -> None: ...

    async def areply(self, run: Run, approval: ApprovalId, text: str, question: str) -> None: ...

    def close(self) -> None: ...
