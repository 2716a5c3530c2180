"""Every snippet of docs/how-to/gateways.md that can run here does: the page's own text, against a served world.

A block with the info string `python agent` or `sh agent` is a program of its own, with REMIT and REMIT_KEY in its
environment. Behind the gateways stand a tool server of this process and a fake endpoint of models.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.domain.record import RecordKind
from tests.gateways.llm.fake import Fake, Request, answering, chat, completion, fake_endpoint
from tests.gateways.llm.gateway import KEY, model, route
from tests.gateways.mcp.behind import Behind, Servers, tool
from tests.served import Served, served
from tests.test_docs import Block, blocks
from tests.worlds import agent, world, yaml

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/gateways.md"
MODEL, TOOL = "openai/gpt-5-mini", "erp_get_order"
SAID = "It left Jebel Ali this morning."
ORDER = '{"id": "PO-48213", "status": "shipped"}'
SNIPPETS = [block for block in blocks(PAGE.read_text("utf-8")) if block.info in ("python agent", "sh agent")]


@dataclass
class Doors:
    """A server with both gateways, and what stands behind them."""

    server: Served
    behind: Behind
    fake: Fake

    def targets(self) -> set[tuple[str, str, str]]:
        """What was decided, how, and how surely it is enforced."""
        decided = self.server.world.records(RecordKind.DECISION_MADE)
        return {(each["target"], each["decision"]["verdict"], each["assurance"]) for each in decided}


async def thinks(request: Request, writer: asyncio.StreamWriter) -> None:
    """Play a model that looks an order up where it is offered a tool, and then says where it is."""
    asked = request.json
    if not asked.get("tools") or any(each["role"] == "tool" for each in asked["messages"]):
        await chat(SAID)(request, writer)
        return
    function = {"name": asked["tools"][0]["function"]["name"], "arguments": '{"id": "PO-48213"}'}
    call = {"id": "call_1", "type": "function", "function": function}
    await answering(200, completion(None, tool_calls=[call]))(request, writer)


async def order(_: Any, __: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": ORDER}]}


@pytest.fixture
def doors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    monkeypatch.setenv("FAKE_KEY", KEY)
    offered = tool("get_order", ("id",), id={"type": "string"})
    behind = Behind(tools={"get_order": offered}, handlers={"get_order": order})
    pin = behind.offer("erp").tools["get_order"].digest
    with fake_endpoint(thinks) as fake:
        files = {
            "servers/erp.yaml": yaml("ToolServer", name="erp", command=["never-started"]),
            "tools/erp.yaml": yaml(
                "Tool",
                name=TOOL,
                server="erp",
                upstream="get_order",
                effect="read",
                input=offered["inputSchema"],
                pin=pin,
            ),
            "models/mini.yaml": model(route(fake), name=MODEL, input_price=0.25, output_price=2),
            "agents/buyer.yaml": agent(tools=[TOOL], models=[MODEL]),
            "policies/pay.cedar": None,
        }
        with world(tmp_path / "world", files) as it, served(it, upstreams=Servers({"erp": behind})) as server:
            yield Doors(server, behind, fake)


def run(block: Block, doors: Doors, folder: Path) -> str:
    """Run a snippet as whoever reads it would, and return what it writes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REMIT", "OPENAI", "ANTHROPIC"))}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    program = folder / "snippet"
    program.write_text("\n".join(block.lines) + "\n", "utf-8")
    done = subprocess.run(
        [sys.executable if block.info.startswith("python") else "sh", str(program)],
        env={**kept, "PATH": path, "REMIT": doors.server.url, "REMIT_KEY": doors.server.key()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_a_snippet_for_each_of_those_named() -> None:
    text = "\n".join(line for block in SNIPPETS for line in block.lines)
    named = ("mcp", "openai", "anthropic", "agents", "langgraph", "pydantic_ai", "curl", "/api/v1/runs")
    assert [name for name in named if name not in text] == []


@pytest.mark.slow
@pytest.mark.parametrize("block", SNIPPETS, ids=lambda block: f"line-{block.first_line}")
def test_a_snippet_works_as_it_stands(block: Block, doors: Doors, tmp_path: Path) -> None:
    written = run(block, doors, tmp_path)
    text = "\n".join(block.lines)
    assert SAID in written
    uses_tools = "/mcp" in text
    expected = {(MODEL, "allow", "enforced")} | ({(TOOL, "allow", "enforced")} if uses_tools else set())
    assert doors.targets() == expected
    assert [params["arguments"] for _, params in doors.behind.dispatched] == [{"id": "PO-48213"}] * uses_tools
    # The endpoint was opened with the credential that only the server has.
    assert {request.headers["authorization"] for request in doors.fake.requests} == {f"Bearer {KEY}"}


@pytest.mark.slow
def test_a_launchers_run_is_one_and_ended_and_a_key_alone_begins_one_at_each_door(doors: Doors, tmp_path: Path) -> None:
    launcher = next(block for block in SNIPPETS if any("/api/v1/runs" in line for line in block.lines))
    run(launcher, doors, tmp_path)
    records = doors.server.world.records
    assert [each["on_behalf_of"] for each in records(RecordKind.RUN_STARTED)] == ["user:sara"]
    assert len(records(RecordKind.RUN_ENDED)) == 1
    run(next(block for block in SNIPPETS if block.lines[0].startswith("curl")), doors, tmp_path)
    started = records(RecordKind.RUN_STARTED)
    assert [each["on_behalf_of"] for each in started] == ["user:sara"] * 3
    assert {each["target"] for each in records(RecordKind.DECISION_MADE)} == {MODEL, TOOL}
