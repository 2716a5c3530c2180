"""An agent far away hears of what stops its runs, in a thread of its own, while any of them is open.

Hearing is a courtesy: the server denies what is stopped whether or not anybody listens. So whatever goes wrong here is
not told to the agent; without a stream, only the server is asked.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.facts import Stop
from remit.domain.ids import RunId
from remit.domain.run import Run
from remit.sdk.errors import RemitError
from remit.sdk.wire import Wire

PATH = "/api/v1/agent/stops"
BEGIN_S = 0.25
"""How long a run is open before anybody listens: most runs are shorter, and need no stream."""
LINGER_S = 10.0
"""How long the stream stays open behind the last run: the next one may come."""
SILENCE_S = 40.0
"""After how long without a word the connection is given up; the server says every 15 s that it is there."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
LONGEST_LINE = 65_536


@dataclass(frozen=True, slots=True)
class Heard:
    """A stop that was heard of, and what it stops, as people write it: `agent:buyer`."""

    target: str
    stop: Stop


class Listening:
    """What is known to be stopped. Shared by all threads of a client; one thread of its own reads the stream."""

    def __init__(self, wire: Wire, name: str) -> None:
        """Take a connection and what this process calls itself. Nothing is sent before a run is open."""
        self._wire = wire
        self._name = name
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._changed = threading.Condition()  # guards all below
        self._runs: set[RunId] = set()
        self._idle_since = 0.0
        self._stops: dict[str, Heard] = {}
        self._thread: threading.Thread | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._closed = False

    def opened(self, run: Run) -> None:
        """Listen as long as this run is open."""
        if os.getpid() != self._process:
            self._begin()  # the thread stayed behind in the process this one was forked off
        with self._changed:
            self._runs.add(run.id)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="remit-listening", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def ended(self, run: Run) -> None:
        """Listen no longer for this run."""
        with self._changed:
            self._runs.discard(run.id)
            self._idle_since = time.monotonic()

    def stop_on(self, run: Run, target: str = "") -> Heard | None:
        """Return a stop that holds a run, or `target` (`tool:NAME`, `model:NAME`) in it, as far as was heard."""
        if not self._stops or os.getpid() != self._process:
            return None
        now = Instant(int(time.time() * MICROS_PER_SECOND))
        above = [f"run:{id}" for id in (run.id, *run.ancestors)]
        for name in ("workspace", f"team:{run.team}", f"agent:{run.agent}", run.on_behalf_of, *above, target):
            heard = self._stops.get(name)
            if heard is not None and heard.stop.holds_at(now):
                return heard
        return None

    def close(self) -> None:
        """Stop listening. The thread ends by itself."""
        with self._changed:
            self._closed = True
            connection = self._connection
            self._changed.notify_all()
        if connection is not None:
            Wire.cut(connection)

    # -- the thread

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while self._wait_for_runs():
            try:
                for event, data in self._events():
                    pause_s = FIRST_PAUSE_S
                    self._hear(event, data)
            except (OSError, http.client.HTTPException, RemitError, ValueError, KeyError, TypeError):
                pass  # the server is gone, restarts or is of another version: it decides without being listened to
            with self._changed:
                self._stops = {}  # what was lifted since is not known
                self._connection = None
                if self._runs and not self._closed:
                    self._changed.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _wait_for_runs(self) -> bool:
        """Return once a run has been open for a while; false once nobody will open one."""
        with self._changed:
            while not self._closed:
                if not self._runs:
                    self._changed.wait()
                    continue
                self._changed.wait(BEGIN_S)
                if self._runs and not self._closed:
                    return True
        return False

    def _is_wanted(self) -> bool:
        with self._changed:
            return not self._closed and (bool(self._runs) or time.monotonic() - self._idle_since < LINGER_S)

    def _events(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Read events until the stream ends or nobody wants them."""
        connection, response = self._wire.stream(f"{PATH}?listener={quote(self._name)}", SILENCE_S)
        with self._changed:
            self._connection = connection
        try:
            event = ""
            while self._is_wanted() and (line := response.readline(LONGEST_LINE)):
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    yield event, orjson.loads(value)
        finally:
            connection.close()

    def _hear(self, event: str, data: Mapping[str, Any]) -> None:
        if event == "listening":
            self._stops = {}
        elif event == "lifted":
            self._stops = {name: each for name, each in self._stops.items() if name != data["target"]}
        elif event == "stopped":
            heard = Heard(data["target"], Stop.from_json(data["stop"]))
            self._stops = {**self._stops, heard.target: heard}
            if not data.get("before"):
                body = orjson.dumps({"listener": self._name})
                self._wire.ask("POST", f"{PATH}/{quote(data['id'], safe='')}/ack", body)
