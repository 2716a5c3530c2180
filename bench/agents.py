"""One process of agents that call servers over HTTP, whatever becomes of those: the load of bench/faults.py.

python -m bench.agents '{"urls": [...], "key": ..., "folder": ..., "threads": 16, "first": 0}'

Until there is a file `stop` in the folder, each thread runs runs of guarded effects. One more thread tries for each
payment in the file `approved`, as every other process does. What happens is told in the file `said`, a line each,
when it happens: an effect is in it because it was carried out, whatever any server knows.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

import remit
from remit.domain.arguments import BadArguments
from remit.sdk.client import Client
from remit.sdk.http import HttpDoor
from remit.sdk.wire import Reach, Wire

CALLS_IN_A_RUN = 10
PAYMENT = {"amount": 900}
PAUSE_S = 0.05
TIMEOUT_S = 20.0
"""Longer than a database may take to come back."""


class Diary:
    """What happened, in a file that others write to as well."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def tell(self, what: str, run: str = "-") -> None:
        """Write a line. One write of less than a page to a file opened for appending is whole or not there."""
        os.write(self._file, f"{what} {run} {os.getpid()}\n".encode())


class Agents:
    """The threads of this process."""

    def __init__(self, told: dict[str, Any]) -> None:
        folder = Path(told["folder"])
        self._urls: Sequence[str] = told["urls"]
        self._key: str = told["key"]
        self._diary = Diary(folder / "said")
        self._stop = folder / "stop"
        self._approved = folder / "approved"
        reaches = [Reach(url, self._key, timeout_s=TIMEOUT_S, tries=2) for url in self._urls]
        self._clients = [Client(HttpDoor(reach)) for reach in reaches]
        self._wires = [Wire(reach) for reach in reaches]

    def work(self, number: int) -> None:
        """Run runs; where a server can not be asked, go on with the next one."""
        self._diary.tell("ready")
        while not self._stop.exists():
            try:
                self._one_run(self._clients[number % len(self._clients)])
            except remit.Stopped:
                self._told("stopped")
            except remit.Denied:
                self._told("denied")
            except remit.Unavailable:
                self._told("unavailable")
                number += 1
            except (remit.Refused, BadArguments) as error:  # an outcome or an end that another try has reported
                self._told(f"refused:{type(error).__name__}")

    def _one_run(self, client: Client) -> None:
        with client.run("buyer", on_behalf_of="user:visitor") as run:
            for number in range(CALLS_IN_A_RUN):
                run.call("erp.scan", {"page": number}, using=lambda page: self._effect(run.id, page))

    def _effect(self, run: str, page: int) -> int:
        self._diary.tell("effect", run)
        return page

    def _told(self, what: str) -> None:
        self._diary.tell(what)
        time.sleep(PAUSE_S)

    def race(self, number: int) -> None:
        """Try for every payment that was approved, all processes at once: one of them may make it, once."""
        seen = 0
        while not self._stop.exists():
            runs = self._approved.read_text().split() if self._approved.exists() else []
            for run in runs[seen:]:
                number = self._pay(run, number)
            seen = len(runs)
            time.sleep(0.01)

    def _pay(self, run: str, number: int) -> int:
        body = {"kind": "tool", "target": "erp.pay", "arguments": PAYMENT, "id": f"pay-{os.getpid()}"}
        while not self._stop.exists():
            wire = self._wires[number % len(self._wires)]
            try:
                answer = wire.ask("POST", f"/api/v1/runs/{run}/actions", orjson.dumps(body))
            except remit.Unavailable:
                number += 1
                time.sleep(PAUSE_S)
            else:
                self._diary.tell("paid" if answer["state"] == "admitted" else "unpaid", run)
                break
        return number


def main(told: dict[str, Any]) -> None:
    """Work until told to stop."""
    agents = Agents(told)
    first = told["first"]
    threads = [threading.Thread(target=agents.work, args=(first + n,)) for n in range(told["threads"])]
    threads.append(threading.Thread(target=agents.race, args=(first,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
