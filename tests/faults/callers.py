"""Callers of a server over HTTP, each in a thread and a run of its own, and every answer they got."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import workspace
from bench.http import key_of
from bench.servers import ServerProcess, running
from remit.compose import open_parts
from remit.domain.ids import WorkspaceName
from remit.settings import Settings

CALLERS = 8
PATIENCE_S = 60.0
PADDING = "x" * 2_000


@dataclass(frozen=True)
class Reply:
    """One answer to an admission."""

    status: int
    retry_after: str
    document: Mapping[str, Any]

    @property
    def code(self) -> str:
        return str(self.document.get("code", ""))


class Callers:
    """They call until the block ends; an answer other than 200 is tried again later, as a new action."""

    def __init__(self, server: ServerProcess, key: str) -> None:
        self._server = server
        self._key = key
        self._stop = threading.Event()
        self.replies: list[Reply] = []
        self.slowest_s = 0.0
        runs = [self._ask("/api/v1/runs", {"on_behalf_of": "user:omar"}).document["run"] for _ in range(CALLERS)]
        self._threads = [threading.Thread(target=self._call, args=(run,)) for run in runs]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._server.pid

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        last = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < last, f"in vain waited until {what}: {self.counted()}"
            time.sleep(0.02)

    def counted(self) -> Counter[tuple[int, str]]:
        return Counter((reply.status, reply.code) for reply in self.replies)

    def until_answered(self, status: int, more: int) -> None:
        """Wait until so many more answers of a kind have come."""
        before = sum(reply.status == status for reply in self.replies)
        self.until(
            f"{more} more answers {status}",
            lambda: sum(reply.status == status for reply in self.replies) >= before + more,
        )

    def admitted(self) -> set[str]:
        return {reply.document["action"] for reply in self.replies if reply.document.get("state") == "admitted"}

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, run: str) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            arguments = {"order_id": f"PO-{number}-{PADDING}"}
            body = {"kind": "tool", "target": "erp.get_order", "arguments": arguments, "id": f"call-{number}"}
            begin = time.monotonic()
            reply = self._ask(f"/api/v1/runs/{run}/actions", body)
            self.slowest_s = max(self.slowest_s, time.monotonic() - begin)
            self.replies.append(reply)
            if reply.status != 200:
                time.sleep(0.02)

    def _ask(self, path: str, body: Mapping[str, Any]) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=PATIENCE_S)
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.getheader("retry-after") or "", json.loads(answer.read()))
        finally:
            connection.close()


@contextmanager
def calling(settings: Settings, folder: Path) -> Iterator[Callers]:
    """A new database, `remit serve` on it, and callers."""
    workspace.applied(folder, settings=settings)
    with running(ServerProcess.of_remit(settings)) as server:
        callers = Callers(server, key_of(settings))
        try:
            yield callers
        finally:
            callers.end()


def expect_clear_503s(callers: Callers, code: str) -> None:
    """Whoever was not answered in full was told to come back, and why."""
    turned_away = [reply for reply in callers.replies if reply.status != 200]
    assert turned_away
    assert {(reply.status, reply.code, reply.retry_after) for reply in turned_away} == {(503, code, "1")}
    assert all("admitted" in reply.document["detail"] for reply in turned_away)
    assert all("same id" in reply.document["remedy"] for reply in turned_away)


def expect_all_on_record(callers: Callers, settings: Settings) -> None:
    """Every admission that a caller was told of is on record."""
    parts = open_parts(settings)
    try:
        store, name = parts.store, WorkspaceName(workspace.NAME)
        told = callers.admitted()
        assert told
        assert all(store.record(name, f"{action}/decision") is not None for action in told)
    finally:
        parts.close()
