"""Writes that are asked for again get the first answer: claimed before they are done, sealed while they are kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

import orjson

from remit.control.transaction import written
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ids import WorkspaceName
from remit.storage.identity import Answer, ForgetAnswers, Unclaim
from remit.storage.port import Store
from remit.storage.sealed import KeyWrapper

KEPT_S = 86_400
"""How long an answer is kept."""
FORGET_EVERY_S = 600


class KeyTaken(Exception):
    """The key was used for another request."""


class StillOpen(Exception):
    """The first request with this key has not been answered: it is still running, or its process died."""


@dataclass(frozen=True, slots=True)
class Given:
    """A stored answer."""

    status: int
    body: bytes


class Repeats:
    """Answers of one database."""

    def __init__(self, store: Store, wrapper: KeyWrapper, clock: Clock) -> None:
        self._store = store
        self._wrapper = wrapper
        self._clock = clock
        self._forget_at = 0  # a race forgets twice, which does no harm

    def claim(self, workspace: WorkspaceName, caller: str, key: str, request: str) -> Answer | Given:
        """Take a key for a request, given by its digest. Return the claim, or the answer it got before.

        Raises KeyTaken and StillOpen.
        """
        now = self._clock.now()
        mine = Answer(workspace, caller, key, request, secrets.token_hex(16), now)
        written(self._store, [*self._forgetting(now), mine])
        found = self._store.answer(workspace, caller, key)
        if found is None or found.claim == mine.claim:
            return mine
        if found.request != request:
            raise KeyTaken(f"the key {key} was used for another request")
        if found.status == 0:
            raise StillOpen(f"the first request with the key {key} has not been answered")
        return Given(found.status, self._wrapper.unwrap(found.sealed, _name(found)))

    def complete(self, claim: Answer, status: int, body: bytes) -> None:
        """Keep the answer. A secret in it is left out: it is told once."""
        kept = _without_secret(body)
        written(self._store, [replace(claim, status=status, sealed=self._wrapper.wrap(kept, _name(claim)))])

    def give_up(self, claim: Answer) -> None:
        """Let the key be used again: nothing has happened."""
        written(self._store, [Unclaim(claim)])

    def _forgetting(self, now: Instant) -> list[ForgetAnswers]:
        if now < self._forget_at:
            return []
        self._forget_at = now + FORGET_EVERY_S * MICROS_PER_SECOND
        return [ForgetAnswers(Instant(now - KEPT_S * MICROS_PER_SECOND))]


def _without_secret(body: bytes) -> bytes:
    if not body:
        return body
    value = orjson.loads(body)
    if isinstance(value, dict) and value.get("secret"):
        return orjson.dumps(value | {"secret": None})
    return body


def _name(answer: Answer) -> str:
    return f"answer\x00{answer.workspace}\x00{answer.caller}\x00{answer.key}"
