"""Calls under way keep their leases, and stay in no memory once they are over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from remit.asgi.commits import Commits
from remit.domain.ids import ActionId, RunId
from remit.gateways.mcp.flights import Flights


class Silent:
    """Commits that nobody tells of."""

    def __init__(self, _: object) -> None:
        self.is_closed = False

    def __iter__(self) -> Iterator[None]:
        return iter(())

    def close(self) -> None:
        self.is_closed = True


class Door:
    """Hears of what is prolonged; the first time it fails."""

    workspace = "tiny"
    action_lease_s = 0.6

    def __init__(self) -> None:
        self.prolonged: list[tuple[str, tuple[str, ...]]] = []
        self.tried = 0
        self.often = asyncio.Event()

    def stop_on(self, *_: object) -> None:
        return None

    async def prolong(self, run: Any, actions: tuple[str, ...]) -> None:
        self.tried += 1
        if self.tried == 1:
            raise OSError("the database is away")
        self.prolonged.append((run.id, tuple(sorted(actions))))
        if len(self.prolonged) == 3:
            self.often.set()


class Run:
    def __init__(self, id: str) -> None:
        self.id = RunId(id)


def test_long_calls_are_prolonged_together_by_run_until_they_are_over() -> None:
    door: Any = Door()

    async def main() -> None:
        flights = Flights(Commits(Silent))  # type: ignore[arg-type]

        async def call(run: str, action: str) -> None:
            with flights.aboard(door, Run(run), ActionId(action), "erp.get"):  # type: ignore[arg-type]
                await door.often.wait()

        async with asyncio.timeout(20):
            await asyncio.gather(call("run_1", "act_1"), call("run_1", "act_2"), call("run_2", "act_3"))
        before = len(door.prolonged)
        await asyncio.sleep(0.5)
        assert len(door.prolonged) <= before + 1, "what is over is not prolonged"
        await flights.close()

    asyncio.run(main())
    assert {("run_1", ("act_1", "act_2")), ("run_2", ("act_3",))} == set(door.prolonged)
