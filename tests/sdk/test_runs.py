"""What may be guarded, how long is waited, and that a run ends whatever happens."""

from __future__ import annotations

import contextvars
import math
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.control.erasure import Erasure
from remit.domain.record import RecordKind
from remit.storage.sealed import KeyFile, Keyring
from tests.served import DOORS, reached
from tests.worlds import SARA, VISITOR, WORKSPACE, World, world


@pytest.fixture(params=DOORS)
def it(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    with world(tmp_path) as opened, reached(opened, request.param):
        yield opened


def described(it: World) -> remit.ActiveRun:
    return it.client.run("buyer", on_behalf_of=VISITOR)


def ended(it: World) -> int:
    return len(it.records(RecordKind.RUN_ENDED))


# -- guarded functions


def no_name(*ids: str) -> None: ...


def by_position(id: str, /) -> None: ...


class Shop:
    def get(self, id: str) -> str:
        return f"order {id}"


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (no_name, r"^erp\.get: a guarded function takes its arguments by name, and \*ids has none$"),
        (by_position, r"^erp\.get: .* by name, and id stands before the /$"),
        (Shop.get, r"^erp\.get: .*Shop\.get.* is a method, and self is no argument of the tool: guard a function$"),
        (dict.fromkeys, "does not say which arguments it takes|stands before the /"),
        (7, "does not say which arguments it takes: wrap it in a function$"),
    ],
)
def test_what_has_arguments_without_a_name_is_refused_when_it_is_guarded(it: World, function: Any, why: str) -> None:
    with pytest.raises(remit.Refused, match=why):
        it.client.tool("erp.get")(function)


def test_a_method_of_an_object_can_be_guarded(it: World) -> None:
    get = it.client.tool("erp.get")(Shop().get)
    with described(it):
        assert get("7") == "order 7"


def test_any_names_are_arguments_where_the_function_takes_any(it: World) -> None:
    @it.client.tool("erp.pay")
    def pay(**order: Any) -> Any:
        return order

    with described(it):
        assert pay(amount=2) == {"amount": 2}
        with pytest.raises(TypeError):
            pay(1)  # type: ignore[call-arg]


def test_an_argument_that_was_left_out_is_not_sent_as_null(it: World) -> None:
    """The schema of `erp.pay` has `note` as a text, and optional."""

    @it.client.tool("erp.pay")
    def pay(amount: int, note: str | None = None) -> Any:
        return amount, note

    with described(it):
        assert pay(3) == (3, None)
        assert pay(3, "four") == (3, "four")
        with pytest.raises(remit.Denied, match=r"argument note of erp\.pay does not fit"):
            pay(3, None)


# -- waiting

NO_TIMES: list[Any] = [math.nan, math.inf, -1, -0.5, "5", True, [1]]


@pytest.mark.parametrize("wait", NO_TIMES, ids=repr)
def test_what_is_no_time_to_wait_is_refused_before_anything_is_decided(it: World, wait: Any) -> None:
    with described(it) as run, pytest.raises(remit.Refused, match="wait must be None or a number of seconds"):
        run.call("erp.get", {"id": "1"}, using=lambda id: pytest.fail("dispatched"), wait=wait)
    with pytest.raises(remit.Refused, match="wait must be None or a number of seconds"):
        it.client.tool("erp.get", wait=wait)
    assert it.records(RecordKind.DECISION_MADE) == []


# -- start and end


def test_a_run_is_started_once(it: World) -> None:
    run = described(it)
    with run, pytest.raises(remit.Refused, match=r"a run is started once: describe the next one"), run:
        pytest.fail("entered again")
    assert ended(it) == 1
    with pytest.raises(remit.Refused, match="a run is started once"):
        run.__enter__()
    assert len(it.records(RecordKind.RUN_STARTED)) == 1


def test_a_run_whose_start_failed_may_be_tried_again(it: World) -> None:
    run = it.client.run("seller", on_behalf_of=VISITOR)
    for _ in range(2):
        with pytest.raises(remit.Refused, match="agent"):
            run.__enter__()


def test_a_run_that_is_left_in_another_context_ends(it: World) -> None:
    run = described(it)
    contextvars.copy_context().run(run.__enter__)
    run.__exit__(None, None, None)
    assert ended(it) == 1


class Broken(Exception):
    pass


def test_why_a_block_was_left_is_not_hidden_by_an_end_that_failed(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise remit.Unavailable("the disk is full")

    run = described(it)
    monkeypatch.setattr(run._door, "end_run", fail)
    with pytest.raises(Broken) as caught, run:
        raise Broken
    assert caught.value.__notes__ == ["the run could not be ended either: the disk is full"]
    other = described(it)
    with pytest.raises(remit.Unavailable, match="the disk is full"), other:
        pass


# -- erased subjects


def test_a_run_for_an_erased_subject_is_refused_and_never_worth_another_try(it: World, tmp_path: Path) -> None:
    subject = "customer-7"
    with it.client.run("buyer", on_behalf_of=VISITOR, subject=subject, task="Look it up."):
        pass
    keyring = Keyring(KeyFile(tmp_path / "remit.key"))
    Erasure(it.store, keyring, it.clock, it.ids).erase(WORKSPACE, subject, SARA, "asked on 3 May")
    before = len(it.records(RecordKind.RUN_STARTED))
    with pytest.raises(remit.Refused) as refused:
        it.client.run("buyer", on_behalf_of=VISITOR, subject=subject).__enter__()
    assert str(refused.value) == "the data of this subject was erased: a run for them needs a new name for the subject"
    assert len(it.records(RecordKind.RUN_STARTED)) == before
