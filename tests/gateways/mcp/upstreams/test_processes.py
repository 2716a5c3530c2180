"""Servers that are processes: what they get, what they may do, and what becomes of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal

import pytest

from remit.domain.ids import ServerName, WorkspaceName
from remit.domain.upstream import ToolServer, Via
from remit.gateways.mcp.port import UpstreamFailed, UpstreamRefused
from tests.gateways.mcp.upstreams.asking import QUICK, SHOP, Told, asking, eventually, lives, odd, run

ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])


def failure(server: ToolServer, tool: str, arguments: dict | None = None, **bounds) -> tuple[UpstreamFailed, str]:
    """Call a tool that fails, and then another one. Return how it failed, and what the other one says."""

    async def work():
        async with asking(**bounds) as at:
            with pytest.raises(UpstreamFailed) as caught:
                await at.call(server, tool, arguments)
            return caught.value, await at.call(server, "echo", {"still": "there"})

    found: tuple[UpstreamFailed, str] = run(work)
    return found


@ERAS
def test_a_tool_is_called_and_its_definition_has_a_digest(era):
    async def work():
        async with asking() as at:
            offer = await at.servers.offer(SHOP, odd(era=era))
            return offer, await at.call(odd(era=era), "echo", {"a": [1, "ب"]})

    offer, said = run(work)
    assert said == '{"a": [1, "\\u0628"]}'
    assert offer.instructions == "Be careful."
    written = b'{"description":"Says it again.","inputSchema":{"type":"object"},"name":"echo"}'
    assert offer.digest_of(Via.TOOL, "echo") == f"sha256:{hashlib.sha256(written).hexdigest()}"
    assert "_meta" not in offer.tools["echo"].content, "what is not pinned reaches no agent"
    assert offer.digest_of(Via.TOOL, "no-such") == "absent"


def test_a_process_gets_four_variables_and_its_own_and_no_others():
    server = odd(env={"TOKEN": "env:ERP_TOKEN", "MODE": "test"})
    machine = {"PATH": os.environ["PATH"], "HOME": "/tmp", "LANG": "C", "TMPDIR": "/tmp", "REMIT_TOKEN": "x"}

    async def work():
        async with asking(environment={**machine, "ERP_TOKEN": "hunter2", "AWS_SECRET": "y"}) as at:
            return await at.json(server, "environment")

    seen = run(work)
    seen.pop("LC_CTYPE", None)  # Python's own, where the locale is C
    assert seen == {
        "PATH": os.environ["PATH"],
        "HOME": "/tmp",
        "LANG": "C",
        "TMPDIR": "/tmp",
        "TOKEN": "hunter2",
        "MODE": "test",
    }


def test_a_reference_that_leads_nowhere_is_named_and_nothing_is_started():
    failed, _ = run(lambda: _first_failure(odd(env={"TOKEN": "env:NO_SUCH"})))
    assert failed.code == "unreachable"
    assert not failed.sent
    assert "env:NO_SUCH leads to no secret" in str(failed)


async def _first_failure(server, **bounds):
    async with asking(**bounds) as at:
        with pytest.raises(UpstreamFailed) as caught:
            await at.call(server, "echo")
        with pytest.raises(UpstreamFailed) as again:
            await at.call(server, "echo")
        return caught.value, again.value


def test_a_command_that_there_is_not_is_named():
    failed, _ = run(lambda: _first_failure(ToolServer(ServerName("gone"), command=("/no/such/program",))))
    assert (failed.code, failed.sent) == ("unreachable", False)
    assert str(failed) == "gone was not started: No such file or directory: check `command` and `folder`"


def test_a_process_that_ends_at_once_is_crashed_and_its_secrets_are_not_told(caplog):
    server = odd("dead", env={"TOKEN": "env:HOME_TOKEN"})

    async def work():
        async with asking(environment={"PATH": os.environ["PATH"], "HOME_TOKEN": "hunter2"}) as at:
            with pytest.raises(UpstreamFailed) as caught:
                await at.call(server, "echo")
            return caught.value

    failed = run(work)
    assert (failed.code, failed.sent) == ("crashed", False)
    assert "can not start with [secret]" in caplog.text
    assert "hunter2" not in caplog.text + str(failed)


@pytest.mark.slow
def test_a_process_that_does_not_start_in_time_is_given_up():
    failed, _ = run(lambda: _first_failure(odd("slow-start", start_s=1)))
    assert (failed.code, failed.sent) == ("timed_out", False)
    assert "did not start within 1 s" in str(failed)


def test_a_legacy_server_that_does_not_answer_what_it_does_not_know_is_found_all_the_same():
    async def work():
        async with asking() as at:
            return await at.call(odd("mute", era="legacy", start_s=1), "echo", {"a": 1})

    assert run(work) == '{"a": 1}'


@ERAS
def test_one_that_dies_in_a_call_has_perhaps_done_it_and_is_started_again(era):
    failed, said = failure(odd(era=era), "die")
    assert (failed.code, failed.sent) == ("crashed", True)
    assert said == '{"still": "there"}'


@pytest.mark.slow
@ERAS
def test_one_that_is_killed_in_a_call_has_perhaps_done_it_and_the_others_go_on(era):
    async def work():
        async with asking() as at:
            victim, other = odd(era=era, name="victim"), odd(era=era, name="other")
            pid, below = await at.json(victim, "child")
            open_call = asyncio.create_task(at.call(victim, "silent"))
            open_other = asyncio.create_task(at.call(other, "silent", exchange=Told().exchange(answer_s=2)))
            await at.call(victim, "echo")
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(UpstreamFailed) as caught:
                await open_call
            with pytest.raises(UpstreamFailed) as timed_out:
                await open_other
            gone = await eventually(lambda: not lives(below))
            return caught.value, timed_out.value, gone, await at.call(victim, "echo", {"a": 1})

    failed, other, gone, said = run(work)
    assert (failed.code, failed.sent) == ("crashed", True)
    assert other.code == "timed_out"
    assert gone, "what the dead server had started lives on"
    assert said == '{"a": 1}'


@pytest.mark.slow
@ERAS
def test_one_that_hangs_is_noticed_ended_and_started_again(era):
    async def work():
        async with asking() as at:
            server = odd(era=era, answer_s=1)
            pid, _ = await at.json(server, "child")
            with pytest.raises(UpstreamFailed) as caught:
                await at.call(server, "hang")
            assert await eventually(lambda: not lives(pid))
            return caught.value, await at.call(server, "echo", {"a": 1})

    failed, said = run(work)
    assert (failed.code, failed.sent) == ("timed_out", True)
    assert str(failed) == "odd did not answer within 1 s"
    assert said == '{"a": 1}'


@ERAS
def test_one_slow_call_is_cancelled_at_the_server_and_the_process_stays(era):
    async def work():
        async with asking() as at:
            server = odd(era=era)
            pid, _ = await at.json(server, "child")
            with pytest.raises(UpstreamFailed, match=r"did not answer within 0\.3 s") as caught:
                await at.call(server, "silent", exchange=Told().exchange(answer_s=0.3))
            await asyncio.sleep(0.7)
            same, _ = await at.json(server, "child")
            return caught.value, pid == same, await at.json(server, "heard")

    failed, same, heard = run(work)
    assert (failed.code, failed.sent) == ("timed_out", True)
    assert same
    silent = next(id for method, id, params in heard if method == "tools/call" and params["name"] == "silent")
    assert [params["requestId"] for method, _, params in heard if method == "notifications/cancelled"] == [silent]


def test_whoever_stops_waiting_cancels_the_call_at_the_server():
    async def work():
        async with asking() as at:
            server = odd()
            await at.call(server, "echo")
            task = asyncio.create_task(at.call(server, "silent"))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await at.json(server, "heard")

    assert "notifications/cancelled" in [method for method, _, _ in run(work)]


def test_some_junk_is_passed_over_and_much_is_the_end():
    async def work():
        async with asking() as at:
            return await at.call(odd(), "junk", {"lines": 5})

    assert run(work) == "after junk"
    failed, said = failure(odd(), "junk", {"lines": 5_000})
    assert (failed.code, failed.sent) == ("broken", True)
    assert "writes what is no message" in str(failed)
    assert said == '{"still": "there"}'


@pytest.mark.parametrize(("tool", "arguments"), [("huge", {"bytes": 400_000}), ("endless", {})])
def test_a_message_that_is_too_large_is_the_end(tool, arguments):
    failed, said = failure(odd(), tool, arguments, message_bytes=100_000)
    assert (failed.code, failed.sent) == ("broken", True)
    assert "more than 100,000 bytes" in str(failed)
    assert said == '{"still": "there"}'


def test_one_that_floods_is_ended_and_keeps_no_other_from_answering():
    async def work():
        async with asking() as at:
            bad, good = odd(name="bad"), odd(name="good")
            await at.call(good, "echo")
            flooding = asyncio.create_task(at.call(bad, "flood"))
            said = [await at.call(good, "echo", {"n": n}) for n in range(20)]
            with pytest.raises(UpstreamFailed) as caught:
                await flooding
            return caught.value, len(said)

    failed, said = run(work)
    assert (failed.code, failed.sent, said) == ("broken", True, 20)
    assert "sends more than it is asked for" in str(failed)


def test_an_answer_that_is_too_deep_to_be_passed_on_is_none():
    async def work():
        async with asking() as at:
            with pytest.raises(UpstreamFailed) as caught:
                await at.call(odd(), "deep", exchange=Told().exchange(answer_s=0.5))
            return caught.value, await at.call(odd(), "echo", {"a": 1})

    failed, said = run(work)
    assert failed.code == "timed_out"
    assert said == '{"a": 1}'


def test_who_gives_up_while_the_breaker_tries_does_not_leave_it_open():
    async def work():
        async with asking(failures=1, open_s=0.1, alive_s=0.1) as at:
            server = odd(answer_s=1)
            with pytest.raises(UpstreamFailed):
                await at.call(server, "die")
            await asyncio.sleep(0.15)
            giving_up = asyncio.create_task(at.call(server, "echo"))
            await asyncio.sleep(0)
            giving_up.cancel()
            await asyncio.gather(giving_up, return_exceptions=True)
            return await at.call(server, "echo", {"a": 1})

    assert run(work) == '{"a": 1}'


@pytest.mark.parametrize("tool", ["wrong", "half"])
def test_an_answer_that_is_none_is_broken(tool):
    failed, said = failure(odd(), tool)
    assert (failed.code, failed.sent) == ("broken", True)
    assert said == '{"still": "there"}'


def test_only_the_answer_to_our_request_is_taken():
    async def work():
        async with asking() as at:
            return await at.call(odd(), "elsewhere")

    assert run(work) == "of this one"


def test_an_error_of_the_server_is_a_refusal():
    async def work():
        async with asking() as at:
            with pytest.raises(UpstreamRefused) as caught:
                await at.call(odd(), "refuse")
            return caught.value

    refused = run(work)
    assert (refused.code, str(refused), refused.data) == (-32602, "not so", {"why": "because"})


def test_standard_error_is_drained():
    async def work():
        async with asking() as at:
            return await at.call(odd(), "errors")

    assert run(work) == "complained"


def test_many_calls_at_once_meet_their_own_answers():
    async def work():
        async with asking() as at:
            server = odd(concurrency=8)
            return await asyncio.gather(*(at.call(server, "echo", {"n": n}) for n in range(200)))

    assert run(work) == [f'{{"n": {n}}}' for n in range(200)]


def test_more_calls_than_may_wait_are_busy():
    async def work():
        async with asking(waiting=1, waiting_s=0.2) as at:
            server = odd(concurrency=1, answer_s=5)
            await at.call(server, "echo")
            calls = [asyncio.create_task(at.call(server, "silent")) for _ in range(3)]
            await asyncio.sleep(0.5)
            failed = [call.exception() for call in calls if call.done()]
            done = [(each.code, each.sent) for each in failed if isinstance(each, UpstreamFailed)]
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            return done, await at.call(server, "echo", {"a": 1})

    done, said = run(work)
    assert done == [("busy", False), ("busy", False)]
    assert said == '{"a": 1}'


def test_one_that_fails_again_and_again_is_left_alone_then_tried_once():
    async def work():
        async with asking(failures=3, open_s=0.6) as at:
            server, good = odd("dead"), odd(name="good")
            codes, text = [], ""
            for _ in range(5):
                with pytest.raises(UpstreamFailed) as caught:
                    await at.call(server, "echo")
                codes.append((caught.value.code, caught.value.sent))
            assert await at.call(good, "echo", {"a": 1}) == '{"a": 1}'
            await asyncio.sleep(0.7)
            for _ in range(2):
                with pytest.raises(UpstreamFailed) as caught:
                    await at.call(server, "echo")
                codes.append((caught.value.code, caught.value.sent))
                text = str(caught.value)
            return codes, text

    codes, text = run(work)
    assert codes == [("crashed", False)] * 3 + [("open", False)] * 2 + [("crashed", False), ("open", False)]
    assert "odd failed 4 times and is left alone for" in text


@pytest.mark.parametrize("behaviour", ["", "stubborn"])
def test_closing_ends_the_process_and_all_that_it_started(behaviour):
    async def work():
        async with asking() as at:
            return await at.json(odd(*filter(None, [behaviour])), "child")

    pids = run(work)
    assert run(lambda: eventually(lambda: not any(lives(pid) for pid in pids)))


def test_two_workspaces_share_no_process():
    async def work():
        async with asking() as at:
            server = odd()
            found = []
            for workspace in map(WorkspaceName, ("shop", "bank", "shop")):
                params = {"name": "child", "arguments": {}}
                result = await at.servers.request(workspace, server, "tools/call", params, Told().exchange())
                found.append(result["content"][0]["text"].partition(",")[0])
            return found

    first, second, third = run(work)
    assert first == third != second


def test_what_is_written_otherwise_is_another_server_and_the_same_again_is_not():
    async def work():
        async with asking() as at:
            found = [await at.json(odd(answer_s=seconds), "child") for seconds in (60, 61, 60)]
            return [pid for pid, _ in found]

    first, second, third = run(work)
    assert first == third != second


def test_one_that_nobody_asks_is_ended(monkeypatch):
    monkeypatch.setattr("remit.gateways.mcp.upstreams.servers.TIDIED_S", 0.1)

    async def work():
        async with asking(QUICK, idle_s=0.3) as at:
            pid, _ = await at.json(odd(), "child")
            assert await eventually(lambda: not lives(pid))
            other, _ = await at.json(odd(), "child")
            return pid, other

    pid, other = run(work)
    assert pid != other
