"""Agents that were written with three frameworks and never heard of Remit: only a base URL and a key are theirs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import agents
import openai
import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.gateways.llm.fake import Play, Request, answering, chat, chunk, completion, response, streaming
from tests.gateways.llm.gateway import Gateway, gateway
from tests.worlds import MODEL

pytestmark = pytest.mark.slow

CALL = {"id": "call_1", "type": "function", "function": {"name": "stock_of", "arguments": '{"sku": "ELC-250"}'}}


async def then(request: Request, writer: asyncio.StreamWriter) -> None:
    """Ask for a tool first, and answer once its result has come."""
    came = [each for each in request.json["messages"] if each["role"] == "tool"]
    if came:
        await chat(f"there are {came[-1]['content']}")(request, writer)
    elif request.json.get("stream"):
        call = {"index": 0, **CALL}
        await streaming(
            [chunk({"role": "assistant", "tool_calls": [call]}), chunk({}, "tool_calls"), b"data: [DONE]\n\n"]
        )(request, writer)
    else:
        await answering(200, completion(None, tool_calls=[CALL]))(request, writer)


TOOL: Play = then


def check(it: Gateway) -> None:
    """Two governed calls in one run, of which the first proposed the tool."""
    decisions = it.decisions()
    assert [each["state"] for each in decisions] == ["admitted", "admitted"]
    assert len({each["run"] for each in decisions}) == 1
    assert it.result(decisions[0]["action"])["proposed"] == [{"tool": "stock_of", "arguments": {"sku": "ELC-250"}}]
    assert [each["status"] for each in it.outcomes()] == ["ok", "ok"]


def test_openai_agents(tmp_path: Path) -> None:
    @agents.function_tool
    def stock_of(sku: str) -> str:
        """Return how many there are."""
        return f"12 of {sku}"

    async def go(it: Gateway) -> tuple[str, str]:
        agents.set_tracing_disabled(True)
        async with openai.AsyncOpenAI(base_url=it.openai, api_key=it.server.key()) as client:
            by_chat = agents.OpenAIChatCompletionsModel(MODEL, openai_client=client)
            found = await agents.Runner.run(agents.Agent("Buyer", model=by_chat, tools=[stock_of]), "How many?")
            it.fake.play(response("seven"))
            by_responses = agents.OpenAIResponsesModel(MODEL, openai_client=client)
            second = await agents.Runner.run(agents.Agent("Buyer", model=by_responses), "And now?")
        return str(found.final_output), str(second.final_output)

    with gateway(tmp_path, TOOL) as it:
        first, second = asyncio.run(go(it))
        assert (first, second) == ("there are 12 of ELC-250", "seven")
        assert len(it.decisions()) == 3
        assert it.result(it.decisions()[0]["action"])["proposed"][0]["tool"] == "stock_of"


def test_langgraph(tmp_path: Path) -> None:
    def stock_of(sku: str) -> str:
        """Return how many there are."""
        return f"12 of {sku}"

    with gateway(tmp_path, TOOL) as it:
        settings: Any = {"model": MODEL, "base_url": it.openai, "api_key": it.server.key(), "streaming": True}
        model = ChatOpenAI(**settings)
        bound = model.bind_tools([stock_of])
        graph = StateGraph(MessagesState)
        graph.add_node("model", lambda state: {"messages": [bound.invoke(state["messages"])]})
        graph.add_node("tools", ToolNode([stock_of]))
        graph.add_edge(START, "model")
        graph.add_conditional_edges("model", tools_condition)
        graph.add_edge("tools", "model")
        asked: Any = {"messages": [("user", "How many?")]}
        try:
            ended = graph.compile().invoke(asked)
        finally:
            model.root_client.close()  # it would leave its connections to the garbage collector
        assert ended["messages"][-1].content.strip() == "there are 12 of ELC-250"
        check(it)


def test_pydantic_ai(tmp_path: Path) -> None:
    def stock_of(sku: str) -> str:
        """Return how many there are."""
        return f"12 of {sku}"

    async def go(it: Gateway) -> str:
        async with openai.AsyncOpenAI(base_url=it.openai, api_key=it.server.key()) as client:
            agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)), tools=[stock_of])
            return (await agent.run("How many?")).output

    with gateway(tmp_path, TOOL) as it:
        assert asyncio.run(go(it)) == "there are 12 of ELC-250"
        check(it)
