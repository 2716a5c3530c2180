"""A function whose effects would come after its outcome is refused; one that is merely of the other colour is not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.domain.record import RecordKind
from remit.sdk.run import LazyResult
from tests.worlds import VISITOR, World, world


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path) as opened:
        yield opened


def outcomes(it: World) -> list[tuple[str, str]]:
    return [(record["status"], record["error"]) for record in it.records(RecordKind.OUTCOME_REPORTED)]


def test_a_generator_is_closed_before_it_has_done_anything(it: World) -> None:
    done: list[str] = []

    def lines(id: str) -> Iterator[str]:
        done.append(id)
        yield id

    with it.client.run("buyer", on_behalf_of=VISITOR) as run, pytest.raises(LazyResult, match="runs later"):
        run.call("erp.get", {"id": "7"}, using=lines)
    assert done == []
    assert outcomes(it) == [("error", "LazyResult")]


def test_an_async_function_in_a_plain_call_is_refused(it: World) -> None:
    async def fetch(id: str) -> str:
        raise AssertionError(f"{id} was fetched")

    with it.client.run("buyer", on_behalf_of=VISITOR) as run, pytest.raises(LazyResult, match="use acall"):
        run.call("erp.get", {"id": "7"}, using=fetch)
    assert outcomes(it) == [("error", "LazyResult")]


def test_an_async_generator_is_refused_wherever_it_comes_from(it: World) -> None:
    @it.client.tool("erp.get")
    async def stream(id: str) -> AsyncIterator[str]:
        yield id

    async def play() -> None:
        async with it.client.run("buyer", on_behalf_of=VISITOR):
            stream("7")

    with pytest.raises(LazyResult):
        asyncio.run(play())
    assert outcomes(it) == [("error", "LazyResult")]


def test_a_plain_function_in_an_async_call_runs_once_and_is_settled_ok(it: World) -> None:
    paid: list[str] = []

    def pay(id: str) -> str:
        paid.append(id)
        return "done"

    async def play() -> Any:
        async with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            return await run.acall("erp.get", {"id": "7"}, using=pay)

    assert asyncio.run(play()) == "done"
    assert paid == ["7"]
    assert outcomes(it) == [("ok", "")]


FORKS = """
import os, signal, sys
import remit

client = remit.connect(sys.argv[1])
child = os.fork()
if child == 0:  # the writer thread is not here
    signal.alarm(20)  # a child that waits for it for ever fails the test
    try:
        client.run("buyer", on_behalf_of="user:visitor").__enter__()
    except remit.Unavailable as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
client.close()
"""


def test_a_forked_child_is_told_to_connect_again(it: World) -> None:
    url = f"sqlite:///{it.path}"
    done = subprocess.run([sys.executable, "-c", FORKS, url], capture_output=True, text=True, timeout=60, check=False)
    assert "connect in the child" in done.stdout, done.stderr
