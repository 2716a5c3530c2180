"""What the gateways cost beside passing a request through: floor, gateway and ratio, in the same run.

The CPU is that of the gateway's own process for one request: event loop, writer, durable commits and sealing together.
The endpoint, the tool server and the callers are other processes, on the same cores. Every control is on: the key, the
remit, policies, hard budgets of three levels, the loop check, masking, sealed records.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import behind, workspace
from bench.asking import Measured, measured
from bench.crowd import Asking
from bench.http import key_of
from bench.measure import Cell, Table, medians
from bench.servers import ServerProcess, running
from remit.cli.tools_offered import offered_by
from remit.domain.ids import ServerName
from remit.domain.upstream import ToolServer
from remit.settings import Settings

CALLERS = 32
LATENCY_CALLERS = 1
MODEL, VEILED = "local/tiny", "local/veiled"
START_S = 60
"""A server of the SDK takes seconds to be imported where the cores have other work."""
VERSION = "2026-07-28"
TIMED = "timed"
"""Given as the user of a request: when its chunks were sent is looked at."""
OLD_VERSION = "2025-11-25"
META = "io.modelcontextprotocol/"
MODEL_COLUMNS = ("call", "floor: CPU µs", "ours: CPU µs", "CPU to floor", "floor: a second", "ours: a second")
FIRST_COLUMNS = (
    *("callers", "floor: first byte ms", "ours: first byte ms", "held back ms"),
    *("floor: chunk ms", "ours: chunk ms", "floor: chunk p99 ms", "ours: chunk p99 ms"),
)
MEMORY_POINTS = (1_000, 10_000, 50_000, 100_000)

SYSTEM = (
    "You help buyers of a trading company to keep the stock filled at fair prices. Answer in one short sentence. Say"
    " when you are not sure. Prices are per unit, in dirhams, without tax. Never promise a delivery date. "
) * 4
QUESTION = (
    "Line @NUMBER@ of the order says that the supplier wants more for each pallet than in the last quarter. Is that"
    " within what the contract allows, and what should be asked before it is agreed to?"
)
PERSONAL = " Write what you find to huda.rahman@example.com, she waits for it."


# -- the workspace


@dataclass(frozen=True, slots=True)
class Gateways:
    """A server with both gateways, what is behind them, a server of tools with sessions, and the key of its agent."""

    server: ServerProcess
    settings: Settings
    endpoint: ServerProcess
    tools: ServerProcess
    sessions: ServerProcess
    key: str


def files(endpoint: str, tools: str, limits: Mapping[str, float] | None = None) -> dict[str, str]:
    """Return the documents of a workspace with models, tools behind both transports, and budgets of three levels."""
    over = {"usd": 1_000_000.0, "tokens": 10**12, "calls": 10**9, **(limits or {})}
    route = {"dialect": "openai", "url": f"{endpoint}/v1", "upstream": "tiny-upstream", "private": True}
    price = {"input_price": 1, "output_price": 2, "max_output_tokens": 1_000, "routes": [route]}
    servers = {
        "web": {"url": f"{tools}/mcp", "private": True, "concurrency": 256},
        "pipe": {"command": [sys.executable, "-m", "bench.behind", "stdio"], "folder": _here(), "concurrency": 256},
    }
    servers = {name: {**told, "start_within": f"{START_S}s"} for name, told in servers.items()}
    remit = {
        "tools": ["web.get_order", "pipe.get_order"],
        "models": [MODEL, VEILED],
        "limits": dict.fromkeys(("steps", "tool_calls", "model_calls", "denials"), 10**6),
        "budgets": [{"name": "run-calls", "per": "run", "calls": 10**9}],
        "loops": {"on_detection": "warn"},
    }
    agent = {"kind": "Agent", "name": "buyer", "owner": "user:omar", "purpose": "Buys.", "team": "procurement"}
    budgets = [
        {"name": "all-usd", "level": "workspace", "window": "month", "usd": over["usd"]},
        {"name": "agent-tokens", "level": "agent", "window": "day", "tokens": int(over["tokens"])},
        {"name": "team-calls", "level": "team", "window": "day", "calls": int(over["calls"])},
    ]
    return {
        "agents/buyer.yaml": json.dumps({**agent, "remit": remit}),
        "budgets.yaml": _documents("Budget", budgets),
        "models/tiny.yaml": _documents("Model", [{"name": MODEL, **price}]),
        "models/veiled.yaml": _documents("Model", [{"name": VEILED, "mask_answers": True, **price}]),
        "servers/all.yaml": _documents("ToolServer", [{"name": name, **told} for name, told in servers.items()]),
        "tools/erp.yaml": _documents("Tool", [_tool(name, told) for name, told in servers.items()]),
        "policies/pay.cedar": (
            '@id("late") @reason("too long to be a question")\n'
            'forbid(principal, action == Action::"model.call", resource) when'
            " { context.input.input_tokens > 100000 };\n"
            '@id("long") @reason("an order is known by its number")\n'
            'forbid(principal, action == Action::"web.get_order", resource) when'
            ' { context.input has order_id && context.input.order_id like "*;*" };\n'
        ),
    }


def _tool(server: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of the tool as its server describes it now, accepted."""
    command = tuple(told.get("command", ()))
    [found] = offered_by(
        ToolServer(
            ServerName(server),
            command=command,
            folder=told.get("folder", ""),
            url=told.get("url", ""),
            private=bool(told.get("private")),
            start_s=START_S,
        )
    )
    schema = found.content["inputSchema"] if isinstance(found.content, dict) else {}
    kept = {name: schema[name] for name in ("type", "properties", "required") if name in schema}
    return {"name": f"{server}.get_order", "effect": "read", "input": kept, "pin": found.digest}


def _documents(kind: str, found: Sequence[Mapping[str, Any]]) -> str:
    return "\n---\n".join(json.dumps({"kind": kind, **each}) for each in found)


def _here() -> str:
    return str(Path(__file__).resolve().parent.parent)


@contextmanager
def gateways(folder: Path, **limits: float) -> Iterator[Gateways]:
    """Have a server with both gateways run, on a new database on SQLite."""
    with ExitStack() as stack:
        endpoint = stack.enter_context(running(behind.process("endpoint")))
        tools = stack.enter_context(running(behind.process("tools")))
        sessions = stack.enter_context(running(behind.process("sessions")))
        settings = workspace.applied(folder, files(endpoint.url, tools.url, limits))
        server = stack.enter_context(running(ServerProcess.of_remit(settings)))
        yield Gateways(server, settings, endpoint, tools, sessions, key_of(settings))


# -- what is asked


def model_call(
    port: int, key: str, model: str = MODEL, *, stream: bool = False, user: str = "", more: str = ""
) -> Asking:
    """Return a call of a model: each caller has a conversation of its own, and each question is another one."""
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "This is conversation @CALLER@ on the order of the week."},
        {"role": "assistant", "content": "Which line is it about?"},
        {"role": "user", "content": QUESTION + more},
    ]
    document = {"model": model, "messages": messages, "max_tokens": 200, **({"stream": True} if stream else {})}
    document |= {"user": user} if user else {}
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return Asking(port, "/openai/v1/chat/completions", body, {"Authorization": f"Bearer {key}"}, timed=user == TIMED)


def old_tool_call(port: int, key: str, tool: str) -> Asking:
    """Return a call of a tool in a session, as a client with a handshake makes it."""
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": OLD_VERSION}
    params = {"name": tool, "arguments": {"order_id": "PO-@NUMBER@", "currency": "AED"}}
    who = {"protocolVersion": OLD_VERSION, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    return Asking(
        port,
        "/mcp",
        json.dumps({"jsonrpc": "2.0", "id": "@NUMBER@", "method": "tools/call", "params": params}),
        headers | {"Authorization": f"Bearer {key}"},
        opening=(
            json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": who}),
            json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        ),
    )


def tool_call(port: int, key: str, tool: str) -> Asking:
    """Return a call of a tool, as a client of the stateless revision makes it."""
    meta = {f"{META}protocolVersion": VERSION, f"{META}clientCapabilities": {}}
    meta[f"{META}clientInfo"] = {"name": "bench", "version": "1"}
    params = {"name": tool, "arguments": {"order_id": "PO-@NUMBER@", "currency": "AED"}, "_meta": meta}
    document = {"jsonrpc": "2.0", "id": "@NUMBER@", "method": "tools/call", "params": params}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": VERSION}
    headers |= {"Mcp-Method": "tools/call", "Mcp-Name": tool, "Authorization": f"Bearer {key}"}
    return Asking(port, "/mcp", json.dumps(document, separators=(",", ":")), headers)


# -- the tables


def tables(*, quick: bool = False) -> Iterator[Table]:
    """Measure everything but memory, with one server."""
    rounds, scale = (1, 1) if quick else (3, 6)
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder, gateways(Path(folder)) as it:
        with running(behind.process("through", f"{it.endpoint.url}/v1/chat/completions")) as floor:
            yield _models(it, floor, rounds, 4 * scale)
            yield _first_bytes(it, floor, rounds, 4 * scale)
        yield _tool_calls(it, rounds, 3 * scale)


def _models(it: Gateways, floor: ServerProcess, rounds: int, each: int) -> Table:
    kinds: dict[str, dict[str, Any]] = {
        "in one piece": {},
        "in one piece, an address masked": {"more": PERSONAL},
        f"in {behind.WORDS} chunks": {"stream": True},
        f"in {behind.WORDS} chunks, the answer masked": {"stream": True, "model": VEILED},
    }
    rows: list[tuple[Cell, ...]] = []
    for kind, told in kinds.items():
        figures = []
        for _ in range(rounds):
            count = each if "stream" not in told else each // 2
            asked = replace(model_call(it.server.port, it.key, **told), callers=CALLERS, each=count)
            least = measured(replace(asked, port=floor.port), floor)
            ours = measured(asked, it.server)
            figures.append(_beside(least, ours))
        rows.append((kind, *medians(figures)))
    return Table(
        "Model gateway",
        MODEL_COLUMNS,
        tuple(rows),
        f"{CALLERS} callers, each in a conversation of its own, medians of {rounds} rounds in turns. The floor is a"
        " server of the same make that passes the request to the same endpoint with the same client and looks at"
        " nothing. Ours waits for two durable commits on SQLite a call. The endpoint and the callers are other"
        f" processes on these cores. Chunks come {behind.GAP_S * 1000:.0f} ms apart.",
    )


def _first_bytes(it: Gateways, floor: ServerProcess, rounds: int, each: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for callers in (LATENCY_CALLERS, CALLERS // 4):
        figures = []
        for _ in range(rounds):
            count = max(4, each // callers)
            asked = replace(model_call(it.server.port, it.key, stream=True, user=TIMED), callers=callers, each=count)
            least = measured(replace(asked, port=floor.port), floor).seen
            ours = measured(asked, it.server).seen
            figures.append(
                (
                    *(least.first_byte_ms, ours.first_byte_ms, ours.first_byte_ms - least.first_byte_ms),
                    *(least.chunk_ms, ours.chunk_ms, least.slow_chunk_ms, ours.slow_chunk_ms),
                )
            )
        rows.append((f"{callers} at once", *medians(figures)))
    return Table(
        "The first byte, and every chunk behind it",
        FIRST_COLUMNS,
        tuple(rows),
        "Streams. What is held back is the admission: decided, reserved and durable before the endpoint is asked. A"
        " chunk says when the endpoint sent it; p50 and p99 until the caller has it.",
    )


def _tool_calls(it: Gateways, rounds: int, each: int) -> Table:
    kinds = {
        "a server over HTTP": (tool_call, "web.get_order", it.tools),
        "a server on its standard streams": (tool_call, "pipe.get_order", it.tools),
        f"a server over HTTP, {OLD_VERSION}": (old_tool_call, "web.get_order", it.sessions),
        f"a server on its standard streams, {OLD_VERSION}": (old_tool_call, "pipe.get_order", it.sessions),
    }
    rows: list[tuple[Cell, ...]] = []
    for kind, (call, tool, direct) in kinds.items():
        figures = []
        for _ in range(rounds):
            asked = replace(call(it.server.port, it.key, tool), callers=CALLERS, each=each)
            least = replace(call(direct.port, it.key, "get_order"), callers=CALLERS, each=each)
            figures.append(_beside(measured(least, direct), measured(asked, it.server)))
        rows.append((kind, *medians(figures)))
    return Table(
        "MCP gateway",
        ("tools/call to", *MODEL_COLUMNS[1:]),
        tuple(rows),
        f"{CALLERS} callers, medians of {rounds} rounds in turns. The floor is the official SDK's own server, asked"
        f" directly; the gateway stands before the same server, which is another process. Clients of {VERSION}, the"
        f" floor without sessions and answering with JSON, and of {OLD_VERSION} in a session each, the floor as the"
        " SDK has it by itself.",
    )


def _beside(least: Measured, ours: Measured) -> tuple[float, ...]:
    return (least.cpu_us, ours.cpu_us, ours.cpu_us / least.cpu_us, least.seen.rate, ours.seen.rate)


def memory(*, quick: bool = False, calls: int = MEMORY_POINTS[-1]) -> Table:
    """Measure the memory of a server's process while it is asked for model calls, one in ten of them a stream."""
    points = [1_000] if quick else [point for point in MEMORY_POINTS if point <= calls]
    rows: list[tuple[int, int, float]] = []
    done = 0
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder, gateways(Path(folder)) as it:
        for point in points:
            rates = []
            while done < point:
                stream = done // 1_000 % 10 == 9
                asked = model_call(it.server.port, it.key, stream=stream, more=PERSONAL)
                # Another thousand, other conversations.
                asked = replace(asked, body=asked.body.replace("@CALLER@", f"@CALLER@-{done}"), first=done, warm=0)
                rates.append(measured(replace(asked, callers=40, each=25), it.server).seen.rate)
                done += 1_000
            rows.append((done, it.server.resident_kib, sum(rates) / len(rates)))
    return Table(
        f"Memory of a server after {done:,} model calls",
        ("calls", "resident KiB", "a second"),
        tuple(rows),
        "`remit serve` on SQLite; 40 callers, 40 new conversations every thousand calls, every tenth thousand as"
        " streams.",
    )
