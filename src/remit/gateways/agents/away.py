"""The way to agents elsewhere: guarded addresses, their credential, and answers that are bounded and looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jsonschema_rs
import orjson

from remit.asgi.outbound import Outbound, OutboundFailed
from remit.domain.clock import MICROS_PER_SECOND
from remit.domain.release import Endpoint
from remit.domain.run import Run
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.workflows.kinds.handing import Work
from remit.execution.workflows.ports import CallFailed
from remit.execution.workflows.turn import StepFailed, done, failed
from remit.storage.vault import NoSecret, Vault

MOST_ANSWER = 4 * 1_048_576
SHORTEST_S, LONGEST_S = 1, 300
"""How soon and how late an agent that is at work is asked again."""
MOST_MISSES = 20
"""How often in a row an agent may be out of reach before its work counts as failed."""

TokenOf = Callable[[Run], str]
"""Makes the token of a run, with which its agent works through the gateways. Blocks."""


class Away:
    """Sends requests to agents. Owned by the event loop of its way out."""

    def __init__(self, outbound: Outbound, vault: Vault) -> None:
        self.outbound = outbound
        self._vault = vault

    def credential(self, endpoint: Endpoint) -> Mapping[str, str]:
        """Return the headers an agent knows this workspace by. Raises CallFailed."""
        if not endpoint.credential:
            return {}
        try:
            return {"authorization": f"Bearer {self._vault.secret(endpoint.credential)}"}
        except NoSecret as error:
            text = f"the credential of the agent is missing: {error}"
            raise CallFailed("no_credential", text, sent=False) from None

    async def ask(
        self, endpoint: Endpoint, method: str, url: str, headers: Mapping[str, str], body: Any = None
    ) -> tuple[int, Any]:
        """Send a request and return status and document; None for what is no JSON. Raises CallFailed."""
        sent = {"content-type": "application/json", **self.credential(endpoint), **headers}
        try:
            answer = await self.outbound.send(
                method,
                url,
                headers=sent,
                body=b"" if body is None else orjson.dumps(body),
                private=endpoint.private,
                pause_s=endpoint.answer_s,
            )
            async with answer:
                raw = await answer.read()
        except OutboundFailed as error:
            raise CallFailed(error.code, str(error), sent=error.sent) from None
        if len(raw) > MOST_ANSWER:
            raise CallFailed("too_large", f"the answer has more than {MOST_ANSWER:,} bytes", sent=True)
        try:
            return answer.status, orjson.loads(raw) if raw else None
        except orjson.JSONDecodeError:
            return answer.status, None


def missed(work: Work, sub: Progress, error: CallFailed) -> Progress:
    """Return the step's row after an agent could not be reached: asked again later, or given up at last."""
    sub = work.turn.notebook.write(replace(sub, attempt=sub.attempt + 1, error=f"{error.code}: {error}"[:1_000]))
    if sub.attempt > MOST_MISSES:
        return failed(work.row, f"agent.{error.code}: {error}")
    return asked_again(work, min(LONGEST_S, 2**sub.attempt))


def asked_again(work: Work, seconds: float) -> Progress:
    """Return the step's row as waiting until the agent is asked again."""
    due_at = work.turn.after(min(LONGEST_S, max(SHORTEST_S, seconds)))
    return work.waits_as(Progress(work.path, StepState.WAITING, due_at=due_at))


def is_late(work: Work, sub: Progress) -> bool:
    """Tell whether an agent has had all the time that its step gives it."""
    limit = work.step.timeout_s
    if limit is None or sub.began_at is None:
        return False
    return work.turn.now - sub.began_at > limit * MICROS_PER_SECOND


def answered(work: Work, output: Any) -> Progress:
    """Return the step's row as done with an answer that is what the step asks for. Raises StepFailed."""
    schema = work.step.output
    if schema is None:
        return done(work.row, output if isinstance(output, str) else orjson.dumps(output).decode())
    fault = next(jsonschema_rs.validator_for(dict(schema)).iter_errors(output), None)
    if fault is not None:
        place = ".".join(map(str, fault.instance_path)) or "the answer"
        raise StepFailed("output_unfit", f"{place} is not what the step's `output` says ({fault.kind.name})")
    return done(work.row, output)
