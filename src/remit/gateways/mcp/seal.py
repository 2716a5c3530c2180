"""What a client carries from one round of a call to the next: sealed, so that it can neither be read nor changed.

The key follows from the salt of the run, which every process of a database knows and nobody else: state that was sealed
by one process is opened by all. It is bound to the agent, the run and the exact call, and holds for a while.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from remit.asgi.reception import Visit
from remit.domain.clock import MICROS_PER_SECOND, Clock
from remit.domain.ids import RunId
from remit.domain.run import Run
from remit.gateways.mcp.rpc import INVALID_PARAMS, RpcError

LONGEST = 65_536
"""Characters of a state; what a server has to say is in it."""
MAX_USED = 65_536
"""Spent states that are remembered. One that is forgotten gains nothing: an approval admits one call whoever asks."""
_NONCE = 12


class Seals:
    """Seals and opens states. Owned by the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: OrderedDict[bytes, None] = OrderedDict()

    def seal(self, run: Run, told: Mapping[str, Any], lasting_s: float) -> str:
        """Return a state that holds for a while."""
        until = self._clock.now() + int(lasting_s * MICROS_PER_SECOND)
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(_key(run)).encrypt(nonce, orjson.dumps({**told, "until": until}), _bound_to(run))
        return f"{run.id}.{urlsafe_b64encode(nonce + sealed).decode()}"

    async def opened(self, text: object, visit: Visit) -> tuple[Run, dict[str, Any]]:
        """Return the run of a state, and what was told; it can not be opened again. Raises RpcError."""
        id, _, rest = text.partition(".") if isinstance(text, str) and len(text) <= LONGEST else ("", "", "")
        run = await visit.door.run_of(RunId(id)) if id.startswith("run_") and visit.caller.run in (None, id) else None
        if run is None or run.agent != visit.agent:
            raise _unfit()
        try:
            raw = urlsafe_b64decode(rest.encode("ascii"))
            if urlsafe_b64encode(raw).decode() != rest:  # bits that no byte holds could be anything
                raise _unfit()
            told = orjson.loads(AESGCM(_key(run)).decrypt(raw[:_NONCE], raw[_NONCE:], _bound_to(run)))
        except (binascii.Error, InvalidTag, ValueError):
            raise _unfit() from None
        if raw[:_NONCE] in self._used or told["until"] < self._clock.now():
            raise _unfit()
        self._used[raw[:_NONCE]] = None
        if len(self._used) > MAX_USED:
            self._used.popitem(last=False)
        return run, told


def digest_of(method: str, name: str, arguments: object) -> str:
    """Return what tells one call from every other."""
    raw = orjson.dumps([method, name, arguments], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(raw).hexdigest()


def _key(run: Run) -> bytes:
    return hmac.digest(run.salt, b"remit/mcp/request-state", "sha256")


def _bound_to(run: Run) -> bytes:
    return "\x00".join((run.workspace, run.agent, run.id)).encode()


def _unfit() -> RpcError:
    return RpcError(
        INVALID_PARAMS,
        "requestState is not one that was given for this call, was used already, or is too old",
        {"code": "state_unfit", "remedy": "Make the call again without requestState and inputResponses"},
    )
