"""How well loops are told from honest work, and at what cost.

`python bench/loops.py --shared DIR` prints the figures; DIR holds the recorded data. `table` gives them as rows.
The measuring stick there loads `Detector` by name: `run.py traces.jsonl --detector bench.loops:polling`.
"""

import argparse
import importlib.util
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

if not __package__:  # run as a script, not as bench.loops
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.honest_kinds import HONEST
from bench.loop_kinds import LOOPS, Kind, Step, ordinary_work
from remit.kernel.loops import LoopHistory, LoopThresholds, call_sketch, detect, result_sketch

T = TypeVar("T")

SEEDS = 30
LOOP_STEPS = 40
RUNS = 20
"""Runs of each of our own kinds, per seed."""


class Detector:
    """One run under watch: what the measuring stick feeds step by step."""

    def __init__(self, pollable: frozenset[str] = frozenset()) -> None:
        self.history = LoopHistory.empty()
        self.thresholds = LoopThresholds()
        self.pollable = pollable

    def feed(self, step: dict[str, Any]) -> str | None:
        """The sign of a loop at this step, if there is one."""
        return self.observe(Step(step["tool"], step["args"].encode(), step["result"], step["error"]))

    def observe(self, step: Step) -> str | None:
        """As `feed`, for a step of ours."""
        call, result = call_sketch(step.tool, step.arguments), result_sketch(step.result)
        pollable = step.tool in self.pollable
        self.history = self.history.observed(call, result, error=step.error, pollable=pollable)
        sign = detect(self.history, self.thresholds)
        return None if sign is None else f"{sign.code} {dict(sign.params)}"


def undeclared() -> Detector:
    """A detector in a workspace that declares no tool pollable."""
    return Detector()


def polling() -> Detector:
    """A detector in a workspace that declares `job_status` pollable, as it should."""
    return Detector(frozenset({"job_status"}))


@dataclass(frozen=True, slots=True)
class Row:
    """What became of the runs of one kind over all seeds."""

    kind: str
    loop: bool
    runs: int
    worst_permille: int
    """Over seeds: the lowest share caught of a loop, the highest share stopped of honest work."""
    wasted_steps: float
    """Median over caught loops, from the loop's first step to the stop."""
    slowest_steps: int


Trace = tuple[list[Step], int | None]
"""Steps and, for a loop, where it begins."""


def stopped_at(steps: Iterable[Step], detector: Detector) -> int | None:
    """The index of the step at which the run is stopped, if it is."""
    return next((n for n, step in enumerate(steps) if detector.observe(step)), None)


def row(kind: str, seeds: list[list[Trace]], factory: Callable[[], Detector]) -> Row:
    """Judge the runs of one kind, given by seed."""
    loop = seeds[0][0][1] is not None
    worst, wasted = 1000 if loop else 0, []
    for traces in seeds:
        good = 0
        for steps, begin in traces:
            stop = stopped_at(steps, factory())
            if begin is not None and stop is not None and stop >= begin:
                wasted.append(stop - begin + 1)
                good += 1
            elif begin is None and stop is not None:
                good += 1
        share = good * 1000 // len(traces)
        worst = min(worst, share) if loop else max(worst, share)
    median, slowest = (statistics.median(wasted), max(wasted)) if wasted else (0.0, 0)
    return Row(kind, loop, sum(map(len, seeds)), worst, median, slowest)


def own_traces(kind: Kind, seed: int, runs: int = RUNS) -> list[Trace]:
    """Runs of one of our own kinds behind a prefix of ordinary work."""
    r = random.Random(f"{kind.__name__} {seed}")
    traces: list[Trace] = []
    for _ in range(runs):
        prefix = ordinary_work(r, r.randint(1, 8))
        length = LOOP_STEPS if kind in LOOPS else r.randint(8, 24)
        traces.append((prefix + kind(r, length), len(prefix) if kind in LOOPS else None))
    return traces


def recorded(shared: Path) -> list[dict[str, Any]]:
    """The recorded runs of the measuring stick."""
    with (shared / "bench/loops/traces.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def steps_of(trace: dict[str, Any]) -> list[Step]:
    """The steps of a recorded run as ours."""
    return [Step(s["tool"], s["args"].encode(), s["result"], s["error"]) for s in trace["steps"]]


def stick_traces(shared: Path, seeds: Iterable[int]) -> dict[str, list[list[Trace]]]:
    """The synthetic runs of the measuring stick, by kind and seed."""
    synth = _stick_module(shared, "synth")
    clean = [trace for trace in recorded(shared) if trace["outcome"] and len(trace["steps"]) >= 4]
    kinds: dict[str, list[list[Trace]]] = {}
    for seed in seeds:
        made: dict[str, list[Trace]] = {}
        for trace in synth.make(clean, seed):
            made.setdefault(trace["kind"], []).append((steps_of(trace), trace["loop_at"]))
        for kind, traces in made.items():
            kinds.setdefault(kind, []).append(traces)
    return kinds


def _stick_module(shared: Path, name: str) -> ModuleType:
    folder = shared / "bench/loops"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        if spec is None or spec.loader is None:
            raise FileNotFoundError(folder / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(folder))


def recorded_rows(shared: Path) -> list[Row]:
    """Recorded runs that succeeded (a stop is false) and that failed (a stop may be right)."""
    runs = recorded(shared)
    return [
        row(f"recorded, {name}", [[(steps_of(t), None) for t in runs if t["outcome"] is outcome]], undeclared)
        for name, outcome in (("succeeded", True), ("failed", False))
    ]


def table(shared: Path, seeds: int = SEEDS) -> list[Row]:
    """Every figure but the cost: recorded runs, the stick's kinds, our own kinds."""
    stick = stick_traces(shared, range(seeds))
    rows = recorded_rows(shared)
    rows += [row(kind, traces, undeclared) for kind, traces in stick.items()]
    rows.append(row("poll_then_done, pollable", stick["poll_then_done"], polling))
    for kind in (*LOOPS, *HONEST):
        rows.append(row(kind.__name__, [own_traces(kind, seed) for seed in range(seeds)], undeclared))
    return rows


def cost_us(shared: Path, rounds: int = 3) -> list[tuple[str, float]]:
    """CPU per step in microseconds over the recorded runs, each part on its own."""
    runs = [steps_of(trace) for trace in recorded(shared)]
    sketched, sketch_us = _timed(lambda: [[_sketches(s) for s in run] for run in runs], rounds)
    histories, observe_us = _timed(lambda: [_histories(run) for run in sketched], rounds)
    flat = [history for run in histories for history in run]
    thresholds = LoopThresholds()
    _, detect_us = _timed(lambda: [detect(history, thresholds) for history in flat], rounds)
    packed, pack_us = _timed(lambda: [history.to_bytes() for history in flat], rounds)
    _, unpack_us = _timed(lambda: [LoopHistory.from_bytes(history) for history in packed], rounds)
    parts = {
        "sketch": sketch_us,
        "observe": observe_us,
        "detect": detect_us,
        "pack": pack_us,
        "unpack": unpack_us,
    }
    return [(name, round(us / len(flat), 1)) for name, us in parts.items()]


def _sketches(step: Step) -> tuple[Any, Any, bool]:
    return call_sketch(step.tool, step.arguments), result_sketch(step.result), step.error


def _histories(run: list[tuple[Any, Any, bool]]) -> list[LoopHistory]:
    history, histories = LoopHistory.empty(), []
    for call, result, error in run:
        history = history.observed(call, result, error=error, pollable=False)
        histories.append(history)
    return histories


def _timed(work: Callable[[], T], rounds: int) -> tuple[T, float]:
    spent = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return work(), min(spent) * 1e6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="the folder of recorded data")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    print(f"{'kind':28}{'runs':>6}  worst seed      wasted steps (median, most)")
    for line in table(options.shared, options.seeds):
        share = f"{line.worst_permille / 10:5.1f} % {'caught' if line.loop else 'stopped'}"
        steps = f"{line.wasted_steps:5.1f} {line.slowest_steps:4}" if line.loop else ""
        print(f"{line.kind:28}{line.runs:6}  {share:15} {steps}")
    for name, us in cost_us(options.shared):
        print(f"{name:28}{us:6.1f} us of CPU per step")


if __name__ == "__main__":
    main()
