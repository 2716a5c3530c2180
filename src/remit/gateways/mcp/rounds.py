"""Calls of several rounds: what a server still wants of the client, and what people must say first.

Between two rounds nothing is kept open but the action: the client carries the state, sealed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from remit.domain.ids import ActionId, ApprovalId
from remit.gateways.mcp import words
from remit.gateways.mcp.asked import Asked
from remit.gateways.mcp.calls import INPUT_REQUIRED, Admitted, Calls, Done, Held, Wish
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.rpc import INVALID_PARAMS, RpcError
from remit.gateways.mcp.seal import Seals, digest_of

APPROVAL = "approval"
"""The key of the one question that the gateway asks itself."""
_INPUTS = ("inputResponses", "requestState")


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a client goes on with: a call that is open still, or a wish that is admitted by an approval."""

    wish: Wish
    open: Admitted | None = None
    rounds: int = 0
    parked: str = ""


class Rounds:
    """Goes from round to round. Owned by the event loop."""

    def __init__(self, calls: Calls, seals: Seals, limits: McpLimits, public_url: str) -> None:
        self._calls = calls
        self._seals = seals
        self._limits = limits
        self._public_url = public_url.rstrip("/")
        self._open: dict[ActionId, tuple[Admitted, asyncio.TimerHandle]] = {}

    async def resumed(self, asked: Asked, wish: Wish) -> Resumed:
        """Return what a request goes on with. Raises RpcError for a state that is not of this call."""
        inputs: dict[str, Any] = {name: asked.params[name] for name in _INPUTS if name in asked.params}
        state = inputs.pop("requestState", None)
        wish = replace(wish, inputs=inputs)
        if state is None:
            return Resumed(wish)
        run, told = await self._seals.opened(state, asked.visit)
        if told["digest"] != _digest(asked, wish):
            raise RpcError(
                INVALID_PARAMS,
                "requestState was given for another call",
                {"code": "state_unfit", "remedy": "Send it back with exactly the same call"},
            )
        if told["kind"] == "parked":
            return Resumed(wish, parked=told["task"])
        if told["kind"] == "hold":
            return Resumed(replace(wish, inputs={}, under=ApprovalId(told["approval"])))
        if told["state"] is not None:
            wish = replace(wish, inputs={**inputs, "requestState": told["state"]})
        kept = self._open.pop(ActionId(told["action"]), None)
        if kept is None:  # another process has it, or it is over: it is decided anew
            return Resumed(wish, rounds=told["rounds"])
        admitted, timer = kept
        timer.cancel()
        assert admitted.run.id == run.id, "a state is bound to its run"
        return Resumed(wish, replace(admitted, wish=replace(admitted.wish, inputs=wish.inputs)), told["rounds"])

    async def asking(self, asked: Asked, it: Admitted, done: Done, rounds: int) -> dict[str, Any]:
        """Return a server's questions for the client to answer in its next round, the server's state sealed in ours."""
        if rounds >= self._limits.rounds or len(self._open) >= self._limits.tasks:
            await self._calls.close(it, "gateway.rounds")
            raise RpcError(INVALID_PARAMS, f"the server asked more than {self._limits.rounds} times")
        told = {
            "kind": "input",
            "action": it.action,
            "digest": _digest(asked, it.wish),
            "state": done.result.get("requestState"),
            "rounds": rounds + 1,
        }
        state = self._seals.seal(it.run, told, self._limits.question_s)
        timer = asyncio.get_running_loop().call_later(self._limits.question_s, self._forget, it.action)
        self._open[it.action] = (it, timer)
        return {**done.result, "requestState": state}

    def parking(self, asked: Asked, it: Admitted, task: str) -> str:
        """Return the state with which a client comes back to a call that waits for it."""
        told = {"kind": "parked", "task": task, "digest": _digest(asked, it.wish)}
        return self._seals.seal(it.run, told, self._limits.question_s)

    def holding(self, asked: Asked, held: Held) -> dict[str, Any]:
        """Return the question that sends a person to the approval, for a client that can open addresses."""
        said, data = words.held(held.wish.target.name, held.admission, held.approval, asked.language)
        told = {"kind": "hold", "approval": held.approval, "digest": _digest(asked, held.wish)}
        url = f"{self._public_url}/approvals/{held.approval}"
        params: Mapping[str, Any] = {"mode": "url", "message": said, "url": url, "elicitationId": held.approval}
        return {
            "resultType": INPUT_REQUIRED,
            "inputRequests": {APPROVAL: {"method": "elicitation/create", "params": params}},
            "requestState": self._seals.seal(held.run, told, self._limits.question_s),
            "_meta": {"remit/held": data},
        }

    def close(self) -> None:
        """Forget what is open: it becomes unknown, or goes on in another process as a new action."""
        for _, timer in self._open.values():
            timer.cancel()
        self._open.clear()

    def _forget(self, action: ActionId) -> None:
        kept = self._open.pop(action, None)
        if kept is not None:
            task = asyncio.ensure_future(self._calls.close(kept[0], "gateway.no_input"))
            task.add_done_callback(lambda _: None)


def _digest(asked: Asked, wish: Wish) -> str:
    return digest_of(asked.method, wish.target.name, [asked.params.get(name) for name in ("name", "uri", "arguments")])
