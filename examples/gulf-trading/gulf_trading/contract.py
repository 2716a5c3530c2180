"""The company's workflow `renew-supplier-contract`, and a worker that is killed in the middle of it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, TypeVar

from gulf_trading.office import Office, OfficeFailed
from gulf_trading.show import Stage

WORKFLOW = "renew-supplier-contract"
INPUTS = ("sku=ELC-250", "quantity=150", "buyer=layla.haddad@gulf-trading.example")
APPROVERS = ("user:huda.almansoori", "user:priya.nair")
"""Two of procurement-approvers in people.yaml."""
REQUESTER = "user:layla.haddad"
DIGITS = 12
"""Of a digest; the fewest that an answer must name."""
PATIENCE_S = 90
LOOK_S = 0.1
Found = TypeVar("Found")


class Contract:
    """One performance of the workflow: started, approved, its worker killed, finished by another."""

    def __init__(self, office: Office, stage: Stage) -> None:
        self._office = office
        self._stage = stage

    def play(self) -> str:
        """Play it, and return the run. Raises OfficeFailed."""
        with self._office.worker() as worker:
            run = self._started()
            self._approved(run)
            self._killed(worker)
        with self._office.worker():
            self._finished(run)
        self._counted()
        return run

    def _started(self) -> str:
        self._stage.command("remit worker &")
        self._stage.command(f"remit workflows start {WORKFLOW} {spoken()}")
        words = ("workflows", "start", WORKFLOW, *spoken().split(), "--output", "json")
        said = self._office.remit(*words, user=REQUESTER)
        return str(json.loads(said)["run"])

    def _approved(self, run: str) -> None:
        """Let two people agree to the order, which the run waits for meanwhile."""
        asked = until(lambda: self._waits_for(run), "nobody was asked about the order")
        self._stage.command(f"remit workflows show {run}")
        self._steps(run)
        approval = json.loads(self._office.remit("approvals", "show", asked, "--output", "json", user=APPROVERS[0]))
        self._stage.say(f"It waits for two people: {plain(approval['title']['en'])}.", style="yellow")
        for person in APPROVERS:
            words = ("approvals", "approve", asked, "--digest", approval["digest"][:DIGITS])
            self._stage.command(f"REMIT_USER={person} remit {' '.join(words)}")
            self._office.remit(*words, user=person)

    def _waits_for(self, run: str) -> str:
        steps = json.loads(self._office.remit("workflows", "show", run, "--output", "json"))["steps"]
        waited = (step["waits_for"].partition(":") for step in steps)
        return next((id for what, _, id in waited if what == "approval"), "")

    def _killed(self, worker: subprocess.Popen[str]) -> None:
        """Kill the worker after the ERP has placed the order, and before it has said so."""
        until(self._orders, "the order was not placed")
        self._stage.command(f"kill -9 {worker.pid}")
        worker.kill()
        worker.wait()
        self._stage.say(
            "The worker is dead, in the middle of the call: the ERP has the order, and nobody has heard of it. "
            "Another worker takes over, and does not order again: it asks the ERP.",
            style="red",
        )

    def _finished(self, run: str) -> None:
        self._stage.command("remit worker &")
        self._stage.command(f"remit workflows show {run}")
        done = until(lambda: self._over(run), "the run did not end")
        self._steps(run)
        if done != "succeeded":
            raise OfficeFailed(f"{run} {done}: remit workflows show {run}")

    def _steps(self, run: str) -> None:
        """Show how far each step has come."""
        for step in json.loads(self._office.remit("workflows", "show", run, "--output", "json"))["steps"]:
            self._stage.step(step["state"], step["path"], step["waits_for"] or step["error"])

    def _over(self, run: str) -> str:
        state = str(json.loads(self._office.remit("workflows", "show", run, "--output", "json"))["state"])
        return state if state in ("succeeded", "failed", "cancelled") else ""

    def _counted(self) -> None:
        (order,) = self._orders()
        self._stage.say(
            f"The company's books have one order, {order['id']}, and its contract; {REQUESTER} has one mail.",
            style="green",
        )

    def _orders(self) -> list[Mapping[str, Any]]:
        """Return the orders that a workflow has placed, as the company has them."""
        if not self._office.company.exists():  # its tool server makes it with the first call
            return []
        with closing(sqlite3.connect(f"file:{self._office.company}?mode=ro", uri=True, timeout=10)) as books:
            books.row_factory = sqlite3.Row
            return [dict(row) for row in books.execute("SELECT id FROM orders WHERE reference IS NOT NULL")]


def spoken() -> str:
    """Return the inputs as they are written on the command line."""
    return " ".join(f"-i {each}" for each in INPUTS)


def plain(title: str) -> str:
    """Return a title without the marks that keep its values from reordering the words around them."""
    return title.translate({0x2068: None, 0x2069: None})


def until(look: Callable[[], Found], otherwise: str) -> Found:
    """Look again and again until something is found. Raises OfficeFailed."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if found := look():
            return found
        time.sleep(LOOK_S)
    raise OfficeFailed(f"{otherwise} within {PATIENCE_S} s")
