"""Where the agents' model is: a real endpoint that the environment names, or the script, served on this machine.

REMIT_DEMO_MODEL switches a real one on (`provider/model`, such as `openai/gpt-5-mini`), OPENAI_BASE_URL says where it
is (OpenAI's own address where left out) and OPENAI_API_KEY opens it. A key alone changes nothing: the demonstration
must not spend money because some key happens to be set.
"""

from __future__ import annotations

import json
import secrets
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gulf_trading.desks import Model

OPENAI = "https://api.openai.com/v1"
HOST = "127.0.0.1"
MAX_BODY_BYTES = 4 * 1_048_576


class ModelFailed(Exception):
    """The environment names no usable model; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint.

    Attributes:
        name: `provider/model`, as the workspace names it.
        key: opens it; the server's alone. Empty: it needs none.
        is_real: not the script.
    """

    name: str
    url: str
    key: str
    is_real: bool = True

    @property
    def upstream(self) -> str:
        """What the model is called there."""
        return self.name.partition("/")[2]


def configured(environment: Mapping[str, str]) -> Endpoint | None:
    """Return the endpoint that the environment names, None where it names none. Raises ModelFailed."""
    name = environment.get("REMIT_DEMO_MODEL", "")
    if not name:
        return None
    if not all(name.partition("/")):
        raise ModelFailed(f"REMIT_DEMO_MODEL is {name!r}: write provider/model, such as openai/gpt-5-mini")
    url = environment.get("OPENAI_BASE_URL") or OPENAI
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ModelFailed(f"OPENAI_BASE_URL is {url!r}: write an address such as {OPENAI}")
    return Endpoint(name, url, environment.get("OPENAI_API_KEY", ""))


@contextmanager
def served(model: Model) -> Iterator[Endpoint]:
    """Serve a model of this process at a free port, behind a key made for it; one request at a time is answered."""
    key = f"sk-scripted-{secrets.token_hex(16)}"
    answering = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers["content-length"] or 0), MAX_BODY_BYTES))
            if self.headers["authorization"] != f"Bearer {key}":
                self._answer(401, {"error": {"message": "this key does not open the script"}})
                return
            try:
                with answering:
                    self._answer(200, answer_of(model, json.loads(body)))
            except (LookupError, ValueError, StopIteration) as error:
                self._answer(400, {"error": {"message": f"the script has no answer to that: {error}"}})

        def _answer(self, status: int, document: Mapping[str, Any]) -> None:
            raw = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield Endpoint(model.name, f"http://{HOST}:{server.server_port}/v1", key, is_real=False)
        finally:
            server.shutdown()
            thread.join()


def answer_of(model: Model, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a model's completion of a request for one. Raises ValueError for what it does not do."""
    if asked.get("stream"):
        raise ValueError("it does not stream")
    return model.complete(asked["messages"], asked.get("tools", []), int(asked["max_completion_tokens"]))
