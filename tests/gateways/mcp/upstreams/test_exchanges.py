"""What belongs to a request: progress, messages, questions, subscriptions; and lists that change."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from remit.domain.upstream import Via
from remit.gateways.mcp.port import Exchange, UpstreamFailed, UpstreamRefused
from tests.gateways.mcp.upstreams.asking import SHOP, Told, asking, eventually, odd, run

ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])
ACCEPTED = {"action": "accept", "content": {"name": "Layla"}}


@ERAS
def test_progress_comes_under_the_clients_token_while_another_stands_for_it_at_the_server(era):
    client = Told()

    async def work():
        async with asking() as at:
            said = await at.call(odd(era=era), "progress", exchange=client.exchange(), _meta={"progressToken": "tok"})
            return int(said)

    assert run(work) > 0
    progress = {"progressToken": "tok"}
    assert client.told == [
        ("notifications/progress", {**progress, "progress": 0}),
        ("notifications/progress", {**progress, "progress": 1}),
        ("notifications/progress", {**progress, "progress": 2}),
        ("notifications/message", {"level": "info", "data": "nearly"}),
    ]


def test_who_wanted_no_progress_gets_no_token_and_two_clients_with_one_token_are_kept_apart():
    one, two, none = Told(), Told(), Told()

    async def work():
        async with asking() as at:
            server = odd()
            await at.call(server, "echo")
            await asyncio.gather(
                *(
                    at.call(server, "progress", exchange=each.exchange(), _meta={"progressToken": 1, "n": n})
                    for n, each in enumerate((one, two))
                )
            )
            return await at.call(server, "progress", exchange=none.exchange())

    assert run(work) == "None"
    for each in (one, two):
        assert [params["progress"] for method, params in each.told if method == "notifications/progress"] == [0, 1, 2]
    assert not [method for method, _ in none.told if method == "notifications/progress"]


def test_a_message_that_may_belong_to_two_clients_is_given_to_neither():
    one, two = Told(), Told()

    async def work():
        async with asking() as at:
            server = odd()
            await at.call(server, "echo")
            open_call = asyncio.create_task(at.call(server, "silent", exchange=one.exchange(answer_s=1)))
            await asyncio.sleep(0.1)
            await at.call(server, "progress", exchange=two.exchange(), _meta={"progressToken": "b"})
            open_call.cancel()

    run(work)
    assert one.told == []
    assert "notifications/message" not in [method for method, _ in two.told]


def test_a_question_of_a_legacy_server_goes_to_the_client_of_the_request():
    client = Told(ACCEPTED)

    async def work():
        async with asking() as at:
            return await at.call(odd(era="legacy"), "ask", exchange=client.exchange())

    assert orjson.loads(run(work)) == ACCEPTED
    assert client.asked == [("elicitation/create", {"message": "your name?", "mode": "form"})]


def test_who_takes_no_questions_is_not_asked_and_the_server_learns_that():
    async def work():
        async with asking() as at:
            return await at.call(odd(era="legacy"), "ask")

    assert orjson.loads(run(work)) == {"code": -32601, "message": "there is no client here that takes this request"}


def test_a_client_that_refuses_a_question_refuses_it_at_the_server():
    async def ask(method, params):
        raise UpstreamRefused(-1, "the person said no")

    async def notify(method, params):
        pass

    async def work():
        async with asking() as at:
            return await at.call(odd(era="legacy"), "ask", exchange=Exchange(notify, ask))

    assert orjson.loads(run(work)) == {"code": -1, "message": "the person said no"}


def test_the_time_of_a_call_stands_still_while_a_person_is_asked():
    client = Told(ACCEPTED)

    async def slowly(method, params):
        await asyncio.sleep(1.5)
        return await client.ask(method, params)

    async def work():
        async with asking() as at:
            server = odd(era="legacy", answer_s=1)
            return await at.call(server, "ask", exchange=Exchange(client.notify, slowly))

    assert orjson.loads(run(work)) == ACCEPTED


def test_a_person_who_does_not_answer_in_time_ends_the_question():
    async def never(method, params):
        await asyncio.sleep(60)
        raise AssertionError

    async def work():
        async with asking(question_s=0.3) as at:
            return await at.call(odd(era="legacy"), "ask", exchange=Exchange(Told().notify, never))

    assert orjson.loads(run(work))["message"] == "nobody answered in time"


def test_a_modern_server_that_needs_input_is_answered_where_the_client_takes_questions():
    client = Told(ACCEPTED)

    async def work():
        async with asking() as at:
            return await at.call(odd(), "need", exchange=client.exchange())

    assert orjson.loads(run(work)) == [{"name": ACCEPTED}, "sealed"]
    assert client.asked == [("elicitation/create", {"message": "your name?"})]


def test_where_the_client_takes_none_the_result_goes_to_it_as_it_is():
    async def work():
        async with asking() as at:
            params = {"name": "need", "arguments": {}}
            return await at.servers.request(SHOP, odd(), "tools/call", params, Told().exchange())

    result = run(work)
    assert result["resultType"] == "input_required"
    assert result["requestState"] == "sealed"


def test_a_modern_server_hears_with_each_request_what_its_client_can():
    async def work():
        async with asking() as at:
            server = odd()
            await at.call(
                server, "echo", exchange=Told().exchange(client={"sampling": {}}, meta={"traceparent": "00-1"})
            )
            return await at.json(server, "heard")

    meta = next(params["_meta"] for _, _, params in run(work) if params.get("name") == "echo")
    assert meta["io.modelcontextprotocol/clientCapabilities"] == {"sampling": {}}
    assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert meta["traceparent"] == "00-1"


def test_a_legacy_server_has_a_process_for_each_session_and_declares_what_its_client_can():
    async def work():
        async with asking() as at:
            server = odd(era="legacy")
            pids = [
                (await at.call(server, "child", exchange=Told().exchange(session=session))).partition(",")[0]
                for session in ("a", "b", "a", "")
            ]
            own = Told().exchange(session="c", client={"roots": {}})
            heard = orjson.loads(await at.call(server, "heard", exchange=own, _meta={"traceparent": "00-1"}))
            return pids, heard

    (a, b, again, shared), heard = run(work)
    assert a == again
    assert len({a, b, shared}) == 3
    begun = next(params for method, _, params in heard if method == "initialize")
    assert begun["capabilities"] == {"roots": {}}
    assert begun["protocolVersion"] == "2025-11-25"
    assert heard[-1][2]["_meta"] == {"traceparent": "00-1"}


async def _again_and_again(at, server, session):
    """Ask until both others are under way, whose processes begin when they can."""
    for _ in range(100):
        await asyncio.sleep(0.1)
        await at.call(server, "echo", exchange=Told().exchange(session=session))


def test_there_are_not_more_sessions_than_there_may_be():
    async def work():
        async with asking(sessions=2) as at:
            server = odd(era="legacy")
            await at.call(server, "echo", exchange=Told().exchange(session="first"))
            calls = [
                asyncio.create_task(at.call(server, "silent", exchange=Told().exchange(session=name)))
                for name in ("a", "b")
            ]
            with pytest.raises(UpstreamFailed) as caught:
                await _again_and_again(at, server, "c")
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            return caught.value, await at.call(server, "echo", {"a": 1}, Told().exchange(session="c"))

    failed, said = run(work)
    assert (failed.code, failed.sent) == ("busy", False)
    assert said == '{"a": 1}'


def test_a_definition_that_changes_loudly_is_seen_at_once():
    async def work():
        async with asking(fresh_s=60) as at:
            server = odd(era="legacy")
            before = await at.servers.offer(SHOP, server)
            await at.call(server, "change", {"loud": True})
            after = await at.servers.offer(SHOP, server)
            return before, after

    before, after = run(work)
    assert before.digest_of(Via.TOOL, "echo") != after.digest_of(Via.TOOL, "echo")
    assert before.digest_of(Via.TOOL, "die") == after.digest_of(Via.TOOL, "die")
    assert "evil.example" in after.tools["echo"].content["description"]


def test_a_definition_that_changes_quietly_is_seen_soon():
    async def work():
        async with asking(fresh_s=0.1, stale_s=0.4) as at:
            server = odd()
            before = await at.servers.offer(SHOP, server)
            await at.call(server, "change")
            kept = await at.servers.offer(SHOP, server)
            await asyncio.sleep(0.2)
            await at.servers.offer(SHOP, server)  # the old one, while somebody looks
            await asyncio.sleep(0.3)
            return before, kept, await at.servers.offer(SHOP, server)

    before, kept, after = run(work)
    assert kept is before
    assert before.digest_of(Via.TOOL, "echo") != after.digest_of(Via.TOOL, "echo")


def test_what_starts_anew_is_read_anew():
    """A server that crashes on purpose could come back with other tools."""

    async def work():
        async with asking(fresh_s=60) as at:
            server = odd()
            before = await at.servers.offer(SHOP, server)
            with pytest.raises(UpstreamFailed):
                await at.call(server, "die")
            return before, await at.servers.offer(SHOP, server)

    before, after = run(work)
    assert after is not before
    assert after == before


def test_a_subscription_is_played_for_a_legacy_server():
    client = Told()
    wanted = {
        "notifications": {"toolsListChanged": True, "promptsListChanged": True, "resourceSubscriptions": ["a://b"]}
    }

    async def work():
        async with asking() as at:
            server = odd(era="legacy")
            listening = asyncio.create_task(
                at.servers.request(SHOP, server, "subscriptions/listen", wanted, client.exchange(session="s"))
            )
            assert await eventually(lambda: len(client.told) >= 1)
            await at.call(server, "change", {"loud": True}, client.exchange(session="s"))
            assert await eventually(lambda: len(client.told) >= 3)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            heard = []
            for _ in range(50):
                heard = orjson.loads(await at.call(server, "heard", exchange=Told().exchange(session="s")))
                if heard[-2][0] == "resources/unsubscribe":
                    break
                await asyncio.sleep(0.05)
            return heard

    assert "resources/unsubscribe" in [method for method, _, _ in run(work)]
    told = dict(client.told)
    granted = told["notifications/subscriptions/acknowledged"]
    assert granted["notifications"] == {"toolsListChanged": True, "resourceSubscriptions": ["a://b"]}
    id = granted["_meta"]["io.modelcontextprotocol/subscriptionId"]
    assert told["notifications/resources/updated"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": id}
    assert "notifications/tools/list_changed" in told


def test_a_filter_that_is_none_is_refused():
    async def work():
        async with asking() as at:
            with pytest.raises(UpstreamRefused) as caught:
                await at.servers.request(
                    SHOP, odd(era="legacy"), "subscriptions/listen", {"notifications": []}, Told().exchange()
                )
            return caught.value.code

    assert run(work) == -32602
