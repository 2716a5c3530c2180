"""Stock MCP clients work through the gateway by its address and a key alone, in both eras of the protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import BaseModel

from remit.domain.record import RecordKind
from tests.peers.behind import AGENT, Peer, gateway, prompts_of, resources_of
from tests.peers.installed import HERE, NODE, node_peer
from tests.peers.processes import finished, ran
from tests.served import Served

MODERN = "2026-07-28"
GRANTED = ("test_image_content", "test_mirrored_header", "test_simple_text", "test_tool_with_progress")
FORBIDDEN = "test_tool_with_progress"
NOT_GRANTED = "test_error_handling"
NO_PROGRESS = f"""
@id("no-progress") @reason("nobody needs to know")
forbid(principal, action == Action::"{FORBIDDEN}", resource);
"""

Json = dict[str, Any]
Step = tuple[str, Json]
Steps = Sequence[Step]
Brought = Sequence[Json]
"""What each step brought: `{"result": ...}` or `{"error": {"code": ..., "message": ...}}`."""
Works = Callable[[Served, Steps], Brought]


@dataclass(frozen=True)
class At:
    """Where the gateway is and with which key."""

    url: str
    key: str

    @classmethod
    def of(cls, server: Served) -> At:
        return cls(f"{server.url}/mcp", server.key(AGENT))


def plain(result: BaseModel) -> Json:
    return dict(result.model_dump(by_alias=True, mode="json", exclude_none=True))


def python(mode: str) -> Works:
    """The Python SDK."""

    async def steps_of(at: At, steps: Steps) -> Brought:
        headers = {"Authorization": f"Bearer {at.key}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(at.url, http_client=http), mode=mode) as client,
        ):
            return [plain(await step_of(client, *step)) for step in steps]

    async def step_of(client: Client, method: str, params: Json) -> BaseModel:
        match method:
            case "tools/list":
                return await client.list_tools()
            case "tools/call":
                return await client.call_tool(params["name"], params.get("arguments"))
            case "resources/read":
                return await client.read_resource(params["uri"])
            case _:
                return await client.get_prompt(params["name"], params.get("arguments"))

    def work(server: Served, steps: Steps) -> Brought:
        return [{"result": brought} for brought in asyncio.run(steps_of(At.of(server), steps))]

    return work


CAMEL = {
    "tools/list": "listTools",
    "tools/call": "callTool",
    "resources/read": "readResource",
    "prompts/get": "getPrompt",
}


def typescript(era: str) -> Works:
    """The TypeScript SDKs: the first, and the second in either era."""

    def work(server: Served, steps: Steps) -> Brought:
        at = At.of(server)
        given = json.dumps([(CAMEL[method], *([params] if params else ())) for method, params in steps])
        said = finished((str(NODE), str(HERE / "client.mjs"), era, at.url), given=given, REMIT_KEY=at.key)
        return list(json.loads(said))

    return work


def inspector(era: str) -> Works:
    """The inspector's command line, once for each step."""

    def options(method: str, params: Json) -> list[str]:
        match method:
            case "tools/call":
                arguments = json.dumps(params.get("arguments", {}))
                return ["--tool-name", params["name"], "--tool-args-json", arguments]
            case "resources/read":
                return ["--uri", params["uri"]]
            case "prompts/get":
                given = [f"{key}={value}" for key, value in params.get("arguments", {}).items()]
                return ["--prompt-name", params["name"], *(["--prompt-args", *given] if given else [])]
            case _:
                return []

    def work(server: Served, steps: Steps) -> Brought:
        at = At.of(server)
        program = node_peer("@modelcontextprotocol/inspector", "clients/launcher/build/index.js")
        brought = []
        for method, params in steps:
            command = [str(NODE), program, "--cli", at.url, "--transport", "http", "--protocol-era", era]
            command += ["--header", f"Authorization: Bearer {at.key}", "--format", "json", "--quiet"]
            done = ran([*command, "--method", method, *options(method, params)])
            brought.append(json.loads(done.stdout or done.stderr))
        return brought

    return work


CLIENTS = {
    "python-modern": python(MODERN),
    "python-auto": python("auto"),
    "python-legacy": python("legacy"),
    "typescript-1": typescript("v1"),
    "typescript-2-legacy": typescript("legacy"),
    "typescript-2-modern": typescript("modern"),
    "inspector-legacy": inspector("legacy"),
    "inspector-modern": inspector("modern"),
}


@pytest.fixture(scope="module")
def server(peers: None, conforming: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    granted = (*GRANTED, "conforming.resources", "conforming.prompts")
    peer = Peer("conforming", {"url": conforming, "private": True}, bare=True, granted=granted)
    assert {resources_of(peer), prompts_of(peer)} < set(granted)
    policies = {"policies/progress.cedar": NO_PROGRESS}
    with gateway(tmp_path_factory.mktemp("clients"), peer, **policies) as served:
        yield served


def said(brought: Json) -> str:
    """The text of a tool's answer."""
    return "".join(part.get("text", "") for part in brought["result"]["content"])


def refusal(brought: Json) -> str:
    """What is said instead of an answer: by the gateway, or by a client that knows only the tools of the list."""
    if "error" in brought:
        return str(brought["error"]["message"])
    assert brought["result"]["isError"] is True
    return said(brought)


@pytest.mark.parametrize("client", CLIENTS)
def test_client_is_held_to_its_remit(client: str, server: Served) -> None:
    listed, told, denied, forbidden, read, prompt = CLIENTS[client](
        server,
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
        server, [("tools/list", {}), ("tools/call", {"name": "test_mirrored_header", "arguments": arguments})]
    )
    assert "test_mirrored_header" in [tool["name"] for tool in listed["result"]["tools"]]
    assert said(told) == "region: dubai"


def test_what_a_client_did_is_on_record_as_enforced(server: Served) -> None:
    CLIENTS["typescript-2-modern"](server, [("tools/call", {"name": "test_simple_text", "arguments": {}})])
    decision = server.world.records(RecordKind.DECISION_MADE)[-1]
    assert (decision["target"], decision["state"], decision["assurance"]) == (
        "test_simple_text",
        "admitted",
        "enforced",
    )
    assert decision["definition"].startswith("sha256:")
    outcome = server.world.records(RecordKind.OUTCOME_REPORTED)[-1]
    assert (outcome["action"], outcome["status"]) == (decision["action"], "ok")
