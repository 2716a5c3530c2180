"""A store on a real file, runs that have started, and commands made ready: what a writer is measured with."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from bench.world import RELEASE, World, world
from remit.domain.action import Outcome, OutcomeStatus
from remit.domain.canonical import canonical, salted_digest
from remit.domain.clock import SystemClock
from remit.domain.ids import OwnerId, RandomIds
from remit.domain.run import Run
from remit.execution.admission import AdmissionQueue
from remit.execution.commands import Admit, Command, Observation, Settle, StartRun
from remit.execution.transaction import Writer
from remit.kernel.loops.sketch import result_sketch
from remit.kernel.prepared import prepare
from remit.kernel.ruleset import Ruleset
from remit.storage.sealed import DataKey
from remit.storage.sqlite import SqliteStore

POLICIES = 1_000


class Bed:
    """Everything between a prepared command and the disk."""

    def __init__(self, file: Path, company: World | None = None, rules: Ruleset | None = None) -> None:
        self.company = company or world(POLICIES)
        self.rules = rules or Ruleset(RELEASE, self.company.configuration)
        self.store = SqliteStore(file)
        self.clock = SystemClock()
        self.writer = Writer(OwnerId("own_bench"), RandomIds())
        self.queue = AdmissionQueue(self.store.transactions, lambda _: (), self.clock, self.writer)
        self.writer_thread = next(t for t in threading.enumerate() if t.name == "remit-admission")
        self._seed = random.Random(7)
        self._runs = 0

    def runs(self, count: int) -> list[Run]:
        """Start new runs."""
        runs = [
            replace(self.company.run(number), started_at=self.clock.now())
            for number in range(self._runs, self._runs + count)
        ]
        self._runs += count
        for run in runs:
            self.queue.submit(StartRun(run, None, ""))
        return runs

    def admits(self, run: Run, count: int, rules: Ruleset | None = None) -> list[Command]:
        """Prepare and seal calls, as a door does in the caller's thread. Arguments differ from call to call."""
        key = DataKey(run.key, b"k" * 32)
        commands: list[Command] = []
        for number in range(count):
            action = self.company.action(run, number, self._seed)
            sealed = key.seal(action.id, "arguments", canonical(action.arguments))
            commands.append(Admit(prepare(rules or self.rules, run, action), (sealed,)))
        return commands

    def settles(self, admits: Sequence[Command]) -> list[Command]:
        """Return the outcome of each admitted call, made ready as a door does it."""
        return [self._settle(command) for command in admits if isinstance(command, Admit)]

    def _settle(self, command: Admit) -> Settle:
        call = command.call
        tool, agent = self.rules.tool(call.action.target), self.rules.agent(call.run.agent)
        assert tool is not None
        assert agent is not None
        result = canonical(
            {
                "order_id": call.action.arguments["order_id"],
                "status": self._seed.choice(["open", "paid", "shipped"]),
                "total": self._seed.randint(100, 10**6),
                "reference": f"R{self._seed.getrandbits(40):x}",
                "supplier": f"supplier number {self._seed.randint(1, 999)} in {self._seed.choice(['Doha', 'Riyadh'])}",
            }
        )
        sealed = DataKey(call.run.key, b"k" * 32).seal(call.action.id, "result", result)
        return Settle(
            call.run,
            Outcome(call.action.id, OutcomeStatus.OK),
            Observation(call.sketch, result_sketch(result, call.run.salt), tool.pollable, agent.remit.loops),
            salted_digest(call.run.salt, result),
            (sealed,),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.close()
        self.store.close()
