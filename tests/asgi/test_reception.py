"""Many who come at once with one key: who they are is asked once, and each who shows a wrong one is refused."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any, cast

import pytest

from remit.asgi.answers import Refusal, Scope
from remit.asgi.limits import RequestLimits
from remit.asgi.reception import Reception
from remit.domain.identity import Caller, CredentialKind
from remit.domain.ids import AgentName, WorkspaceName

MANY = 20
BUYER = Caller(CredentialKind.AGENT_KEY, WorkspaceName("tiny"), cast(Any, "key_1"), agent=AgentName("buyer"))


class Slow:
    """Knows one key, after a while."""

    def __init__(self) -> None:
        self.asked = 0
        self._known = False
        self._lock = threading.Lock()

    def quickly(self, headers: Mapping[str, str]) -> Caller | None:
        return BUYER if self._known and headers["authorization"] == "Bearer right" else None

    async def identify(self, headers: Mapping[str, str], peer: str) -> Caller:
        return await asyncio.to_thread(self._look, headers)

    def _look(self, headers: Mapping[str, str]) -> Caller:
        with self._lock:
            self.asked += 1
        time.sleep(0.05)
        if headers["authorization"] != "Bearer right":
            raise Refusal(401, "unknown", "nobody has this key", "Show another")
        self._known = True
        return BUYER


def visits(slow: Slow, key: str) -> list[Any]:
    reception = Reception(slow, lambda _: cast(Any, None), cast(Any, None), RequestLimits())
    scope: Scope = {"headers": [(b"authorization", f"Bearer {key}".encode())], "client": ("127.0.0.1", 1)}

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(reception.visit(scope) for _ in range(MANY)), return_exceptions=True)

    return asyncio.run(all_at_once())


def test_of_many_with_one_key_the_database_is_asked_for_the_first() -> None:
    slow = Slow()
    assert {visit.agent for visit in visits(slow, "right")} == {"buyer"}
    assert slow.asked == 1


def test_each_who_shows_a_wrong_key_is_looked_up_and_refused() -> None:
    """What is counted against guessing is counted for each."""
    slow = Slow()
    found = visits(slow, "wrong")
    assert all(isinstance(each, Refusal) for each in found)
    assert slow.asked == MANY


@pytest.mark.parametrize("key", ["right", "wrong"])
def test_nothing_is_kept_of_who_was_looked_up(key: str) -> None:
    reception = Reception(Slow(), lambda _: cast(Any, None), cast(Any, None), RequestLimits())
    scope: Scope = {"headers": [(b"authorization", f"Bearer {key}".encode())], "client": None}

    async def one() -> None:
        await asyncio.gather(reception.visit(scope), return_exceptions=True)

    asyncio.run(one())
    assert reception._identifying == {}
