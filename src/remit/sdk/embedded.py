"""The port's implementation inside the agent's own process: the in-process door, its errors turned into the sdk's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from remit.domain.action import Cost, Outcome
from remit.domain.admission import Admission, RunRequest, WaitingFor
from remit.domain.facts import Stop
from remit.domain.ids import ApprovalId
from remit.domain.policy_reading import PolicyReading
from remit.domain.run import Run
from remit.execution.door import Attempt, InProcessDoor, RunRefused
from remit.execution.rulesets import ReleaseUnusable
from remit.execution.transaction import ActionIdReused, NothingAsked, NothingOpen
from remit.sdk import port
from remit.sdk.errors import Refused, Unavailable
from remit.storage.port import StoreError
from remit.storage.sealed import PayloadLost


class EmbeddedDoor:
    """Implements sdk/port.py's Door."""

    def __init__(self, door: InProcessDoor, close: Callable[[], None]) -> None:
        self._door = door
        self._close = close

    def start_run(self, request: RunRequest) -> Run:
        """See Door."""
        with _translated():
            return self._door.start_run(request)

    async def astart_run(self, request: RunRequest) -> Run:
        """See Door."""
        with _translated():
            return await self._door.astart_run(request)

    def end_run(self, run: Run, status: str) -> None:
        """See Door."""
        with _translated():
            self._door.end_run(run, status)

    async def aend_run(self, run: Run, status: str) -> None:
        """See Door."""
        with _translated():
            await self._door.aend_run(run, status)

    def attempt_tool(self, run: Run, tool: str, arguments: Mapping[str, Any]) -> Attempt:
        """See Door."""
        with _translated():
            return self._door.attempt_tool(run, tool, arguments)

    def attempt_model(
        self, run: Run, model: str, input_tokens: int, max_output_tokens: int, prompt: Mapping[str, Any]
    ) -> Attempt:
        """See Door."""
        with _translated():
            return self._door.attempt_model(run, model, input_tokens, max_output_tokens, prompt)

    def again(self, attempt: port.Attempt, waited: WaitingFor | None) -> Attempt:
        """See Door."""
        with _translated():
            return self._door.again(cast("Attempt", attempt), waited)

    def admit(self, attempt: port.Attempt) -> Admission:
        """See Door."""
        with _translated():
            return self._door.admit(cast("Attempt", attempt))

    async def aadmit(self, attempt: port.Attempt) -> Admission:
        """See Door."""
        with _translated():
            return await self._door.aadmit(cast("Attempt", attempt))

    def reasons(self, attempt: port.Attempt) -> tuple[PolicyReading, ...]:
        """See Door."""
        with _translated():
            return self._door.reasons(cast("Attempt", attempt).call.run.id, attempt.action)

    def settle(self, attempt: port.Attempt, outcome: Outcome, result: bytes) -> None:
        """See Door."""
        with _translated():
            self._door.settle(cast("Attempt", attempt), outcome, result)

    async def asettle(self, attempt: port.Attempt, outcome: Outcome, result: bytes) -> None:
        """See Door."""
        with _translated():
            await self._door.asettle(cast("Attempt", attempt), outcome, result)

    def cost_of(self, attempt: port.Attempt, response: object) -> Cost | None:
        """See Door."""
        return self._door.cost_of(cast("Attempt", attempt), response)

    def stop_on(self, run: Run) -> Stop | None:
        """See Door."""
        with _translated():
            return self._door.stop_on(run)

    def waiting_for(self, approval: ApprovalId, wait_s: float = 0.0) -> WaitingFor | None:  # noqa: ARG002
        """See Door. Looking is cheap here, so it never waits."""
        with _translated():
            found = self._door.approval(approval)
            return None if found is None else self._door.waiting_for(found)

    def reply(self, run: Run, approval: ApprovalId, text: str, question: str) -> None:
        """See Door."""
        with _translated():
            self._door.reply(run, approval, text, question)

    async def areply(self, run: Run, approval: ApprovalId, text: str, question: str) -> None:
        """See Door."""
        with _translated():
            await self._door.areply(run, approval, text, question)

    def close(self) -> None:
        """See Door."""
        self._close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise Unavailable(str(error)) from error
    except (RunRefused, ReleaseUnusable, PayloadLost, ActionIdReused, NothingAsked, NothingOpen) as error:
        raise Refused(str(error)) from error
