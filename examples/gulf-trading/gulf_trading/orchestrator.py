"""Who starts the agents: one run for each task, whose token is all that the agent's two clients are given.

A run by its token keeps everything an agent does in a task together: what its tools cost and what its model costs count
in one budget, and a loop through both is seen as one.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gulf_trading.agents import Task

TIMEOUT_S = 40
WAIT_S = 20


class NotAnswered(Exception):
    """The server refused, or can not be reached. The message is what it said."""


@dataclass(frozen=True, slots=True)
class Started:
    """A run that has begun, and its token."""

    run: str
    token: str


class Orchestrator:
    """Speaks the agents' HTTP API with an agent's key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key

    def start(self, task: Task) -> Started:
        """Begin a run. Raises NotAnswered."""
        body = {"on_behalf_of": task.on_behalf_of, "task": task.text, "subject": task.subject or None}
        made = self._ask("POST", "/api/v1/runs", {name: value for name, value in body.items() if value})
        return Started(made["run"], made["token"])

    def end(self, run: str, status: str) -> None:
        """End a run. Raises NotAnswered."""
        self._ask("POST", f"/api/v1/runs/{run}/end", {"status": status})

    def approval(self, approval: str, wait_s: int = 0) -> Mapping[str, Any]:
        """Return the state of an approval, after a while where it waits still. Raises NotAnswered."""
        found: Mapping[str, Any] = self._ask("GET", f"/api/v1/approvals/{approval}/state?wait={wait_s}")
        return found

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        request = urllib.request.Request(self._url + path, raw, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(2_000).decode("utf-8", "replace")
            raise NotAnswered(f"{self._url} answered {error.code}: {said}") from None
        except OSError as error:
            raise NotAnswered(f"{self._url} can not be reached: {error}") from None
