"""A hard budget before 128 callers at once: never overspent, whatever becomes of their calls."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from remit.domain.facts import ScopeKind
from tests.gateways.llm.fake import Request, answering, chat, chat_events, streaming
from tests.gateways.llm.gateway import Gateway, gateway
from tests.worlds import MODEL, budget

pytestmark = pytest.mark.slow

CALLERS, EACH = 128, 3
LIMIT = 20_000
CHANCE = random.Random(7)


async def moody(request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer well, badly, without usage, half, or not at all."""
    play = CHANCE.choice(
        [
            chat("hello dear world"),
            chat("hello", usage=None),
            answering(500, {}),
            answering(400, {"error": {"message": "no"}}),
            answering(200, b"<html>"),
            streaming(chat_events(["a ", "b "])[:2], dies=True),
        ]
    )
    await play(request, writer)


async def storm(it: Gateway) -> Counter[int]:
    statuses: Counter[int] = Counter()
    connector = aiohttp.TCPConnector(limit=CALLERS)
    headers = {"authorization": f"Bearer {it.server.key()}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def one(number: int) -> None:
            for turn in range(EACH):
                body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 200}
                body |= {"stream": True} if (number + turn) % 2 else {}
                async with session.post(f"{it.openai}/chat/completions", json=body) as answer:
                    statuses[answer.status] += 1
                    if (number + turn) % 7 == 0:
                        answer.close()  # hangs up
                        continue
                    await answer.read()

        await asyncio.gather(*(one(number) for number in range(CALLERS)))
    return statuses


def test_no_hard_budget_is_overspent(tmp_path: Path) -> None:
    changes = {"budgets.yaml": budget("day", "agent", "day", tokens=LIMIT)}
    with gateway(tmp_path, moody, changes=changes) as it:
        statuses = asyncio.run(storm(it))
        admitted = [each for each in it.decisions() if each["state"] == "admitted"]
        for _ in range(200):
            if len(it.outcomes()) == len(admitted):
                break
            asyncio.run(asyncio.sleep(0.05))
        assert len(it.outcomes()) == len(admitted)  # nothing is lost, whoever hung up
        [spend] = it.world.scope(ScopeKind.AGENT, "buyer").spends.values()
        assert spend.reserved == 0
        assert 0 < spend.spent <= LIMIT
        reserved = {each["action"]: each["cost"]["tokens"] for each in admitted}
        spent = sum(
            reserved[each["action"]] if each["cost"] is None else each["cost"]["tokens"] for each in it.outcomes()
        )
        assert spent == spend.spent
        assert statuses[429] > 0
        assert sum(statuses.values()) == CALLERS * EACH
