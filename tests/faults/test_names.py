"""Hostile text where a name belongs: refused with a clear error, or on record in a form that harms nobody.

A command that can not be carried out takes no other down with it.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import remit
from remit.domain.record import RecordKind
from remit.execution.commands import Admit
from tests.faults.ground import Ground, ground
from tests.faults.told import expect_told
from tests.worlds import VISITOR


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("names")) as it:
        yield it


HOSTILE: dict[str, Any] = {
    "half a surrogate pair": "user:\ud800",
    "a NUL": "user:sara\x00",
    "a bidirectional override": "user:\u202earas",
    "a line break": "user:sara\ndigest 123",
    "a terminal sequence": "user:\x1b[2Jsara",
    "a megabyte": "user:" + "x" * 1_000_000,
    "no text": 7,
}
FIELDS = ("agent", "on_behalf_of", "subject", "channel", "purpose", "parent")


# A purpose is prose and may have lines.
CASES = [(case, field) for case in HOSTILE for field in FIELDS if (case, field) != ("a line break", "purpose")]


@pytest.mark.parametrize(("case", "field"), CASES)
def test_a_run_is_refused(case: str, field: str, at: Ground) -> None:
    given = {"agent": "buyer", "on_behalf_of": VISITOR, field: HOSTILE[case]}
    records = at.world.records()
    with pytest.raises(remit.Refused) as caught, at.world.client.run(**given):
        raise AssertionError("the run was started")
    assert at.world.records() == records, "nothing was put on record"
    assert str(caught.value).startswith(f"{field} ")
    if field == "on_behalf_of":
        expect_told(f"run for {case}", str(caught.value))
    at.works()


def test_a_task_may_hold_anything_and_no_more_than_a_payload(at: Ground) -> None:
    for task in ("\ud800\x00\u202e\x1b[2J", "x" * 1_000_000):
        with at.world.client.run("buyer", on_behalf_of=VISITOR, task=task) as run:
            at.call(run)
    with (
        pytest.raises(remit.Refused) as caught,
        at.world.client.run("buyer", on_behalf_of=VISITOR, task="x" * 1_048_577),
    ):
        raise AssertionError("the run was started")
    expect_told("run task of more than a megabyte", str(caught.value))


@pytest.mark.parametrize("case", [case for case in HOSTILE if case != "no text"])
def test_a_hostile_tool_is_denied_and_on_record_in_a_harmless_form(case: str, at: Ground) -> None:
    name = HOSTILE[case].replace("user:", "erp.")
    with at.run() as run:
        with pytest.raises(remit.Denied) as caught:
            at.call(run, tool=name)
        (decided,) = at.world.records(RecordKind.DECISION_MADE, run.id)
        at.call(run)
    assert decided["state"] == "denied"
    assert decided["target"].isprintable()
    assert len(decided["target"]) <= 300
    expect_told(f"tool with {case}", str(caught.value))


@pytest.mark.parametrize("case", [case for case in HOSTILE if case != "no text"])
def test_a_hostile_model_is_denied(case: str, at: Ground) -> None:
    name = HOSTILE[case].replace("user:", "local/")
    with at.run() as run:
        with pytest.raises(remit.Denied):
            run.model(name, "hello", max_output_tokens=1, using=at.tool)
        (decided,) = at.world.records(RecordKind.DECISION_MADE, run.id)
    assert decided["state"] == "denied"
    assert decided["target"].isprintable()


def together(it: Ground, calls: list[Callable[[], object]]) -> list[object]:
    """Have several threads submit while the database is busy, so that one batch takes them all."""
    answers: list[object] = [None] * len(calls)

    def submit(index: int) -> None:
        try:
            answers[index] = calls[index]()
        except Exception as error:  # noqa: BLE001 - it is an answer like any other
            answers[index] = error

    busy = sqlite3.connect(it.world.path, isolation_level=None)
    busy.execute("begin immediate")
    first = threading.Thread(target=lambda: it.world.client.run("buyer", on_behalf_of=VISITOR).__enter__())
    first.start()  # the writer takes this one and waits with it for the database
    time.sleep(0.2)
    threads = [threading.Thread(target=submit, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    busy.execute("rollback")
    busy.close()
    for thread in [first, *threads]:
        thread.join(30)
    return answers


def test_a_poisonous_command_fails_alone(at: Ground) -> None:
    """No door lets such a command through; the writer must live even if one did."""
    it = at.world
    run = it.start()
    good = [it.action(run, "erp.get", {"id": str(number)}) for number in range(5)]
    sample = it.action(run, "erp.get", {"id": "poison"})
    poison = Admit(replace(sample.call, action=replace(sample.call.action, target="\ud800")), sample.payloads)

    commands = [*good[:3], poison, *good[3:]]
    answers = together(at, [lambda command=command: it.queue.submit(command) for command in commands])  # type: ignore[misc]

    assert isinstance(answers.pop(3), TypeError)
    assert [getattr(answer, "state", answer) for answer in answers] == ["admitted"] * 5
    decided = {record["action"] for record in it.records(RecordKind.DECISION_MADE, run.id)}
    assert decided == {command.call.action.id for command in good}
    at.works()
