"""A call from its wish to its result: admitted, duties carried out, dispatched, settled. No rule is here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from remit.asgi.reception import Reception, Visit
from remit.domain.action import ActionState, Assurance, Outcome, OutcomeStatus
from remit.domain.admission import Admission
from remit.domain.facts import ApprovalState
from remit.domain.finding import Code
from remit.domain.ids import ActionId, ApprovalId
from remit.domain.messages import Language
from remit.domain.release import Effect
from remit.domain.run import Run
from remit.domain.upstream import Via
from remit.execution.door import Entrance
from remit.execution.served import Result
from remit.gateways.mcp import words
from remit.gateways.mcp.catalog import Target
from remit.gateways.mcp.flights import Flight, Flights
from remit.gateways.mcp.port import Exchange, Json, UpstreamFailed, UpstreamRefused, Upstreams
from remit.gateways.mcp.rpc import RpcError
from remit.kernel.duties import DutyNotApplied, applied

INPUT_REQUIRED = "input_required"
TASK = "task"
_METHODS = {Via.TOOL: "tools/call", Via.RESOURCE: "resources/read", Via.PROMPT: "prompts/get"}

Watch = Callable[[Flight], None]

_log = logging.getLogger("remit.gateways.mcp")


class NotDone(Exception):
    """A call that did not run, or came to nothing: `words` are for the model, `data` is for its program."""

    def __init__(self, words: str, data: dict[str, Any]) -> None:
        super().__init__(words)
        self.words = words
        self.data = data

    def as_result(self) -> dict[str, Any]:
        """Return it as the result of a tool, which has room for an error."""
        told = {"content": [{"type": "text", "text": self.words}], "isError": True}
        return told | {"_meta": {"remit/outcome": self.data}}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants done.

    Attributes:
        arguments: as they are decided on and recorded.
        inputs: what the client brings along for an earlier round of the same call: `inputResponses`, `requestState`.
        under: the approval that it is done by, or not at all.
    """

    target: Target
    arguments: Mapping[str, Any]
    inputs: Json = field(default_factory=dict)
    under: ApprovalId | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """A wish that may be carried out now, with its duties carried out on the arguments."""

    visit: Visit
    run: Run
    action: ActionId
    wish: Wish
    arguments: Mapping[str, Any]

    @property
    def server_name(self) -> str:
        """Where it is carried out."""
        assert self.wish.target.server is not None
        return self.wish.target.server.name


@dataclass(frozen=True, slots=True)
class Held:
    """A wish that waits for people."""

    run: Run
    admission: Admission
    approval: ApprovalId
    wish: Wish


@dataclass(frozen=True, slots=True)
class Done:
    """What a call came to. With `is_open` its server wants to be called again, and its action is not settled."""

    result: dict[str, Any]
    raw: bytes
    is_open: bool = False


class Calls:
    """Carries out what clients want. Owned by the event loop."""

    def __init__(self, reception: Reception, upstreams: Upstreams, flights: Flights) -> None:
        self._reception = reception
        self._upstreams = upstreams
        self._flights = flights

    # -- admission

    async def admit(self, visit: Visit, run: Run, wish: Wish, language: Language) -> Admitted | Held:
        """Decide a wish, and an edited one anew. Raises NotDone where it is denied, and BadArguments."""
        name = wish.target.name
        admission = await self._decided(visit, run, wish)
        if admission.state is ActionState.HELD:
            assert admission.approval is not None, "what is held waits for an approval"
            edited = await self._edited(visit, admission)
            if edited is None or edited == wish.arguments:
                return Held(run, admission, admission.approval, wish)
            wish = replace(wish, arguments=edited, under=admission.approval)
            return await self.admit(visit, run, wish, language)
        if admission.state is ActionState.DENIED:
            raise NotDone(*self._denied(name, admission, language))
        try:
            arguments = applied(wish.arguments, admission.decision.duties)
        except DutyNotApplied as error:
            await self._settle(visit, run, admission.action, OutcomeStatus.ERROR, "DutyNotApplied", b"")
            raise NotDone(*words.failed(name, "duty", str(error), "error", language)) from None
        return Admitted(visit, run, admission.action, wish, arguments)

    async def _decided(self, visit: Visit, run: Run, wish: Wish) -> Admission:
        entrance = Entrance(Assurance.ENFORCED, wish.target.definition)
        id = visit.door.action_id(run, "")
        return await visit.door.admit_tool(run, wish.target.name, wish.arguments, id, wish.under, entrance)

    async def _edited(self, visit: Visit, admission: Admission) -> Mapping[str, Any] | None:
        """Return what a person has put in the place of the arguments and others have approved."""
        codes = {finding.code for finding in admission.decision.findings}
        if Code.OVERSIGHT_EDITED not in codes or admission.approval is None:
            return None
        found = await asyncio.to_thread(visit.door.approval, admission.approval)
        if found is None or found.state is not ApprovalState.APPROVED:
            return None
        told = await asyncio.to_thread(visit.door.waiting_for, found)
        return told.arguments

    def _denied(self, name: str, admission: Admission, language: Language) -> tuple[str, dict[str, Any]]:
        for finding in admission.decision.reasons:
            if finding.code in (Code.OVERSIGHT_REJECTED, Code.OVERSIGHT_EXPIRED):
                told = words.rejected if finding.code is Code.OVERSIGHT_REJECTED else words.expired
                who = ", ".join(admission.decision.approvers)
                return told(name, admission, str(finding.param("approval")), who, language)
        return words.denied(name, admission, language)

    @staticmethod
    def has_ended(error: NotDone) -> bool:
        """Tell whether a wish was denied because its run is over."""
        ended = Code.RUN_ENDED.value
        return any(finding.get("code") == ended for finding in error.data.get("findings", ()))

    # -- dispatch

    async def carry_out(self, it: Admitted, exchange: Exchange, language: Language, watch: Watch) -> Done:
        """Dispatch an admitted wish and settle what comes of it.

        `watch` is handed the flight, so that whoever asks can cut it. Raises NotDone and RpcError.
        """
        return await self.settled(it, language, watch, self._requested(it, exchange))

    async def settled(self, it: Admitted, language: Language, watch: Watch, work: Coroutine[Any, Any, Json]) -> Done:
        """Wait for the result of what a server does, and settle it. As carry_out."""
        with self._flights.aboard(it.visit.door, it.run, it.action, it.wish.target.name) as flight:
            watch(flight)
            try:
                result = dict(await work)
            except asyncio.CancelledError:
                raise await self._cut(it, flight, language) from None
            except UpstreamFailed as error:
                effect = self._effect(it) if error.sent else OutcomeStatus.ERROR
                await self._settle_of(it, effect, f"upstream.{error.code}", str(error).encode())
                told = words.failed(it.wish.target.name, error.code, str(error), effect.value, language)
                raise NotDone(*told) from None
            except UpstreamRefused as error:
                effect = self._effect(it) if error.sent else OutcomeStatus.ERROR
                await self._settle_of(it, effect, "upstream.refused", str(error).encode())
                raise RpcError(error.code, str(error), error.data) from None
        return await self._done(it, result)

    async def _requested(self, it: Admitted, exchange: Exchange) -> dict[str, Any]:
        server, arguments = it.wish.target.server, it.arguments
        assert server is not None, "what has no server is not admitted"
        method, params = _METHODS[it.wish.target.via], dict(arguments)
        if it.wish.target.via is Via.TOOL:
            params = {"name": it.wish.target.upstream, "arguments": arguments}
        asked = {**params, **it.wish.inputs}
        return dict(await self._upstreams.request(it.visit.door.workspace, server, method, asked, exchange))

    async def _done(self, it: Admitted, result: dict[str, Any]) -> Done:
        raw = orjson.dumps(result)
        if result.get("resultType") in (INPUT_REQUIRED, TASK):
            return Done(result, raw, is_open=True)
        is_error = result.get("isError") is True
        status = OutcomeStatus.ERROR if is_error else OutcomeStatus.OK
        await self._settle_of(it, status, "tool.error" if is_error else "", raw)
        return Done(result, raw)

    async def _cut(self, it: Admitted, flight: Flight, language: Language) -> BaseException:
        """Put on record that a call was cancelled, and return what its client is told."""
        task = asyncio.current_task()
        ours = bool(flight.why)
        if ours and task is not None:
            task.uncancel()
        effect = self._effect(it)
        why = flight.why or "cancelled"
        settling = asyncio.ensure_future(self._settle_of(it, effect, f"gateway.{why}", b""))
        await asyncio.shield(settling)
        if not ours:
            return asyncio.CancelledError()
        said = words.stopped(flight.stop, language) if flight.stop is not None else why
        return NotDone(*words.cut(it.wish.target.name, why, said, effect.value, language))

    def _effect(self, it: Admitted) -> OutcomeStatus:
        """Return what came of a call that had begun and brought no result."""
        tool = it.wish.target.tool
        is_read = tool is not None and tool.effect is Effect.READ
        return OutcomeStatus.ERROR if is_read else OutcomeStatus.UNKNOWN

    # -- outcomes

    async def close(self, it: Admitted, error: str) -> None:
        """Settle a call that its client did not go on with."""
        await self._settle_of(it, self._effect(it), error, b"")

    async def _settle_of(self, it: Admitted, status: OutcomeStatus, error: str, result: bytes) -> None:
        await self._settle(it.visit, it.run, it.action, status, error, result)

    async def _settle(
        self, visit: Visit, run: Run, action: ActionId, status: OutcomeStatus, error: str, result: bytes
    ) -> None:
        """Put an outcome on record. Where that fails, the call has run all the same, and becomes unknown in time."""
        try:
            await visit.door.settle_once(run, Outcome(action, status, error=error), Result(result), None)
        except Exception as failure:  # noqa: BLE001 - what ran has run: its client is told of that whatever happens here
            _log.error("the outcome of %s could not be recorded: %s", action, type(failure).__name__)
