"""Stock MCP clients, each as a function that takes some steps at a gateway and returns what they brought."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from pydantic import BaseModel

from tests.peers.behind import AGENT
from tests.peers.installed import HERE, NODE, node_peer
from tests.peers.processes import finished, ran
from tests.served import Served

MODERN = "2026-07-28"
Json = dict[str, Any]
Step = tuple[str, Json]
Steps = Sequence[Step]
Brought = Sequence[Json]
"""What each step brought: `{"result": ...}` or `{"error": {"code": ..., "message": ...}}`."""
Works = Callable[["At", Steps], Brought]


@dataclass(frozen=True)
class At:
    """Where the gateway is and with which key."""

    url: str
    key: str

    @classmethod
    def of(cls, server: Served, key: str = "") -> At:
        """Where a server's gateway is, with a key; the agent's own where left out."""
        return cls(f"{server.url}/mcp", key or server.key(AGENT))


def plain(result: BaseModel) -> Json:
    return dict(result.model_dump(by_alias=True, mode="json", exclude_none=True))


@asynccontextmanager
async def talking(at: At, mode: str, asked: ElicitationFnT | None = None) -> AsyncIterator[Client]:
    """The Python SDK's client, connected; `asked` answers what its person is asked."""
    headers = {"Authorization": f"Bearer {at.key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(at.url, http_client=http), mode=mode, elicitation_callback=asked) as client,
    ):
        yield client


def python(mode: str) -> Works:
    """The Python SDK."""

    async def steps_of(at: At, steps: Steps) -> Brought:
        async with talking(at, mode) as client:
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

    def work(at: At, steps: Steps) -> Brought:
        return [{"result": brought} for brought in asyncio.run(steps_of(at, steps))]

    return work


CAMEL = {
    "tools/list": "listTools",
    "tools/call": "callTool",
    "resources/read": "readResource",
    "prompts/get": "getPrompt",
}


def typescript(era: str) -> Works:
    """The TypeScript SDKs: the first, and the second in either era."""

    def work(at: At, steps: Steps) -> Brought:
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

    def work(at: At, steps: Steps) -> Brought:
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


def said(brought: Json) -> str:
    """The text of a tool's answer."""
    return "".join(part.get("text", "") for part in brought["result"]["content"])


def refusal(brought: Json) -> str:
    """What is said instead of an answer: by the gateway, or by a client that knows only the tools of the list."""
    if "error" in brought:
        return str(brought["error"]["message"])
    assert brought["result"]["isError"] is True
    return said(brought)
