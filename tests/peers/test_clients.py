"""Stock MCP clients work through the gateway by its address and a key alone, in both eras of the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import mcp_types as types
import pytest
from mcp.client.session import ClientRequestContext

from remit.domain.ids import ApprovalId
from remit.domain.record import RecordKind
from tests.peers.behind import AGENT, Peer, gateway, prompts_of, resources_of
from tests.peers.clients import CLIENTS, MODERN, At, Json, Step, plain, refusal, said, talking
from tests.served import Served
from tests.worlds import SARA

GRANTED = ("test_image_content", "test_mirrored_header", "test_simple_text", "test_tool_with_progress")
FORBIDDEN = "test_tool_with_progress"
NOT_GRANTED = "test_error_handling"
NO_PROGRESS = f"""
@id("no-progress") @reason("nobody needs to know")
forbid(principal, action == Action::"{FORBIDDEN}", resource);
"""
LOOKED_AT = """
@id("looked-at") @hold("finance") @reason("somebody looks first")
forbid(principal, action == Action::"test_mirrored_header", resource) when { context.input.query like "held*" };
"""


@pytest.fixture(scope="module")
def server(peers: None, conforming: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    granted = (*GRANTED, "conforming.resources", "conforming.prompts")
    peer = Peer("conforming", {"url": conforming, "private": True}, bare=True, granted=granted)
    assert {resources_of(peer), prompts_of(peer)} < set(granted)
    policies = {"policies/progress.cedar": NO_PROGRESS, "policies/held.cedar": LOOKED_AT}
    with gateway(tmp_path_factory.mktemp("clients"), peer, **policies) as served:
        yield served


@pytest.mark.parametrize("client", CLIENTS)
def test_client_is_held_to_its_remit(client: str, server: Served) -> None:
    listed, told, denied, forbidden, read, prompt = CLIENTS[client](
        At.of(server),
        [
            ("tools/list", {}),
            ("tools/call", {"name": "test_simple_text", "arguments": {}}),
            ("tools/call", {"name": NOT_GRANTED, "arguments": {}}),
            ("tools/call", {"name": FORBIDDEN, "arguments": {}}),
            ("resources/read", {"uri": "test://static-text"}),
            ("prompts/get", {"name": "test_prompt_with_arguments", "arguments": {"arg1": "a", "arg2": "b"}}),
        ],
    )
    assert [tool["name"] for tool in listed["result"]["tools"]] == sorted(GRANTED)
    assert said(told) == "This is a simple text response for testing."
    assert NOT_GRANTED in refusal(denied)
    assert "nobody needs to know" in refusal(forbidden)
    assert read["result"]["contents"][0]["text"] == "This is the content of the static text resource."
    assert prompt["result"]["messages"][0]["content"]["text"] == "Prompt with arguments: arg1='a', arg2='b'"


@pytest.mark.parametrize("client", ["python-modern", "typescript-2-modern"])
def test_argument_that_is_also_a_header_reaches_the_tool(client: str, server: Served) -> None:
    arguments = {"region": "dubai", "query": "all"}
    listed, told = CLIENTS[client](
        At.of(server), [("tools/list", {}), ("tools/call", {"name": "test_mirrored_header", "arguments": arguments})]
    )
    assert "test_mirrored_header" in [tool["name"] for tool in listed["result"]["tools"]]
    assert said(told) == "region: dubai"


def test_what_a_client_did_is_on_record_as_enforced(server: Served) -> None:
    CLIENTS["typescript-2-modern"](At.of(server), [("tools/call", {"name": "test_simple_text", "arguments": {}})])
    decision = server.world.records(RecordKind.DECISION_MADE)[-1]
    assert (decision["target"], decision["state"], decision["assurance"]) == (
        "test_simple_text",
        "admitted",
        "enforced",
    )
    assert decision["definition"].startswith("sha256:")
    outcome = server.world.records(RecordKind.OUTCOME_REPORTED)[-1]
    assert (outcome["action"], outcome["status"]) == (decision["action"], "ok")


def held_call(client: str) -> Step:
    """A call that a person looks at first, of one test."""
    return ("tools/call", {"name": "test_mirrored_header", "arguments": {"query": f"held {client}", "region": "oman"}})


def approve(server: Served, approval: str) -> None:
    waiting = server.world.store.approval(ApprovalId(approval))
    assert waiting is not None
    server.world.approvals.answer(waiting.id, SARA, waiting.digest, approve=True)


@pytest.mark.parametrize("client", ["python-legacy", "typescript-1", "typescript-2-modern"])
def test_call_that_waits_for_a_person_runs_once_when_it_is_made_again(client: str, server: Served) -> None:
    at, work = At.of(server, server.start(server.key(AGENT))["token"]), CLIENTS[client]
    (waits,) = work(at, [held_call(client)])
    approval = waits["result"]["_meta"]["remit/outcome"]["approval"]
    assert f"waiting for approval {approval} by finance" in refusal(waits)
    approve(server, approval)
    done, again = work(at, [held_call(client), held_call(client)])
    assert said(done) == "region: oman"
    assert "waiting for approval" in refusal(again)
    assert again["result"]["_meta"]["remit/outcome"]["approval"] != approval


def test_client_that_opens_addresses_sends_its_person_to_the_approval(server: Served) -> None:
    sent: list[str] = []

    async def opened(context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        assert isinstance(params, types.ElicitRequestURLParams)
        sent.append(params.url)
        await asyncio.to_thread(approve, server, params.url.rpartition("/")[2])
        return types.ElicitResult(action="accept")

    async def called(at: At) -> Json:
        _, params = held_call("python-url")
        async with talking(at, MODERN, opened) as client:
            return plain(await client.call_tool(params["name"], params["arguments"]))

    result = asyncio.run(called(At.of(server)))
    assert said({"result": result}) == "region: oman"
    (url,) = sent
    assert "/approvals/" in url
