"""Arguments that can not be an action: a clear error, nothing ran, nothing was decided, and the run goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.domain.arguments import BadArguments, PayloadLimits, parse_object
from tests.faults.ground import Ground, ground
from tests.faults.told import expect_told


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("arguments")) as it:
        yield it


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BAD: dict[str, Any] = {
    "a 50 MB argument": {"id": "x" * 50_000_000},
    "deep nesting": {"id": nested(100_000)},
    "NaN": {"id": float("nan")},
    "Infinity": {"filter": {"prices": [1.0, float("inf")]}},
    "a lone surrogate": {"id": "PO-\ud83d"},
    "a lone surrogate in a name": {"id": "1", "\udc00": 1},
    "a name that is a number": {1: "x"},
    "an integer beyond 64 bits": {"id": 2**63},
    "a value that is no JSON": {"id": b"PO-1"},
    "a list for the arguments": ["PO-1"],
    "too many values": {"id": [0] * 200_000},
    "control characters in a name": {"\x1b[2J\u202e": float("nan")},
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments(case: str, at: Ground) -> None:
    with at.run() as run:
        records, ran = at.world.records(), len(at.ran)
        with pytest.raises(BadArguments) as caught:
            at.call(run, BAD[case])
        assert at.world.records() == records, "nothing was decided"
        assert len(at.ran) == ran, "nothing ran"
        at.call(run)
        assert len(at.ran) == ran + 1, "the same run goes on"
    expect_told(f"arguments {case}", str(caught.value))


TEXT: dict[str, str | bytes] = {
    "a key given twice": '{"amount": 1, "amount": 9000}',
    "a key given twice in two spellings": '{"amount": 1, "\\u0061mount": 9000}',
    "NaN in JSON text": '{"amount": NaN}',
    "deep nesting in JSON text": '{"a":' * 100_000,
    "half a document": '{"amount": ',
    "bytes that are no text": b'{"amount": "\xff"}',
    "a number of ten thousand digits": '{"amount": ' + "9" * 10_000 + "}",
    "a 50 MB text": '{"a": "' + "x" * 50_000_000 + '"}',
}


@pytest.mark.parametrize("case", TEXT)
def test_bad_json_text(case: str) -> None:
    with pytest.raises(BadArguments) as caught:
        parse_object(TEXT[case], PayloadLimits())
    expect_told(f"json {case}", str(caught.value))


@pytest.mark.parametrize(("name", "tokens"), [("negative", -1), ("a fraction", 1.5), ("far too many", 10**12)])
def test_a_number_of_tokens_that_is_none(name: str, tokens: Any, at: Ground) -> None:
    with at.run() as run:
        records = at.world.records()
        with pytest.raises(BadArguments) as caught:
            run.model("local/tiny-1", "hi", max_output_tokens=tokens, using=lambda: at.tool())
        with pytest.raises(BadArguments):
            run.model("local/tiny-1", "hi", max_output_tokens=1, input_tokens=tokens, using=lambda: at.tool())
        assert at.world.records() == records
    expect_told(f"tokens {name}", str(caught.value))


def test_arguments_that_change_after_the_decision_are_dispatched_as_decided(at: Ground) -> None:
    arguments = {"id": "decided"}

    class Watching:
        """A door that lets somebody change the arguments while the decision is made."""

        def __getattr__(self, name: str) -> Any:
            return getattr(door, name)

        def admit(self, attempt: Any) -> Any:
            arguments["id"] = "changed"
            return door.admit(attempt)

    with at.run() as run:
        door = run._door
        run._door = Watching()
        at.call(run, arguments)
        run._door = door
    assert at.ran[-1] == {"id": "decided"}


class Sulking:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("result", [nested(100_000), Sulking(), {"a": Sulking()}, "\ud800", 2**200, object()])
def test_a_strange_result_is_returned_and_its_outcome_recorded(result: object, at: Ground) -> None:
    with at.run() as run:
        assert run.call("erp.get", {"id": "1"}, using=lambda id: result) is result
        assert [record["status"] for record in at.world.records(run=run.id) if "status" in record] == ["ok"]


def test_an_error_that_can_not_be_put_into_words_is_recorded_by_its_type(at: Ground) -> None:
    def fails(id: str) -> None:
        raise Mute

    with at.run() as run:
        with pytest.raises(Mute):
            run.call("erp.get", {"id": "1"}, using=fails)
        assert [record["error"] for record in at.world.records(run=run.id) if "error" in record] == ["Mute"]


def test_bad_arguments_are_no_secret_door(tmp_path: Path) -> None:
    assert issubclass(remit.BadArguments, ValueError)
    with ground(tmp_path) as it, it.run() as run:
        with pytest.raises(remit.Denied) as denied:
            it.call(run, {"id": "1", "\x1b[31m\u202edi": "2"})
        assert it.ran == []
    expect_told("an argument that nobody described", str(denied.value))
