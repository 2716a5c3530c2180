"""A backtest over recorded decisions: CPU of each, from the row in the database to the count of flips."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.measure import Table
from bench.workspace import FILES, NAME, applied
from remit.compose import Parts, open_door, open_parts, open_queue
from remit.control.releases import content_id
from remit.domain.admission import RunRequest
from remit.domain.ids import AgentName, UserId, WorkspaceName
from remit.execution.backtest.backtests import Asked, Backtests
from remit.kernel.ruleset import Ruleset
from remit.workspace.reading import read

CALLERS = 64
STRICTER = FILES["policies/pay.cedar"].replace("> 500", "> 100")


def table(*, quick: bool = False) -> Table:
    """Record decisions as agents make them, then decide all of them again."""
    runs, calls = (4, 10) if quick else (200, 50)
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder:
        parts = open_parts(applied(Path(folder)))
        try:
            _recorded(parts, runs, calls)
            rows = (
                _row("the rules that decided", parts, {}),
                _row("a lower limit", parts, {"policies/pay.cedar": STRICTER}),
                _row("the rules that decided, each decided again", parts, {}, every=True),
                _row("a lower limit, each decided again", parts, {"policies/pay.cedar": STRICTER}, every=True),
            )
        finally:
            parts.close()
    return Table(
        "A backtest over history",
        ("candidate", "decisions", "unchanged", "flips", "µs each", "decisions a second"),
        rows,
        "Of one core: rows read; where something they rest on changes, arguments opened and decided with every check.",
    )


def _recorded(parts: Parts, runs: int, calls: int) -> None:
    queue = open_queue(parts)
    door = open_door(parts, queue, WorkspaceName(NAME))

    def work(_: int) -> None:
        run = door.start_run(RunRequest(AgentName("buyer"), UserId("user:sara")))
        for number in range(calls):
            pays = number % 5 == 0
            arguments = {"amount": 1 + number * 37 % 700} if pays else {"order_id": f"order {number}"}
            door.admit(door.attempt_tool(run, "erp.pay" if pays else "erp.get_order", arguments))

    try:
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(work, range(runs)))
    finally:
        queue.close()


def _row(name: str, parts: Parts, changes: dict[str, str], *, every: bool = False) -> tuple[str | int | float, ...]:
    files = {path: text.encode() for path, text in {**FILES, **changes}.items()}
    configuration = read(files, NAME).configuration
    assert configuration is not None
    rules = Ruleset(content_id(files), configuration)
    rules_of = None if every else parts.rulesets.of
    backtests = Backtests(parts.store, parts.keys.apart(), parts.clock, parts.ids, rules_of)
    begun = backtests.begin(Asked(WorkspaceName(NAME), 1, "user:omar"), rules.release, None)
    began = time.thread_time_ns()
    done = backtests.run(begun, rules, None)
    us = (time.thread_time_ns() - began) / 1000 / done.decided
    found = done.comparison
    assert found.decided == done.total
    return name, done.decided, found.unchanged, found.flipped, us, 1e6 / us
