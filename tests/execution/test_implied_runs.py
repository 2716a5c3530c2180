"""An agent that names no run is in one all the same: one a conversation, the same in every process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.domain.arguments import PayloadLimits
from remit.domain.ids import AgentName, UserId
from remit.domain.record import RecordKind
from remit.execution.implied_runs import Conversation, ImpliedRuns
from remit.execution.served import ServedDoor
from tests.worlds import VISITOR, WORKSPACE, World, world

PAUSE_S = 60
CHAT = Conversation(WORKSPACE, AgentName("buyer"), "production", VISITOR, "chat/1")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as opened:
        yield opened


class Watched:
    """The runs one process has found, and a clock of its own that a test turns."""

    def __init__(self, it: World) -> None:
        parts = it.parts
        self.at = 0.0
        self.door = ServedDoor(
            WORKSPACE, it.store, it.queue, parts.rulesets, parts.keys, it.clock, it.ids, PayloadLimits(), 900
        )
        self.runs = ImpliedRuns(it.clock, PAUSE_S, lambda: self.at)

    def of(self, conversation: Conversation = CHAT) -> str:
        return asyncio.run(self.runs.of(self.door, conversation)).id


def test_a_conversation_is_one_run_and_another_is_another(it: World) -> None:
    process = Watched(it)
    first = process.of()
    assert process.of() == first
    others = {
        process.of(Conversation(WORKSPACE, AgentName("buyer"), "production", VISITOR, "chat/2")),
        process.of(Conversation(WORKSPACE, AgentName("buyer"), "production", UserId("user:sara"), "chat/1")),
    }
    assert len(others | {first}) == 3
    assert len(it.records(RecordKind.RUN_STARTED)) == 3


def test_another_process_comes_to_the_same_run(it: World) -> None:
    assert Watched(it).of() == Watched(it).of()


def test_after_a_pause_the_run_has_ended_and_another_begins(it: World) -> None:
    process = Watched(it)
    first = process.of()
    process.at = PAUSE_S
    second = process.of()
    assert second != first
    assert [(each["run"], each["status"]) for each in it.records(RecordKind.RUN_ENDED)] == [(first, "idle")]


def test_a_process_that_meets_a_run_from_long_ago_takes_it_for_over(it: World) -> None:
    first = Watched(it).of()
    it.clock.advance(PAUSE_S + 1)
    process = Watched(it)
    second = process.of()
    assert second != first
    assert process.of() == second


def test_a_conversation_goes_on_in_another_run_where_its_run_was_ended(it: World) -> None:
    process = Watched(it)
    run = asyncio.run(process.runs.of(process.door, CHAT))
    it.door.end_run(run, "ok")
    assert process.runs.over(run)
    assert process.of() != run.id
    assert not process.runs.over(it.start()), "a run that was started by name is no conversation's"
