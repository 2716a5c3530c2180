"""What an agent's code sees: its function runs once admitted, with its duties done, and its outcome is recorded."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.domain.finding import Code
from remit.domain.ids import ApprovalId
from remit.domain.record import RecordKind
from remit.storage.port import StoreError
from tests.served import DOORS, reached
from tests.worlds import SARA, VISITOR, WORKSPACE, World, agent, world

DAY_S = 86_400


@pytest.fixture(params=DOORS)
def it(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    with world(tmp_path) as opened, reached(opened, request.param):
        yield opened


@pytest.fixture
def run(it: World) -> Any:
    with it.client.run("buyer", on_behalf_of=VISITOR) as started:
        yield started


def outcomes(it: World) -> list[tuple[str, str]]:
    return [(record["status"], record["error"]) for record in it.records(RecordKind.OUTCOME_REPORTED)]


def never(**arguments: Any) -> None:
    pytest.fail("a call that was not admitted was dispatched")


# -- calls


def test_a_call_runs_and_returns_what_the_function_returns(it: World, run: remit.ActiveRun) -> None:
    order = {"id": "7", "lines": [1, 2]}
    assert run.call("erp.get", {"id": "7"}, using=lambda id: order) is order
    assert outcomes(it) == [("ok", "")]


def test_the_record_is_there_before_the_function_runs(it: World, run: remit.ActiveRun) -> None:
    def look(id: str) -> int:
        return len(it.records(RecordKind.DECISION_MADE))

    assert run.call("erp.get", {"id": "7"}, using=look) == 1


def test_an_async_call_runs_and_returns_what_the_function_returns(it: World) -> None:
    async def get(id: str) -> str:
        await asyncio.sleep(0)
        return f"order {id}"

    async def work() -> Any:
        async with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            return await asyncio.gather(*(run.acall("erp.get", {"id": str(n)}, using=get) for n in range(5)))

    assert asyncio.run(work()) == [f"order {n}" for n in range(5)]
    assert outcomes(it) == [("ok", "")] * 5
    assert [record["status"] for record in it.records(RecordKind.RUN_ENDED)] == ["ok"]


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("erp.drop", {}, Code.TOOL_NOT_GRANTED),
        ("erp.nothing", {}, Code.TOOL_UNKNOWN),
        ("erp.get", {"id": 1}, Code.ARGUMENTS_INVALID),
        ("erp.get", {"id": "1", "sudo": True}, Code.ARGUMENT_UNKNOWN),
    ],
)
def test_what_is_outside_the_remit_is_denied_and_not_called(
    run: remit.ActiveRun, tool: str, arguments: dict[str, Any], code: Code
) -> None:
    with pytest.raises(remit.Denied) as caught:
        run.call(tool, arguments, using=never)
    assert code in {finding.code for finding in caught.value.reasons}
    assert tool in str(caught.value)
    assert caught.value.why("ar") != caught.value.why("en")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [({"id": float("nan")}, "not_finite"), ({"id": "\ud800"}, "lone_surrogate"), ({"id": 2**64}, "integer_too_large")],
)
def test_what_can_be_no_action_is_refused_at_once(
    it: World, run: remit.ActiveRun, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(remit.BadArguments) as caught:
        run.call("erp.get", arguments, using=never)
    assert caught.value.code == code
    assert it.records(RecordKind.DECISION_MADE) == []


def test_arguments_changed_after_the_decision_do_not_reach_the_function(run: remit.ActiveRun, it: World) -> None:
    arguments = {"amount": 5}
    original = it.door.admit

    def admit_slowly(attempt: Any) -> Any:
        admission = original(attempt)
        arguments["amount"] = 10**6
        return admission

    it.door.admit = admit_slowly  # type: ignore[method-assign]
    assert run.call("erp.pay", arguments, using=lambda amount: amount) == 5


# -- outcomes


class Broken(Exception):
    pass


def test_an_exception_is_recorded_by_its_name_and_raised(it: World, run: remit.ActiveRun) -> None:
    def fail(id: str) -> None:
        raise Broken("with a secret in it")

    with pytest.raises(Broken, match="with a secret in it"):
        run.call("erp.get", {"id": "1"}, using=fail)
    assert outcomes(it) == [("error", "Broken")]
    assert "secret" not in str(it.records())


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_leaves_the_outcome_unknown(
    it: World, run: remit.ActiveRun, interrupt: type[BaseException]
) -> None:
    def stop(id: str) -> None:
        raise interrupt

    with pytest.raises(interrupt):
        run.call("erp.get", {"id": "1"}, using=stop)
    assert outcomes(it) == [("unknown", interrupt.__name__)]
    assert [action.unknown for action in it.store.open_actions(WORKSPACE)] == [True]


def test_a_cancelled_task_leaves_the_outcome_unknown(it: World) -> None:
    async def work() -> None:
        begun = asyncio.Event()

        async def forever(id: str) -> None:
            begun.set()
            await asyncio.sleep(60)

        async with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            task = asyncio.ensure_future(run.acall("erp.get", {"id": "1"}, using=forever))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())
    assert outcomes(it) == [("unknown", "CancelledError")]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even that")


class Unprintable:
    def __repr__(self) -> str:
        raise ValueError("no words")

    __str__ = __repr__


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "result", [Unprintable(), nested(5_000), {1: object()}, {"n": 2**70}, "\ud800", b"bytes", float("nan")], ids=type
)
def test_whatever_a_function_returns_is_recorded_and_handed_back(
    it: World, run: remit.ActiveRun, result: object
) -> None:
    assert run.call("erp.get", {"id": "1"}, using=lambda id: result) is result
    assert outcomes(it) == [("ok", "")]


def test_an_exception_without_words_is_recorded_too(it: World, run: remit.ActiveRun) -> None:
    def fail(id: str) -> None:
        raise Unspeakable

    with pytest.raises(Unspeakable):
        run.call("erp.get", {"id": "1"}, using=fail)
    assert outcomes(it) == [("error", "Unspeakable")]


def break_commits(it: World, patch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, wanted: Any) -> Any:
        raise StoreError("the disk is full")

    patch.setattr("remit.storage.sqlite.SqliteTransactions.begin", broken)


def test_a_result_that_can_not_be_recorded_is_not_lost(
    it: World, run: remit.ActiveRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(id: str) -> str:
        break_commits(it, monkeypatch)
        return "paid"

    with pytest.raises(remit.Unrecorded, match="the call ran, but its outcome could not be recorded") as caught:
        run.call("erp.get", {"id": "1"}, using=get)
    monkeypatch.undo()
    assert caught.value.result == "paid"
    assert len(it.store.open_actions(WORKSPACE)) == 1


def test_an_error_that_can_not_be_recorded_keeps_its_type_and_says_so(
    run: remit.ActiveRun, it: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(id: str) -> None:
        break_commits(it, monkeypatch)
        raise Broken

    with pytest.raises(Broken) as caught:
        run.call("erp.get", {"id": "1"}, using=fail)
    monkeypatch.undo()
    assert "could not be recorded either" in caught.value.__notes__[0]


def test_a_store_that_fails_lets_nothing_through(
    run: remit.ActiveRun, it: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_commits(it, monkeypatch)
    with pytest.raises(remit.Unavailable, match="the disk is full"):
        run.call("erp.get", {"id": "1"}, using=never)
    monkeypatch.undo()
    assert run.call("erp.get", {"id": "1"}, using=lambda id: "again") == "again"


def test_a_task_cancelled_while_it_waits_for_its_decision_leaves_nothing_in_flight(
    it: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time-out around a call is common; it must not use up a place or money for ever."""

    async def never_run(id: str) -> None:
        pytest.fail("dispatched after it was cancelled")

    async def work() -> None:
        async with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            held, go = threading.Event(), threading.Event()
            original = it.queue._carry_out

            def slowly(commands: Any) -> Any:
                held.set()
                assert go.wait(20)
                return original(commands)

            monkeypatch.setattr(it.queue, "_carry_out", slowly)
            task = asyncio.ensure_future(run.acall("erp.get", {"id": "1"}, using=never_run))
            await asyncio.to_thread(held.wait, 20)
            task.cancel()
            threading.Timer(0.05, go.set).start()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())
    it.client.close()  # over HTTP a thread gives back what was admitted: this waits for it
    (record,) = it.records(RecordKind.DECISION_MADE)
    assert record["state"] == "admitted"
    assert it.store.open_actions(WORKSPACE) == []
    assert outcomes(it) == [("error", "not_dispatched")]


# -- duties


def test_duties_are_carried_out_before_the_function_sees_anything(tmp_path: Path) -> None:
    pay = {"tool": "erp.pay", "mask": ["note"], "cap": {"amount": 100}}
    with (
        world(tmp_path, {"agents/buyer.yaml": agent(tools=[pay])}) as it,
        it.client.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        given = {"amount": 300, "note": "card 4111"}
        assert run.call("erp.pay", given, using=lambda **seen: seen) == {"amount": 100, "note": "[masked]"}
        assert run.call("erp.pay", {"amount": 50}, using=lambda **seen: seen) == {"amount": 50}
        assert given == {"amount": 300, "note": "card 4111"}


# -- decorators


def test_a_guarded_function_is_a_call_of_its_tool(it: World) -> None:
    @it.client.tool("erp.pay")
    def pay(amount: int, note: str = "none") -> str:
        """Pay an invoice."""
        return f"{amount} {note}"

    @it.client.tool("erp.get")
    async def get(id: str) -> str:
        return f"order {id}"

    async def work() -> list[str]:
        async with it.client.run("buyer", on_behalf_of=VISITOR):
            return [pay(3), pay(4, note="four"), await get("7"), await get(id="8")]

    assert asyncio.run(work()) == ["3 none", "4 four", "order 7", "order 8"]
    assert [record["target"] for record in it.records(RecordKind.DECISION_MADE)] == ["erp.pay"] * 2 + ["erp.get"] * 2
    assert (pay.__name__, pay.__doc__) == ("pay", "Pay an invoice.")


def test_a_guarded_function_outside_of_a_run_is_refused(it: World) -> None:
    @it.client.tool("erp.get")
    def get(id: str) -> None:
        pytest.fail("called outside of a run")

    with pytest.raises(remit.Refused, match=r"erp\.get was called outside of a run"):
        get("1")
    with it.client.run("buyer", on_behalf_of=VISITOR):
        pass
    with pytest.raises(remit.Refused):
        get("1")


def test_two_runs_at_once_do_not_mix_in_threads_or_tasks(it: World) -> None:
    @it.client.tool("erp.get")
    def get(id: str) -> str:
        return id

    def in_thread(user: str) -> None:
        with it.client.run("buyer", on_behalf_of=user):
            for number in range(5):
                get(f"{user} {number}")
                time.sleep(0.001)

    async def in_task(user: str) -> None:
        async with it.client.run("buyer", on_behalf_of=user):
            for number in range(5):
                get(f"{user} {number}")
                await asyncio.sleep(0.001)

    async def tasks() -> None:
        await asyncio.gather(in_task("user:c"), in_task("user:d"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(in_thread, ["user:a", "user:b"]))
    asyncio.run(tasks())
    made = it.records(RecordKind.DECISION_MADE)
    assert len(made) == 20
    runs = {record["run"]: record["on_behalf_of"] for record in it.records(RecordKind.RUN_STARTED)}
    assert len(runs) == 4
    assert all(runs[record["run"]] == record["on_behalf_of"] for record in made)


def test_a_run_inside_a_run_ends_before_it(it: World) -> None:
    @it.client.tool("erp.get")
    def get(id: str) -> str:
        return id

    with it.client.run("buyer", on_behalf_of="user:outer") as outer:
        with it.client.run("buyer", on_behalf_of="user:outer", purpose="Inner.", parent=outer.id) as inner:
            get("1")
        get("2")
    assert [each["run"] for each in it.records(RecordKind.DECISION_MADE)] == [inner.id, outer.id]
    assert [each["depth"] for each in it.records(RecordKind.RUN_STARTED)] == [0, 1]


def test_a_run_that_was_not_started_calls_nothing(it: World) -> None:
    run = it.client.run("buyer", on_behalf_of=VISITOR)
    with pytest.raises(remit.Refused, match="the run has not been started"):
        run.call("erp.get", {"id": "1"}, using=never)


def test_a_run_that_raised_says_so_at_its_end(it: World) -> None:
    with pytest.raises(Broken), it.client.run("buyer", on_behalf_of=VISITOR):
        raise Broken
    assert [record["status"] for record in it.records(RecordKind.RUN_ENDED)] == ["error: Broken"]


# -- held


def answer_later(it: World, answer: bool | None) -> threading.Thread:
    """Somebody looks at what is asked, and answers it, or lets a day pass."""

    def watch() -> None:
        for _ in range(2_000):
            waiting = it.store.approvals(WORKSPACE)
            if waiting:
                if answer is None:
                    it.clock.advance(DAY_S)
                else:
                    it.approvals.answer(waiting[0].id, SARA, waiting[0].digest, approve=answer)
                return
            time.sleep(0.005)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_held_call_says_what_it_waits_for(it: World, run: remit.ActiveRun) -> None:
    with pytest.raises(remit.Held, match="policy big asks for a person of finance: over 500") as caught:
        run.call("erp.pay", {"amount": 501}, using=never)
    assert it.store.approval(ApprovalId(caught.value.approval)).target == "erp.pay"


def test_a_call_can_wait_for_its_approval(it: World, run: remit.ActiveRun) -> None:
    person = answer_later(it, True)
    assert run.call("erp.pay", {"amount": 501}, using=lambda amount: f"paid {amount}", wait=20) == "paid 501"
    person.join()


def test_an_async_call_can_wait_for_its_approval(it: World) -> None:
    async def pay(amount: int) -> str:
        return f"paid {amount}"

    async def work() -> Any:
        async with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            return await run.acall("erp.pay", {"amount": 501}, using=pay, wait=20)

    person = answer_later(it, True)
    assert asyncio.run(work()) == "paid 501"
    person.join()


def test_a_rejection_ends_the_wait(it: World, run: remit.ActiveRun) -> None:
    person = answer_later(it, False)
    with pytest.raises(remit.Rejected, match="rejected by a person"):
        run.call("erp.pay", {"amount": 501}, using=never, wait=20)
    person.join()


def test_an_expiry_ends_the_wait_and_is_no_rejection(tmp_path: Path) -> None:
    patient = agent(limits={"wall_time": "unlimited"})
    with (
        world(tmp_path, {"agents/buyer.yaml": patient}) as it,
        it.client.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        person = answer_later(it, None)
        with pytest.raises(remit.Expired) as caught:
            run.call("erp.pay", {"amount": 501}, using=never, wait=20)
        person.join()
        assert not isinstance(caught.value, remit.Rejected)
        with pytest.raises(remit.Held):
            run.call("erp.pay", {"amount": 501}, using=never)


def test_a_wait_that_is_over_leaves_the_call_held(it: World, run: remit.ActiveRun) -> None:
    with pytest.raises(remit.Held):
        run.call("erp.pay", {"amount": 501}, using=never, wait=0.01)
    assert len(it.store.approvals(WORKSPACE)) == 1


def test_a_frozen_agent_is_told_that_it_is_stopped(it: World, run: remit.ActiveRun) -> None:
    it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "smells")
    with pytest.raises(remit.Stopped, match=r"the agent was frozen by user:sara: smells"):
        run.call("erp.get", {"id": "1"}, using=never)
