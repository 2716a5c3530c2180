"""Workers that are killed with SIGKILL, again and again, while they carry out workflows whose effects are counted.

The harness of tests/workflows/test_kills.py, tests/postgres/test_kills.py and `bench/kills.py`.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.workflows.shop import Shop, workflow

EACH = {"id": "one", "tool": "till.order_told", "arguments": {"n": "${item}", "pause": 0.02}}
FLOW = workflow(
    {"id": "first", "tool": "till.order_told", "arguments": {"n": 100, "pause": 0.05}},
    {"id": "all", "map": {"over": "inputs.items", "concurrency": 3, "steps": [EACH]}},
    {"id": "nap", "wait": {"for": "1s"}},
    {"id": "both", "parallel": {
        "l": [{"id": "l", "tool": "till.order_once", "arguments": {"n": 200, "pause": 0.05}}],
        "r": [{"id": "r", "workflow": {"name": "inner", "inputs": {"n": "${inputs.n}"}}}],
    }},
)  # fmt: skip
INNER = workflow({"id": "a", "tool": "till.order_told", "arguments": {"n": 300, "pause": 0.05}}, name="inner")
UNDOING = workflow(
    {
        "id": "a",
        "tool": "till.order_told",
        "arguments": {"n": 400, "pause": 0.05},
        "compensate": {"tool": "till.cancel", "arguments": {"n": 401, "pause": 0.05}},
    },
    {"id": "b", "tool": "till.fail", "arguments": {}},
    name="undoing",
)
FLOWS = (FLOW, INNER, UNDOING)
PER_FLOW = Counter({100: 1, 1: 1, 2: 1, 3: 1, 4: 1, 200: 1, 300: 1})
PER_UNDOING = Counter({400: 1, 401: 1})


@dataclass
class Found:
    """What came of it."""

    kills: int
    runs: int
    effects: int
    twice: list[Any]
    missing: list[Any]
    wrong: list[str]


def kill_and_count(it: Shop, seed: int, kills: int, runs: int, longest_s: float = 3.0) -> Found:
    """Start runs, kill the worker at random instants `kills` times, then let one finish all, and count."""
    rolls = random.Random(seed)
    begun = [it.start("flow", n=1, items=[1, 2, 3, 4]) for _ in range(runs)]
    begun += [it.start("undoing") for _ in range(runs)]
    for _ in range(kills):
        child = it.begin_worker()
        time.sleep(rolls.uniform(0.05, longest_s))
        child.send_signal(signal.SIGKILL)
        child.wait()
    with it.worker():
        rows = [it.ended(run, 240) for run in begun]
    return counted(it, runs, kills, [row.state.value for row in rows], [row.error for row in rows])


def counted(it: Shop, runs: int, kills: int, states: list[str], errors: list[str]) -> Found:
    effects = it.effects()
    actions = Counter(action for action, _, _ in effects)
    given = Counter(each["n"] for _, _, each in effects)
    wanted = Counter({n: times * runs for n, times in (PER_FLOW + PER_UNDOING).items()})
    expected = ["succeeded"] * runs + ["failed"] * runs
    wrong = [f"{state}: {error}" for state, want, error in zip(states, expected, errors, strict=True) if state != want]
    twice = [action for action, times in actions.items() if times > 1] + list((given - wanted).items())
    return Found(kills, 2 * runs, len(effects), twice, list((wanted - given).items()), wrong)
