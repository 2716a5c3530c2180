"""POST /hooks/{workspace}/{webhook}: a request that its sender has signed starts a workflow.

A route of its own, since the signature is over the body as it was sent, byte for byte.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import orjson

from remit.asgi.answers import Receive, Refusal, Scope, Send, answer, refuse
from remit.asgi.limits import Disconnected, RequestLimits, body_of, headers_of, unread
from remit.asgi.problems import refusal_of
from remit.domain.arguments import BadArguments, parse_object
from remit.domain.ids import WorkspaceName
from remit.execution.door import RunRefused
from remit.execution.served import KeyReused
from remit.execution.workflows.starting import InputsUnfit, NothingActive
from remit.execution.workflows.triggers import InputsFailed, NotSigned, Replayed, Triggers

_PATH = re.compile(r"/hooks/([A-Za-z0-9._-]{1,128})/([A-Za-z0-9._-]{1,128})")
SIGNATURE, TIMESTAMP = "remit-signature", "remit-timestamp"
BODY_BYTES = 1_048_576
"""Largest body of a webhook."""
AT_ONCE = 8
"""How many are looked at at the same time; others wait, and an unsigned flood holds nothing else up."""


class HookRoute:
    """An ASGI application of one route. Nobody is asked who they are: the signature says it."""

    def __init__(self, triggers: Triggers, poke: Callable[[], None], limits: RequestLimits) -> None:
        self._triggers = triggers
        self._poke = poke
        self._limits = RequestLimits(limits.head_bytes, BODY_BYTES, limits.depth, limits.values, limits.arrival_s)
        self._slots = asyncio.Semaphore(AT_ONCE)

    def takes(self, scope: Scope) -> bool:
        """Whether a request is for a webhook."""
        return scope["method"] == "POST" and _PATH.fullmatch(scope["path"]) is not None

    def close(self) -> None:
        """Nothing goes on for long."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            run = await self._start(scope, receive)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told what may be told
            await refuse(send, _refusal(error))
            return
        self._poke()
        await answer(send, 202, {"run": run})

    async def _start(self, scope: Scope, receive: Receive) -> str:
        found = _PATH.fullmatch(scope["path"])
        assert found is not None, "it was taken"
        headers = headers_of(scope, self._limits)
        body = await body_of(headers, receive, self._limits)
        stamp, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        where = WorkspaceName(found[1])
        async with self._slots:
            row = await asyncio.to_thread(self._triggers.webhook, where, found[2], stamp, signature, body, self._read)
        return row.run

    def _read(self, body: bytes) -> Any:
        try:
            return orjson.loads(orjson.dumps(parse_object(body, self._limits.payload)))
        except BadArguments as error:
            raise unread(error) from None


def _refusal(error: Exception) -> Refusal:
    match error:
        case NotSigned():
            remedy = "Sign `TIMESTAMP:WORKSPACE/NAME:BODY` with its secret; send Remit-Timestamp and Remit-Signature"
            return Refusal(401, "not_signed", "there is no such webhook, or its signature does not hold", remedy)
        case Replayed() | KeyReused():
            return Refusal(409, "replayed", "this request came before", "Sign each request anew, with its own time")
        case InputsUnfit() | InputsFailed():
            return Refusal(422, "inputs_unfit", str(error), "Send what the workflow's trigger reads")
        case RunRefused() | NothingActive():
            return Refusal(409, "run_refused", str(error), "The detail says what would be right")
    return refusal_of(error)
