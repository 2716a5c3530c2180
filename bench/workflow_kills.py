"""Workers of workflows killed with SIGKILL, again and again: what was done twice, and what was lost, must be 0.

`python -m bench.workflow_kills sqlite postgres --kills 300 --seed 7` runs the long form and exits with 1 where a
promise was broken, that another worker goes on within seconds being one. tests/workflows/test_kills.py and
tests/postgres/test_kills.py run a short form, and a long one in nightly mode. The tool server is another process and
writes down what it does, whatever any worker knows: each effect of each run has a number of its own, so that one done
twice and one lost never make up for each other.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from bench.measure import Table
from remit.compose import at_once
from remit.domain.action import Outcome, OutcomeStatus
from remit.domain.ids import ActionId, OwnerId, RunId
from remit.domain.workflow_progress import StepState
from remit.execution.commands import Settle
from remit.execution.transaction import NothingOpen
from remit.storage.journal import Journal, WorkflowRun
from tests.workflows.shop import Shop, shop, workflow

PAUSE = 0.2
"""How long each call takes: an effect comes about in the middle of it."""
BOTH = {
    "l": [{"id": "l", "tool": "till.order_once", "arguments": {"n": "${inputs.n + 20}", "pause": PAUSE}}],
    "r": [{"id": "r", "workflow": {"name": "inner", "inputs": {"n": "${inputs.n}"}}}],
}
EACH = {"id": "one", "tool": "till.order_told", "arguments": {"n": "${item}", "pause": PAUSE}}
FLOW = workflow(
    {"id": "first", "tool": "till.order_told", "arguments": {"n": "${inputs.n + 10}", "pause": PAUSE}},
    {"id": "all", "map": {"over": "inputs.items", "concurrency": 3, "steps": [EACH]}},
    {"id": "nap", "wait": {"for": "1s"}},
    {"id": "both", "parallel": BOTH},
    {
        "id": "blind",
        "tool": "till.order",
        "arguments": {"n": "${inputs.n + 40}", "pause": PAUSE},
        "retry": {"attempts": 10, "wait": "1s"},
    },
)
INNER = workflow(
    {"id": "a", "tool": "till.order_told", "arguments": {"n": "${inputs.n + 30}", "pause": PAUSE}}, name="inner"
)
UNDOING = workflow(
    {
        "id": "a",
        "tool": "till.order_told",
        "arguments": {"n": "${inputs.n + 10}", "pause": PAUSE},
        "compensate": {"tool": "till.cancel", "arguments": {"n": "${inputs.n + 11}", "pause": PAUSE}},
    },
    {"id": "b", "tool": "till.fail", "arguments": {}},
    name="undoing",
)
FLOWS = (FLOW, INNER, UNDOING)
OF_FLOW = (1, 2, 3, 4, 10, 20, 30, 40)
OF_UNDOING = (10, 11)
APART = 100
"""The numbers of a run's effects follow on APART times its own."""
ANSWERED_S = 2.0
"""How long after a call was left to people somebody looks into the tool server's books and says what became of it."""
LATE_S = 20.0
"""By then a run of a killed worker is another's: its lease is 2 s, and the machine may be busy."""
LOOKED_S = 0.2
PATIENCE_S = 300.0
TOLD_EVERY = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything: `runs` under way at a time, `workers` there at a time, `longest_s` between two kills."""

    kills: int = 300
    runs: int = 8
    workers: int = 2
    longest_s: float = 2.0
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of it. The first six break a promise where they are not 0."""

    effects_done_twice: int
    effects_lost: int
    effects_nobody_asked_for: int
    runs_that_ended_otherwise: int
    runs_that_did_not_end: int
    runs_taken_over_late: int
    kills: int
    runs: int
    effects_expected: int
    effects_seen: int
    calls_left_to_people: int
    runs_taken_over: int
    longest_take_over_s: float
    slowest_run_s: float
    seconds: float

    @property
    def broken(self) -> dict[str, int]:
        """The promises that were broken, and how often."""
        named = {field.name: getattr(self, field.name) for field in fields(self)[:6]}
        return {name: count for name, count in named.items() if count}


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that was started, and which end and effects it is to have."""

    run: RunId
    ends: str
    effects: tuple[int, ...]


class TakeOvers:
    """How long runs stay with a worker that was killed. Watched by a thread of its own, until `close`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._left: dict[RunId, tuple[OwnerId, float]] = {}
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self.took_s: list[float] = []
        self._thread = threading.Thread(target=self._watch, name="take-overs", daemon=True)
        self._thread.start()

    def killed(self, worker: OwnerId) -> None:
        """Note what a worker that was killed just now has left."""
        now = time.monotonic()
        with self._lock:
            for row in self._journal.owned(worker):
                self._left[row.run] = (worker, now)

    def close(self) -> None:
        """Stop to watch."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(0.05):
            with self._lock:
                for run, row in self._journal.runs_of(list(self._left)).items():
                    worker, since = self._left[run]
                    if row.owner != worker:
                        self.took_s.append(time.monotonic() - since)
                        del self._left[run]


class Harness:
    """Runs, workers and kills over one database. Owned by one thread."""

    def __init__(self, it: Shop, plan: Plan) -> None:
        self._it = it
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self._workers: list[tuple[OwnerId, subprocess.Popen[bytes]]] = []
        self._unknown: dict[ActionId, float] = {}
        self._open: dict[RunId, Asked] = {}
        self.asked: list[Asked] = []
        self.ended: dict[RunId, WorkflowRun] = {}
        self.killed = 0

    def run(self) -> Findings:
        """Kill as often as the plan says, let the rest be carried out in peace, and compare."""
        begin = time.monotonic()
        watched = TakeOvers(self._it.journal)
        try:
            for _ in range(self._plan.workers):
                self._begin()
            for _ in range(self._plan.kills):
                self._see_to_it(self._chance.uniform(0, self._plan.longest_s), begins=True)
                watched.killed(self._kill())
                self._begin()
                self._tell()
            self._see_to_it(PATIENCE_S, begins=False)
            for _, process in self._workers:
                process.terminate()
                process.wait(30)
        finally:
            watched.close()
        return self._found(watched.took_s, time.monotonic() - begin)

    # -- workers

    def _begin(self) -> None:
        process = self._it.begin_worker()
        self._workers.append((self._it.owners[process.pid], process))

    def _kill(self) -> OwnerId:
        owner, process = self._workers.pop(self._chance.randrange(len(self._workers)))
        process.kill()
        process.wait()
        self.killed += 1
        return owner

    def _tell(self) -> None:
        if self.killed % TOLD_EVERY == 0 or self.killed == self._plan.kills:
            words = f"{self.killed} of {self._plan.kills} kills, {len(self.ended)} runs ended"
            print(f"{words}, {len(self._open)} under way, {len(self._unknown)} calls left to people", file=sys.stderr)

    # -- runs

    def _see_to_it(self, seconds: float, *, begins: bool) -> None:
        """For so long keep as many runs under way as planned, or wait until all have ended; answer as people do."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            while begins and len(self._open) < self._plan.runs:
                self._start()
            self._answer()
            rows = self._it.journal.runs_of(list(self._open))
            for run in [run for run, row in rows.items() if row.is_over]:
                self.ended[run] = rows[run]
                del self._open[run]
            if not begins and not self._open:
                return
            time.sleep(min(LOOKED_S, max(0.0, until - time.monotonic())))

    def _start(self) -> None:
        number = (len(self.asked) + 1) * APART
        if len(self.asked) % 3 == 2:
            asked = Asked(self._it.start("undoing", n=number), "failed", tuple(number + n for n in OF_UNDOING))
        else:
            run = self._it.start("flow", n=number, items=[number + n for n in range(1, 5)])
            asked = Asked(run, "succeeded", tuple(number + n for n in OF_FLOW))
        self.asked.append(asked)
        self._open[asked.run] = asked

    def _answer(self) -> None:
        """Say of calls whose outcome nobody knows what the tool server's books say."""
        now = time.monotonic()
        for run in self._open:
            for row in self._it.steps(run).values():
                if row.state is not StepState.UNKNOWN:
                    continue
                action = ActionId(row.action)
                since = self._unknown.setdefault(action, now)
                if 0 <= since <= now - ANSWERED_S:
                    self._unknown[action] = -1.0
                    self._reconcile(run, action)

    def _reconcile(self, run: RunId, action: ActionId) -> None:
        came_about = any(each == action for each, _, _ in self._it.effects())
        stored = self._it.parts.store.run(run)
        assert stored is not None
        outcome = Outcome(action, OutcomeStatus.OK if came_about else OutcomeStatus.ERROR)
        # A worker that was only slow may have said so itself meanwhile: then the run is to go on without an answer.
        with contextlib.suppress(NothingOpen):
            at_once(self._it.parts).submit(Settle(stored, outcome, reconciles=True, by="user:clerk"))

    # -- what came of it

    def _found(self, took_s: Sequence[float], seconds: float) -> Findings:
        expected = [n for each in self.asked for n in each.effects]
        effects = [(action, int(given["n"])) for action, _, given in self._it.effects()]
        twice, lost, unasked = compared(expected, effects)
        ended = [(each, self.ended[each.run]) for each in self.asked if each.run in self.ended]
        wrong = [row for each, row in ended if row.state.value != each.ends]
        for row in (*wrong, *self._it.journal.runs_of(list(self._open)).values()):
            print(f"{row.run} of {row.workflow} is {row.state.value}: {row.error or 'not over'}", file=sys.stderr)
        return Findings(
            effects_done_twice=twice,
            effects_lost=lost,
            effects_nobody_asked_for=unasked,
            runs_that_ended_otherwise=len(wrong),
            runs_that_did_not_end=len(self._open),
            runs_taken_over_late=sum(took > LATE_S for took in took_s),
            kills=self.killed,
            runs=len(self.asked),
            effects_expected=len(expected),
            effects_seen=len(effects),
            calls_left_to_people=len(self._unknown),
            runs_taken_over=len(took_s),
            longest_take_over_s=max(took_s, default=0.0),
            slowest_run_s=max(((row.ended_at - row.created_at) / 1e6 for _, row in ended), default=0.0),
            seconds=seconds,
        )


def compared(expected: Iterable[int], effects: Sequence[tuple[str, int]]) -> tuple[int, int, int]:
    """Return how many effects, each an action and a number, were done twice, are missing, and were never asked for."""
    wanted, seen = set(expected), Counter(number for _, number in effects)
    twice = sum(times - 1 for times in seen.values())
    for action, times in Counter(action for action, _ in effects).items():
        numbers = {number for each, number in effects if each == action} if times > 1 else set()
        twice += max(0, len(numbers) - 1)  # one action that did two different things
    return twice, len(wanted - set(seen)), len(set(seen) - wanted)


def examined(it: Shop, plan: Plan) -> Findings:
    """Carry a plan out in a shop that has FLOWS."""
    return Harness(it, plan).run()


# -- by command


@contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    from tests.postgres.server import Server

    server = Server()
    try:
        yield server.fresh()
    finally:
        server.stop()


def found(kind: str, plan: Plan) -> Findings:
    """Carry a plan out on one kind of database."""
    with (
        tempfile.TemporaryDirectory(prefix="remit-kills-", ignore_cleanup_errors=True) as folder,
        _database(kind) as url,
        shop(Path(folder), *FLOWS, url=url) as it,
    ):
        return examined(it, plan)


def table(kind: str, plan: Plan, findings: Findings) -> Table:
    """Return what was found as a table."""
    return Table(
        f"Workers killed: {kind}",
        ("what", "how often"),
        tuple((field.name.replace("_", " "), getattr(findings, field.name)) for field in fields(findings)),
        f"{plan.workers} workers and {plan.runs} runs at a time, seed {plan.seed}; a lease of 2 s.",
    )


def main() -> None:
    """Print the tables; exit with 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.workflow_kills", description=__doc__)
    parser.add_argument("kind", nargs="*", default=["sqlite", "postgres"], help="sqlite, postgres, or both")
    parser.add_argument("--kills", type=int, default=Plan().kills, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=Plan().seed, help="what the kills follow from")
    options = parser.parse_args()
    plan = Plan(kills=options.kills, seed=options.seed)
    is_broken = False
    for kind in options.kind:
        findings = found(kind, plan)
        is_broken = is_broken or bool(findings.broken)
        print(table(kind, plan, findings).text(), flush=True)
    raise SystemExit(1 if is_broken else 0)


if __name__ == "__main__":
    main()
