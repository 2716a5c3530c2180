"""The built-in agent in worker processes, with a model behind HTTP that counts: killed, it goes on where it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.played_models import calls, says
from tests.workflows.shop import WORKSPACE, agent, shop, workflow
from tests.worlds import yaml

MODEL = "local/small"
SCRIPT = [
    calls(("till_order_once", {"n": 1})),
    calls(("till_slow", {"pause": 1.5})),
    calls(("till_order_once", {"n": 2})),
    says("Both are ordered."),
]


@contextmanager
def upstream() -> Iterator[tuple[str, list[int]]]:
    """A model's endpoint; yields its address and, of each request, how much was said before it."""
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            said = sum(each["role"] == "assistant" for each in body["messages"])
            asked.append(said)
            message = SCRIPT[said]
            finish = "tool_calls" if message.get("tool_calls") else "stop"
            answer: dict[str, Any] = {
                "id": f"c{said}",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
            }
            raw = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.slow
def test_a_killed_worker_costs_no_answer_of_the_model(tmp_path: Path) -> None:
    flow = workflow(
        {"id": "look", "agent": {"name": "scout", "task": "Order twice.", "model": MODEL}},
        outputs={"said": "${steps.look}"},
    )
    with upstream() as (url, asked):
        route = {"url": url, "upstream": "small", "private": True, "dialect": "openai"}
        prices = {"input_price": 1, "output_price": 2}
        model = yaml("Model", name=MODEL, routes=[route], context_tokens=20_000, max_output_tokens=100, **prices)
        changes = {
            "workspace.yaml": yaml("Workspace", name=WORKSPACE, timezone="Asia/Dubai"),
            "models/small.yaml": model,
            "agents/clerk.yaml": agent(models=[MODEL], agents=["scout"]),
            "agents/scout.yaml": agent("scout", models=[MODEL], tools=["till.order_once", "till.slow"]),
        }
        with shop(tmp_path, flow, changes=changes) as it:
            run = it.start(n=1)
            first = it.begin_worker()
            it.until(lambda: asked == [0, 1])
            time.sleep(0.5)  # in the midst of the slow tool
            first.kill()
            first.wait(30)
            with it.worker():
                ended = it.ended(run)
            assert ended.state.value == "succeeded", ended.error
            assert asked == [0, 1, 2, 3], "no answer was asked for twice"
            assert [given["n"] for _, tool, given in it.effects() if tool == "order_once"] == [1, 2]
            assert ended.spent == 4 * (10 + 2 * 5)


LOADED = """
import sys
from remit.compose import open_parts, open_queue
from remit.settings import Settings
from remit.working import open_worker

parts = open_parts(Settings())
queue = open_queue(parts)
worker = open_worker(parts, queue)
worker.start()
worker.close()
print(*sorted({"pydantic_ai", "openai", "fastapi", "a2a", "httpx", "mcp"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_worker_loads_what_agents_need_only_for_their_work(tmp_path: Path) -> None:
    with shop(tmp_path, workflow({"id": "a", "tool": "till.get", "arguments": {}})) as it:
        environment = {**os.environ, "REMIT_DATABASE_URL": it.url, "REMIT_KEY_FILE": str(tmp_path / "remit.key")}
        done = subprocess.run(
            [sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
