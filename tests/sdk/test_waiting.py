"""Waiting for people, embedded and over HTTP: edits are executed as they were approved, and questions are answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.control.approvals import AnswerRefused
from remit.domain.facts import ApprovalState
from remit.domain.ids import UserId
from remit.domain.record import RecordKind
from tests.served import DOORS, reached
from tests.worlds import LINA, SARA, VISITOR, WORKSPACE, World, world

PATIENCE_S = 20


@pytest.fixture(params=DOORS)
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as opened, reached(opened, request.param) as at:
        yield at


@contextmanager
def meanwhile(it: World, work: Callable[[Any], object]) -> Iterator[None]:
    """Do something about the approval as soon as there is one."""
    failed: list[BaseException] = []

    def act() -> None:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not (found := it.store.approvals(WORKSPACE, ApprovalState.PENDING)):
                assert time.monotonic() < deadline, "nothing was held"
                time.sleep(0.01)
            work(found[0])
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    yield
    thread.join(PATIENCE_S)
    assert failed == []


def edit(it: World, approval: Any, amount: int = 600) -> None:
    it.edits.edit(approval.id, SARA, approval.digest, {"amount": amount, "note": "as agreed"})


def test_who_waits_executes_exactly_what_was_approved(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run, meanwhile(it, lambda found: edit(it, found)):
        paid = run.call("erp.pay", {"amount": 900}, using=lambda **given: given, wait=PATIENCE_S)
        assert paid == {"amount": 600, "note": "as agreed"}
    (record,) = [each for each in it.records(RecordKind.DECISION_MADE) if each["state"] == "admitted"]
    assert record["arguments_digest"] == it.records(RecordKind.APPROVAL_EDITED)[0]["digest"]


def test_who_waits_in_an_event_loop_does_so_too(it: World) -> None:
    async def pay(**given: Any) -> Any:
        return given

    async def work() -> Any:
        async with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            return await run.acall("erp.pay", {"amount": 900}, using=pay, wait=PATIENCE_S)

    with meanwhile(it, lambda found: edit(it, found)):
        assert asyncio.run(work())["amount"] == 600


def test_what_was_edited_to_need_nobody_runs_once_all_the_same(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        with pytest.raises(remit.Held) as held:
            run.call("erp.pay", {"amount": 900}, using=lambda **given: given)
        edit(it, it.store.approval(held.value.approval), 10)
        ran: list[Any] = []
        came: list[str] = []

        def again() -> None:
            try:
                run.call("erp.pay", {"amount": 900}, using=lambda **given: ran.append(given), wait=PATIENCE_S)
                came.append("ran")
            except remit.NotAdmitted as error:
                came.append(type(error).__name__)

        threads = [threading.Thread(target=again) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [each["amount"] for each in ran] == [10]
        assert sorted(came)[-1] == "ran"
        assert len(came) == 4


def test_the_original_call_without_waiting_is_held_by_the_edited_approval(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        with pytest.raises(remit.Held) as held:
            run.call("erp.pay", {"amount": 900}, using=lambda **given: given)
        edit(it, it.store.approval(held.value.approval))
        with pytest.raises(remit.Held, match="put other arguments in the place of these") as again:
            run.call("erp.pay", {"amount": 900}, using=lambda **given: given)
        assert again.value.approval == held.value.approval


def test_a_question_ends_the_wait_and_its_answer_is_the_agents_own_word(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        with (
            meanwhile(it, lambda found: it.questions.ask(found.id, SARA, "Why today?")),
            pytest.raises(remit.Held) as held,
        ):
            run.call("erp.pay", {"amount": 900}, using=lambda **given: given, wait=PATIENCE_S)
        (question,) = held.value.questions
        assert (question.text, question.reply) == ("Why today?", None)
        run.answer(held.value.approval, "The discount ends at noon.")
        run.answer(held.value.approval, "The discount ends at noon.", question=question.id)
        (answered,) = run.questions(held.value.approval)
        assert answered.reply == "The discount ends at noon."
        approval = it.store.approval(held.value.approval)
        (told,) = it.questions.read(approval, LINA)
        assert (told.text, told.reply) == ("Why today?", "The discount ends at noon.")
        with pytest.raises(remit.Refused, match="answered already"):
            run.answer(held.value.approval, "Because.", question=question.id)
        with pytest.raises(remit.Refused, match="waits for an answer"):
            run.answer(held.value.approval, "Because.")
        it.approvals.answer(approval.id, SARA, approval.digest, approve=True)
        assert run.call("erp.pay", {"amount": 900}, using=lambda amount: amount, wait=0) == 900
    said = [it.records(kind)[0] for kind in (RecordKind.QUESTION_ASKED, RecordKind.QUESTION_ANSWERED)]
    assert [each["question"] for each in said] == [question.id] * 2
    assert "discount" not in str(it.records())
    assert "Why today" not in str(it.records())
    assert [read["payloads"] for read in it.records(RecordKind.PAYLOAD_READ)] == [
        [f"{question.id}/question", f"{question.id}/reply"]
    ]


def test_a_question_that_was_there_before_ends_no_wait(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        with pytest.raises(remit.Held) as held:
            run.call("erp.pay", {"amount": 900}, using=lambda **given: given)
        approval = it.store.approval(held.value.approval)
        it.questions.ask(approval.id, SARA, "Why today?")

        def approve(found: Any) -> None:
            time.sleep(0.3)
            it.approvals.answer(found.id, SARA, found.digest, approve=True)

        with meanwhile(it, approve):
            assert run.call("erp.pay", {"amount": 900}, using=lambda amount: amount, wait=PATIENCE_S) == 900


def test_an_agent_replies_to_nothing_of_another_agent(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run, pytest.raises(remit.Refused):
        run.answer("apr_none", "Hello")
    with it.client.run("buyer", on_behalf_of=VISITOR) as run, pytest.raises(remit.Refused):
        run.questions("apr_none")


def test_who_may_not_answer_may_not_ask_or_read(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        admission = it.door.admit(it.door.attempt_tool(it.start(), "erp.pay", {"amount": 900}))
        assert admission.approval is not None
        stranger = UserId("user:stranger")
        with pytest.raises(AnswerRefused, match="is not a member of finance"):
            it.questions.ask(admission.approval, stranger, "Why?")
        with pytest.raises(AnswerRefused, match="is not a member of finance"):
            it.questions.read(it.store.approval(admission.approval), stranger)
        with pytest.raises(AnswerRefused, match="the question is empty"):
            it.questions.ask(admission.approval, SARA, "  ")
